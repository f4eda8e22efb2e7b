use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use cache::{Done, Fault, FaultKind, HashJob, Op, OpId, Outcome, Work, WriteJob, hash_blocks};
use stdx::{BLOCK_LENGTH, BlockRange, Buf, FileIndex, PieceIndex, Pool, TorrentId};

use crate::spindle::Spindle;
use crate::sweep::{CHUNK, cores, hash_piece};
use crate::{Error, Storage};

use queue::{Queue, Together};
use turns::Turns;

mod queue;
mod turns;

/// Read requests that wait at most; more are turned down.
pub const READS_MAX: usize = 4_096;
/// Threads of one kind at most by default: more only contend.
const THREADS_MAX: usize = 8;

/// How many threads a [`Disk`] has; zero means by the number of processors.
#[derive(Clone, Debug, Default)]
pub struct DiskConfig {
    /// Threads that read, write and sync; by default at least two, so that a sync does not hold
    /// up all else.
    pub io_threads: usize,
    /// Threads that hash.
    pub hash_threads: usize,
}

/// How long the blocks of one piece wait for those of others to be hashed together with.
const PATIENCE: Duration = Duration::from_millis(5);

/// Called once with what was read: `None` for each range that could not be.
pub type ReadReply = Box<dyn FnOnce(Vec<(BlockRange, Option<Buf>)>) + Send>;

/// The threads that do what the cache and the uploads ask. Ends what was submitted when dropped.
pub struct Disk {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    io: Queue<Job>,
    hash: Queue<Job>,
    turns: Turns<Place, Position, Pending>,
    /// Reads that wait.
    reads: AtomicUsize,
    pool: Pool,
    storages: RwLock<BTreeMap<TorrentId, Arc<Storage>>>,
    done: Box<dyn Fn(Done) + Send + Sync>,
}

/// Where one thread at a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The torrent and, of its files, the one in which a write begins.
    File(TorrentId, Option<FileIndex>),
    /// All that reads and writes there.
    Spindle(Spindle),
}

/// About where on a turning disk; elsewhere it does not matter.
type Position = Option<(TorrentId, PieceIndex, u32)>;

enum Pending {
    Write(OpId, TorrentId, Arc<Storage>, WriteJob),
    Read(Arc<Storage>, Vec<BlockRange>, ReadReply),
}

enum Job {
    /// `None`: the torrent is not here.
    Op(Op, Option<Arc<Storage>>),
    Read(TorrentId, Arc<Storage>, Vec<BlockRange>, ReadReply),
}

impl Disk {
    /// Starts the threads. `done` is called on them, once for each operation; it must not block.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(
        config: &DiskConfig,
        pool: Pool,
        done: impl Fn(Done) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let or = |chosen: usize, default| if chosen > 0 { chosen } else { default };
        let io = or(config.io_threads, cores().clamp(2, THREADS_MAX));
        let hash = or(config.hash_threads, cores().min(THREADS_MAX));
        let shared = Arc::new(Shared {
            io: Queue::new(),
            hash: Queue::new(),
            turns: Turns::new(),
            reads: AtomicUsize::new(0),
            pool,
            storages: RwLock::new(BTreeMap::new()),
            done: Box::new(done),
        });
        let mut disk = Self { shared, threads: Vec::with_capacity(io + hash) };
        for thread in 0..io {
            disk.spawn(format!("disk-{thread}"), |shared| shared.serve(&shared.io))?;
        }
        for thread in 0..hash {
            disk.spawn(format!("hash-{thread}"), |shared| {
                shared.serve(&shared.hash);
            })?;
        }
        Ok(disk)
    }

    fn spawn(&mut self, name: String, run: fn(&Shared)) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(name).spawn(move || run(&shared))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Takes in a torrent's files.
    pub fn attach(&self, torrent: TorrentId, storage: Arc<Storage>) {
        let mut storages = self.shared.storages.write().unwrap_or_else(PoisonError::into_inner);
        storages.insert(torrent, storage);
    }

    /// Lets go of a torrent's files. Operations submitted before still run; later ones fail.
    pub fn detach(&self, torrent: TorrentId) {
        let mut storages = self.shared.storages.write().unwrap_or_else(PoisonError::into_inner);
        storages.remove(&torrent);
    }

    /// Runs an operation; never blocks. How many there are at a time is bounded by the cache.
    pub fn submit(&self, op: Op) {
        let storage = self.storage(op.torrent);
        let queue = match op.work {
            Work::Hash(_) | Work::ReadHash(_) | Work::HashBlocks(_) | Work::ReadBlocks(_) => {
                &self.shared.hash
            }
            Work::Write(_) | Work::Sync(_) => &self.shared.io,
        };
        queue.push(Job::Op(op, storage));
    }

    /// Reads blocks for an upload; neighbours are read together. Never blocks; when too much is
    /// waiting already, or the torrent is not here, the reply is `None` for each, at once.
    pub fn read(&self, torrent: TorrentId, ranges: Vec<BlockRange>, reply: ReadReply) {
        match self.storage(torrent) {
            Some(storage) if self.shared.reads.load(Relaxed) < READS_MAX => {
                self.shared.reads.fetch_add(1, Relaxed);
                self.shared.io.push(Job::Read(torrent, storage, ranges, reply));
            }
            _ => reply(ranges.into_iter().map(|range| (range, None)).collect()),
        }
    }

    /// Ends what was submitted, then the threads.
    pub fn shutdown(self) {
        drop(self);
    }

    fn storage(&self, torrent: TorrentId) -> Option<Arc<Storage>> {
        let storages = self.shared.storages.read().unwrap_or_else(PoisonError::into_inner);
        storages.get(&torrent).cloned()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.io.close();
        self.shared.hash.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disk({} threads)", self.threads.len())
    }
}

