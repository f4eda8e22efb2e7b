//! Single behaviours here; random ones against a model disk in `random`.

use std::sync::Arc;

use metainfo::{FileEntry, Item, Layout, Version};
use stdx::{BLOCK_LENGTH, Bitfield, BlockIndex, Buf, Duration, Instant, PieceIndex, TorrentId};

use crate::{Cache, Config, Done, Event, Fault, FaultKind, Op, Outcome, PieceDigests, Work};

mod hashing;
mod random;

const TORRENT: TorrentId = TorrentId(3);
const BLOCK: u64 = BLOCK_LENGTH as u64;

fn file(name: &str, length: u64) -> Item {
    let root = Some(hash::sha256(name.as_bytes()));
    Item::File(FileEntry { path: name.into(), length, root, ..FileEntry::default() })
}

fn layout(version: Version, piece_blocks: u64, items: impl IntoIterator<Item = Item>) -> Layout {
    Layout::new(version, piece_blocks * BLOCK, items).unwrap()
}

/// A v1 torrent of `pieces` pieces of four blocks.
fn cache(pieces: u64, config: Config) -> (Cache, Arc<Layout>) {
    let layout = Arc::new(layout(Version::V1, 4, [file("a", pieces * 4 * BLOCK)]));
    let mut cache = Cache::new(config);
    cache.add_torrent(TORRENT, Arc::clone(&layout), Bitfield::new(layout.pieces()));
    (cache, layout)
}

fn store(cache: &mut Cache, layout: &Layout, piece: u32, block: u32) {
    let range = layout.request(PieceIndex(piece), BlockIndex(block)).unwrap();
    let data = Buf::copy_of(&vec![piece as u8; range.length as usize]);
    cache.store(Instant::ZERO, TORRENT, range, data);
}

fn store_piece(cache: &mut Cache, layout: &Layout, piece: u32) {
    (0..4).for_each(|block| store(cache, layout, piece, block));
}

fn kind(op: &Op) -> &'static str {
    match &op.work {
        Work::Hash(_) => "hash",
        Work::Write(_) => "write",
        Work::ReadHash(_) => "read",
        Work::HashBlocks(_) => "hash blocks",
        Work::ReadBlocks(_) => "read blocks",
        Work::Sync(_) => "sync",
    }
}

/// Runs operations and judges pieces until nothing moves; what happened, in order.
fn settle(cache: &mut Cache, good: bool) -> Vec<String> {
    let mut log = Vec::new();
    loop {
        while let Some(event) = cache.poll_event() {
            log.push(describe(&event));
            if let Event::Hashed { torrent, piece, .. } = event {
                cache.verdict(Instant::ZERO, torrent, piece, good);
            }
        }
        let Some(op) = cache.poll_op() else {
            return log;
        };
        log.push(kind(&op).to_owned());
        let done = answer(op);
        cache.handle_done(Instant::ZERO, done);
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Hashed { piece, .. } => format!("hashed {piece}"),
        Event::Blocks { piece, digests, .. } => format!("{} blocks of {piece}", digests.len()),
        Event::Written { piece, .. } => format!("written {piece}"),
        Event::Durable { pieces, .. } => format!("durable {}", pieces.len()),
        Event::Flushed { .. } => "flushed".to_owned(),
        Event::Forgotten { piece, .. } => format!("forgotten {piece}"),
        Event::Failed { .. } => "failed".to_owned(),
    }
}

fn answer(op: Op) -> Done {
    let outcome = match op.work {
        Work::Hash(job) => Outcome::Hashed(job.run()),
        Work::Write(_) => Outcome::Written,
        Work::ReadHash(_) => Outcome::Read(PieceDigests::default()),
        Work::HashBlocks(job) => Outcome::Blocks(job.run()),
        Work::ReadBlocks(_) => Outcome::Blocks(Vec::new()),
        Work::Sync(_) => Outcome::Synced,
    };
    Done { id: op.id, outcome }
}

fn refuse(op: &Op) -> Done {
    let fault = Fault { kind: FaultKind::Full, message: "full".to_owned() };
    Done { id: op.id, outcome: Outcome::Failed(fault) }
}

