use proptest::prelude::*;

use super::*;

const BLOCK: u64 = BLOCK_LENGTH as u64;

fn file(length: u64) -> Item {
    let root = (length > 0).then(Sha256Digest::default);
    Item::File(FileEntry { length, root, ..FileEntry::default() })
}

fn layout(version: Version, piece_length: u64, items: Vec<Item>) -> Layout {
    Layout::new(version, piece_length, items).unwrap()
}

fn spans(layout: &Layout, piece: u32, begin: u32, length: u32) -> Vec<(Option<u32>, u64, u32)> {
    let spans = layout.spans(PieceIndex(piece), begin, length);
    spans.map(|span| (span.file.map(|file| file.0), span.offset, span.length)).collect()
}

/// The blocks of a piece as they are asked for: begin and length.
fn requests(layout: &Layout, piece: u32) -> Vec<Option<(u32, u32)>> {
    let blocks = 0..layout.block_count(PieceIndex(piece));
    let request = |block| layout.request(PieceIndex(piece), BlockIndex(block));
    blocks.map(|block| request(block).map(|range| (range.begin, range.length))).collect()
}

#[test]
fn v1_packs_files() {
    let it = layout(Version::V1, 10, vec![file(7), file(0), file(8), file(25)]);
    assert_eq!((it.pieces(), it.content_length(), it.space_length()), (4, 40, 40));
    assert_eq!(spans(&it, 0, 0, 10), [(Some(0), 0, 7), (Some(2), 0, 3)]);
    assert_eq!(spans(&it, 1, 3, 100), [(Some(2), 6, 2), (Some(3), 0, 5)]);
    assert_eq!(spans(&it, 3, 0, 10), [(Some(3), 15, 10)]);
    assert_eq!(spans(&it, 3, 10, 1), []);
    assert_eq!(spans(&it, 4, 0, 10), []);
    let pieces: Vec<_> = (0..5).map(|at| it.file_pieces(FileIndex(at))).collect();
    assert_eq!(pieces, [0..1, 0..0, 0..2, 1..4, 0..0]);
    assert_eq!(it.v2_piece(PieceIndex(0)), None);
}

#[test]
fn v2_aligns_files_and_has_short_pieces() {
    let it = layout(Version::V2, 2 * BLOCK, vec![file(5), file(0), file(5 * BLOCK), file(1)]);
    assert_eq!(it.pieces(), 5);
    let sizes: Vec<_> = (0..6).map(|at| it.piece_size(PieceIndex(at))).collect();
    assert_eq!(sizes, [5, 32_768, 32_768, 16_384, 1, 0]);
    assert_eq!(spans(&it, 0, 0, 32_768), [(Some(0), 0, 5)]);
    assert_eq!(spans(&it, 3, 0, 32_768), [(Some(2), 65_536, 16_384)]);
    assert_eq!(requests(&it, 0), [Some((0, 5))]);
    assert_eq!(requests(&it, 1), [Some((0, 16_384)), Some((16_384, 16_384))]);
    assert!(!it.is_valid_request(BlockRange { piece: PieceIndex(0), begin: 0, length: 6 }));
    let piece = it.v2_piece(PieceIndex(3)).unwrap();
    assert_eq!((piece.file, piece.index_in_file, piece.length), (FileIndex(2), 2, 16_384));
    assert_eq!((piece.blocks, piece.leaves, piece.whole_file), (1, 2, false));
    let piece = it.v2_piece(PieceIndex(0)).unwrap();
    assert_eq!((piece.blocks, piece.leaves, piece.whole_file), (1, 1, true));
}

#[test]
fn hybrids_ask_for_no_block_of_padding_but_serve_it() {
    let it = layout(
        Version::Hybrid,
        2 * BLOCK,
        vec![file(5), Item::Padding(2 * BLOCK - 5), file(BLOCK + 1), Item::Padding(9)],
    );
    assert_eq!((it.pieces(), it.content_length()), (2, 5 + BLOCK + 1));
    assert_eq!(it.piece_size(PieceIndex(0)), 32_768);
    assert_eq!(it.piece_size(PieceIndex(1)), 16_384 + 10);
    assert_eq!(requests(&it, 0), [Some((0, 5)), None]);
    assert_eq!(requests(&it, 1), [Some((0, 16_384)), Some((16_384, 1))]);
    assert_eq!(spans(&it, 0, 0, 32_768), [(Some(0), 0, 5), (None, 0, 32_763)]);
    assert_eq!(spans(&it, 1, 16_384, 16_384), [(Some(1), 16_384, 1), (None, 0, 9)]);
    assert_eq!(it.payload_bytes(PieceIndex(0)), 5);
    let padding = BlockRange { piece: PieceIndex(0), begin: 16_384, length: 16_384 };
    assert!(it.is_valid_request(padding));
    assert_eq!((it.padded(padding), it.unpadded(padding)), (padding, padding));
    assert_eq!(it.v2_piece(PieceIndex(1)).unwrap().length, 16_385);
}

