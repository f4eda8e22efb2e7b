use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::SyncJob;
use metainfo::{InfoHashes, Layout};
use stdx::{Bitfield, PieceIndex};

use crate::{Error, Storage};

/// What one stat says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// Last change of the contents, in nanoseconds since 1970.
    pub mtime: i128,
}

/// What is needed to go on without the magnet's peers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Source {
    /// The `info` dictionary.
    pub info: Option<Arc<[u8]>>,
    /// Piece layers by root: the concatenated hashes.
    pub layers: Vec<([u8; 32], Vec<u8>)>,
    /// Tracker URLs in tiers.
    pub trackers: Vec<Vec<String>>,
    /// Web seeds.
    pub web_seeds: Vec<String>,
    /// The magnet link as given.
    pub magnet: Option<String>,
}

/// Bytes of payload over the download's whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// Received.
    pub downloaded: u64,
    /// Sent.
    pub uploaded: u64,
}

/// What the store says, before the files were looked at.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// See [`Source`].
    pub source: Source,
    /// Pieces recorded as held.
    pub pieces: Option<Bitfield>,
    /// Blocks on disk of pieces not held, unverified.
    pub partial: Vec<(PieceIndex, Bitfield)>,
    /// Wanted files by index, when not all are.
    pub wanted: Option<Vec<bool>>,
    /// See [`Totals`].
    pub totals: Totals,
}

/// How the store was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was none.
    New,
    /// From an earlier run.
    Existing,
    /// It could not be read; it was renamed to this, and all is to be checked.
    SetAside(PathBuf),
}

/// What a look at the files makes of the record.
#[derive(Clone, Debug)]
pub struct Found {
    /// Pieces that are held, trusted as they stand.
    pub have: Bitfield,
    /// Pieces to be checked before they are trusted: give to [`crate::check`], then add the good
    /// ones to `have` and call [`Resume::adopt`].
    pub doubtful: Bitfield,
    /// Blocks on disk, unverified, of pieces neither held nor doubtful.
    pub partial: Vec<(PieceIndex, Bitfield)>,
}

/// One download's store, locked while open.
#[derive(Debug)]
pub struct Resume {}

impl Resume {
    /// Opens or makes the store of the download of `hashes` to `output` (the canonical path of
    /// `DIR/NAME`, or of `DIR` while the name is not known) in `state_dir`.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be made.
    pub fn open(
        state_dir: &Path,
        hashes: &InfoHashes,
        output: &Path,
    ) -> Result<(Self, Opened), Error> {
        let _ = (state_dir, hashes, output);
        Ok((Self {}, Opened::New))
    }

    /// Reads what is recorded.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(&self) -> Result<Record, Error> {
        Ok(Record::default())
    }

    /// Compares the record with one stat per file.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn validate(&self, storage: &Storage) -> Result<Found, Error> {
        let layout: &Layout = storage.content();
        Ok(Found {
            have: Bitfield::new(layout.pieces()),
            doubtful: Bitfield::new(layout.pieces()),
            partial: Vec::new(),
        })
    }

    /// Records what a check established, in place of all before; the files are synced first, so
    /// that what is claimed is durable.
    ///
    /// # Errors
    /// When the files or the store cannot be synced.
    pub fn adopt(&self, storage: &Storage, have: &Bitfield) -> Result<(), Error> {
        let _ = (storage, have);
        Ok(())
    }

    /// Records the metadata and where it came from.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_source(&self, source: &Source) -> Result<(), Error> {
        let _ = source;
        Ok(())
    }

    /// Records which files are wanted.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_wanted(&self, wanted: &[bool]) -> Result<(), Error> {
        let _ = wanted;
        Ok(())
    }

    /// Records the totals.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_totals(&self, totals: Totals) -> Result<(), Error> {
        let _ = totals;
        Ok(())
    }

    /// Does a [`SyncJob`]: syncs the files, then commits.
    ///
    /// # Errors
    /// When either fails; then nothing new is recorded.
    pub fn commit(&self, storage: &Storage, job: &SyncJob) -> Result<(), Error> {
        let _ = (storage, job);
        Ok(())
    }

    /// A clean stop: records the files' stats, so that the next start trusts them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn close(&self, storage: &Storage) -> Result<(), Error> {
        let _ = storage;
        Ok(())
    }
}