#[test]
fn a_good_piece_is_hashed_written_and_made_durable_in_that_order() {
    let (mut cache, layout) = cache(2, Config::default());
    store_piece(&mut cache, &layout, 1);
    assert_eq!(settle(&mut cache, true), ["hash", "hashed 1", "write", "written 1"]);
    assert_eq!(cache.used(), 0);
    let due = cache.poll_timeout().unwrap();
    assert_eq!(due, Instant::ZERO + Duration::from_secs(1));
    cache.handle_timeout(due);
    assert_eq!(settle(&mut cache, true), ["sync", "durable 1"]);
    assert_eq!(cache.poll_timeout(), None);
    store_piece(&mut cache, &layout, 1);
    assert_eq!((cache.used(), settle(&mut cache, true).len()), (0, 0), "held: not taken again");
}

#[test]
fn a_bad_piece_is_dropped_unwritten_and_may_come_again() {
    let (mut cache, layout) = cache(1, Config::default());
    store_piece(&mut cache, &layout, 0);
    let steps = ["hash", "hashed 0", "hash blocks", "4 blocks of 0"];
    assert_eq!(settle(&mut cache, false), steps);
    assert_eq!(cache.used(), 0);
    store_piece(&mut cache, &layout, 0);
    assert_eq!(settle(&mut cache, true), ["hash", "hashed 0", "write", "written 0"]);
}

#[test]
fn blocks_not_cut_as_the_layout_says_are_dropped() {
    let (mut cache, layout) = cache(1, Config::default());
    let good = layout.request(PieceIndex(0), BlockIndex(1)).unwrap();
    let check = |cache: &mut Cache, range, length| {
        cache.store(Instant::ZERO, TORRENT, range, Buf::copy_of(&vec![0; length]));
        assert_eq!(cache.used(), 0);
    };
    check(&mut cache, stdx::BlockRange { begin: 5, ..good }, good.length as usize);
    check(&mut cache, stdx::BlockRange { piece: PieceIndex(9), ..good }, good.length as usize);
    check(&mut cache, stdx::BlockRange { length: 7, ..good }, 7);
    check(&mut cache, good, 7);
}

#[test]
fn a_long_piece_is_hashed_while_it_arrives() {
    let config = Config { hash_batch: 2 * BLOCK, ..Config::default() };
    let (mut cache, layout) = cache(1, config);
    store(&mut cache, &layout, 0, 1);
    assert!(cache.poll_op().is_none(), "SHA-1 needs the prefix");
    store(&mut cache, &layout, 0, 0);
    let op = cache.poll_op().unwrap();
    let Work::Hash(job) = &op.work else { panic!("{op:?}") };
    assert_eq!((job.blocks.len(), job.last), (2, false));
    store(&mut cache, &layout, 0, 2);
    store(&mut cache, &layout, 0, 3);
    assert!(cache.poll_op().is_none(), "one operation of a piece at a time");
    cache.handle_done(Instant::ZERO, answer(op));
    let op = cache.poll_op().unwrap();
    let Work::Hash(job) = &op.work else { panic!("{op:?}") };
    assert_eq!((job.blocks.len(), job.last), (2, true));
}

#[test]
fn part_pieces_beyond_the_budget_are_spilled_and_read_back() {
    let (mut cache, layout) = cache(8, Config::with_budget(8 * BLOCK));
    for piece in 0..7 {
        assert!(!cache.is_full());
        store(&mut cache, &layout, piece, 0);
    }
    assert_eq!(settle(&mut cache, true), ["write", "write", "write"]);
    assert_eq!(cache.used(), 4 * BLOCK, "the least recently touched went");
    (1..4).for_each(|block| store(&mut cache, &layout, 0, block));
    let log = settle(&mut cache, true);
    assert_eq!(log, ["write", "read", "hashed 0", "written 0"]);
}

#[test]
fn a_full_cache_says_so_until_an_eighth_is_free() {
    let (mut cache, layout) = cache(8, Config::with_budget(8 * BLOCK));
    for piece in 0..8 {
        store(&mut cache, &layout, piece, 0);
    }
    assert!(cache.is_full());
    let op = cache.poll_op().unwrap();
    assert!(cache.is_full(), "bytes in flight count");
    cache.handle_done(Instant::ZERO, answer(op));
    assert!(!cache.is_full());
}

