use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use announce::TrackerStatus;
use disk::{Judge, Resume, Seal, Storage};
use metainfo::{Info, PieceLayers};
use session::{AddError, Event, MirrorView, Source, Status};
use stdx::TorrentId;

use crate::engine::{Ended, Engine};
use crate::mind::Mind;
use crate::opening::{self, OpenError, Opened, Purpose};
use crate::watch::{GivenUp, Watch};

/// Why a torrent cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It was not taken in.
    #[error(transparent)]
    Add(#[from] AddError),
    /// Its files cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The engine has ended.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// A torrent in an engine.
#[derive(Debug)]
pub struct Torrent {
    id: TorrentId,
    engine: Engine,
    events: Receiver<Event>,
    /// Once started.
    files: Mutex<Option<Files>>,
    /// Looks after files that are served; ends with this handle.
    watch: Mutex<JoinSet<()>>,
}

#[derive(Clone, Debug)]
struct Files {
    info: Arc<Info>,
    storage: Arc<Storage>,
    resume: Option<Arc<Resume>>,
}

/// How a tracker does.
#[derive(Clone, Debug)]
pub struct TrackerView {
    /// Its address.
    pub url: String,
    /// Whether the last announce was answered; `None` before the first.
    pub working: Option<bool>,
    /// Why it failed, or what it warns of.
    pub message: Option<String>,
}

/// The files of a torrent, to be looked at.
#[derive(Clone, Debug)]
pub struct StartJob {
    /// The metadata.
    pub info: Arc<Info>,
    /// The folder (to get), or the content itself (to seed).
    pub path: PathBuf,
    /// What survives the process, if anything should.
    pub resume: Option<Arc<Resume>>,
    /// What is to be done.
    pub purpose: Purpose,
}

/// What came of a look at a torrent's files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Started {
    /// It is at work.
    Running {
        /// What a person should know.
        notices: Vec<String>,
        /// Of what is seeded: what the files looked like before anything was read. They were whole
        /// then.
        seal: Option<Seal>,
    },
    /// Files are there that cannot be judged without v2 piece hashes, which a magnet link does not
    /// bring (BEP 52). Nothing was touched; peers are asked for them. Once
    /// [`Event::LayersReady`] comes, do the same again.
    LayersWanted,
}

impl Torrent {
    pub(crate) fn new(id: TorrentId, engine: Engine, events: Receiver<Event>) -> Self {
        Self { id, engine, events, files: Mutex::default(), watch: Mutex::default() }
    }

    /// The next event; `None` after [`Event::Stopped`], and when the engine has ended.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Looks at the files under `path`, verifies what must be, and goes to work. `progress` hears
    /// how many bytes of how many are verified.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub async fn start(
        &self,
        job: StartJob,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Started, EngineError> {
        let (info, resume) = (Arc::clone(&job.info), job.resume.clone());
        let seeds = matches!(job.purpose, Purpose::Seed { .. });
        let layers = self.layers().await?;
        let judge = Judge::new(Arc::clone(&info), layers.clone());
        // Whoever stops waiting for this stops the check, too.
        let given_up = GivenUp::default();
        let flag = given_up.flag();
        let opened = tokio::task::spawn_blocking(move || job.open(&layers, progress, &flag))
            .await
            .map_err(|_| Ended::Broken)?;
        let id = self.id;
        let opened = match opened {
            Err(OpenError::LayersWanted(roots)) => {
                let ask = move |mind: &mut Mind, now| mind.session.fetch_layers(now, id, &roots);
                self.engine.ask(ask).await?;
                return Ok(Started::LayersWanted);
            }
            opened => opened?,
        };
        let storage = Arc::clone(&opened.storage);
        self.engine.disk().attach(self.id, Arc::clone(&storage));
        *self.lock() = Some(Files { info, storage, resume });
        let (have, partial) = (opened.have, opened.partial);
        self.engine.ask(move |mind, now| mind.session.start(now, id, have, partial)).await?;
        if seeds {
            self.watch(&opened.storage, judge);
        }
        Ok(Started::Running { notices: opened.notices, seal: opened.seal })
    }

    /// Has the files looked after from now on: nothing of ours writes to them any more.
    fn watch(&self, storage: &Arc<Storage>, judge: Judge) {
        let watch = Watch::new(self.id, self.engine.clone(), Arc::clone(storage), judge);
        let mut tasks = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.is_empty() {
            tasks.spawn(watch.run());
        }
    }

