//! Block cache: what is buffered, hashed, written and durable. A pure core: disk operations come
//! out of [`Cache::poll_op`] and go back in through [`Cache::handle_done`].
//!
//! Blocks arrive in any order and are hashed while hot: SHA-1 along the contiguous prefix of the
//! piece, SHA-256 leaves of v2-only torrents in any order (a hybrid's leaves go along with its
//! SHA-1, so that each byte is read once). When every block is hashed the owner hears
//! [`Event::Hashed`] and answers with [`Cache::verdict`]; a good piece goes out in one vectored
//! write, a bad one is dropped unwritten, but for the digests of its blocks ([`Event::Blocks`]):
//! they tell later who sent the wrong ones, and cost nothing as long as pieces are good. About
//! once a second what was written is synced and recorded; only then is it [`Event::Durable`].
//!
//! # Invariants
//! 1. At most one operation of a piece is in flight, of whatever kind. So a read sees every write
//!    before it, and two writes of one place never race.
//! 2. A piece is `Written` only after its bytes were hashed, judged good and written; `Durable`
//!    only after a sync that started after that write ended.
//! 3. Bytes count against the budget from `store` until no buffer or operation holds them.
//! 4. Every held buffer can be dropped: pieces that rest (incomplete, or waiting for a verdict)
//!    are spilled, least recently touched first, when they hold more than [`Config::spill_above`];
//!    all others are on their way out. So back-pressure always clears.
//! 5. A spilled piece is hashed from the disk once it is complete: what counts is what is there.
//! 6. A fence ([`Cache::flush`]) pushes out what it waits for: complete pieces run their course,
//!    the rest is spilled, then one sync records all.
//! 7. Nothing overtakes a fence: blocks stored while it waits stay in a backlog until it is over.
//! 8. A piece that is held is never written again.
//! 9. After a failure nothing is claimed: the pieces concerned are [`Event::Forgotten`]. A failed
//!    sync takes with it everything written since the last good one, because the system reports a
//!    lost page once and then calls it clean.

mod cache;
mod config;
mod content;
mod event;
mod fuzzing;
mod hashing;
mod op;
mod piece;
mod torrent;

// The public interface is:
pub use cache::Cache;
pub use config::{Config, DEFAULT_BACKLOG, DEFAULT_BUDGET, HASH_BATCH, SYNC_INTERVAL};
pub use content::Content;
pub use event::Event;
pub use fuzzing::fuzz_operations;
pub use hashing::{BlocksJob, HashBlock, HashJob, HashState, Hashed, PieceDigests, hash_blocks};
pub use op::{Done, Fault, FaultKind, Op, OpId, Outcome, Part, SyncJob, Work, WriteJob};

#[cfg(test)]
mod tests;
