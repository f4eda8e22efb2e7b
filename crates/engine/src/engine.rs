use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{oneshot, watch};

use announce::{TrackerStatus, TrackerUrl};
use disk::{Disk, DiskConfig, Resume, Storage};
use metainfo::{Info, PieceLayers};
use session::{AddError, AddTorrent, Event, Limits, Session, Source, Status};
use stdx::{Instant, PeerId, Pool, Rng, TorrentId};

use crate::clock::Clock;
use crate::link::Surroundings;
use crate::listen::{self, ListenError};
use crate::mind::{Input, MIND_QUEUE_MAX, Mind};
use crate::opening::{self, OpenError, Purpose};
use crate::throttle::Throttle;
use crate::trackers::Trackers;

/// Unused block buffers kept for reuse: 16 MiB.
const SPARE_BLOCKS_MAX: usize = 1_024;

/// Our name and version in peer ids (BEP 20).
const PEER_ID_PREFIX: &[u8; 8] = b"-FL0010-";

/// What the rest of a peer id is drawn from: printable, so that logs are readable.
const PEER_ID_ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where peers connect to; empty for the default port, or any free one.
    pub listen: Vec<SocketAddr>,
    /// Bytes per second of all connections together.
    pub limits: Limits,
    /// Connections of all torrents together.
    pub max_peers: usize,
    /// What randomness follows from; drawn from the system by the caller.
    pub seed: u64,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gave no threads.
    #[error("cannot start the disk threads: {0}")]
    Threads(#[from] std::io::Error),
}

/// The engine has ended, and with it every torrent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the engine has stopped")]
pub struct Ended;

/// A running client: one session, its sockets, disk threads and timers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    inputs: Sender<Input>,
    disk: Arc<Disk>,
    trackers: Arc<Trackers>,
    listening: Arc<[SocketAddr]>,
}

impl Engine {
    /// Starts on the current tokio runtime.
    ///
    /// # Errors
    /// When a named address is busy, or the system gives no threads.
    pub fn start(config: &EngineConfig) -> Result<Self, StartError> {
        let clock = Clock::start();
        let mut rng = Rng::new(config.seed);
        let listeners = listen::open(&config.listen)?;
        let listening: Vec<_> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        let port = listening.first().map_or(0, SocketAddr::port);
        let (inputs, queue) = channel(MIND_QUEUE_MAX);
        let pool = Pool::new(SPARE_BLOCKS_MAX);
        let done = inputs.clone();
        let disk = Disk::start(&DiskConfig::default(), pool.clone(), move |op| {
            // The disk's threads may wait; the mind never waits for them.
            let _gone = done.blocking_send(Input::Disk(op));
        })?;
        let disk = Arc::new(disk);
        let peer_id = peer_id(&mut rng);
        let trackers = Trackers::start(clock, rng.next_u64());
        let throttle = Throttle::new(clock, config.limits);
        tokio::spawn(Arc::clone(&throttle).run());
        let (gate, reading) = watch::channel(true);
        let mind = inputs.clone();
        let around = Surroundings { clock, mind, disk: Arc::clone(&disk), throttle, pool, reading };
        let mut session_config = session::Config::new(peer_id, port);
        session_config.limits = config.limits;
        session_config.max_peers = config.max_peers;
        let session = Session::new(clock.now(), session_config, rng.next_u64());
        let peer_config = Arc::new(peer_config(peer_id, port, config.limits));
        let mind = Mind::new(session, around, Arc::clone(&trackers), peer_config, gate);
        tokio::spawn(mind.run(queue));
        for listener in listeners {
            tokio::spawn(accept(listener, inputs.clone()));
        }
        Ok(Self { inputs, disk, trackers, listening: listening.into() })
    }

    /// Where peers can connect to.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// Lets this tracker be contacted wherever it is: a person named it.
    pub fn trust_tracker(&self, url: &TrackerUrl) {
        self.trackers.trust(url);
    }