    /// Chooses among the files; one priority for each.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn select(&self, priorities: Vec<swarm::Priority>) -> Result<(), Ended> {
        let id = self.id;
        self.engine.ask(move |mind, now| mind.session.select(now, id, &priorities)).await
    }

    /// How it does.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn status(&self) -> Result<Option<Status>, Ended> {
        let id = self.id;
        self.engine.ask(move |mind, now| mind.session.status(now, id)).await
    }

    /// Everybody who was met, who gave most first.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn sources(&self) -> Result<Vec<Source>, Ended> {
        let id = self.id;
        self.engine.ask(move |mind, _| mind.session.sources(id)).await
    }

    /// Ends it: writes what is held, tells the trackers. [`Event::Stopped`] follows.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn stop(&self) -> Result<(), Ended> {
        let id = self.id;
        self.engine.ask(move |mind, now| mind.session.stop(now, id)).await
    }

    /// The v2 piece hashes that are known (BEP 52).
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn layers(&self) -> Result<PieceLayers, Ended> {
        let id = self.id;
        let layers = move |mind: &mut Mind, _| mind.session.layers(id).cloned();
        Ok(self.engine.ask(layers).await?.unwrap_or_default())
    }

    /// How its mirrors do.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn mirrors(&self) -> Result<Vec<MirrorView>, Ended> {
        let id = self.id;
        self.engine.ask(move |mind, _| mind.session.mirrors(id)).await
    }

    /// How its trackers do.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn trackers(&self) -> Result<Vec<TrackerView>, Ended> {
        let id = self.id;
        let view = |tracker: TrackerStatus<'_>| TrackerView {
            url: tracker.url.to_string(),
            working: tracker.working,
            message: tracker.message.map(str::to_owned),
        };
        let ask =
            move |mind: &mut Mind, _| mind.session.trackers(id).into_iter().map(view).collect();
        self.engine.ask(ask).await
    }

    /// Where the content is, once started: the file, or the folder with the torrent's name.
    pub fn content_path(&self) -> Option<PathBuf> {
        self.lock().as_ref().map(|files| files.storage.content_path())
    }

    /// Its files, once started.
    pub fn storage(&self) -> Option<Arc<Storage>> {
        self.lock().as_ref().map(|files| Arc::clone(&files.storage))
    }

    /// Completes what has no bytes: empty files, links, attributes, sizes. From here on the files
    /// are watched: what changes is no longer given to others.
    ///
    /// # Errors
    /// When one cannot be made.
    pub async fn finish(&self) -> Result<(), EngineError> {
        let Some(files) = self.lock().clone() else {
            return Ok(());
        };
        let storage = Arc::clone(&files.storage);
        let finished = tokio::task::spawn_blocking(move || {
            storage.finish()?;
            storage.watch();
            Ok(())
        });
        finished.await.map_err(|_| Ended::Broken)?.map_err(OpenError::Disk)?;
        self.watch(&files.storage, Judge::new(files.info, self.layers().await?));
        Ok(())
    }

    /// After [`Event::Stopped`]: records that the end was clean.
    pub async fn close(&self) {
        let Some(Files { storage, resume: Some(resume), .. }) = self.lock().clone() else {
            return;
        };
        let closed = tokio::task::spawn_blocking(move || resume.close(&storage)).await;
        if let Ok(Err(error)) = closed {
            tracing::warn!(%error, "the next start will check the files");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Files>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StartJob {
    /// Looks at the files without a torrent in an engine, and verifies what must be, as
    /// [`Torrent::start`] does. Returns what the files of a seed looked like before. Blocks.
    /// `progress` hears how many bytes of how many are verified, and may break to cancel.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn verify(
        &self,
        layers: &PieceLayers,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Seal>, OpenError> {
        let Self { info, path, resume, purpose } = self;
        Ok(opening::open(info, layers, path, resume.as_ref(), purpose, progress)?.seal)
    }

    fn open(
        self,
        layers: &PieceLayers,
        mut progress: impl FnMut(u64, u64),
        given_up: &AtomicBool,
    ) -> Result<Opened, OpenError> {
        let Self { info, path, resume, purpose } = self;
        opening::open(&info, layers, &path, resume.as_ref(), &purpose, &mut |done, total| {
            progress(done, total);
            if given_up.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    }
}
