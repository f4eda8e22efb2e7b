use super::*;

fn receiver(capacity: usize) -> Receiver {
    Receiver::new(Seq(u16::MAX), capacity, capacity)
}

/// Packet `n` after the first, in order of their numbers across the end of the number space.
fn put(receiver: &mut Receiver, n: u16, payload: &[u8]) -> Arrival {
    receiver.insert(Seq(u16::MAX).plus(n), payload, false)
}

fn read(receiver: &mut Receiver) -> Vec<u8> {
    let mut out = [0; 64];
    let (front, back) = out.split_at_mut(3);
    let n = receiver.read(&mut [IoSliceMut::new(front), IoSliceMut::new(back)]);
    out[..n].to_vec()
}

fn mask(receiver: &Receiver) -> Vec<u8> {
    let mut out = vec![9];
    receiver.selective_ack(&mut out);
    out
}

#[test]
fn packets_come_out_in_order() {
    let mut it = receiver(100);
    assert_eq!(put(&mut it, 0, b"ab"), Arrival::Next);
    assert_eq!(put(&mut it, 3, b"gh"), Arrival::OutOfOrder);
    assert_eq!(put(&mut it, 2, b"ef"), Arrival::OutOfOrder);
    assert_eq!(put(&mut it, 2, b"xx"), Arrival::Again);
    assert_eq!(put(&mut it, 0, b"xx"), Arrival::Again);
    assert_eq!(mask(&it), [0b11, 0, 0, 0]);
    assert_eq!(it.ack(), Seq(u16::MAX));
    assert_eq!(read(&mut it), b"ab");
    assert_eq!(put(&mut it, 1, b"cd"), Arrival::OutOfOrder, "it fills a gap");
    assert!(!it.has_gap() && mask(&it).is_empty());
    assert_eq!(it.ack(), Seq(2));
    assert_eq!(read(&mut it), b"cdefgh");
}

#[test]
fn two_gaps_are_filled_one_by_one() {
    let mut it = receiver(100);
    put(&mut it, 1, b"b");
    put(&mut it, 3, b"d");
    put(&mut it, 40, b"z");
    assert_eq!(mask(&it), [0b101, 0, 0, 0, 0x80, 0, 0, 0]);
    put(&mut it, 0, b"a");
    assert_eq!(it.ack(), Seq(0));
    assert_eq!(mask(&it), [0b1, 0, 0, 0, 0x20, 0, 0, 0]);
    put(&mut it, 2, b"c");
    assert_eq!(read(&mut it), b"abcd");
}

#[test]
fn the_window_is_what_the_reader_leaves() {
    let mut it = receiver(10);
    assert_eq!(put(&mut it, 2, b"ghi"), Arrival::OutOfOrder);
    assert_eq!(it.window(), 10, "what waits for others does not count");
    assert_eq!(put(&mut it, 4, &[0; 8]), Arrival::Refused, "but it is bounded");
    put(&mut it, 0, b"abc");
    assert_eq!(it.window(), 7);
    put(&mut it, 1, b"def");
    assert_eq!(it.window(), 1);
    assert_eq!(put(&mut it, 3, b"jk"), Arrival::Refused);
    assert_eq!(put(&mut it, 3, b"j"), Arrival::Next);
    assert_eq!(it.window(), 0);
    assert_eq!(read(&mut it), b"abcdefghij");
    assert_eq!(it.window(), 10);
}

#[test]
fn a_fast_reader_gets_more_room() {
    let mut it = Receiver::new(Seq(0), 4, 16);
    it.tune();
    assert_eq!(it.capacity(), 4);
    it.insert(Seq(0), b"ab", false);
    read(&mut it);
    it.tune();
    assert_eq!(it.capacity(), 8);
    it.tune();
    assert_eq!(it.capacity(), 8);
}

#[test]
fn the_end_comes_after_everything() {
    let mut it = receiver(100);
    assert_eq!(it.insert(Seq(1), b"", true), Arrival::OutOfOrder);
    assert_eq!(put(&mut it, 3, b"x"), Arrival::Refused, "behind the end");
    assert!(!it.has_ended());
    put(&mut it, 1, b"b");
    put(&mut it, 0, b"a");
    assert!(it.has_ended() && it.is_readable());
    assert_eq!(it.ack(), Seq(1));
    assert_eq!(read(&mut it), b"ab");
    assert!(it.has_ended() && it.is_readable());
    assert_eq!(put(&mut it, 3, b"x"), Arrival::Refused);
}

#[test]
fn an_end_before_what_has_come_is_refused() {
    let mut it = receiver(100);
    put(&mut it, 3, b"d");
    assert_eq!(it.insert(Seq(1), b"", true), Arrival::Refused);
    assert_eq!(put(&mut it, 2, b"c"), Arrival::OutOfOrder);
}

#[test]
fn what_is_far_ahead_is_refused() {
    let mut it = receiver(100);
    assert_eq!(put(&mut it, AHEAD_MAX as u16, b"x"), Arrival::OutOfOrder);
    assert_eq!(put(&mut it, AHEAD_MAX as u16 + 1, b"x"), Arrival::Refused);
    assert_eq!(put(&mut it, 32_767, b"x"), Arrival::Refused);
    assert_eq!(put(&mut it, 32_768, b"x"), Arrival::Again);
    assert_eq!(mask(&it).len(), TOLD_MAX / 8);
}
