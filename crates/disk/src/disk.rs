use std::sync::Arc;

use cache::{Done, Op};
use stdx::{BlockRange, Buf, Pool, TorrentId};

use crate::Storage;

/// How many threads a [`Disk`] has; zero means by the number of processors.
#[derive(Clone, Debug, Default)]
pub struct DiskConfig {
    /// Threads that read, write and sync.
    pub io_threads: usize,
    /// Threads that hash.
    pub hash_threads: usize,
}

/// Called once with what was read: `None` for each range that could not be.
pub type ReadReply = Box<dyn FnOnce(Vec<(BlockRange, Option<Buf>)>) + Send>;

/// The threads that do what the cache and the uploads ask.
#[derive(Debug)]
pub struct Disk {}

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
        let _ = (config, pool, done);
        Ok(Self {})
    }

    /// Takes in a torrent's files.
    pub fn attach(&self, torrent: TorrentId, storage: Arc<Storage>) {
        let _ = (torrent, storage);
    }

    /// Lets go of a torrent's files once its operations have ended; later ones fail.
    pub fn detach(&self, torrent: TorrentId) {
        let _ = torrent;
    }

    /// Runs an operation; never blocks. How many there are at a time is bounded by the cache.
    pub fn submit(&self, op: Op) {
        let _ = op;
    }

    /// Reads blocks for an upload; neighbours are read together. Never blocks; when too much is
    /// waiting already, the reply says `None` at once.
    pub fn read(&self, torrent: TorrentId, ranges: Vec<BlockRange>, reply: ReadReply) {
        let _ = (torrent, ranges, reply);
    }

    /// Ends what was submitted, then the threads.
    pub fn shutdown(self) {}
}
