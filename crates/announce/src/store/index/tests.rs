use std::cell::Cell;

use proptest::prelude::*;

use super::*;

/// A bijective mixer, so that every position has a hash of its own.
fn hash(position: u32) -> u64 {
    let mixed = u64::from(position).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn holds(index: &Index, position: u32) -> bool {
    index.find(hash(position), |found| found == position) == Some(position)
}

#[test]
fn no_change_hashes_everything_again() {
    let (mut index, calls) = (Index::default(), Cell::new(0));
    let counted = |position| {
        calls.set(calls.get() + 1);
        hash(position)
    };
    let (mut most, mut total, count) = (0, 0, 200_000);
    let mut note = || {
        most = most.max(calls.get());
        total += calls.replace(0);
    };
    for position in 0..count {
        index.insert(hash(position), position, counted);
        note();
    }
    assert!((0..count).all(|position| holds(&index, position)));
    assert!(!holds(&index, count));
    for position in 0..count {
        index.remove(hash(position), position, counted);
        note();
        assert!(!holds(&index, position) && (position + 1 == count || holds(&index, count - 1)));
    }
    assert_eq!((index.len, index.segments.len()), (0, 1));
    assert!(most < 6 * SEGMENT_LEN, "{most} positions hashed again in one change");
    assert!(total < count as usize * 20, "{total} positions hashed again for {count}");
}

proptest! {
    #[test]
    fn changes_are_those_of_a_set(ops in prop::collection::vec((0u8..4, 0u32..3_000), 1..6_000)) {
        let (mut index, mut model) = (Index::default(), std::collections::BTreeSet::new());
        for (op, position) in ops {
            match (op, model.contains(&position)) {
                (0, true) => {
                    index.remove(hash(position), position, hash);
                    model.remove(&position);
                }
                (_, false) => {
                    index.insert(hash(position), position, hash);
                    model.insert(position);
                }
                _ => prop_assert!(holds(&index, position)),
            }
        }
        for position in 0..3_000 {
            prop_assert_eq!(holds(&index, position), model.contains(&position));
        }
    }
}
