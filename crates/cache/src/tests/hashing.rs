use std::sync::Arc;

use metainfo::{Item, Layout, PieceHasher, Version};
use stdx::{BlockIndex, Buf, PieceIndex, Rng};

use super::{BLOCK, file, layout};
use crate::piece::{Piece, Step};
use crate::{HashJob, PieceDigests};

/// Pieces hashed block by block as the cache does, in random order and batches, and the last
/// batches of all of them together, must equal each piece hashed in one go.
fn check(layout: &Layout, seed: u64) {
    let mut rng = Rng::new(seed);
    let (mut jobs, mut expected) = (Vec::new(), Vec::new());
    for piece in (0..layout.pieces()).map(PieceIndex) {
        let mut bytes = vec![0; layout.piece_size(piece) as usize];
        let mut at = 0;
        for span in layout.spans(piece, 0, bytes.len() as u32) {
            let end = at + span.length as usize;
            if span.file.is_some() {
                rng.fill(&mut bytes[at..end]);
            }
            at = end;
        }
        let mut hasher = PieceHasher::new(layout, piece);
        hasher.update(&bytes);
        expected.push(Some(PieceDigests::from(hasher.finish())));
        jobs.push(last_job(layout, piece, &bytes, &mut rng));
    }
    let hashed = HashJob::run_all(jobs);
    let digests: Vec<_> = hashed.into_iter().map(|it| it.digests).collect();
    assert_eq!(digests, expected);
}

fn last_job(layout: &Layout, piece: PieceIndex, bytes: &[u8], rng: &mut Rng) -> HashJob {
    let mut state = Piece::new(layout, piece);
    let mut blocks: Vec<u32> = (0..layout.block_count(piece)).collect();
    rng.shuffle(&mut blocks);
    let ranges = blocks.into_iter().filter_map(|block| layout.request(piece, BlockIndex(block)));
    for range in ranges {
        let data = &bytes[range.begin as usize..][..range.length as usize];
        assert!(state.store(range.block().0, Buf::copy_of(data)));
        if !state.is_complete() && state.next_step(BLOCK) == Step::Hash && rng.chance(0.5) {
            let hashed = state.hash_job(layout, piece).run();
            assert_eq!(state.handle_hashed(hashed), None);
        }
    }
    state.hash_job(layout, piece)
}

#[test]
fn hashes_do_not_depend_on_the_order_of_arrival() {
    let items = || {
        let sizes = [5 * BLOCK + 77, 3, 0, 4 * BLOCK, 20 * BLOCK + 1];
        sizes.iter().map(|&size| file(&size.to_string(), size)).collect::<Vec<_>>()
    };
    let mut padded = items();
    padded.insert(1, Item::Padding(9 * BLOCK + 5));
    padded.push(Item::Padding(6 * BLOCK));
    for seed in 0..8 {
        for version in [Version::V1, Version::V2, Version::Hybrid] {
            check(&layout(version, 8, items()), seed);
        }
        check(&layout(Version::V1, 8, padded.clone()), seed);
        check(&layout(Version::Hybrid, 8, padded.clone()), seed);
        // v1 pieces need not be whole blocks.
        check(&Layout::new(Version::V1, 50_000, padded.clone()).unwrap(), seed);
    }
}

#[test]
fn padding_alone_hashes_as_zeros() {
    let layout = Arc::new(layout(Version::V1, 2, [file("a", 9), Item::Padding(7 * BLOCK)]));
    let mut hasher = PieceHasher::new(&layout, PieceIndex(1));
    hasher.update(&vec![0; 2 * BLOCK as usize]);
    let zeros = hash::sha1(&vec![0; 2 * BLOCK as usize]);
    assert_eq!(hasher.finish().v1, Some(zeros));
    let mut state = Piece::on_disk(&layout, PieceIndex(1));
    assert_eq!(state.next_step(BLOCK), Step::Hash);
    let digests = state.hash_job(&layout, PieceIndex(1)).run().digests.unwrap();
    assert_eq!(digests.sha1, Some(zeros));
}