#[test]
fn v1_padding_may_stand_anywhere() {
    let pad = Item::Padding;
    let it = layout(Version::V1, 2 * BLOCK, vec![pad(3), file(4), pad(5), file(6), pad(3 * BLOCK)]);
    assert_eq!(it.pieces(), 2);
    assert_eq!(
        spans(&it, 0, 0, 20),
        [(None, 0, 3), (Some(0), 0, 4), (None, 0, 5), (Some(1), 0, 6), (None, 0, 2)]
    );
    assert_eq!(requests(&it, 0), [Some((0, 18)), None]);
    assert_eq!(requests(&it, 1), [None, None]);
    assert_eq!(it.payload_bytes(PieceIndex(1)), 0);
    assert_eq!(layout(Version::V1, 5, vec![pad(7)]).request(PieceIndex(1), BlockIndex(0)), None);
}

#[test]
fn peers_may_ask_for_what_exists() {
    let it = Layout::single(BLOCK * 20 + 7, BLOCK_LENGTH * 16);
    for (piece, begin, length, valid) in [
        (0, 0, 16_384, true),
        (0, 1, 131_072, true),
        (0, 0, 131_073, false),
        (0, 0, 0, false),
        (0, 262_143, 1, true),
        (0, 262_143, 2, false),
        (1, 65_536, 7, true),
        (1, 65_536, 8, false),
        (2, 0, 1, false),
        (u32::MAX, u32::MAX, 131_072, false),
        (0, u32::MAX, 131_072, false),
    ] {
        let range = BlockRange { piece: PieceIndex(piece), begin, length };
        assert_eq!(it.is_valid_request(range), valid, "{range:?}");
    }
    assert_eq!(it.request(PieceIndex(0), BlockIndex(u32::MAX)), None);
}

#[test]
fn impossible_layouts_are_refused() {
    let check = |version, piece_length, length, expected| {
        assert_eq!(Layout::new(version, piece_length, [file(length)]).err(), Some(expected));
    };
    for length in [0, MAX_PIECE_LENGTH as u64 + 1, u64::MAX] {
        check(Version::V1, length, 1, LayoutError::PieceLength(length));
    }
    for length in [1, 8_192, 24_576, 16_385] {
        check(Version::V2, length, 1, LayoutError::PieceLength(length));
        check(Version::Hybrid, length, 1, LayoutError::PieceLength(length));
    }
    check(Version::V1, 1, u64::from(MAX_PIECES) + 1, LayoutError::TooManyPieces);
    check(Version::V2, BLOCK, u64::MAX, LayoutError::TooManyPieces);
    let many = Layout::new(Version::V1, 1 << 20, [file(1 << 43), file(1 << 43)]);
    assert_eq!(many.err(), Some(LayoutError::TooManyPieces));
}

#[test]
fn nothing_but_empty_files_is_no_piece() {
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        let it = layout(version, BLOCK, vec![file(0), file(0)]);
        assert_eq!((it.pieces(), it.content_length(), it.files().len()), (0, 0, 2));
        assert_eq!(it.piece_size(PieceIndex(0)), 0);
        assert_eq!(spans(&it, 0, 0, 5), []);
        assert_eq!(it.v2_piece(PieceIndex(0)), None);
    }
}

#[test]
fn paths_are_found_from_the_content_itself() {
    let entry = |path: &str| FileEntry { path: path.into(), ..FileEntry::default() };
    assert_eq!(entry("a.iso").path_in(Path::new("/x/b.iso")), Path::new("/x/b.iso"));
    assert_eq!(entry("dir/a/b").path_in(Path::new("/x/y")), Path::new("/x/y/a/b"));
    let path = entry("a.iso").path_in(Path::new("b"));
    assert_eq!(path.as_os_str(), "b");
}

#[test]
fn large_layouts_are_cheap() {
    let files = (0..100_000).map(|at| file(at % 1_000_000));
    let it = Layout::new(Version::Hybrid, 1 << 16, files).unwrap();
    assert!(it.pieces() > 100_000);
    let payload: u64 =
        (0..it.pieces()).map(|piece| u64::from(it.payload_bytes(PieceIndex(piece)))).sum();
    assert_eq!(payload, it.content_length());
}