impl Shared {
    fn serve(&self, queue: &Queue<Job>) {
        let mut buffer = Vec::new();
        let together = Together { such: is_one_stream, best: hash::lanes(), patience: PATIENCE };
        loop {
            let jobs = queue.pop(&together);
            if jobs.is_empty() {
                return;
            }
            let (mut ids, mut hash_jobs) = (Vec::new(), Vec::new());
            for job in jobs {
                match job {
                    Job::Op(Op { id, work: Work::Hash(job), .. }, _) => {
                        ids.push(id);
                        hash_jobs.push(job);
                    }
                    Job::Op(Op { id, torrent, work: Work::Write(job) }, Some(storage)) => {
                        self.write(id, torrent, storage, job);
                    }
                    Job::Op(op, storage) => self.run(op, storage.as_deref(), &mut buffer),
                    Job::Read(torrent, storage, ranges, reply) => {
                        self.read(torrent, storage, ranges, reply);
                    }
                }
            }
            self.hash(&ids, hash_jobs);
        }
    }

    fn run(&self, op: Op, storage: Option<&Storage>, buffer: &mut Vec<u8>) {
        // An operation without an answer would hold up its piece for ever.
        let run = AssertUnwindSafe(|| run(op.work, storage, buffer));
        let outcome = catch_unwind(run).unwrap_or_else(|_| broken());
        (self.done)(Done { id: op.id, outcome });
    }

    fn write(&self, id: OpId, torrent: TorrentId, storage: Arc<Storage>, job: WriteJob) {
        let begin = job.parts.first().map_or(0, |part| part.begin);
        let (place, at) = if let Some(spindle) = storage.spindle() {
            (Place::Spindle(spindle), Some((torrent, job.piece, begin)))
        } else {
            let mut spans = storage.content().spans(job.piece, begin, 1);
            (Place::File(torrent, spans.find_map(|span| span.file)), None)
        };
        self.turns.run(place, at, Pending::Write(id, torrent, storage, job), |it| self.act(it));
    }

    fn read(
        &self,
        torrent: TorrentId,
        storage: Arc<Storage>,
        ranges: Vec<BlockRange>,
        reply: ReadReply,
    ) {
        let at = ranges.first().map(|range| (torrent, range.piece, range.begin));
        let spindle = storage.spindle();
        let pending = Pending::Read(storage, ranges, reply);
        match spindle {
            Some(spindle) => {
                self.turns.run(Place::Spindle(spindle), at, pending, |it| self.act(it));
            }
            None => self.act(pending),
        }
    }

