//! `fluvial seed --dir`: torrents that sleep until somebody wants them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

use announce::TrackerUrl;
use disk::{Catalogue, Seal};
use engine::{Engine, OpenError, Shelf, StartJob, Trust};
use hash::Sha1Digest;
use metainfo::{Metainfo, PieceLayers};
use session::Shelved;

use super::library::{Library, key};
use super::ready::Ready;
use crate::args::Seed;
use crate::live::Live;
use crate::output::Output;
use crate::seeding::{Seeding, Served, tell_of_shelf};
use crate::signals::Stop;
use crate::source::torrent_file;
use crate::units::{count, show_size};
use crate::{net, state, text};

/// Torrents that are read and taken in at a time: what is only needed until then is bounded.
const BATCH: usize = 256;
/// Torrents that are named one by one for a person; of more, only the sum is told.
const NAMED_MAX: usize = 20;
/// Torrents that are verified until that is recorded.
const RECORD_EVERY: usize = 64;

/// Serves every torrent in `torrents` whose content in `data` is whole, until told to end.
pub(super) async fn run(
    args: &Seed,
    (torrents, data): (&Path, &Path),
    output: &Output,
) -> anyhow::Result<()> {
    let files = list(torrents)?;
    let state_dir = state::dir(args.net.state_dir.as_deref())?;
    let cannot = || format!("cannot seed `{}`", torrents.display());
    let opened = Catalogue::open(&state_dir, torrents, data);
    let (catalogue, seals, _) = opened.with_context(cannot)?;
    let engine = net::start(&args.net, output)?;
    for url in &args.tracker {
        engine.trust_tracker(url);
    }
    let stop = Stop::listen()?;
    let library = Arc::new(Library::new(torrents, data, catalogue));
    let mut folder = Folder {
        args,
        output,
        ready: Ready::new(&engine),
        shelf: Shelf::new(&engine, Arc::clone(&library)).await?,
        engine,
        library,
        stop,
        by_name: files.len() <= NAMED_MAX,
        trackers: BTreeSet::new(),
        count: 0,
        bytes: 0,
    };
    let unknown = folder.shelve(files, seals).await?;
    folder.verify(unknown).await?;
    folder.serve().await
}

/// The names of the `.torrent` files in a folder.
fn list(dir: &Path) -> anyhow::Result<Vec<OsString>> {
    let unreadable = || format!("cannot list `{}`", dir.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(unreadable)? {
        let name = entry.with_context(unreadable)?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "torrent") {
            found.push(name);
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("there is no .torrent file in `{}`", dir.display());
    }
    Ok(found)
}

/// The folder, while its torrents are taken in.
struct Folder<'a> {
    args: &'a Seed,
    output: &'a Output,
    ready: Ready,
    engine: Engine,
    shelf: Shelf,
    library: Arc<Library>,
    stop: Stop,
    /// Each torrent is told of.
    by_name: bool,
    /// Trackers that are named, each once: thousands of torrents may name the same.
    trackers: BTreeSet<TrackerUrl>,
    /// What was taken in.
    count: u64,
    bytes: u64,
}

/// A file, and the torrent in it.
type Read = (OsString, anyhow::Result<Box<Metainfo>>);

/// A torrent that is whole, to be taken in.
struct Whole {
    file: OsString,
    metainfo: Box<Metainfo>,
    seal: Option<Seal>,
}

