use std::collections::BTreeSet;

use stdx::{ConnId, Instant, PieceIndex, Rng};

use super::{AHEAD_MAX, CHOKED_MAX, SendOnce};

const NOW: Instant = Instant::from_secs(1);

fn nobody(_: PieceIndex) -> bool {
    false
}

#[test]
fn no_piece_is_suggested_to_two() {
    let mut it = SendOnce::new(100, &mut Rng::new(1));
    let mut seen = BTreeSet::new();
    for conn in 0..5 {
        for piece in it.top_up(ConnId(conn), 1_000_000, 300_000, nobody) {
            assert!(seen.insert(piece));
        }
    }
    assert_eq!(seen.len(), 100);
}

#[test]
fn suggestions_run_ahead_by_seconds_of_the_rate_within_bounds() {
    let ahead = |rate| {
        let mut it = SendOnce::new(1_000, &mut Rng::new(1));
        it.top_up(ConnId(1), rate, 1_000_000, nobody).len()
    };
    assert_eq!((ahead(0), ahead(1_000_000), ahead(u64::from(u32::MAX))), (3, 9, AHEAD_MAX));
}

#[test]
fn pieces_that_somebody_has_make_room_and_are_not_suggested() {
    let mut it = SendOnce::new(10, &mut Rng::new(1));
    let first = it.top_up(ConnId(1), 0, 1, nobody);
    assert_eq!(it.top_up(ConnId(1), 0, 1, nobody), []);
    let next = it.top_up(ConnId(1), 0, 1, |piece| piece == first[0]);
    assert_eq!(next.len(), 1);
    assert_eq!(it.top_up(ConnId(2), 0, 1, |_| true), []);
}

#[test]
fn what_the_gone_and_the_long_choked_were_suggested_goes_to_others() {
    let mut it = SendOnce::new(6, &mut Rng::new(1));
    let one = it.top_up(ConnId(1), 0, 1, nobody);
    let two = it.top_up(ConnId(2), 0, 1, nobody);
    assert_eq!(it.top_up(ConnId(3), 0, 1, nobody), []);
    it.closed(ConnId(1));
    it.choked(NOW, ConnId(2));
    assert_eq!(it.top_up(ConnId(3), 0, 1, nobody), one);
    it.expire(NOW);
    assert_eq!(it.top_up(ConnId(4), 0, 1, nobody), []);
    it.expire(NOW + CHOKED_MAX);
    assert_eq!(it.top_up(ConnId(4), 0, 1, nobody), two);
}