    fn act(&self, pending: Pending) {
        match pending {
            Pending::Write(id, torrent, storage, job) => {
                let op = Op { id, torrent, work: Work::Write(job) };
                self.run(op, Some(&storage), &mut Vec::new());
            }
            Pending::Read(storage, ranges, reply) => {
                reply(self.read_all(&storage, &ranges));
                self.reads.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Hashes blocks of several pieces together.
    fn hash(&self, ids: &[OpId], jobs: Vec<HashJob>) {
        let run = AssertUnwindSafe(|| HashJob::run_all(jobs));
        let outcomes: Vec<Outcome> = match catch_unwind(run) {
            Ok(hashed) => hashed.into_iter().map(Outcome::Hashed).collect(),
            Err(_) => ids.iter().map(|_| broken()).collect(),
        };
        for (&id, outcome) in ids.iter().zip(outcomes) {
            (self.done)(Done { id, outcome });
        }
    }

    fn read_all(&self, storage: &Storage, ranges: &[BlockRange]) -> Vec<(BlockRange, Option<Buf>)> {
        let mut out = Vec::with_capacity(ranges.len());
        let next_to = |a: &BlockRange, b: &BlockRange| {
            a.piece == b.piece && a.begin.checked_add(a.length) == Some(b.begin)
        };
        for run in ranges.chunk_by(next_to) {
            let valid = run.iter().all(|&range| storage.content().is_valid_request(range));
            let read = if valid { self.read_run(storage, run) } else { None };
            match read {
                Some(bufs) => out.extend(run.iter().copied().zip(bufs.into_iter().map(Some))),
                None => out.extend(run.iter().map(|&range| (range, None))),
            }
        }
        out
    }

    fn read_run(&self, storage: &Storage, run: &[BlockRange]) -> Option<Vec<Buf>> {
        let buffer = |range: &BlockRange| {
            if range.length > BLOCK_LENGTH {
                return Buf::copy_of(&vec![0; range.length as usize]);
            }
            let mut buf = self.pool.take();
            buf.advance(range.length as usize);
            buf
        };
        let mut bufs: Vec<Buf> = run.iter().map(buffer).collect();
        let mut slices: Vec<&mut [u8]> = bufs.iter_mut().map(|buf| &mut buf[..]).collect();
        let (first, length) = (run[0], run.iter().map(|range| range.length).sum());
        match storage.read(first.piece, first.begin, &mut slices) {
            // Looked at after the bytes: whoever wrote before they were read shows by now.
            Ok(()) => storage.may_serve(first.piece, first.begin, length).then_some(bufs),
            Err(error) => {
                storage.suspect(first.piece, &error);
                None
            }
        }
    }
}

fn is_one_stream(job: &Job) -> bool {
    matches!(job, Job::Op(Op { work: Work::Hash(job), .. }, _) if job.is_one_stream())
}

fn run(work: Work, storage: Option<&Storage>, buffer: &mut Vec<u8>) -> Outcome {
    let Some(storage) = storage else {
        let message = "the torrent's files are closed".to_owned();
        return Outcome::Failed(Fault { kind: FaultKind::Io, message });
    };
    let result = match work {
        Work::Hash(job) => return Outcome::Hashed(job.run()),
        Work::Write(job) => storage.write(job.piece, &job.parts).map(|()| Outcome::Written),
        Work::ReadHash(piece) => {
            buffer.resize(CHUNK, 0);
            hash_piece(storage, piece, buffer).map(Outcome::Read)
        }
        Work::HashBlocks(job) => return Outcome::Blocks(job.run()),
        Work::ReadBlocks(piece) => {
            let read = |begin, bytes: &mut [u8]| storage.read(piece, begin, &mut [bytes]);
            hash_blocks(storage.content(), piece, read).map(Outcome::Blocks)
        }
        Work::Sync(job) => storage.commit(&job).map(|()| Outcome::Synced),
    };
    result.unwrap_or_else(|error: Error| Outcome::Failed(Fault::from(&error)))
}

fn broken() -> Outcome {
    let message = "internal error in a disk thread; see the log".to_owned();
    Outcome::Failed(Fault { kind: FaultKind::Io, message })
}
