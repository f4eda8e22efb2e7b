use hash::{sha1, sha256};
use stdx::Rng;

use super::*;
use crate::{FileEntry, Item, Version};

const BLOCK: u64 = BLOCK_LENGTH as u64;

fn layout(version: Version, piece_blocks: u64) -> Layout {
    let file = |length| {
        let root = Some(sha256(&u64::to_be_bytes(length)));
        Item::File(FileEntry {
            path: length.to_string().into(),
            length,
            root,
            ..FileEntry::default()
        })
    };
    let lengths = [40 * BLOCK + 77, 3, BLOCK, 9 * BLOCK - 1];
    Layout::new(version, piece_blocks * BLOCK, lengths.map(file)).unwrap()
}

/// What BEP 3 and BEP 52 say, in the plainest way.
fn plain(layout: &Layout, piece: PieceIndex, bytes: &[u8]) -> PieceHashes {
    let v2 = layout.v2_piece(piece).map(|v2| {
        let blocks = bytes[..v2.length as usize].chunks(BLOCK_LENGTH as usize);
        merkle::piece_root(&blocks.map(sha256).collect::<Vec<_>>(), v2.leaves)
    });
    PieceHashes { v1: layout.version().has_v1().then(|| sha1(bytes)), v2 }
}

/// Hashes `count` pieces at a time, in steps that `step` draws, and compares.
fn check(layout: &Layout, count: usize, step: fn(&mut Rng) -> usize) {
    let mut rng = Rng::new(count as u64);
    let all: Vec<PieceIndex> = (0..layout.pieces()).map(PieceIndex).collect();
    for pieces in all.chunks(count) {
        let content = |&piece| {
            let mut bytes = vec![0; layout.piece_size(piece) as usize];
            rng.fill(&mut bytes);
            bytes
        };
        let contents: Vec<Vec<u8>> = pieces.iter().map(content).collect();
        let mut rests: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let mut hashers: Vec<_> = pieces.iter().map(|&it| PieceHasher::new(layout, it)).collect();
        while rests.iter().any(|rest| !rest.is_empty()) {
            let take = |rest: &mut &[u8]| {
                let (now, later) = rest.split_at(step(&mut rng).min(rest.len()));
                *rest = later;
                now.to_vec()
            };
            let now: Vec<Vec<u8>> = rests.iter_mut().map(take).collect();
            let together = hashers.iter_mut().zip(now.iter().map(Vec::as_slice));
            PieceHasher::update_many(&mut together.collect::<Vec<_>>());
        }
        for ((&piece, hasher), bytes) in pieces.iter().zip(hashers).zip(&contents) {
            let expected = plain(layout, piece, bytes);
            assert_eq!(hasher.finish(), expected, "{:?} {piece}", layout.version());
        }
    }
}

#[test]
fn pieces_together_hash_as_each_alone() {
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        for (piece_blocks, count) in [(1, 1), (1, 9), (2, 8), (4, 1), (4, 3), (4, 12), (16, 4)] {
            let layout = layout(version, piece_blocks);
            check(&layout, count, |_| usize::MAX);
            check(&layout, count, |_| BLOCK_LENGTH as usize);
            check(&layout, count, |rng| rng.index(3 * BLOCK_LENGTH as usize));
        }
    }
}
