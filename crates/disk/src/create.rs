use std::path::PathBuf;

use crate::Error;

/// How far a creation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes hashed.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Why nothing was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A file could not be read.
    #[error(transparent)]
    Disk(#[from] Error),
    /// What was found cannot be made a torrent of.
    #[error(transparent)]
    Plan(#[from] metainfo::Error),
    /// A file changed while it was hashed.
    #[error("{0:?} changed while it was read; try again when nothing writes to it")]
    Changed(PathBuf),
}

/// Placeholder until the plan's types are in.
pub fn create() -> Result<(), CreateError> {
    Ok(())
}
