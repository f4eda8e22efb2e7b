//! What is known of a folder of torrents that are seeded: which of them were whole when they were
//! last verified, and what their files looked like then. One store for all: with ten thousand
//! torrents, ten thousand stores would take longer to open than their content to serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hash::{Sha1Digest, sha256};
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};

use crate::database::{self, Opened};
use crate::lock::Lock;
use crate::{Error, Storage};

/// Of the store's name in the state directory.
pub(crate) const EXTENSION: &str = "seeds";

/// By info-hash: what the files looked like.
const SEALS: TableDefinition<'_, &[u8; 20], &[u8; 20]> = TableDefinition::new("seals");

/// What the files of a torrent look like: size and time of change of each, in their order, of those
/// that are not there that they are not. As long as it is the same, so is the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal(pub(crate) [u8; 20]);

impl Storage {
    /// What the files look like now: one stat for each. What was verified is what they looked like
    /// before, so ask before reading.
    pub fn seal(&self) -> Seal {
        let mut bytes = Vec::new();
        for stat in self.stat() {
            bytes.push(u8::from(stat.is_some()));
            let stat = stat.unwrap_or_default();
            bytes.extend(stat.size.to_le_bytes());
            bytes.extend(stat.mtime.to_le_bytes());
        }
        let mut seal = [0; 20];
        seal.copy_from_slice(&sha256(&bytes).0[..20]);
        Seal(seal)
    }
}

/// The store of one folder of torrents, locked while this lives. The database is open only while it
/// is read or written: it has to be asked at the start, and when files changed.
#[derive(Debug)]
pub struct Catalogue {
    path: PathBuf,
    _lock: Lock,
}

impl Catalogue {
    /// Takes or makes the store of the torrents in the folder `torrents`, whose content is in
    /// `data`; reads which torrents were whole, by the hash that names each
    /// ([`metainfo::InfoHashes::handshake_hashes`], the first).
    ///
    /// # Errors
    /// When another process holds it, or it cannot be made or read.
    pub fn open(
        state_dir: &Path,
        torrents: &Path,
        data: &Path,
    ) -> Result<(Self, BTreeMap<Sha1Digest, Seal>, Opened), Error> {
        std::fs::create_dir_all(state_dir)
            .map_err(|error| Error::io("make the folder", state_dir, error))?;
        let stem = state_dir.join(name(torrents, data));
        let lock = Lock::take(&stem.with_extension("lock"))?;
        let this = Self { path: stem.with_extension(EXTENSION), _lock: lock };
        let (db, opened) = database::open(&this.path, make_tables)?;
        let seals = seals(&db).map_err(|error| database::failed(&this.path, &error))?;
        drop(db);
        // It was used, although nothing may be written to it for long.
        let touched = std::fs::File::options().write(true).open(&this.path);
        let touched = touched.and_then(|file| file.set_modified(SystemTime::now()));
        touched.map_err(|error| Error::io("touch", &this.path, error))?;
        Ok((this, seals, opened))
    }

    /// Records torrents that were verified whole, and (`None`) such as are not any more.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing of it is recorded.
    pub fn record(
        &self,
        news: impl IntoIterator<Item = (Sha1Digest, Option<Seal>)>,
    ) -> Result<(), Error> {
        let (db, _) = database::open(&self.path, make_tables)?;
        let write = || -> Result<(), redb::Error> {
            let transaction = db.begin_write()?;
            let mut table = transaction.open_table(SEALS)?;
            for (hash, seal) in news {
                match seal {
                    Some(Seal(seal)) => table.insert(&hash.0, &seal)?,
                    None => table.remove(&hash.0)?,
                };
            }
            drop(table);
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| database::failed(&self.path, &error))
    }
}

fn make_tables(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(SEALS)?;
    Ok(())
}

fn seals(db: &Database) -> Result<BTreeMap<Sha1Digest, Seal>, redb::Error> {
    let table = db.begin_read()?.open_table(SEALS)?;
    let mut seals = BTreeMap::new();
    for row in table.iter()? {
        let (hash, seal) = row?;
        seals.insert(Sha1Digest(*hash.value()), Seal(*seal.value()));
    }
    Ok(seals)
}

/// The store's name, without extension.
fn name(torrents: &Path, data: &Path) -> String {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut bytes = real(torrents).as_os_str().as_encoded_bytes().to_vec();
    // No path holds it.
    bytes.push(0);
    bytes.extend(real(data).as_os_str().as_encoded_bytes());
    let mut name = sha256(&bytes).to_string();
    name.truncate(40);
    name
}