    /// Takes a torrent in; [`Torrent::start`] is next, once its metadata is known.
    ///
    /// # Errors
    /// When it is here already, or the engine has ended.
    pub async fn add(&self, add: AddTorrent) -> Result<Torrent, EngineError> {
        let added = self.ask(move |mind, now| {
            let id = mind.session.add_torrent(now, add)?;
            Ok::<_, AddError>((id, mind.listen(id)))
        });
        let (id, events) = added.await??;
        Ok(Torrent { id, engine: self.clone(), events, files: Mutex::default() })
    }

    /// Ends every torrent that has not been stopped.
    pub async fn close(&self) {
        // Nothing is left to end when the engine has ended.
        let _ended = self.ask(|mind, now| mind.session.shutdown(now)).await;
    }

    /// Runs `act` on the mind's task and returns what it returned.
    async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Mind, Instant) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (send, receive) = oneshot::channel();
        let command = Box::new(move |mind: &mut Mind, now| {
            let _gone = send.send(act(mind, now));
        });
        self.inputs.send(Input::Command(command)).await.map_err(|_| Ended)?;
        receive.await.map_err(|_| Ended)
    }
}

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
}

#[derive(Clone, Debug)]
struct Files {
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

impl Torrent {
    /// The next event; `None` when the engine has ended.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Looks at the files under `path`, verifies what must be, and goes to work. `progress` hears
    /// how many bytes of how many are verified. Returns what a person should know.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub async fn start(
        &self,
        job: StartJob,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Vec<String>, EngineError> {
        let resume = job.resume.clone();
        let opened =
            tokio::task::spawn_blocking(move || job.open(progress)).await.map_err(|_| Ended)??;
        let storage = Arc::clone(&opened.storage);
        self.engine.disk.attach(self.id, Arc::clone(&storage));
        *self.lock() = Some(Files { storage, resume });
        let id = self.id;
        let (have, partial) = (opened.have, opened.partial);
        self.engine.ask(move |mind, now| mind.session.start(now, id, have, partial)).await?;
        Ok(opened.notices)
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

    /// Completes what has no bytes: empty files, links, attributes, sizes.
    ///
    /// # Errors
    /// When one cannot be made.
    pub async fn finish(&self) -> Result<(), EngineError> {
        let Some(files) = self.lock().clone() else {
            return Ok(());
        };
        let finished = tokio::task::spawn_blocking(move || files.storage.finish());
        Ok(finished.await.map_err(|_| Ended)?.map_err(OpenError::from)?)
    }

    /// After [`Event::Stopped`]: records that the end was clean.
    pub async fn close(&self) {
        let Some(Files { storage, resume: Some(resume) }) = self.lock().clone() else {
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

/// The files of a torrent, to be looked at.
#[derive(Debug)]
pub struct StartJob {
    /// The metadata.
    pub info: Arc<Info>,
    /// What is known of the v2 piece hashes.
    pub layers: PieceLayers,
    /// The folder (to get), or the content itself (to seed).
    pub path: PathBuf,
    /// What survives the process, if anything should.
    pub resume: Option<Arc<Resume>>,
    /// What is to be done.
    pub purpose: Purpose,
}

impl StartJob {
    fn open(self, mut progress: impl FnMut(u64, u64)) -> Result<opening::Opened, OpenError> {
        let Self { info, layers, path, resume, purpose } = self;
        opening::open(&info, &layers, &path, resume.as_ref(), &purpose, &mut |done, total| {
            progress(done, total);
            std::ops::ControlFlow::Continue(())
        })
    }
}

async fn accept(listener: TcpListener, inputs: Sender<Input>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if inputs.send(Input::Incoming(stream, remote)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: give others time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
}

fn peer_id(rng: &mut Rng) -> PeerId {
    let mut id = PeerId::default();
    id.0[..8].copy_from_slice(PEER_ID_PREFIX);
    for byte in &mut id.0[8..] {
        *byte = PEER_ID_ALPHABET[rng.index(PEER_ID_ALPHABET.len())];
    }
    id
}

fn peer_config(peer_id: PeerId, listen_port: u16, limits: Limits) -> peer::Config {
    let mut config = peer::Config::new(peer_id, "Fluvial 0.1");
    config.listen_port = listen_port;
    config.uplink = limits.up;
    config
}
