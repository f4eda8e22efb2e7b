use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, bail};

use disk::{Catalogue, Roots, Seal};
use engine::{Purpose, StartJob, Trust};
use hash::Sha1Digest;
use metainfo::Metainfo;
use session::AddTorrent;

use crate::source::torrent_file;
use crate::{names, text};

/// A folder of torrents and the folder of their content: what is read when one is wanted.
pub(super) struct Library {
    torrents: PathBuf,
    data: PathBuf,
    catalogue: Catalogue,
    entries: RwLock<Vec<Entry>>,
}

/// What is kept of a torrent while it sleeps.
#[derive(Clone, Debug)]
struct Entry {
    /// Its name in the folder of torrents.
    file: Box<OsStr>,
    /// Under which it is in the catalogue.
    hash: Sha1Digest,
    /// What its files looked like when they were verified.
    seal: Option<Seal>,
}

impl Library {
    pub(super) fn new(torrents: &Path, data: &Path, catalogue: Catalogue) -> Self {
        let (torrents, data) = (torrents.to_owned(), data.to_owned());
        Self { torrents, data, catalogue, entries: RwLock::default() }
    }

    /// Takes note of a torrent; returns its number.
    pub(super) fn add(&self, file: OsString, hash: Sha1Digest, seal: Option<Seal>) -> u32 {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { file: file.into(), hash, seal });
        entries.len() as u32 - 1
    }

    /// Where a torrent is.
    pub(super) fn torrent(&self, file: &OsStr) -> PathBuf {
        self.torrents.join(file)
    }

    /// What starts a torrent whose content is there.
    ///
    /// # Errors
    /// When its content is not.
    pub(super) fn job(&self, metainfo: &Metainfo, trust: Trust) -> anyhow::Result<StartJob> {
        let info = names::found(&metainfo.info, |file| self.data.join(&file.path));
        let content = self.data.join(info.name());
        let shown = content.display();
        let path = content.canonicalize().with_context(|| format!("cannot find `{shown}`"))?;
        Ok(StartJob {
            info: names::found(&metainfo.info, |file| file.path_in(&path)),
            path,
            resume: None,
            purpose: Purpose::Seed { trust, roots: Roots::new() },
        })
    }

    /// Records what was verified.
    ///
    /// # Errors
    /// When that fails; then it is verified again the next time.
    pub(super) fn record_all(
        &self,
        news: impl IntoIterator<Item = (Sha1Digest, Option<Seal>)>,
    ) -> Result<(), disk::Error> {
        self.catalogue.record(news)
    }

    fn entry(&self, number: u32) -> Option<Entry> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(number as usize).cloned()
    }

    fn read(&self, number: u32) -> anyhow::Result<(AddTorrent, StartJob)> {
        let Some(entry) = self.entry(number) else { bail!("internal error: no such torrent") };
        let file = self.torrent(&entry.file);
        let metainfo = torrent_file(&file)?;
        if key(&metainfo) != entry.hash {
            bail!("`{}` is another torrent now; start again to seed that", file.display());
        }
        let trust = entry.seal.map_or(Trust::No, Trust::Sealed);
        let job = self.job(&metainfo, trust).inspect_err(|_| self.note(number, None))?;
        let info = Arc::clone(&metainfo.info);
        Ok((AddTorrent::torrent(info, metainfo.piece_layers), job))
    }

    fn note(&self, number: u32, seal: Option<Seal>) {
        let Some(hash) = self.entry(number).map(|entry| entry.hash) else { return };
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries[number as usize].seal = seal;
        drop(entries);
        if let Err(error) = self.record_all([(hash, seal)]) {
            tracing::warn!(%error, "the next start verifies the torrent again");
        }
    }
}

impl engine::Library for Library {
    fn load(&self, number: u32) -> Result<(AddTorrent, StartJob), String> {
        self.read(number).map_err(|error| text::causes(&error))
    }

    fn record(&self, number: u32, seal: Option<Seal>) {
        self.note(number, seal);
    }
}

/// What a torrent goes by in the catalogue.
pub(super) fn key(metainfo: &Metainfo) -> Sha1Digest {
    metainfo.hashes.handshake_hashes().next().unwrap_or_default()
}
