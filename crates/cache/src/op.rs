use std::fmt;
use std::sync::Arc;

use hash::Sha256Digest;
use stdx::{Bitfield, Buf, FileIndex, PieceIndex, TorrentId};

use crate::{BlocksJob, HashJob, Hashed, PieceDigests};

/// Names an operation; ascends in the order they are issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// One piece of work for the disk. Operations may run in any order and at the same time; each is
/// answered by one [`Done`].
#[derive(Debug)]
pub struct Op {
    /// Its name, to be given back.
    pub id: OpId,
    /// Whose files.
    pub torrent: TorrentId,
    /// What to do.
    pub work: Work,
}

/// What to do.
#[derive(Debug)]
pub enum Work {
    /// Hash blocks in memory: [`HashJob::run`], answered by [`Outcome::Hashed`].
    Hash(HashJob),
    /// Write blocks to their places, answered by [`Outcome::Written`].
    Write(WriteJob),
    /// Read the whole piece back and hash it, answered by [`Outcome::Read`].
    ReadHash(PieceIndex),
    /// Hash the blocks of a bad piece one by one: [`BlocksJob::run`], answered by
    /// [`Outcome::Blocks`].
    HashBlocks(BlocksJob),
    /// Read a bad piece back and do the same: [`crate::hash_blocks`], answered by
    /// [`Outcome::Blocks`].
    ReadBlocks(PieceIndex),
    /// Make durable and record, answered by [`Outcome::Synced`].
    Sync(SyncJob),
}

/// Blocks of one piece to be written. Padding among them is not written.
#[derive(Debug)]
pub struct WriteJob {
    /// The piece.
    pub piece: PieceIndex,
    /// Ascending, without overlap.
    pub parts: Vec<Part>,
}

/// A run of bytes at its place in the piece.
#[derive(Clone, Debug)]
pub struct Part {
    /// Offset in the piece.
    pub begin: u32,
    /// The bytes.
    pub data: Arc<Buf>,
}

/// First make the files' contents durable, then record all the rest in one transaction: `forget`
/// first, `partial` next, `pieces` last. A piece that becomes held has no partial record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncJob {
    /// Files written to since the last sync, ascending.
    pub files: Vec<FileIndex>,
    /// Pieces that are held from now on.
    pub pieces: Vec<PieceIndex>,
    /// Pieces of which these blocks are on disk, unverified.
    pub partial: Vec<(PieceIndex, Bitfield)>,
    /// Pieces of which nothing is held any more.
    pub forget: Vec<PieceIndex>,
}

/// The answer to an [`Op`]. The buffers that the operation held are gone by now.
#[derive(Debug)]
pub struct Done {
    /// Which operation.
    pub id: OpId,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug)]
pub enum Outcome {
    /// Answers [`Work::Hash`].
    Hashed(Hashed),
    /// Answers [`Work::Write`].
    Written,
    /// Answers [`Work::ReadHash`].
    Read(PieceDigests),
    /// Answers [`Work::HashBlocks`] and [`Work::ReadBlocks`]: as in [`crate::Event::Blocks`].
    Blocks(Vec<Sha256Digest>),
    /// Answers [`Work::Sync`].
    Synced,
    /// Any operation but hashing may fail; how much of it was done is unknown.
    Failed(Fault),
}

/// Why the disk refused, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of trouble.
    pub kind: FaultKind,
    /// What, where, and what to do.
    pub message: String,
}

/// The kinds of trouble that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No space left, or a quota.
    Full,
    /// No permission, or a read-only file system.
    Denied,
    /// The files are not as they were left.
    Changed,
    /// Anything else.
    Io,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op {}", self.0)
    }
}
