//! Hashing many pieces from the disk on all cores: what checking and creating have in common.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use cache::{PieceDigests, PieceHasher};
use rustix::fs::Advice;
use stdx::PieceIndex;

use crate::{Error, Storage};

/// Bytes read at a time, one buffer of this for each thread; small pieces are taken in runs of
/// this size, so that each thread reads along one stretch of the disk.
pub(crate) const CHUNK: usize = 1 << 20;
/// Results on their way to the calling thread.
const RESULTS_MAX: usize = 256;

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
    let run = (CHUNK / storage.content().piece_length().max(1) as usize).max(1);
    let next = AtomicUsize::new(0);
    let cancelled = AtomicBool::new(false);
    let (results, received) = sync_channel(RESULTS_MAX);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(pieces.len().div_ceil(run)) {
            let results = results.clone();
            let (next, cancelled) = (&next, &cancelled);
            scope.spawn(move || work(storage, pieces, run, next, cancelled, &results));
        }
        drop(results);
        for swept in received {
            if !cancelled.load(Ordering::Relaxed) && each(swept).is_break() {
                // The workers stop at their next piece; what they still send is passed over.
                cancelled.store(true, Ordering::Relaxed);
            }
        }
    });
    if cancelled.into_inner() { Err(Error::Cancelled) } else { Ok(()) }
}

/// How many threads hash at once by default.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn work(
    storage: &Storage,
    pieces: &[PieceIndex],
    run: usize,
    next: &AtomicUsize,
    cancelled: &AtomicBool,
    results: &SyncSender<Swept>,
) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let from = next.fetch_add(run, Ordering::Relaxed);
        let Some(run) = pieces.get(from..pieces.len().min(from + run)) else {
            return;
        };
        if run.is_empty() {
            return;
        }
        for &piece in run {
            storage.read_ahead(piece);
        }
        for &piece in run {
            if cancelled.load(Ordering::Relaxed) {
                return;
            }
            let digests = hash_piece(storage, piece, &mut buffer);
            if results.send(Swept { piece, digests }).is_err() {
                return;
            }
        }
    }
}

/// Reads a whole piece and hashes it.
pub(crate) fn hash_piece(
    storage: &Storage,
    piece: PieceIndex,
    buffer: &mut [u8],
) -> Result<PieceDigests, Error> {
    let mut hasher = PieceHasher::new(storage.content(), piece);
    let size = storage.content().piece_size(piece);
    let mut at = 0;
    while at < size {
        let now = (size - at).min(buffer.len() as u32);
        let chunk = &mut buffer[..now as usize];
        storage.read(piece, at, &mut [&mut *chunk])?;
        hasher.update(chunk);
        at += now;
    }
    Ok(hasher.finish())
}

impl Storage {
    /// Has the system start reading a piece. Only advice: failures do not matter.
    fn read_ahead(&self, piece: PieceIndex) {
        let size = self.content().piece_size(piece);
        for span in self.content().spans(piece, 0, size) {
            if let Some(handle) = span.file.and_then(|file| self.open_to_read(file).ok()) {
                let length = NonZeroU64::new(u64::from(span.length));
                let _ = rustix::fs::fadvise(&*handle, span.offset, length, Advice::WillNeed);
            }
        }
    }
}
