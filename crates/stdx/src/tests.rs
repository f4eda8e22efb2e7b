use std::sync::Arc;

use crate::{BLOCK_LENGTH, Bitfield, Buf, Duration, Instant, Pool, RateMeter, Rng, TokenBucket};

#[test]
fn instants_saturate() {
    let later = Instant::from_secs(5);
    assert_eq!(later - Instant::from_secs(2), Duration::from_secs(3));
    assert_eq!(Instant::ZERO - later, Duration::ZERO);
    assert_eq!(Instant::FAR_FUTURE + Duration::from_secs(1), Instant::FAR_FUTURE);
}

#[test]
fn rng_stream_is_fixed_and_unbiased() {
    let mut rng = Rng::new(0);
    assert_eq!(rng.next_u64(), 0x99ec_5f36_cb75_f2b4);
    let mut counts = [0u32; 7];
    for _ in 0..70_000 {
        counts[rng.index(7)] += 1;
    }
    assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
}

#[test]
fn bitfield_keeps_spare_bits_clear() {
    let full = Bitfield::full(11);
    assert_eq!(full.as_bytes(), [0xff, 0xe0]);
    assert!(full.is_full());
    assert_eq!(Bitfield::from_bytes(&[0xff, 0xe0], 11), Some(full));
    assert_eq!(Bitfield::from_bytes(&[0xff, 0xf0], 11), None);
    assert_eq!(Bitfield::from_bytes(&[0xff], 11), None);
    let mut some = Bitfield::new(11);
    assert!(some.set(10) && !some.set(10) && some.set(0));
    assert_eq!(some.iter_ones().collect::<Vec<_>>(), [0, 10]);
    assert_eq!(some.iter_zeros().count(), 9);
    assert!(some.clear(0) && !some.get(0) && !some.get(99));
    assert_eq!(some.ones(), 1);
}

#[test]
fn bucket_grants_its_rate() {
    let mut bucket = TokenBucket::new(1_000, 500, Instant::ZERO);
    assert_eq!(bucket.take(Instant::ZERO, 800), 500);
    assert_eq!(bucket.take(Instant::ZERO, 1), 0);
    assert_eq!(bucket.wait_for(Instant::ZERO, 250), Duration::from_millis(250));
    assert_eq!(bucket.ready_at(250), Instant::from_nanos(250_000_000));
    assert_eq!(bucket.take(Instant::from_nanos(250_000_000), 800), 250);
    bucket.give_back(100);
    assert_eq!(bucket.take(Instant::from_nanos(250_000_000), 800), 100);
    assert_eq!(bucket.take(Instant::from_secs(60), 8_000), 500);
}

#[test]
fn rate_is_a_mean_over_the_window() {
    let mut meter = RateMeter::<4>::default();
    for second in 0..10 {
        meter.add(Instant::from_secs(second), 1_000);
    }
    assert_eq!(meter.rate(Instant::from_secs(9)), 1_000);
    assert_eq!(meter.rate(Instant::from_secs(11)), 500);
    assert_eq!(meter.rate(Instant::from_secs(100)), 0);
    assert_eq!(meter.total(), 10_000);
}

#[test]
fn pool_reuses_buffers() {
    let pool = Pool::new(1);
    let mut first = pool.take();
    first.push(b"abc");
    assert_eq!(&first[..], b"abc");
    let address = first.as_ptr();
    drop(first);
    let mut again = pool.take();
    assert_eq!(again.as_ptr(), address);
    assert!(again.is_empty());
    assert_eq!(again.spare().len(), BLOCK_LENGTH as usize);
    assert_eq!(&Buf::copy_of(b"xyz")[..], b"xyz");
}

#[test]
fn a_window_is_copied_before_it_changes() {
    let all: Arc<[u8]> = (*b"abcdef").into();
    let mut window = Buf::window(&all, 1..5);
    assert_eq!(window.as_ptr(), all[1..].as_ptr());
    window.truncate(3);
    assert!(window.spare().is_empty());
    window[0] = b'x';
    assert_eq!((&window[..], &all[..]), (&b"xcd"[..], &b"abcdef"[..]));
}