fn layouts() -> impl Strategy<Value = Layout> {
    let version = prop::sample::select(vec![Version::V1, Version::V2, Version::Hybrid]);
    let size = prop_oneof![Just(0), 1..100u64, 1..5 * BLOCK, Just(BLOCK), Just(4 * BLOCK)];
    let item = (size, prop::bool::weighted(0.2));
    let shift = 0..4u32;
    (version, shift, 1..100_000u64, prop::collection::vec(item, 1..12)).prop_map(
        |(version, shift, odd, items)| {
            let piece_length = if version == Version::V1 { odd } else { BLOCK << shift };
            let item = |(size, pad)| {
                if pad && version != Version::V2 { Item::Padding(size) } else { file(size) }
            };
            layout(version, piece_length, items.into_iter().map(item).collect())
        },
    )
}

proptest! {
    #[test]
    fn spans_tile_the_content_exactly_once(it in layouts()) {
        let mut next: Vec<u64> = vec![0; it.files().len()];
        let mut total = 0;
        for piece in (0..it.pieces()).map(PieceIndex) {
            let size = it.piece_size(piece);
            prop_assert!(size > 0 && size <= it.piece_length());
            let mut covered = 0;
            for span in it.spans(piece, 0, size) {
                prop_assert!(span.length > 0);
                covered += span.length;
                let Some(file) = span.file else { continue };
                prop_assert_eq!(span.offset, next[file.get()]);
                next[file.get()] += u64::from(span.length);
                prop_assert!(it.file_pieces(file).contains(&piece.0));
            }
            prop_assert_eq!(covered, size);
            total += u64::from(size);
        }
        for (file, next) in it.files().iter().zip(next) {
            prop_assert_eq!(file.length, next);
        }
        let gaps = it.version() == Version::V2;
        prop_assert_eq!(total, if gaps { it.content_length() } else { it.space_length() });
    }

    #[test]
    fn requests_cover_every_payload_byte_once(it in layouts()) {
        let mut payload = 0;
        for piece in (0..it.pieces()).map(PieceIndex) {
            let mut in_piece = 0;
            for block in (0..it.block_count(piece)).map(BlockIndex) {
                let Some(range) = it.request(piece, block) else { continue };
                prop_assert!(it.is_valid_request(range));
                prop_assert!(range.length <= BLOCK_LENGTH);
                prop_assert_eq!(range.begin, block.0 * BLOCK_LENGTH);
                let whole = it.padded(range);
                let rest = it.piece_size(piece) - range.begin;
                prop_assert_eq!(whole.length, rest.min(BLOCK_LENGTH));
                prop_assert_eq!(it.unpadded(whole), range);
                let spans: Vec<_> = it.spans(piece, range.begin, range.length).collect();
                prop_assert!(spans.last().unwrap().file.is_some(), "padding at the end");
                if it.version() != Version::V1 {
                    prop_assert!(spans.iter().all(|span| span.file.is_some()));
                }
                let payload = spans.iter().filter(|it| it.file.is_some());
                in_piece += payload.map(|it| it.length).sum::<u32>();
            }
            prop_assert_eq!(in_piece, it.payload_bytes(piece));
            payload += u64::from(in_piece);
        }
        prop_assert_eq!(payload, it.content_length());
    }

    #[test]
    fn v2_pieces_are_the_leaves_of_their_files(it in layouts()) {
        for piece in (0..it.pieces()).map(PieceIndex) {
            let Some(found) = it.v2_piece(piece) else {
                prop_assert!(it.version() == Version::V1 || it.payload_bytes(piece) == 0);
                continue;
            };
            let pieces = it.file_pieces(found.file);
            prop_assert_eq!(pieces.start + found.index_in_file, piece.0);
            prop_assert_eq!(found.length, it.payload_bytes(piece));
            prop_assert!(found.blocks <= found.leaves && found.leaves.is_power_of_two());
            prop_assert_eq!(found.whole_file, pieces.len() == 1);
        }
    }

    #[test]
    fn any_range_is_survived(it in layouts(), piece: u32, begin: u32, length: u32) {
        let piece = PieceIndex(piece % (it.pieces() + 2));
        let covered: u64 = it.spans(piece, begin, length).map(|it| u64::from(it.length)).sum();
        let size = it.piece_size(piece);
        prop_assert_eq!(covered, u64::from(length.min(size.saturating_sub(begin))));
    }
}
