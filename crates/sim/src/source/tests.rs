use metainfo::{PieceHasher, Version};
use stdx::PieceIndex;

use super::Source;

#[test]
fn pieces_hash_to_what_the_metadata_says() {
    let cases: [(&[u64], u32); 3] =
        [(&[300_000], 32_768), (&[16_384], 16_384), (&[100_000, 0, 5, 65_536], 32_768)];
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        for (sizes, piece_length) in cases {
            let source = Source::new(version, sizes, piece_length, 7);
            let layout = source.info().layout();
            assert_eq!(source.size(), sizes.iter().sum::<u64>());
            for piece in (0..layout.pieces()).map(PieceIndex) {
                let mut hasher = PieceHasher::new(layout, piece);
                hasher.update(source.read(piece, 0, u32::MAX));
                let digests = hasher.finish();
                let at = format!("{version} {sizes:?} piece {piece}");
                assert_eq!(digests.v1, source.info().v1_hash(piece), "{at}");
                let root = layout.v2_piece(piece).and_then(|v2| source.layers().piece_hash(&v2));
                assert_eq!(digests.v2, root, "{at}");
            }
        }
    }
}

#[test]
fn bytes_follow_from_the_seed() {
    let hashes = |seed| Source::single(50_000, 16_384, seed).hashes();
    assert_eq!(hashes(1), hashes(1));
    assert_ne!(hashes(1), hashes(2));
}
