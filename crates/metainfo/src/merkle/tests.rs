use hash::sha256;

use super::*;
use crate::{LayerFetch, PieceLayer};

fn leaves(count: u64) -> Vec<Sha256Digest> {
    (0..count).map(|at| sha256(&at.to_le_bytes())).collect()
}

#[test]
fn roots_pad_with_zero_leaves() {
    let zero = Sha256Digest::default();
    let leaf = leaves(3);
    let left = sha256_pair(&leaf[0], &leaf[1]);
    let right = sha256_pair(&leaf[2], &zero);
    assert_eq!(root(&leaf, 0, 4), sha256_pair(&left, &right));
    assert_eq!(root(&leaf[..1], 0, 1), leaf[0]);
    assert_eq!(root(&[], 0, 4), pad_hash(2));
    // SHA-256 of 64 zero bytes.
    assert_eq!(
        pad_hash(1).to_string(),
        "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"
    );
}

#[test]
fn heights_and_blocks() {
    for (length, blocks, height) in
        [(0, 0, 0), (1, 1, 0), (16_384, 1, 0), (16_385, 2, 1), (49_152, 3, 2), (81_920, 5, 3)]
    {
        assert_eq!((blocks_of(length), height_of(blocks_of(length))), (blocks, height), "{length}");
    }
}

/// Every valid range of a tree is answered with a proof that verifies, and only that.
#[test]
fn answers_verify_on_every_layer() {
    for blocks in [3u64, 5, 8, 11, 16, 29] {
        // Pieces of four blocks.
        let (piece_length, length) = (4 * BLOCK_LENGTH, blocks * u64::from(BLOCK_LENGTH));
        let leaf = leaves(blocks);
        let top = root(&leaf, 0, blocks.next_power_of_two());
        let pieces = leaf.chunks(4).map(|blocks| piece_root(blocks, 4)).collect();
        let layer = PieceLayer::new(top, length, piece_length, pieces);
        assert_eq!(layer.is_some(), blocks > 4);
        for range in ranges(blocks) {
            let pieces = range.pieces(2);
            let first = pieces.start as usize * 4;
            let end = leaf.len().min(pieces.end as usize * 4);
            let given = &leaf[first.min(end)..end];
            let answer = match &layer {
                None => answer_small_file(&leaf, range),
                Some(layer) if range.base_layer >= 2 => layer.answer(range),
                Some(layer) => layer.answer_with_blocks(range, given),
            };
            let mut answer = answer.unwrap_or_else(|| panic!("{blocks} {range:?}"));
            let check = |answer: &[Sha256Digest]| {
                let (hashes, uncles) = answer.split_at(range.length as usize);
                verify_hashes(&top, blocks, range, hashes, uncles)
            };
            assert!(check(&answer), "{blocks} {range:?}");
            for at in 0..answer.len() {
                answer[at].0[7] ^= 1;
                assert!(!check(&answer), "{blocks} {range:?} altered at {at}");
                answer[at].0[7] ^= 1;
            }
        }
    }
}

/// All valid ranges with a proof up to the root.
fn ranges(blocks: u64) -> Vec<HashRange> {
    let mut all = Vec::new();
    for base_layer in 0..height_of(blocks) {
        for length in 2..=32 {
            for index in 0..32 {
                let range = HashRange { base_layer, index, length, proof_layers: 0 };
                let range = range.proven(blocks);
                if range.is_valid(blocks) {
                    all.push(range);
                }
            }
        }
    }
    all
}

#[test]
fn invalid_ranges_are_refused() {
    let good = HashRange { base_layer: 2, index: 0, length: 2, proof_layers: 0 };
    assert!(good.is_valid(16));
    for (why, range) in [
        ("one hash", HashRange { length: 1, ..good }),
        ("no hash", HashRange { length: 0, ..good }),
        ("not a power of two", HashRange { length: 3, ..good }),
        ("beyond the layer", HashRange { index: 4, ..good }),
        ("overflow", HashRange { index: u32::MAX - 1, ..good }),
        ("not aligned", HashRange { index: 1, ..good }),
        ("above the root", HashRange { base_layer: 4, ..good }),
        ("far above", HashRange { base_layer: u32::MAX, ..good }),
        ("too many proofs", HashRange { proof_layers: 2, ..good }),
        ("absurd proofs", HashRange { proof_layers: u32::MAX, ..good }),
        ("too long", HashRange { base_layer: 0, length: 16_384, ..good }),
    ] {
        assert!(!range.is_valid(16), "{why}");
        assert!(!verify_hashes(&Sha256Digest::default(), 16, range, &[], &[]), "{why}");
    }
}

#[test]
fn a_layer_is_fetched_range_by_range() {
    let piece_length = BLOCK_LENGTH;
    let count = 1_300u64;
    let leaf = leaves(count);
    let top = root(&leaf, 0, 2_048);
    let length = count * u64::from(BLOCK_LENGTH) - 5;
    let whole = PieceLayer::new(top, length, piece_length, leaf.clone()).unwrap();
    let mut fetch = LayerFetch::new(top, length, piece_length).unwrap();
    let ranges: Vec<_> = fetch.missing().collect();
    assert_eq!(ranges.iter().map(|range| range.index).collect::<Vec<_>>(), [0, 512, 1_024]);
    for range in ranges {
        assert_eq!(fetch.finish(), None);
        let mut answer = whole.answer(range).unwrap();
        assert!(!fetch.add(range, &answer[1..]));
        answer[3].0[0] ^= 1;
        assert!(!fetch.add(range, &answer));
        answer[3].0[0] ^= 1;
        assert!(fetch.add(range, &answer));
        assert_eq!(fetch.hash(range.index), Some(leaf[range.index as usize]));
    }
    assert_eq!(fetch.missing().count(), 0);
    assert_eq!(fetch.finish(), Some(whole));
}

#[test]
fn layers_of_the_wrong_size_or_content_are_refused() {
    let leaf = leaves(4);
    let (top, length) = (root(&leaf, 0, 4), 4 * u64::from(BLOCK_LENGTH));
    let check = |length, hashes: &[Sha256Digest]| {
        PieceLayer::new(top, length, BLOCK_LENGTH, hashes.to_vec()).is_some()
    };
    assert!(check(length, &leaf));
    assert!(!check(length, &leaf[..3]));
    assert!(!check(length + 1, &leaf));
    assert!(!check(length, &leaves(5)[1..]));
    assert!(!check(1, &leaf[..1]));
    assert!(!check(u64::MAX, &leaf));
}
