//! Hashing many pieces from the disk on all cores: what checking and creating have in common.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache::PieceDigests;
use metainfo::{Layout, PieceHasher};
use stdx::{BLOCK_LENGTH, PieceIndex};

use crate::storage::Reader;
use crate::{Error, Storage};

/// Bytes read at a time, one buffer of this for each thread, which the pieces that it hashes at
/// once share; small pieces are taken in runs of this size, so that each thread reads along one
/// stretch of the disk.
pub(crate) const CHUNK: usize = 1 << 20;
/// Bytes of a piece that the system is asked for before they are read: pieces are read in turns,
/// and a disk had better not seek at every turn.
const AHEAD: u32 = 4 << 20;
/// Results on their way to the calling thread.
const RESULTS_MAX: usize = 256;

/// What the threads of a sweep share.
#[derive(Default)]
struct Course {
    /// The place in the list of pieces that none has taken yet.
    next: AtomicUsize,
    cancelled: AtomicBool,
    /// Of a turning disk one thread reads while the others hash.
    heads: Option<Mutex<()>>,
}

impl Course {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn take_heads(&self) -> Option<MutexGuard<'_, ()>> {
        self.heads.as_ref().map(|heads| heads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One piece's result.
pub(crate) struct Swept {
    pub(crate) piece: PieceIndex,
    pub(crate) digests: Result<PieceDigests, Error>,
}

/// Hashes `pieces` on `threads` threads (zero: all cores). `each` hears every result on the
/// calling thread, in any order, and may break off.
pub(crate) fn sweep(
    storage: &Storage,
    pieces: &[PieceIndex],
    threads: usize,
    each: &mut dyn FnMut(Swept) -> ControlFlow<()>,
) -> Result<(), Error> {
    let threads = if threads == 0 { cores() } else { threads };
    let together = together(storage.content(), pieces.len().div_ceil(threads));
    let run = CHUNK / storage.content().piece_length().max(1) as usize;
    let run = run.max(1).next_multiple_of(together);
    let course = Course { heads: storage.spindle().map(|_| Mutex::new(())), ..Course::default() };
    let (results, received) = sync_channel(RESULTS_MAX);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(pieces.len().div_ceil(run)) {
            let results = results.clone();
            let (course, sizes) = (&course, (run, together));
            scope.spawn(move || work(storage, pieces, sizes, course, &results));
        }
        drop(results);
        for swept in received {
            if !course.is_cancelled() && each(swept).is_break() {
                // The workers stop at their next piece; what they still send is passed over.
                course.cancelled.store(true, Ordering::Relaxed);
            }
        }
    });
    if course.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

/// How many threads hash at once by default.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Does something with each of `items`, on all cores where there are more than `least`, so many at
/// a time; the results are in order.
pub(crate) fn on_all_cores<T: Sync, R: Send>(
    items: &[T],
    least: usize,
    each: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    if items.len() <= least {
        return items.iter().map(each).collect();
    }
    let (each, next) = (&each, &AtomicUsize::new(0));
    let work = move || {
        let taken = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let parts = taken.map_while(|part| Some((part, items.chunks(least).nth(part)?)));
        let done = parts.map(|(part, items)| (part, items.iter().map(each).collect::<Vec<R>>()));
        done.collect::<Vec<_>>()
    };
    let mut parts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(work)).collect();
        let parts = threads.into_iter().flat_map(|it| it.join().expect("nothing panics"));
        parts.collect::<Vec<_>>()
    });
    parts.sort_unstable_by_key(|(part, _)| *part);
    parts.into_iter().flat_map(|(_, results)| results).collect()
}

fn work(
    storage: &Storage,
    pieces: &[PieceIndex],
    (run, together): (usize, usize),
    course: &Course,
    results: &SyncSender<Swept>,
) {
    let (mut reader, mut buffer) = (Reader::new(storage), vec![0; CHUNK]);
    loop {
        let from = course.next.fetch_add(run, Ordering::Relaxed);
        let Some(run) = pieces.get(from..pieces.len().min(from + run)) else {
            return;
        };
        if run.is_empty() {
            return;
        }
        reader.read_ahead(run, 0, AHEAD);
        for pieces in run.chunks(together) {
            if course.is_cancelled() {
                return;
            }
            let digests = hash_pieces(&mut reader, pieces, &mut buffer, course);
            for (&piece, digests) in pieces.iter().zip(digests) {
                if results.send(Swept { piece, digests }).is_err() {
                    return;
                }
            }
        }
    }
}

/// How many pieces a thread hashes at once: as many as keep it busy, unless others would lack them.
/// The blocks of one v2 piece are enough by themselves.
fn together(layout: &Layout, for_each_thread: usize) -> usize {
    let blocks = (layout.piece_length() / BLOCK_LENGTH) as usize;
    let alone = !layout.version().has_v1() && blocks >= hash::lanes();
    if alone { 1 } else { hash::lanes().min(for_each_thread).max(1) }
}

/// Reads a whole piece and hashes it.
pub(crate) fn hash_piece(
    storage: &Storage,
    piece: PieceIndex,
    buffer: &mut [u8],
) -> Result<PieceDigests, Error> {
    let reader = &mut Reader::new(storage);
    let digests = hash_pieces(reader, &[piece], buffer, &Course::default());
    digests.into_iter().next().expect("a result for each piece")
}

/// Reads whole pieces and hashes them at once; a result for each of them.
fn hash_pieces(
    reader: &mut Reader<'_>,
    pieces: &[PieceIndex],
    buffer: &mut [u8],
    course: &Course,
) -> Vec<Result<PieceDigests, Error>> {
    let layout = reader.storage().content();
    let longest = pieces.iter().map(|&piece| layout.piece_size(piece)).max().unwrap_or(0);
    // A power of two: the steps end where blocks do.
    let step = 1 << (buffer.len() / pieces.len().max(1)).ilog2();
    let mut hashers: Vec<Result<PieceHasher, Error>> =
        pieces.iter().map(|&piece| Ok(PieceHasher::new(layout, piece))).collect();
    for at in (0..longest).step_by(step) {
        let mut read = Vec::with_capacity(pieces.len());
        let chunks = buffer.chunks_mut(step);
        let turn = course.take_heads();
        for ((&piece, hasher), chunk) in pieces.iter().zip(&mut hashers).zip(chunks) {
            if course.is_cancelled() {
                *hasher = Err(Error::Cancelled);
            }
            let left = layout.piece_size(piece).saturating_sub(at) as usize;
            let chunk = &mut chunk[..left.min(step)];
            if hasher.is_err() || chunk.is_empty() {
                continue;
            }
            if at.is_multiple_of(AHEAD) {
                reader.read_ahead(&[piece], at + AHEAD, AHEAD);
            }
            match (reader.read(piece, at, &mut [&mut *chunk]), hasher) {
                (Ok(()), Ok(hasher)) => read.push((hasher, &*chunk)),
                (Err(error), hasher) => *hasher = Err(error),
                (Ok(()), Err(_)) => {}
            }
        }
        drop(turn);
        PieceHasher::update_many(&mut read);
    }
    hashers.into_iter().map(|hasher| Ok(hasher?.finish().into())).collect()
}