impl Folder<'_> {
    /// Takes in what is known to be whole; returns the rest. While one batch is taken in, the next
    /// is read.
    async fn shelve(
        &mut self,
        mut files: Vec<OsString>,
        mut seals: BTreeMap<Sha1Digest, Seal>,
    ) -> anyhow::Result<Vec<OsString>> {
        let mut unknown = Vec::new();
        let mut reading = self.read(&mut files);
        while let Some(read) = reading.take() {
            let read = read.await?;
            reading = self.read(&mut files);
            let mut whole = Vec::new();
            for (file, metainfo) in read {
                match metainfo {
                    Ok(metainfo) => match seals.remove(&key(&metainfo)) {
                        Some(seal) => whole.push(Whole { file, metainfo, seal: Some(seal) }),
                        None => unknown.push(file),
                    },
                    Err(error) => {
                        self.output.warn(format!("left out: {}", text::causes(&error)));
                    }
                }
            }
            self.take_in(whole).await?;
        }
        Ok(unknown)
    }

    /// Begins to read the next batch; `None` when there is no more, or the person wishes to end.
    fn read(&self, files: &mut Vec<OsString>) -> Option<JoinHandle<Vec<Read>>> {
        if files.is_empty() || self.stop.is_wished() {
            return None;
        }
        let batch: Vec<OsString> = files.drain(..BATCH.min(files.len())).collect();
        let library = Arc::clone(&self.library);
        Some(spawn_blocking(move || {
            let read = |file: OsString| {
                let metainfo = torrent_file(&library.torrent(&file));
                (file, metainfo.map(Box::new))
            };
            batch.into_iter().map(read).collect()
        }))
    }

    /// Takes in torrents, and tells of each.
    async fn take_in(&mut self, whole: Vec<Whole>) -> anyhow::Result<()> {
        let mut torrents = Vec::with_capacity(whole.len());
        for Whole { file, metainfo, seal } in &whole {
            let number = self.library.add(file.clone(), key(metainfo), *seal);
            let shelved = Shelved {
                hashes: metainfo.hashes,
                private: metainfo.info.is_private(),
                length: metainfo.info.layout().content_length(),
                trackers: self.trackers(metainfo),
            };
            torrents.push((number, shelved));
        }
        let refused = self.shelf.add(torrents).await?;
        for (Whole { file, metainfo, .. }, refused) in whole.iter().zip(refused) {
            let path = self.library.torrent(file);
            if let Some(error) = refused {
                self.output.warn(format!("cannot seed `{}`: {error}", path.display()));
                continue;
            }
            net::add_nodes(metainfo, &self.engine);
            self.ready.tell(metainfo, &path, self.output);
            if self.by_name {
                Ready::name(metainfo, self.output);
            }
            self.count += 1;
            self.bytes += metainfo.info.layout().content_length();
        }
        Ok(())
    }

    fn trackers(&mut self, metainfo: &Metainfo) -> Vec<Vec<TrackerUrl>> {
        let mut tiers = net::named_trackers(&metainfo.trackers, self.output);
        tiers.extend(self.args.tracker.iter().map(|url| vec![url.clone()]));
        for url in tiers.iter_mut().flatten() {
            match self.trackers.get(url) {
                Some(known) => *url = known.clone(),
                None => drop(self.trackers.insert(url.clone())),
            }
        }
        tiers
    }

    /// Verifies what is not known to be whole, one after the other, and takes in what is.
    async fn verify(&mut self, files: Vec<OsString>) -> anyhow::Result<()> {
        let mut news = Vec::new();
        for file in files {
            let path = self.library.torrent(&file);
            match self.verify_one(file).await {
                Ok(Some(whole)) => {
                    news.push((key(&whole.metainfo), whole.seal));
                    self.take_in(vec![whole]).await?;
                }
                Ok(None) => break,
                // In a folder of many, one that is not whole is no reason to deny the others.
                Err(error) => {
                    let error = error.context(format!("cannot seed `{}`", path.display()));
                    self.output.warn(text::causes(&error));
                }
            }
            if news.len() >= RECORD_EVERY {
                self.record(&mut news).await?;
            }
        }
        self.record(&mut news).await
    }

    async fn record(&self, news: &mut Vec<(Sha1Digest, Option<Seal>)>) -> anyhow::Result<()> {
        let (library, news) = (Arc::clone(&self.library), std::mem::take(news));
        if !news.is_empty() {
            spawn_blocking(move || library.record_all(news)).await??;
        }
        Ok(())
    }

    /// `None` when the person wishes to end.
    async fn verify_one(&mut self, file: OsString) -> anyhow::Result<Option<Whole>> {
        let metainfo = Box::new(torrent_file(&self.library.torrent(&file))?);
        let job = self.library.job(&metainfo, Trust::No)?;
        let live = Live::new(self.output);
        let given_up = Arc::<AtomicBool>::default();
        let layers = metainfo.piece_layers.clone();
        let (mut check, mut progress) = begin_check(job, layers, Arc::clone(&given_up));
        let verified = loop {
            tokio::select! {
                verified = &mut check => break verified?,
                Ok(()) = progress.changed() => {
                    let (done, total) = *progress.borrow_and_update();
                    live.show_check_bar(done, total);
                }
                happened = self.shelf.event() => {
                    match happened {
                        Some(happened) => tell_of_shelf(&happened, self.output),
                        // Asking tells why nothing happens any more.
                        None => {
                            self.engine.total().await?;
                        }
                    }
                }
                () = self.stop.wished() => {
                    given_up.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
            }
        };
        live.clear();
        match verified {
            Ok(seal) => Ok(Some(Whole { file, metainfo, seal })),
            Err(OpenError::LayersWanted(_)) => {
                bail!("the torrent lacks piece hashes; get it anew")
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn serve(self) -> anyhow::Result<()> {
        if self.count == 0 && !self.stop.is_wished() {
            bail!("there is nothing to seed");
        }
        if !self.by_name {
            let (torrents, size) = (count(self.count, "torrent"), show_size(self.bytes));
            self.output.good("Seeding", format!("{torrents}  {size}"));
        }
        Seeding::new(self.output, self.stop)
            .run(Served::Shelf(Box::new(self.shelf)), &self.engine)
            .await
    }
}

/// What the files of a whole torrent look like.
type Verified = Result<Option<Seal>, OpenError>;

/// Begins to verify a torrent's files; also returns how many bytes of how many are verified.
fn begin_check(
    job: StartJob,
    layers: PieceLayers,
    given_up: Arc<AtomicBool>,
) -> (JoinHandle<Verified>, watch::Receiver<(u64, u64)>) {
    let (send, progress) = watch::channel((0, 0));
    let check = spawn_blocking(move || {
        job.verify(&layers, &mut |done, total| {
            let _nobody = send.send((done, total));
            if given_up.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    });
    (check, progress)
}
