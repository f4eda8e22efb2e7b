use super::super::Priority;
use super::super::run::tests::{MIRROR, ask_peer, asker, picker};
use super::*;

/// The pieces that a mirror is given along `ways`, each once.
fn read(picker: &mut Picker, want: u32, ways: &[(u32, u32)], others: &Others) -> Vec<u32> {
    let have = Bitfield::full(picker.have().len());
    let picks = picker.pick_in_order(
        &asker(MIRROR, &have),
        want,
        &ways.iter().map(|&(from, to)| from..to),
        others,
    );
    assert!(picks.len() <= want as usize);
    let mut pieces: Vec<u32> = picks.iter().map(|(piece, _)| piece.0).collect();
    pieces.dedup();
    pieces
}

fn some(len: u32, pieces: impl IntoIterator<Item = u32>) -> Bitfield {
    let mut some = Bitfield::new(len);
    pieces.into_iter().for_each(|piece| _ = some.set(piece));
    some
}

fn holding(len: u32, held: impl IntoIterator<Item = u32>) -> Picker {
    let mut picker = picker(len);
    held.into_iter().for_each(|piece| picker.verified(PieceIndex(piece)));
    picker
}

#[test]
fn what_lies_ahead_comes_first_and_then_the_rest() {
    let mut picker = holding(8, [5]);
    ask_peer(&mut picker, 6);
    let ways = [(3, 8), (0, 8)];
    assert_eq!(read(&mut picker, 5, &ways, &Others::default()), [3, 4, 7]);
    assert!(picker.is_free_before(PieceIndex(7), BlockIndex(2)));
    assert_eq!(read(&mut picker, 4, &[(7, 8), (0, 8)], &Others::default()), [7, 0, 1]);
    assert!(!picker.is_free_before(PieceIndex(1), BlockIndex(1)));
}

#[test]
fn where_others_have_it_no_more_is_read_in_vain_than_is_gained() {
    let check = |held: &[u32], elsewhere: &[u32], expected: &[u32]| {
        let mut picker = holding(12, held.iter().copied());
        let others = Others { spared: None, have: Some(some(12, elsewhere.iter().copied())) };
        let read = read(&mut picker, 99, &[(0, 12)], &others);
        assert_eq!(read, expected, "{held:?} here, {elsewhere:?} elsewhere");
    };
    let all: Vec<u32> = (0..12).collect();
    check(&[], &all, &all);
    check(&[0, 1, 2, 3, 4], &all, &[5, 6, 7, 8, 9, 10, 11]);
    check(&[0, 1, 2, 3, 4, 5], &all, &[]);
    check(&[2, 3, 4, 5, 6, 7, 8], &all, &[0, 1]);
    // As far as what only it has.
    check(&[0, 1, 2, 3, 4, 5], &[6, 7, 9, 10, 11], &[6, 7, 8, 9, 10, 11]);
    check(&[0, 1, 2, 3, 4, 5, 7, 9, 11], &[6, 10], &[6, 8]);
}

#[test]
fn what_is_spared_or_skipped_is_read_past() {
    let mut picker = holding(8, []);
    let priorities = [(PieceIndex(2), Priority::Skip), (PieceIndex(6), Priority::High)];
    picker.set_priorities(priorities.into_iter());
    let others = Others { spared: Some(some(8, [0, 1])), have: None };
    assert_eq!(read(&mut picker, 2, &[(0, 8)], &others), [6]);
    assert_eq!(read(&mut picker, 99, &[(0, 8)], &others), [3, 4, 5, 7]);
    assert_eq!(read(&mut picker, 99, &[(0, 8)], &Others::default()), [0, 1]);
}
