//! What is recorded besides pieces.

use std::sync::Arc;

use redb::{ReadableDatabase as _, ReadableTable as _};

use super::{Resume, tables};
use crate::Error;

/// What is needed to go on without the torrent file or the magnet's peers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Source {
    /// The `info` dictionary.
    pub info: Option<Arc<[u8]>>,
    /// Piece layers: the file's root, and the concatenated hashes.
    pub layers: Vec<([u8; 32], Vec<u8>)>,
    /// Tracker URLs in tiers.
    pub trackers: Vec<Vec<String>>,
    /// Web seeds.
    pub web_seeds: Vec<String>,
    /// The magnet link as given: its peers, and whatever else it says.
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

/// What the store says besides pieces.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Record {
    /// See [`Source`].
    pub source: Source,
    /// Wanted files by index, when not all are.
    pub wanted: Option<Vec<bool>>,
    /// See [`Totals`].
    pub totals: Totals,
}

impl Resume {
    /// Reads what is recorded besides pieces, which [`Self::validate`] gives.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(&self) -> Result<Record, Error> {
        self.try_load().map_err(|error| self.failed(&error))
    }

    fn try_load(&self) -> Result<Record, redb::Error> {
        let transaction = self.db.begin_read()?;
        let meta = transaction.open_table(tables::META)?;
        let value = |key| -> Result<Option<Vec<u8>>, redb::Error> {
            Ok(meta.get(key)?.map(|value| value.value().to_vec()))
        };
        let mut layers = Vec::new();
        for row in transaction.open_table(tables::LAYERS)?.iter()? {
            let (root, hashes) = row?;
            if let Ok(root) = root.value().try_into() {
                layers.push((root, hashes.value().to_vec()));
            }
        }
        let totals = value("totals")?.unwrap_or_default();
        let total = |at: usize| {
            let bytes = totals.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_le_bytes)
        };
        let lines = |bytes: Option<Vec<u8>>| lines_of(&bytes.unwrap_or_default());
        Ok(Record {
            source: Source {
                info: value("info")?.map(Arc::from),
                layers,
                trackers: lines(value("trackers")?)
                    .split(String::is_empty)
                    .map(<[_]>::to_vec)
                    .filter(|tier| !tier.is_empty())
                    .collect(),
                web_seeds: lines(value("web_seeds")?),
                magnet: value("magnet")?.and_then(|bytes| String::from_utf8(bytes).ok()),
            },
            wanted: value("wanted")?.map(|bytes| bytes.iter().map(|&byte| byte != 0).collect()),
            totals: Totals { downloaded: total(0), uploaded: total(8) },
        })
    }

    /// Records the metadata and where it came from, in place of what was recorded of it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_source(&self, source: &Source) -> Result<(), Error> {
        let tiers = source.trackers.iter().map(|tier| tier.join("\n"));
        let trackers = tiers.collect::<Vec<_>>().join("\n\n");
        self.write(|tables| {
            match &source.info {
                Some(info) => tables.meta.insert("info", &info[..])?,
                None => tables.meta.remove("info")?,
            };
            match &source.magnet {
                Some(magnet) => tables.meta.insert("magnet", magnet.as_bytes())?,
                None => tables.meta.remove("magnet")?,
            };
            tables.meta.insert("trackers", trackers.as_bytes())?;
            tables.meta.insert("web_seeds", source.web_seeds.join("\n").as_bytes())?;
            tables.layers.retain(|_, _| false)?;
            for (root, hashes) in &source.layers {
                tables.layers.insert(&root[..], &hashes[..])?;
            }
            Ok(())
        })
    }

    /// Records which files are wanted, by index.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_wanted(&self, wanted: &[bool]) -> Result<(), Error> {
        let bytes: Vec<u8> = wanted.iter().map(|&wanted| u8::from(wanted)).collect();
        self.write(|tables| {
            tables.meta.insert("wanted", &bytes[..])?;
            Ok(())
        })
    }

    /// Records the totals.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_totals(&self, totals: Totals) -> Result<(), Error> {
        let mut bytes = totals.downloaded.to_le_bytes().to_vec();
        bytes.extend(totals.uploaded.to_le_bytes());
        self.write(|tables| {
            tables.meta.insert("totals", &bytes[..])?;
            Ok(())
        })
    }
}

/// URLs, one to a line; they contain no line ends.
fn lines_of(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}
