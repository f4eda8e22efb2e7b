//! Opening a database that a crash may have damaged, or somebody.

use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase as _, TableDefinition, WriteTransaction};

use crate::Error;

/// The format's version; another one is set aside.
const VERSION: &[u8] = b"1";
/// Memory that a database may use for caching, in bytes.
const CACHE_SIZE: usize = 4 << 20;

/// `version`, and what else there is once.
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// How a store was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was none.
    New,
    /// From an earlier run.
    Existing,
    /// It could not be read; it was renamed to this, and all is to be checked.
    SetAside(PathBuf),
}

/// Makes the tables of a new database.
pub(crate) type MakeTables = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// Opens or makes a database; what cannot be read is set aside under another name.
pub(crate) fn open(path: &Path, make: MakeTables) -> Result<(Database, Opened), Error> {
    let mut opened = if path.exists() { Opened::Existing } else { Opened::New };
    let db = match try_open(path, make) {
        Ok(db) => db,
        Err(OpenError::Unusable(why)) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".bad");
            let aside = PathBuf::from(aside);
            tracing::warn!(path = %path.display(), why, "store set aside");
            std::fs::rename(path, &aside).map_err(|error| Error::io("set aside", path, error))?;
            opened = Opened::SetAside(aside);
            try_open(path, make).map_err(|error| error.into_error(path))?
        }
        Err(error) => return Err(error.into_error(path)),
    };
    if let Some(folder) = path.parent() {
        let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io("make durable", folder, error))?;
    }
    Ok((db, opened))
}

/// What a store's failure is to people.
pub(crate) fn failed(path: &Path, error: &redb::Error) -> Error {
    let full = match error {
        redb::Error::Io(error) => error.kind() == std::io::ErrorKind::StorageFull,
        _ => false,
    };
    Error::Store { path: path.to_owned(), message: error.to_string(), full }
}

/// Why a database did not open.
pub(crate) enum OpenError {
    /// Damaged, or of a version we do not know.
    Unusable(String),
    Other(redb::Error),
}

impl OpenError {
    fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Unusable(why) => failed(path, &redb::Error::Corrupted(why)),
            Self::Other(error) => failed(path, &error),
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

fn try_open(path: &Path, make: MakeTables) -> Result<Database, OpenError> {
    // A damaged file must cost a recheck, never the process.
    let opened = std::panic::catch_unwind(|| {
        let db = Database::builder()
            .set_cache_size(CACHE_SIZE)
            .set_check_integrity_on_open(true)
            .create(path)?;
        check_version(&db, make)?;
        Ok(db)
    });
    opened.unwrap_or_else(|_| Err(OpenError::Unusable("it is damaged".to_owned())))
}

/// Makes what is new ready; refuses what is of another version.
pub(crate) fn check_version(db: &Database, make: MakeTables) -> Result<(), OpenError> {
    let found = {
        let transaction = db.begin_read()?;
        match transaction.open_table(META) {
            Ok(table) => table.get("version")?.map(|value| value.value().to_vec()),
            Err(redb::TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        }
    };
    match found {
        Some(found) if found == VERSION => Ok(()),
        Some(_) => Err(OpenError::Unusable("it is of another version".to_owned())),
        None => {
            let transaction = db.begin_write()?;
            make(&transaction)?;
            transaction.open_table(META)?.insert("version", VERSION)?;
            transaction.commit()?;
            Ok(())
        }
    }
}
