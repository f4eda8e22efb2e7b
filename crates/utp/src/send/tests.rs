use super::*;

const MOST: usize = 10;
const WINDOW: u64 = 1 << 20;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// A sender whose numbers are about to wrap, with `packets` full packets sent a millisecond apart.
fn sender(packets: u64) -> Sender {
    let mut it = Sender::new(Seq(u16::MAX - 1));
    let bytes: Vec<u8> = (0..packets * MOST as u64).map(|n| n as u8).collect();
    it.write(&[IoSlice::new(&bytes)], usize::MAX);
    for n in 0..packets {
        send(&mut it, n);
    }
    it
}

fn send(it: &mut Sender, millis: u64) -> Option<(Seq, Vec<u8>)> {
    let next = it.next_again().or_else(|| it.next_new(MOST, WINDOW))?;
    let mut payload = Vec::new();
    it.payload(next, &mut payload);
    it.sent(at(millis), next, MOST, None);
    Some((next.seq, payload))
}

/// Acknowledges the first `count` packets from the beginning, and these beyond the next.
fn acknowledge(it: &mut Sender, millis: u64, count: u16, beyond: &[usize]) -> Acked {
    let mut mask = [0; 8];
    for n in beyond {
        mask[n / 8] |= 1 << (n % 8);
    }
    let mask = (!beyond.is_empty()).then_some(SelectiveAck(&mask));
    let ack = Seq(u16::MAX - 2).plus(count);
    assert_eq!(it.judge(ack), Judgement::Current);
    it.acknowledge(at(millis), ack, mask, true)
}

#[test]
fn packets_keep_their_bytes() {
    let mut it = sender(5);
    assert_eq!((it.flight(), it.outstanding()), (50, 50));
    let acked = acknowledge(&mut it, 100, 1, &[0, 1, 2]);
    assert_eq!((acked.bytes, acked.packets), (40, 4));
    assert_eq!(acked.round_trip, Some(Duration::from_millis(96)));
    assert_eq!(acked.lost, Some(at(1)), "three that were sent later are there");
    assert_eq!(send(&mut it, 101), Some((Seq(u16::MAX), (10..20).collect())));
    let acked = acknowledge(&mut it, 200, 5, &[]);
    assert_eq!((acked.bytes, acked.round_trip), (10, None), "Karn's rule");
    assert_eq!((it.flight(), it.held(), it.is_waiting()), (0, 0, false));
}

#[test]
fn what_was_given_up_and_had_arrived_tells_no_round_trip() {
    let mut it = sender(5);
    it.lose_all();
    assert_eq!(send(&mut it, 60_000).map(|(seq, _)| seq), Some(Seq(u16::MAX - 1)));
    let acked = acknowledge(&mut it, 60_001, 5, &[]);
    assert_eq!((acked.packets, acked.round_trip), (5, None));
}

#[test]
fn two_later_packets_are_no_loss() {
    let mut it = sender(3);
    assert_eq!(acknowledge(&mut it, 100, 0, &[0, 1]).lost, None);
    assert_eq!(it.next_again(), None);
}

