//! Content, its torrents, and engines that give and take it.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use disk::Resume;
use engine::{Egress, Engine, EngineConfig, Purpose, StartJob, Started, Torrent, Trust};
use metainfo::{Info, Metainfo, PlanOptions, Version};
use session::{AddTorrent, Event, Limits};
use stdx::Rng;
use swarm::Origin;
use tempfile::TempDir;

pub(crate) const FORMATS: [Version; 3] = [Version::V1, Version::V2, Version::Hybrid];

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

/// A folder with content, its torrent, and room for copies.
pub(crate) struct Place {
    dir: TempDir,
    pub(crate) torrent: Metainfo,
}

impl Place {
    /// Content of several files, `size` bytes in all but for a few.
    pub(crate) fn new(format: Version, size: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("source/set");
        fs::create_dir_all(root.join("inner")).unwrap();
        for (name, length) in [("a.bin", size - size / 4), ("inner/b.bin", size / 4), ("empty", 0)]
        {
            let mut bytes = vec![0; length];
            Rng::new(length as u64).fill(&mut bytes);
            fs::write(root.join(name), bytes).unwrap();
        }
        let options = PlanOptions {
            name: "set".to_owned(),
            format: Some(format),
            piece_length: Some(64 << 10),
            ..PlanOptions::default()
        };
        let none = &mut |_, _| ControlFlow::Continue(());
        let created = disk::create(&root, options, 0, none).unwrap();
        Self { dir, torrent: Metainfo::parse(&created.torrent).unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// An engine that seeds the content.
    pub(crate) async fn seed(&self, limits: Limits) -> (Engine, Torrent) {
        self.seed_by(engine(limits)).await
    }

    /// The same by this one.
    pub(crate) async fn seed_by(&self, engine: Engine) -> (Engine, Torrent) {
        let torrent = engine.add(self.add()).await.unwrap();
        let path = self.path("source/set");
        let purpose = Purpose::Seed { trust: Trust::No, roots: disk::Roots::new() };
        let job = job(&self.torrent.info, &path, None, purpose);
        running(torrent.start(job, |_, _| {}).await.unwrap());
        (engine, torrent)
    }

    /// An engine that gets it into `folder`, its torrent not started.
    pub(crate) async fn join(&self, add: AddTorrent, limits: Limits) -> (Engine, Torrent) {
        let engine = engine(limits);
        let torrent = engine.add(add).await.unwrap();
        (engine, torrent)
    }

    pub(crate) fn add(&self) -> AddTorrent {
        let layers = self.torrent.piece_layers.clone();
        AddTorrent::torrent(Arc::clone(&self.torrent.info), layers)
    }

    pub(crate) fn magnet(&self) -> AddTorrent {
        AddTorrent::magnet(self.torrent.hashes)
    }

    pub(crate) async fn start(
        &self,
        torrent: &Torrent,
        info: &Arc<Info>,
        folder: &str,
        resume: Option<Arc<Resume>>,
    ) -> Vec<String> {
        let job = self.getting(info, folder, resume);
        running(torrent.start(job, |_, _| {}).await.unwrap())
    }

    /// What starts a download into `folder`.
    pub(crate) fn getting(
        &self,
        info: &Arc<Info>,
        folder: &str,
        resume: Option<Arc<Resume>>,
    ) -> StartJob {
        let purpose = Purpose::Get {
            overwrite: false,
            former: BTreeSet::new(),
            preallocate: false,
            wanted: None,
        };
        job(info, &self.path(folder), resume, purpose)
    }

    pub(crate) fn resume(&self, folder: &str) -> Arc<Resume> {
        let (resume, _) =
            Resume::open(&self.path("state"), &self.torrent.hashes, &self.path(folder)).unwrap();
        Arc::new(resume)
    }

    /// Asserts that `folder` holds the content and nothing else.
    pub(crate) fn assert_got(&self, folder: &str) {
        for name in ["a.bin", "inner/b.bin", "empty"] {
            let right = fs::read(self.path("source/set").join(name)).unwrap();
            let got = fs::read(self.path(folder).join("set").join(name)).unwrap();
            assert!(got == right, "{name} differs");
        }
        assert_eq!(fs::read_dir(self.path(folder)).unwrap().count(), 1);
    }
}

fn job(info: &Arc<Info>, path: &Path, resume: Option<Arc<Resume>>, purpose: Purpose) -> StartJob {
    StartJob { info: Arc::clone(info), path: path.to_owned(), resume, purpose }
}

fn running(started: Started) -> Vec<String> {
    match started {
        Started::Running { notices, .. } => notices,
        Started::LayersWanted => panic!("everything can be judged"),
    }
}

pub(crate) fn engine(limits: Limits) -> Engine {
    engine_over(engine::Transport::Both, limits)
}

pub(crate) fn engine_over(transport: engine::Transport, limits: Limits) -> Engine {
    engine_with(transport, engine::Encryption::Prefer, limits)
}

pub(crate) fn engine_with(
    transport: engine::Transport,
    encryption: engine::Encryption,
    limits: Limits,
) -> Engine {
    // Peers must differ in their ids.
    static STARTED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let seed = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let max_peers = 50;
    let config = EngineConfig {
        listen,
        limits,
        max_peers,
        transport,
        encryption,
        pex: false,
        lsd: false,
        dht: None,
        mapping: None,
        egress: Egress::default(),
        seed,
    };
    Engine::start(&config).unwrap()
}

/// `add` with `engine` as a peer to ask.
pub(crate) fn asking(mut add: AddTorrent, engine: &Engine) -> AddTorrent {
    add.peers = engine.listening().iter().map(|&at| (at, Origin::User)).collect();
    add
}

/// Waits for an event that `wanted` picks.
pub(crate) async fn wait_for<T>(torrent: &mut Torrent, wanted: impl Fn(Event) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = torrent.event().await.expect("the engine runs");
            if let Event::Failed { error, .. } = &event {
                panic!("failed: {error}");
            }
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("in time")
}

/// Waits for a magnet's metadata.
pub(crate) async fn metadata(torrent: &mut Torrent) -> Arc<Info> {
    let info = |event| match event {
        Event::MetadataReady { info, .. } => Some(info),
        _ => None,
    };
    wait_for(torrent, info).await
}

pub(crate) async fn complete(torrent: &mut Torrent) {
    wait_for(torrent, |event| matches!(event, Event::Complete { .. }).then_some(())).await;
    torrent.finish().await.unwrap();
}

/// Ends a torrent as a person's Ctrl-C does.
pub(crate) async fn stop(torrent: &mut Torrent) {
    torrent.stop().await.unwrap();
    wait_for(torrent, |event| matches!(event, Event::Stopped { .. }).then_some(())).await;
    torrent.close().await;
}

pub(crate) const UNLIMITED: Limits = Limits { up: None, down: None };
