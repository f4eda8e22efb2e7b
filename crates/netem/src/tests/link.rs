use proptest::prelude::*;
use stdx::{Duration, Instant, Rng};

use crate::{Dropped, Link, LinkConfig};

const MS: u64 = 1_000_000;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * MS)
}

fn link(rate: Option<u64>, delay_ms: u64, queue_bytes: u64) -> Link<u64> {
    let delay = Duration::from_millis(delay_ms);
    let config = LinkConfig { rate, delay, queue_bytes, ..LinkConfig::default() };
    Link::new(&config, Rng::new(1))
}

#[test]
fn arrival_is_queueing_plus_transmission_plus_delay() {
    // (rate, delay in ms, packets as (sent at ms, bytes), arrivals in ms)
    type Case<'a> = (Option<u64>, u64, &'a [(u64, u64)], &'a [u64]);
    let cases: [Case<'_>; 5] = [
        (Some(1_000), 0, &[(0, 100)], &[100]),
        (Some(1_000), 20, &[(0, 100), (0, 100)], &[120, 220]),
        (Some(1_000), 20, &[(0, 100), (500, 100)], &[120, 620]),
        (None, 20, &[(0, 100), (0, 5_000), (7, 1)], &[20, 20, 27]),
        (Some(1_000), 0, &[(3, 0), (3, 1)], &[3, 4]),
    ];
    for (rate, delay, packets, arrivals) in cases {
        let mut link = link(rate, delay, u64::MAX);
        for (number, &(sent, size)) in (0..).zip(packets) {
            link.send(at(sent), size, number).unwrap();
        }
        for (number, &arrival) in (0..).zip(arrivals) {
            assert_eq!(link.poll_timeout(), Some(at(arrival)), "{packets:?}");
            assert_eq!(link.poll_deliver(Instant::from_nanos(arrival * MS - 1)), None);
            assert_eq!(link.poll_deliver(at(arrival)), Some(number));
        }
        assert_eq!(link.poll_timeout(), None);
    }
}

#[test]
fn full_queue_drops_the_last_to_come() {
    let mut link = link(Some(1_000), 0, 250);
    assert_eq!(link.send(at(0), 100, 0), Ok(()));
    assert_eq!(link.send(at(0), 100, 1), Ok(()));
    assert_eq!(link.send(at(0), 100, 2), Err(Dropped));
    assert_eq!(link.send(at(0), 50, 3), Ok(()));
    assert_eq!(link.queued(at(99)), 250);
    assert_eq!(link.send(at(100), 100, 4), Ok(()));
    assert_eq!(link.queued(at(100)), 250);
    let delivered: Vec<_> = std::iter::from_fn(|| link.poll_deliver(at(1_000))).collect();
    assert_eq!(delivered, [0, 1, 3, 4]);
}

#[test]
fn idle_link_takes_one_packet_of_any_size() {
    let mut link = link(Some(1_000), 0, 10);
    assert_eq!(link.send(at(0), 1_000, 0), Ok(()));
    assert_eq!(link.send(at(999), 1, 1), Err(Dropped));
    assert_eq!(link.send(at(1_000), 1_000, 2), Ok(()));
}

#[test]
fn a_million_packets_lose_nothing_to_rounding() {
    // 7 bytes per second: no packet takes a whole number of nanoseconds.
    let mut link = link(Some(7), 0, u64::MAX);
    for number in 0..1_000_000 {
        link.send(Instant::ZERO, 1, number).unwrap();
    }
    let mut last = Instant::ZERO;
    while let Some(next) = link.poll_timeout() {
        last = next;
        link.poll_deliver(next);
    }
    let exact_nanos = 1_000_000_u64 * 1_000_000_000;
    assert_eq!(last, Instant::from_nanos(exact_nanos.div_ceil(7)));
}

proptest! {
    #[test]
    fn never_faster_than_its_rate_and_never_out_of_order(
        rate in 1_u64..10_000_000,
        queue_bytes in 0_u64..200_000,
        packets in prop::collection::vec((0_u64..50 * MS, 1_u64..20_000), 1..200),
    ) {
        let mut link = link(Some(rate), 3, queue_bytes);
        let mut now = Instant::ZERO;
        let mut accepted = Vec::new();
        for &(gap, size) in &packets {
            now += Duration::from_nanos(gap);
            if link.send(now, size, size).is_ok() {
                accepted.push(size);
            }
            prop_assert!(link.queued(now) <= queue_bytes.max(20_000));
        }
        let mut delivered = Vec::new();
        while let Some(arrival) = link.poll_timeout() {
            delivered.extend(link.poll_deliver(arrival));
            let bytes: u64 = delivered.iter().sum();
            let sent_for = arrival.as_nanos() - 3 * MS;
            let carried = u128::from(rate) * u128::from(sent_for) / 1_000_000_000;
            prop_assert!(u128::from(bytes) <= carried);
        }
        prop_assert_eq!(delivered, accepted);
    }
}
