use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cache::SyncJob;
use hash::sha256;
use metainfo::InfoHashes;
use stdx::{Bitfield, FileIndex, PieceIndex};

use crate::database::{self, Opened};
use crate::lock::Lock;
use crate::{Error, Storage};

use tables::Tables;

mod checking;
mod parts;
mod record;
mod stale;
mod tables;
mod validate;

pub use record::{Record, Source, Totals};
pub use stale::remove_stale;
pub use validate::Found;

/// In a second.
const NANOSECONDS: u64 = 1_000_000_000;

/// What one stat says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// Last change of the contents, in nanoseconds since 1970.
    pub mtime: u64,
}

impl FileStat {
    pub(crate) fn of(meta: &Metadata) -> Self {
        // Time before 1970 counts as 1970: it only has to differ when the file was touched.
        let since = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self { size: meta.len(), mtime: since.map_or(0, |since| since.as_nanos() as u64) }
    }

    /// The same of what the system's own call says.
    pub(crate) fn of_raw(stat: &rustix::fs::Stat) -> Self {
        // A time too far ahead is cut off as above.
        let mtime = u64::try_from(stat.st_mtime).map_or(0, |seconds| {
            seconds.wrapping_mul(NANOSECONDS).wrapping_add(stat.st_mtime_nsec)
        });
        Self { size: stat.st_size as u64, mtime }
    }
}

/// One download's store: a transactional database, locked while open.
///
/// What it claims is on disk: a claim is committed only after the files it rests on were synced.
/// `clean` says that the last run ended with [`Resume::close`]; only then does a file whose stat
/// differs mean that somebody else changed it.
#[derive(Debug)]
pub struct Resume {
    path: PathBuf,
    db: redb::Database,
    _lock: Lock,
}

impl Resume {
    /// Opens or makes the store of the download of `hashes` into the folder `output`, in
    /// `state_dir`. The name is made of the v1 hash if there is one, so that a magnet link and the
    /// torrent find the same store.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be made.
    pub fn open(
        state_dir: &Path,
        hashes: &InfoHashes,
        output: &Path,
    ) -> Result<(Self, Opened), Error> {
        std::fs::create_dir_all(state_dir)
            .map_err(|error| Error::io("make the folder", state_dir, error))?;
        let stem = state_dir.join(name(hashes, output));
        let lock = Lock::take(&stem.with_extension("lock"))?;
        let path = stem.with_extension("redb");
        let (db, opened) = database::open(&path, make_tables)?;
        Ok((Self { path, db, _lock: lock }, opened))
    }

    /// A store on a model of a disk; the lock goes to `lock`.
    #[cfg(test)]
    pub(crate) fn on_backend(backend: impl redb::StorageBackend, lock: &Path) -> Option<Self> {
        let db = redb::Database::builder().create_with_backend(backend).ok()?;
        database::check_version(&db, make_tables).ok()?;
        Some(Self { path: lock.to_owned(), db, _lock: Lock::take(lock).ok()? })
    }

    /// Does a [`SyncJob`]: makes the files durable, then commits.
    ///
    /// # Errors
    /// When either fails; then nothing new is claimed.
    pub fn commit(&self, storage: &Storage, job: &SyncJob) -> Result<(), Error> {
        storage.sync(&job.files)?;
        let stats = job.files.iter().map(|&file| (file, storage.stat_file(file)));
        let stats: Vec<_> = stats.collect();
        self.write(|tables| {
            for &piece in &job.forget {
                tables.set_piece(piece, false)?;
                tables.partial.remove(piece.0)?;
            }
            for (piece, blocks) in &job.partial {
                tables.set_partial(*piece, blocks)?;
            }
            for &piece in &job.pieces {
                tables.set_piece(piece, true)?;
                tables.partial.remove(piece.0)?;
            }
            tables.set_stats(&stats)
        })
    }

    /// Records what a check established, in place of all claims before: pieces held, and blocks on
    /// disk of others. The files are synced first, so that what is claimed is durable.
    ///
    /// # Errors
    /// When the files or the store cannot be synced.
    pub fn adopt(
        &self,
        storage: &Storage,
        have: &Bitfield,
        partial: &[(PieceIndex, Bitfield)],
    ) -> Result<(), Error> {
        let all = (0..storage.content().files().len() as u32).map(FileIndex);
        let there: Vec<FileIndex> = all.filter(|&file| storage.stat_file(file).is_some()).collect();
        storage.sync(&there)?;
        let stats: Vec<_> = there.into_iter().map(|file| (file, storage.stat_file(file))).collect();
        self.write(|tables| {
            tables.clear_claims()?;
            tables.set_pieces(have)?;
            for (piece, blocks) in partial {
                tables.set_partial(*piece, blocks)?;
            }
            tables.set_stats(&stats)?;
            tables.set_clean(false)
        })
    }

    /// A clean stop: records the files' stats, so that the next start trusts them. After the
    /// cache was flushed.
    ///
    /// # Errors
    /// When the files or the store cannot be synced.
    pub fn close(&self, storage: &Storage) -> Result<(), Error> {
        let files = (0..storage.content().files().len() as u32).map(FileIndex);
        let stats: Vec<_> = files.map(|file| (file, storage.trusted_stat(file))).collect();
        self.write(|tables| {
            tables.set_stats(&stats)?;
            tables.set_clean(true)
        })
    }

    fn write(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<(), redb::Error>,
    ) -> Result<(), Error> {
        self.try_write(change).map_err(|error| self.failed(&error))
    }

    fn try_write(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let transaction = self.db.begin_write()?;
        {
            let mut tables = Tables::open(&transaction)?;
            change(&mut tables)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn failed(&self, error: &redb::Error) -> Error {
        database::failed(&self.path, error)
    }
}

fn make_tables(transaction: &redb::WriteTransaction) -> Result<(), redb::Error> {
    Tables::open(transaction).map(drop)
}

/// The name of a download's store, without extension.
fn name(hashes: &InfoHashes, output: &Path) -> String {
    let hash = hashes.handshake_hashes().next().unwrap_or_default();
    let output = output.canonicalize().unwrap_or_else(|_| absolute(output));
    let mut bytes = hash.0.to_vec();
    bytes.extend(output.as_os_str().as_encoded_bytes());
    let mut name = sha256(&bytes).to_string();
    name.truncate(40);
    name
}

/// The path that a folder will have once it is made: its nearest existing parent made canonical.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for parent in path.ancestors().skip(1) {
        if let (Ok(real), Ok(rest)) = (parent.canonicalize(), path.strip_prefix(parent)) {
            return real.join(rest);
        }
    }
    path
}
