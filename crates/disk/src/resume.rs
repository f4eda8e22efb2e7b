use std::path::{Path, PathBuf};

use cache::SyncJob;
use hash::sha256;
use metainfo::InfoHashes;
use redb::ReadableDatabase as _;
use stdx::{Bitfield, FileIndex, PieceIndex};

use crate::{Error, Storage};

use lock::Lock;
use tables::Tables;

mod lock;
mod parts;
mod record;
mod stale;
mod tables;
mod validate;

pub use record::{Record, Source, Totals};
pub use stale::remove_stale;
pub use validate::Found;

/// What one stat says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// Last change of the contents, in nanoseconds since 1970.
    pub mtime: u64,
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
        let mut opened = if path.exists() { Opened::Existing } else { Opened::New };
        let db = match open_db(&path) {
            Ok(db) => db,
            Err(OpenError::Unusable(why)) => {
                let aside = path.with_extension("redb.bad");
                tracing::warn!(path = %path.display(), why, "resume store set aside");
                std::fs::rename(&path, &aside)
                    .map_err(|error| Error::io("set aside", &path, error))?;
                opened = Opened::SetAside(aside);
                open_db(&path).map_err(|error| error.into_error(&path))?
            }
            Err(error) => return Err(error.into_error(&path)),
        };
        let folder = std::fs::File::open(state_dir).and_then(|folder| folder.sync_all());
        folder.map_err(|error| Error::io("make durable", state_dir, error))?;
        Ok((Self { path, db, _lock: lock }, opened))
    }

    /// A store on a model of a disk; the lock goes to `lock`.
    #[cfg(test)]
    pub(crate) fn on_backend(backend: impl redb::StorageBackend, lock: &Path) -> Option<Self> {
        let db = redb::Database::builder().create_with_backend(backend).ok()?;
        check_version(&db).ok()?;
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
        store_error(&self.path, error)
    }
}

fn store_error(path: &Path, error: &redb::Error) -> Error {
    let full = match error {
        redb::Error::Io(error) => error.kind() == std::io::ErrorKind::StorageFull,
        _ => false,
    };
    Error::Store { path: path.to_owned(), message: error.to_string(), full }
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

/// Why a database did not open.
enum OpenError {
    /// Damaged, or of a version we do not know.
    Unusable(String),
    Other(redb::Error),
}

impl OpenError {
    fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Unusable(why) => store_error(path, &redb::Error::Corrupted(why)),
            Self::Other(error) => store_error(path, &error),
        }
    }
}

impl<E: Into<redb::Error>> From<E> for OpenError {
    fn from(error: E) -> Self {
        match error.into() {
            // Trouble of the disk, not of the contents.
            redb::Error::Io(error)
                if !matches!(
                    error.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Other(redb::Error::Io(error))
            }
            error @ redb::Error::DatabaseAlreadyOpen => Self::Other(error),
            error => Self::Unusable(error.to_string()),
        }
    }
}

fn open_db(path: &Path) -> Result<redb::Database, OpenError> {
    // A damaged file must cost a recheck, never the process.
    let opened = std::panic::catch_unwind(|| {
        let db = redb::Database::builder()
            .set_cache_size(tables::CACHE_SIZE)
            .set_check_integrity_on_open(true)
            .create(path)?;
        check_version(&db)?;
        Ok(db)
    });
    opened.unwrap_or_else(|_| Err(OpenError::Unusable("it is damaged".to_owned())))
}

fn check_version(db: &redb::Database) -> Result<(), OpenError> {
    let found = {
        let transaction = db.begin_read()?;
        match transaction.open_table(tables::META) {
            Ok(table) => table.get("version")?.map(|value| value.value().to_vec()),
            Err(redb::TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        }
    };
    match found {
        Some(found) if found == tables::VERSION => Ok(()),
        Some(_) => Err(OpenError::Unusable("it is of another version".to_owned())),
        None => {
            let transaction = db.begin_write()?;
            Tables::open(&transaction)?.meta.insert("version", tables::VERSION)?;
            transaction.commit()?;
            Ok(())
        }
    }
}
