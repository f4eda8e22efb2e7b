use std::sync::Arc;

use cache::{Part, SyncJob};
use stdx::{BLOCK_LENGTH, Buf, PieceIndex, Rng};

use super::Store;
use crate::Source;

const PIECE: u32 = 2 * BLOCK_LENGTH;
const FIRST: PieceIndex = PieceIndex(0);

fn store() -> (Store, Arc<Source>) {
    let source = Arc::new(Source::single(100_000, PIECE, 1));
    (Store::empty(Arc::clone(&source)), source)
}

fn part(begin: u32, bytes: &[u8]) -> Part {
    Part { begin, data: Arc::new(Buf::copy_of(bytes)) }
}

fn write_right(store: &mut Store, source: &Source, piece: PieceIndex) {
    store.write(piece, &part(0, source.read(piece, 0, PIECE)));
}

#[test]
fn what_was_written_is_read() {
    let (mut store, source) = store();
    assert_eq!(store.read(FIRST, 0, 10), Some(vec![0; 10]));
    assert_eq!(store.read(FIRST, PIECE - 1, 2), None);
    write_right(&mut store, &source, FIRST);
    let across = BLOCK_LENGTH - 5;
    assert_eq!(store.read(FIRST, across, 10).unwrap(), source.read(FIRST, across, 10));
    store.write(FIRST, &part(across, b"0123456789"));
    assert_eq!(store.read(FIRST, across, 10).unwrap(), b"0123456789");
    assert!(!store.holds(FIRST));
}

#[test]
fn a_piece_is_held_once_all_its_content_is_right() {
    let (mut store, source) = store();
    for piece in (0..4).map(PieceIndex) {
        assert!(!store.holds(piece));
        write_right(&mut store, &source, piece);
        assert!(store.holds(piece));
    }
    assert!(store.is_whole());
    assert!(Store::full(source).is_whole());
}

#[test]
fn a_power_cut_spares_only_what_was_synced() {
    let job = |piece| SyncJob { pieces: vec![piece], ..SyncJob::default() };
    let mut lost = 0;
    for seed in 0..50 {
        let (mut store, source) = store();
        write_right(&mut store, &source, FIRST);
        let mark = store.sync_mark();
        write_right(&mut store, &source, PieceIndex(1));
        store.synced(mark, &job(FIRST));
        store.power_cut(&mut Rng::new(seed));
        assert!(store.holds(FIRST));
        assert!(store.record().have.get(0));
        lost += u32::from(!store.holds(PieceIndex(1)));
    }
    assert!(lost > 25, "{lost} of 50");
}