#[test]
fn whole_pieces_that_wait_make_it_full_and_part_pieces_do_not() {
    let (mut cache, layout) = cache(8, Config { backlog: 0, ..Config::default() });
    for piece in 2..8 {
        store(&mut cache, &layout, piece, 0);
    }
    store_piece(&mut cache, &layout, 0);
    assert!(!cache.is_full(), "two of the largest may always wait");
    store_piece(&mut cache, &layout, 1);
    assert!(cache.is_full());
    let log = settle(&mut cache, true);
    assert_eq!(log.last().map(String::as_str), Some("written 1"), "{log:?}");
    assert!(!cache.is_full());
}

#[test]
fn a_piece_that_waits_for_its_verdict_can_be_spilled() {
    let (mut cache, layout) = cache(8, Config::with_budget(4 * BLOCK));
    store_piece(&mut cache, &layout, 0);
    let op = cache.poll_op().unwrap();
    cache.handle_done(Instant::ZERO, answer(op));
    assert!(cache.is_full());
    let op = cache.poll_op().unwrap();
    assert_eq!(kind(&op), "write");
    cache.verdict(Instant::ZERO, TORRENT, PieceIndex(0), true);
    cache.handle_done(Instant::ZERO, answer(op));
    assert_eq!(settle(&mut cache, true), ["hashed 0", "written 0"]);
    assert!(!cache.is_full());
}

#[test]
fn a_fence_writes_part_pieces_and_records_their_blocks() {
    let (mut cache, layout) = cache(4, Config::default());
    store_piece(&mut cache, &layout, 1);
    store(&mut cache, &layout, 2, 3);
    cache.flush(Instant::ZERO, TORRENT);
    store(&mut cache, &layout, 3, 0);
    let mut jobs = Vec::new();
    loop {
        while let Some(event) = cache.poll_event() {
            if let Event::Hashed { torrent, piece, .. } = event {
                cache.verdict(Instant::ZERO, torrent, piece, true);
            }
            if event == (Event::Flushed { torrent: TORRENT }) {
                assert_eq!(jobs.len(), 1);
            }
        }
        let Some(op) = cache.poll_op() else { break };
        if let Work::Write(job) = &op.work {
            assert_ne!(job.piece, PieceIndex(3), "what comes later waits");
        }
        if let Work::Sync(job) = &op.work {
            jobs.push(job.clone());
        }
        cache.handle_done(Instant::ZERO, answer(op));
    }
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    assert_eq!((&job.pieces[..], job.files.len()), (&[PieceIndex(1)][..], 1));
    let [(piece, blocks)] = &job.partial[..] else { panic!("{job:?}") };
    assert_eq!((*piece, blocks.iter_ones().collect::<Vec<_>>()), (PieceIndex(2), vec![3]));
    assert_eq!(cache.used(), BLOCK, "let in after the fence");
}

#[test]
fn a_fence_with_nothing_to_wait_for_ends_at_once() {
    let (mut cache, _) = cache(1, Config::default());
    cache.flush(Instant::ZERO, TORRENT);
    assert_eq!(settle(&mut cache, true), ["flushed"]);
}

#[test]
fn restored_blocks_are_read_back_with_the_rest() {
    let (mut cache, layout) = cache(1, Config::default());
    let mut blocks = Bitfield::new(4);
    blocks.set(1);
    blocks.set(2);
    cache.restore_partial(TORRENT, PieceIndex(0), &blocks);
    store(&mut cache, &layout, 0, 1);
    assert_eq!(cache.used(), 0, "there already");
    store(&mut cache, &layout, 0, 0);
    store(&mut cache, &layout, 0, 3);
    let log = settle(&mut cache, false);
    assert_eq!(log, ["write", "read", "hashed 0", "read blocks", "0 blocks of 0"]);
    cache.handle_timeout(cache.poll_timeout().unwrap());
    let op = cache.poll_op().unwrap();
    let Work::Sync(job) = &op.work else { panic!("{op:?}") };
    assert_eq!(job.forget, [PieceIndex(0)], "the bad blocks leave the record");
}

