//! What a node of the distributed hash table keeps from one run to the next.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use redb::{DatabaseError, ReadableDatabase as _, TableDefinition, TableError};

use crate::Error;

const FILE: &str = "dht-1.redb";
const TABLE: TableDefinition<'_, &str, &str> = TableDefinition::new("nodes");
const IDS: &str = "ids";
const ADDRESSES: &str = "addresses";
/// Addresses that are read, whatever the file holds.
const ADDRESSES_MAX: usize = 1_000;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedNodes {
    /// The node's own ids, in hexadecimal, by family (IPv4, IPv6).
    pub ids: [Option<String>; 2],
    /// Where others were, those known longest first.
    pub addresses: Vec<SocketAddr>,
}

/// A store for it: a transactional database, which one process has at a time.
#[derive(Debug)]
pub struct NodeStore {
    path: PathBuf,
    db: redb::Database,
}

impl NodeStore {
    /// Opens or makes the store in `state_dir`; `None` when another process has it: that one's
    /// node saves, and this one goes without.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(state_dir: &Path) -> Result<Option<Self>, Error> {
        std::fs::create_dir_all(state_dir)
            .map_err(|error| Error::io("make the folder", state_dir, error))?;
        let path = state_dir.join(FILE);
        match redb::Database::create(&path) {
            Ok(db) => Ok(Some(Self { path, db })),
            Err(DatabaseError::DatabaseAlreadyOpen) => Ok(None),
            Err(error) => Err(failed(&path, &error.into())),
        }
    }

    /// What was saved last; nothing, if nothing was.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(&self) -> Result<SavedNodes, Error> {
        let load = || -> Result<SavedNodes, redb::Error> {
            let transaction = self.db.begin_read()?;
            let table = match transaction.open_table(TABLE) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(SavedNodes::default()),
                table => table?,
            };
            let value = |key| -> Result<String, redb::Error> {
                Ok(table.get(key)?.map(|it| it.value().to_owned()).unwrap_or_default())
            };
            let ids = value(IDS)?;
            let mut ids = ids.split(' ').map(|id| Some(id.to_owned()).filter(|id| id.len() == 40));
            Ok(SavedNodes {
                ids: [ids.next().flatten(), ids.next().flatten()],
                addresses: value(ADDRESSES)?
                    .split(' ')
                    .take(ADDRESSES_MAX)
                    .filter_map(|it| it.parse().ok())
                    .collect(),
            })
        };
        load().map_err(|error| failed(&self.path, &error))
    }

    /// Saves in place of what was saved before.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save(&self, nodes: &SavedNodes) -> Result<(), Error> {
        let text = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
        let ids = nodes.ids.each_ref().map(text).join(" ");
        let addresses: Vec<String> = nodes.addresses.iter().map(ToString::to_string).collect();
        let save = || -> Result<(), redb::Error> {
            let transaction = self.db.begin_write()?;
            let mut table = transaction.open_table(TABLE)?;
            table.insert(IDS, ids.as_str())?;
            table.insert(ADDRESSES, addresses.join(" ").as_str())?;
            drop(table);
            transaction.commit()?;
            Ok(())
        };
        save().map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &redb::Error) -> Error {
    Error::Store { path: path.to_owned(), message: error.to_string(), full: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_there_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = NodeStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(store.load().unwrap(), SavedNodes::default());
        let nodes = SavedNodes {
            ids: [None, Some("ab".repeat(20))],
            addresses: vec!["1.2.3.4:5".parse().unwrap(), "[2001:db8::1]:6".parse().unwrap()],
        };
        store.save(&nodes).unwrap();
        assert!(NodeStore::open(dir.path()).unwrap().is_none(), "one has it at a time");
        drop(store);
        let store = NodeStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(store.load().unwrap(), nodes);
        store.save(&SavedNodes::default()).unwrap();
        assert_eq!(store.load().unwrap(), SavedNodes::default());
    }
}