#[test]
fn what_was_sent_again_may_be_lost_again() {
    let mut it = sender(8);
    acknowledge(&mut it, 100, 0, &[0, 1, 2]);
    assert_eq!(send(&mut it, 101).unwrap().0, Seq(u16::MAX - 1));
    acknowledge(&mut it, 102, 0, &[0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(it.next_again(), None, "all that has come was sent before it");
    it.write(&[IoSlice::new(&[0; 30])], usize::MAX);
    for n in 0..3 {
        send(&mut it, 103 + n);
    }
    let lost = acknowledge(&mut it, 200, 0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).lost;
    assert_eq!(lost, Some(at(101)));
    assert_eq!(it.next_again().unwrap().seq, Seq(u16::MAX - 1));
}

#[test]
fn repeated_acknowledgements_tell_of_a_loss() {
    let mut it = sender(5);
    acknowledge(&mut it, 50, 1, &[]);
    let lost: Vec<_> = (0..4).map(|_| acknowledge(&mut it, 60, 1, &[]).lost).collect();
    assert_eq!(lost, [None, None, Some(at(1)), None]);
}

#[test]
fn acknowledgements_are_judged() {
    let it = sender(3);
    let check = |ack: Seq, expected| assert_eq!(it.judge(ack), expected, "{ack:?}");
    check(Seq(u16::MAX - 2), Judgement::Current);
    check(Seq(0), Judgement::Current);
    check(Seq(1), Judgement::Impossible);
    check(Seq(u16::MAX - 3), Judgement::Stale);
    check(Seq(u16::MAX - 2 - STALE_MAX), Judgement::Stale);
    check(Seq(u16::MAX - 3 - STALE_MAX), Judgement::Impossible);
}

#[test]
fn small_packets_wait_for_small_packets_only() {
    let mut it = sender(GREETING);
    it.write(&[IoSlice::new(b"abc")], usize::MAX);
    assert_eq!(send(&mut it, 12).unwrap().1, b"abc", "full ones before it do not matter");
    it.write(&[IoSlice::new(b"def")], usize::MAX);
    assert_eq!(send(&mut it, 13), None);
    it.write(&[IoSlice::new(b"0123456789")], usize::MAX);
    assert_eq!(send(&mut it, 13).unwrap().1, b"def0123456");
    assert_eq!(send(&mut it, 13), None);
    acknowledge(&mut it, 14, GREETING as u16 + 1, &[]);
    assert_eq!(send(&mut it, 14).unwrap().1, b"789");
}

#[test]
fn a_greeting_of_small_packets_waits_for_nothing() {
    let mut it = sender(0);
    let mut write = |millis| {
        it.write(&[IoSlice::new(b"abc")], usize::MAX);
        send(&mut it, millis)
    };
    assert!((0..GREETING).all(|n| write(n).is_some()));
    assert_eq!(write(GREETING), None);
}

#[test]
fn the_end_is_a_packet_of_its_own() {
    let mut it = sender(1);
    it.write(&[IoSlice::new(b"abc")], usize::MAX);
    it.finish();
    assert_eq!(send(&mut it, 1).unwrap().1, b"abc");
    assert_eq!(send(&mut it, 1).unwrap().1, b"");
    assert!(it.next_new(MOST, WINDOW).is_none() && !it.is_finished());
    acknowledge(&mut it, 2, 2, &[]);
    assert!(!it.is_finished());
    let (_, probe) = it.lose_all();
    assert_eq!(probe, None);
    assert!(send(&mut it, 3).is_some());
    acknowledge(&mut it, 4, 3, &[]);
    assert!(it.is_finished());
}

#[test]
fn a_padded_packet_that_gets_lost_is_no_congestion() {
    let mut it = Sender::new(Seq(0));
    it.write(&[IoSlice::new(&[7; 50])], usize::MAX);
    for n in 0..5 {
        let next = it.next_new(MOST, WINDOW).unwrap();
        it.sent(at(n), next, MOST, (n == 0).then_some(1_472));
    }
    let acked = it.acknowledge(at(9), Seq(u16::MAX), Some(SelectiveAck(&[0b111, 0, 0, 0])), true);
    assert_eq!((acked.lost, acked.probe_lost), (None, Some(1_472)));
    it.sent(at(10), it.next_again().unwrap(), MOST, None);
    let acked = it.acknowledge(at(11), Seq(4), None, true);
    assert_eq!((acked.probe, acked.bytes), (None, 20));
}

#[test]
fn what_is_written_is_bounded() {
    let mut it = Sender::new(Seq(0));
    let slices = [IoSlice::new(b"abc"), IoSlice::new(b"def"), IoSlice::new(b"ghi")];
    assert_eq!(it.write(&slices, 5), 5);
    assert_eq!(it.write(&slices, 0), 0);
    assert_eq!(send(&mut it, 0).unwrap().1, b"abcde");
}
