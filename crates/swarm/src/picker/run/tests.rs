use std::sync::Arc;

use stdx::{Bitfield, BlockIndex, ConnId, PieceIndex, Rng};

use super::super::{Asker, Picker, PieceOrder, Priority, Shape};

/// Pieces of two blocks each.
#[derive(Debug)]
struct Pairs(u32);

impl Shape for Pairs {
    fn pieces(&self) -> u32 {
        self.0
    }

    fn blocks(&self, _: PieceIndex) -> u32 {
        2
    }

    fn has_content(&self, _: PieceIndex, _: BlockIndex) -> bool {
        true
    }
}

pub(in crate::picker) const MIRROR: ConnId = ConnId(1);
const PEER: ConnId = ConnId(2);

pub(in crate::picker) fn picker(pieces: u32) -> Picker {
    Picker::new(Arc::new(Pairs(pieces)), Rng::new(1))
}

pub(in crate::picker) fn asker(conn: ConnId, have: &Bitfield) -> Asker<'_> {
    Asker {
        conn,
        have,
        only: None,
        suggested: &[],
        whole_pieces: true,
        parole: false,
        snubbed: false,
        outstanding: 0,
        peers: 2,
    }
}

/// The pieces that a mirror is given, each once.
fn run(picker: &mut Picker, want: u32, last: Option<u32>, spared: Option<&Bitfield>) -> Vec<u32> {
    let have = Bitfield::full(picker.have().len());
    let picks = picker.pick_run(&asker(MIRROR, &have), want, last.map(PieceIndex), spared);
    assert!(picks.len() <= want as usize);
    let mut pieces: Vec<u32> = picks.iter().map(|(piece, _)| piece.0).collect();
    pieces.dedup();
    pieces
}

pub(in crate::picker) fn ask_peer(picker: &mut Picker, piece: u32) {
    let mut have = Bitfield::new(picker.have().len());
    have.set(piece);
    assert_eq!(picker.pick(&asker(PEER, &have), 2).len(), 2);
}

#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    let mut picker = picker(16);
    assert_eq!(run(&mut picker, 4, Some(2), None), [3, 4]);
    assert_eq!(run(&mut picker, 5, Some(4), None), [5, 6, 7]);
    // The half piece comes first.
    assert_eq!(run(&mut picker, 3, Some(7), None), [7, 8]);
}

#[test]
fn who_begins_at_once_begins_elsewhere() {
    let first = |seed| {
        let mut picker = Picker::new(Arc::new(Pairs(1_000)), Rng::new(seed));
        run(&mut picker, 2, None, None)[0]
    };
    let mut all: Vec<u32> = (0..8).map(first).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 8, "{all:?}");
}

#[test]
fn what_other_leechers_have_comes_last() {
    let mut picker = picker(8);
    let mut have = Bitfield::new(8);
    for piece in 1..6 {
        have.set(piece);
    }
    picker.peer_joined(&have);
    assert_eq!(run(&mut picker, 6, Some(0), None), [6, 7, 0]);
    assert_eq!(run(&mut picker, 4, Some(0), None), [1, 2]);
}

#[test]
fn a_run_begins_away_from_where_peers_are() {
    let mut picker = picker(16);
    ask_peer(&mut picker, 3);
    // Of the gaps 0..3 and 4..16 the middle of the longer one: the peer goes on at 4.
    assert_eq!(run(&mut picker, 4, Some(15), None), [10, 11]);
    // Behind what is had, nobody is at work.
    for piece in [3, 10, 11] {
        picker.verified(PieceIndex(piece));
    }
    assert_eq!(run(&mut picker, 2, Some(15), None), [4]);
}

#[test]
fn what_peers_bring_is_left_to_them() {
    let mut picker = picker(8);
    let mut spared = Bitfield::full(8);
    spared.clear(5);
    assert_eq!(run(&mut picker, 1, None, Some(&spared)), [5]);
    spared.set(5);
    // What was begun is ended.
    assert_eq!(run(&mut picker, 8, Some(5), Some(&spared)), [5]);
    assert!(run(&mut picker, 8, Some(5), Some(&spared)).is_empty());
    assert_eq!(run(&mut picker, 8, Some(5), None), [6, 7, 0, 1], "the next, then the longest gap");
}

#[test]
fn priorities_and_sequence_hold_for_mirrors_too() {
    let mut first = picker(8);
    first.set_priorities((0..8).map(|piece| {
        let priority = match piece {
            6 => Priority::High,
            0 | 1 => Priority::Skip,
            _ => Priority::Normal,
        };
        (PieceIndex(piece), priority)
    }));
    assert_eq!(run(&mut first, 16, Some(7), None), [6, 2, 3, 4, 5, 7]);
    let mut second = picker(8);
    second.set_order(PieceOrder::Sequential);
    ask_peer(&mut second, 0);
    assert_eq!(run(&mut second, 4, None, None), [1, 2]);
}

#[test]
fn at_the_end_mirrors_and_peers_help_each_other() {
    let mut picker = picker(2);
    ask_peer(&mut picker, 0);
    ask_peer(&mut picker, 1);
    assert!(!run(&mut picker, 8, None, None).is_empty(), "blocks that the peer still owes");
}

#[test]
fn many_gaps_cost_no_more_than_few() {
    const PIECES: u32 = 20_000;
    let mut picker = picker(PIECES);
    // Every other piece is skipped: as many gaps as can be.
    picker.set_priorities((0..PIECES).step_by(2).map(|it| (PieceIndex(it), Priority::Skip)));
    let before = picker.steps();
    assert_eq!(run(&mut picker, 512, None, None).len(), 256);
    let steps = picker.steps() - before;
    assert!(steps <= 8 * u64::from(PIECES), "{steps} steps for one batch");
}
