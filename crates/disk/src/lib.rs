//! Files, hashing threads and the resume store: the driver that does what the cache decides.
//!
//! - [`Storage`]: the files of one torrent, by piece and offset.
//! - [`Disk`]: the threads that run [`cache::Op`]s and reads for uploads.
//! - [`check`]: verifies pieces with all cores.
//! - [`create`]: walks and hashes what is to be shared.
//! - [`NodeStore`]: what a node of the distributed hash table keeps.
//! - [`Resume`]: what survives the process: one transactional store per download.
//! - [`Catalogue`]: the same for a folder of torrents that are seeded: one store for all.

mod catalogue;
mod check;
mod create;
mod database;
mod disk;
mod error;
mod lock;
mod nodes;
mod resume;
mod spindle;
mod storage;
mod sweep;

// The public interface is:
pub use catalogue::{Catalogue, Seal};
pub use check::{CheckReport, Extent, FileIssue, Judge, Which, check, layers_wanted};
pub use create::{CreateError, Created, create, create_several};
pub use database::Opened;
pub use disk::{Disk, DiskConfig, READS_MAX, ReadReply};
pub use error::Error;
pub use nodes::{NodeStore, SavedNodes};
pub use resume::{FileStat, Found, Record, Resume, Source, Totals, remove_stale};
pub use storage::{Change, Fingerprint, Look, Rechecked, Roots, Storage, StorageOptions};

#[cfg(test)]
mod tests;