#[test]
fn a_failed_write_is_told_once_and_forgets_its_piece() {
    let (mut cache, layout) = cache(2, Config::default());
    let mut writes = Vec::new();
    for piece in 0..2 {
        store_piece(&mut cache, &layout, piece);
        let op = cache.poll_op().unwrap();
        cache.handle_done(Instant::ZERO, answer(op));
        cache.poll_event();
        cache.verdict(Instant::ZERO, TORRENT, PieceIndex(piece), true);
        writes.push(cache.poll_op().unwrap());
    }
    let mut log = Vec::new();
    for op in writes {
        assert_eq!(kind(&op), "write");
        cache.handle_done(Instant::ZERO, refuse(&op));
    }
    while let Some(event) = cache.poll_event() {
        log.push(describe(&event));
    }
    assert_eq!(log, ["failed", "forgotten 0", "forgotten 1"]);
    assert_eq!(cache.used(), 0);
}

#[test]
fn a_failed_sync_claims_nothing_and_ends_the_fence() {
    let (mut cache, layout) = cache(3, Config::default());
    store_piece(&mut cache, &layout, 0);
    store(&mut cache, &layout, 1, 0);
    settle(&mut cache, true);
    cache.flush(Instant::ZERO, TORRENT);
    let mut log = Vec::new();
    while let Some(op) = cache.poll_op() {
        let done = if kind(&op) == "sync" { refuse(&op) } else { answer(op) };
        cache.handle_done(Instant::ZERO, done);
        while let Some(event) = cache.poll_event() {
            log.push(describe(&event));
        }
    }
    assert_eq!(log, ["failed", "forgotten 0", "forgotten 1", "flushed"]);
    store_piece(&mut cache, &layout, 0);
    assert_eq!(settle(&mut cache, true), ["hash", "hashed 0", "write", "written 0"]);
}

#[test]
fn bytes_of_a_removed_torrent_count_until_its_operations_end() {
    let (mut cache, layout) = cache(2, Config::default());
    store_piece(&mut cache, &layout, 0);
    store_piece(&mut cache, &layout, 1);
    let op = cache.poll_op().unwrap();
    cache.remove_torrent(TORRENT);
    assert_eq!(cache.used(), 4 * BLOCK);
    assert!(cache.poll_op().is_none());
    cache.handle_done(Instant::ZERO, answer(op));
    assert_eq!(cache.used(), 0);
}

#[test]
fn a_piece_that_proves_wrong_later_is_read_again_and_leaves_the_record() {
    let (mut cache, layout) = cache(1, Config::default());
    store_piece(&mut cache, &layout, 0);
    settle(&mut cache, true);
    cache.recheck(Instant::ZERO, TORRENT, PieceIndex(0));
    let steps = ["read", "hashed 0", "read blocks", "0 blocks of 0"];
    assert_eq!(settle(&mut cache, false), steps);
    store_piece(&mut cache, &layout, 0);
    assert_eq!(settle(&mut cache, true), ["hash", "hashed 0", "write", "written 0"]);
}

#[test]
fn blocks_that_come_while_a_bad_piece_is_looked_at_wait_and_count() {
    let (mut cache, layout) = cache(1, Config::default());
    store_piece(&mut cache, &layout, 0);
    let op = cache.poll_op().unwrap();
    cache.handle_done(Instant::ZERO, answer(op));
    assert!(matches!(cache.poll_event(), Some(Event::Hashed { .. })));
    cache.verdict(Instant::ZERO, TORRENT, PieceIndex(0), false);
    let look = cache.poll_op().unwrap();
    assert_eq!((kind(&look), cache.used()), ("hash blocks", 4 * BLOCK));
    store_piece(&mut cache, &layout, 0);
    assert_eq!(cache.used(), 8 * BLOCK);
    assert!(cache.poll_op().is_none());
    cache.handle_done(Instant::ZERO, answer(look));
    let steps = ["4 blocks of 0", "hash", "hashed 0", "write", "written 0"];
    assert_eq!(settle(&mut cache, true), steps);
    assert_eq!(cache.used(), 0);
}
