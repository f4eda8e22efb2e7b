//! `fluvial get`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use disk::Resume;
use engine::{Engine, Purpose, StartJob, Torrent};
use metainfo::{Info, InfoHashes, Magnet, Metainfo, PieceLayers};
use session::{AddTorrent, Event as Happened, Status};
use swarm::{Origin, Priority};

use crate::args::{Get, SeedGoal};
use crate::describe::Description;
use crate::events::Event;
use crate::live::{Live, TICK};
use crate::output::Output;
use crate::signals::Stop;
use crate::source::Source;
use crate::units::{show_duration, show_rate, show_size};
use crate::{farewell, net, record, selection, source, state};

/// How often a person hears why nothing moves.
const WHY_EVERY: Duration = Duration::from_mins(1);
/// Sources listed for a person before the rest is only counted.
const SOURCES_SHOWN: usize = 8;

/// How a wait ended other than by what was waited for.
enum Ended {
    /// The person wished so.
    Stopped,
    /// `--give-up`, or a fault.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Fetches the source.
pub(crate) async fn run(args: &Get, output: &Output) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let plan = Plan::read(args, output).await?;
    if args.list
        && let Some(metainfo) = &plan.metainfo
    {
        list(&Description::of_torrent(metainfo), output);
        return Ok(ExitCode::SUCCESS);
    }
    let mut job = Job::begin(args, output, plan, started).await?;
    let done = job.work().await;
    job.live.clear();
    match done {
        Ok(()) => {
            job.end().await;
            Ok(ExitCode::SUCCESS)
        }
        Err(Ended::Stopped) => {
            job.end().await;
            output.event(&Event::Stopped);
            output.line("Stopped; the same command goes on from here");
            Ok(ExitCode::from(crate::FAILED))
        }
        Err(Ended::Failed(error)) => {
            job.end().await;
            Err(error)
        }
    }
}

fn list(description: &Description, output: &Output) {
    output.event(&Event::Torrent(description));
    description.print_files(output, usize::MAX);
}

/// What is to be fetched, as far as it is known before any peer is asked.
struct Plan {
    hashes: InfoHashes,
    metainfo: Option<Box<Metainfo>>,
    magnet: Option<Box<Magnet>>,
    trackers: Vec<Vec<String>>,
    resume: Option<Arc<Resume>>,
    folder: PathBuf,
}

impl Plan {
    async fn read(args: &Get, output: &Output) -> anyhow::Result<Self> {
        let source = source::read(&args.source).await?;
        let (hashes, mut metainfo, magnet) = match source {
            Source::Torrent(metainfo) => (metainfo.hashes, Some(metainfo), None),
            Source::Magnet(magnet) => (magnet.hashes, None, Some(magnet)),
        };
        let mut plan = Self {
            hashes,
            trackers: Vec::new(),
            resume: None,
            folder: args.output.clone(),
            metainfo: None,

            magnet,
        };
        if !args.list {
            plan.folder = make_folder(&args.output)?;
            let resume = plan.open_resume(args, output)?;
            if metainfo.is_none() {
                metainfo = record::load(&resume, &plan.hashes)?.map(Box::new);
            }
            plan.resume = Some(Arc::new(resume));
        }
        plan.trackers = match (&metainfo, &plan.magnet) {
            (_, Some(magnet)) => magnet.trackers.iter().map(|url| vec![url.clone()]).collect(),
            (Some(metainfo), None) => metainfo.trackers.clone(),
            (None, None) => Vec::new(),
        };
        plan.metainfo = metainfo;
        Ok(plan)
    }

    fn open_resume(&self, args: &Get, output: &Output) -> anyhow::Result<Resume> {
        let state_dir = state::dir(args.net.state_dir.as_deref())?;
        let (resume, opened) = Resume::open(&state_dir, &self.hashes, &self.folder)?;
        if let disk::Opened::SetAside(path) = opened {
            output.notice(format!(
                "the record of this download was damaged and set aside as `{}`; checking all",
                path.display()
            ));
        }
        Ok(resume)
    }
}

fn make_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{shown}`"))?;
    folder.canonicalize().with_context(|| format!("cannot use the folder `{shown}`"))
}

/// A download under way.
struct Job<'a> {
    args: &'a Get,
    output: &'a Output,
    plan: Plan,
    started: Instant,
    engine: Engine,
    torrent: Torrent,
    stop: Stop,
    live: Live<'a>,
    patience: Patience,
    /// Once known.
    info: Option<Arc<Info>>,
    /// Since the metadata was recorded.
    layers_changed: bool,
}

impl<'a> Job<'a> {
    async fn begin(
        args: &'a Get,
        output: &'a Output,
        plan: Plan,
        started: Instant,
    ) -> anyhow::Result<Self> {
        let typed = net::typed_trackers(&args.tracker)?;
        let engine = net::start(&args.net)?;
        net::note_port(&args.net, &engine, output);
        let mut add = match &plan.metainfo {
            Some(metainfo) => {
                AddTorrent::torrent(Arc::clone(&metainfo.info), metainfo.piece_layers.clone())
            }
            None => AddTorrent::magnet(plan.hashes),
        };
        add.sequential = args.sequential;
        add.trackers = net::named_trackers(&plan.trackers, output);
        for url in typed {
            engine.trust_tracker(&url);
            add.trackers.push(vec![url]);
        }
        add.peers = args.peer.iter().map(|&peer| (peer, Origin::User)).collect();
        if let Some(magnet) = &plan.magnet {
            let peers = net::resolve_peers(&magnet.peers, output).await;
            add.peers.extend(peers.into_iter().map(|peer| (peer, Origin::Magnet)));
        }
        let torrent = engine.add(add).await?;
        let (stop, live) = (Stop::listen()?, Live::new(output));
        let patience = Patience::new(args.give_up);
        Ok(Self {
            args,
            output,
            plan,
            started,
            engine,
            torrent,
            stop,
            live,
            patience,
            info: None,
            layers_changed: false,
        })
    }

    /// From the metadata to the last byte, and on while the seeding goal is not reached.
    async fn work(&mut self) -> Result<(), Ended> {
        let (info, layers) = self.metadata().await?;
        if self.args.list {
            list(&Description::of_torrent(&Metainfo::new(info)), self.output);
            return Ok(());
        }
        self.open(info, layers).await?;
        self.download().await?;
        self.torrent.finish().await?;
        self.live.clear();
        self.tell_complete().await?;
        self.seed().await
    }

    async fn metadata(&mut self) -> Result<(Arc<Info>, PieceLayers), Ended> {
        if let Some(metainfo) = &self.plan.metainfo {
            return Ok((Arc::clone(&metainfo.info), metainfo.piece_layers.clone()));
        }
        loop {
            if let Happened::MetadataReady { info, .. } = self.next().await? {
                return Ok((info, PieceLayers::default()));
            }
        }
    }

    /// Looks at the files and starts.
    async fn open(&mut self, info: Arc<Info>, layers: PieceLayers) -> Result<(), Ended> {
        for notice in info.notices() {
            self.output.notice(notice.to_string());
        }
        self.info = Some(Arc::clone(&info));
        let magnet = self.plan.magnet.as_deref();
        let wanted = selection::wanted(&info, &self.args.files, magnet)?;
        if let Some(resume) = &self.plan.resume {
            record::save(resume, &info, &layers, &self.plan.trackers)?;
        }
        if let Some(wanted) = &wanted {
            let priority = |&wanted| {
                if wanted { Priority::Normal } else { Priority::Skip }
            };
            self.torrent.select(wanted.iter().map(priority).collect()).await?;
        }
        let purpose = Purpose::Get {
            overwrite: self.args.overwrite,
            preallocate: self.args.preallocate,
            wanted,
        };
        let (path, resume) = (self.plan.folder.clone(), self.plan.resume.clone());
        let job = StartJob { info, layers, path, resume, purpose };
        let (send, mut checked) = tokio::sync::watch::channel((0, 0));
        let start = self.torrent.start(job, move |done, total| {
            let _nobody = send.send((done, total));
        });
        let mut start = std::pin::pin!(start);
        let mut tick = tokio::time::interval(TICK);
        let notices = loop {
            tokio::select! {
                started = &mut start => break started?,
                _ = tick.tick() => {
                    let (done, total) = *checked.borrow_and_update();
                    if total > 0 {
                        self.live.show_check(done, total);
                    }
                }
                () = self.stop.wished() => return Err(Ended::Stopped),
            }
        };
        for notice in notices {
            self.output.notice(notice);
        }
        Ok(())
    }

    async fn download(&mut self) -> Result<(), Ended> {
        loop {
            match self.next().await? {
                Happened::Complete { .. } => return Ok(()),
                Happened::Failed { error, .. } => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// The next event, with the bar kept moving until it comes.
    async fn next(&mut self) -> Result<Happened, Ended> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                event = self.torrent.event() => match event {
                    Some(Happened::LayerReady { .. }) => self.layers_changed = true,
                    Some(event) => return Ok(event),
                    None => return Err(anyhow!("the engine has stopped").into()),
                },
                () = self.stop.wished() => return Err(Ended::Stopped),
                _ = tick.tick() => self.tick().await?,
            }
        }
    }

    /// Records v2 piece hashes as they come, so that a resumed magnet can verify its files.
    async fn save_layers(&mut self) -> Result<(), Ended> {
        if !std::mem::take(&mut self.layers_changed) {
            return Ok(());
        }
        let (Some(resume), Some(info)) = (&self.plan.resume, &self.info) else {
            return Ok(());
        };
        let layers = self.torrent.layers().await?;
        Ok(record::save(resume, info, &layers, &self.plan.trackers)?)
    }

    async fn tick(&mut self) -> Result<(), Ended> {
        self.save_layers().await?;
        let Some(status) = self.torrent.status().await? else {
            return Ok(());
        };
        self.live.show(&status);
        match self.patience.judge(&status) {
            Mood::Fine => Ok(()),
            Mood::Asking => {
                let why = farewell::why_nothing_moves(&self.torrent, &status).await?;
                self.output.notice(why);
                Ok(())
            }
            Mood::GivenUp(after) => {
                let why = farewell::why_nothing_moves(&self.torrent, &status).await?;
                let after = show_duration(after);
                Err(anyhow!("gave up: nothing came for {after} ({why}); run again to resume")
                    .into())
            }
        }
    }

    async fn tell_complete(&mut self) -> Result<(), Ended> {
        let Some(status) = self.torrent.status().await? else {
            return Ok(());
        };
        let elapsed = self.started.elapsed();
        let path = self.torrent.content_path().unwrap_or_default();
        let sources = farewell::sources(&self.torrent).await?;
        let bytes = status.total.unwrap_or(0);
        self.output.event(&Event::Complete {
            path: &path.display().to_string(),
            bytes,
            seconds: elapsed.as_secs_f64(),
            efficiency: None,
            sources: &sources,
        });
        let rate = (status.downloaded as f64 / elapsed.as_secs_f64().max(1e-3)) as u64;
        self.output.good(
            "Complete",
            format!(
                "{}  {} in {} ({})",
                path.display(),
                show_size(bytes),
                show_duration(elapsed),
                show_rate(rate)
            ),
        );
        farewell::print_sources(&sources, status.downloaded, SOURCES_SHOWN, self.output);
        if self.args.seed == SeedGoal::None && status.downloaded > 0 {
            self.output.hint("`--seed ratio:1` gives back what was taken");
        }
        Ok(())
    }

    /// Gives until the goal is reached or the person wishes to end.
    async fn seed(&mut self) -> Result<(), Ended> {
        let began = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        loop {
            let Some(status) = self.torrent.status().await? else {
                return Ok(());
            };
            let reached = match self.args.seed {
                SeedGoal::None => true,
                SeedGoal::Forever => false,
                SeedGoal::Ratio(ratio) => {
                    status.uploaded as f64 >= ratio * status.total.unwrap_or(0) as f64
                }
                SeedGoal::Time(time) => began.elapsed() >= time,
            };
            if reached {
                return Ok(());
            }
            self.live.show(&status);
            tokio::select! {
                _ = tick.tick() => {}
                event = self.torrent.event() => match event {
                    Some(Happened::Failed { error, .. }) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(()),
                },
                () = self.stop.wished() => return Ok(()),
            }
        }
    }

    /// Says goodbye: what is held is written and recorded, trackers are told.
    async fn end(&mut self) {
        self.live.clear();
        self.layers_changed |= self.plan.metainfo.is_none();
        if let Err(Ended::Failed(error)) = self.save_layers().await {
            tracing::warn!("the piece hashes were not recorded: {error:#}");
        }
        farewell::stop(&mut self.torrent).await;
        self.engine.close().await;
    }
}

/// How long nothing may move.
struct Patience {
    give_up: Option<Duration>,
    /// Bytes seen, verified or not, and when they last grew.
    seen: (u64, u64),
    moved: Instant,
    asked: Instant,
}

enum Mood {
    Fine,
    Asking,
    GivenUp(Duration),
}

impl Patience {
    fn new(give_up: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { give_up, seen: (0, 0), moved: now, asked: now }
    }

    fn judge(&mut self, status: &Status) -> Mood {
        let seen = (status.done, status.downloaded);
        if seen != self.seen {
            (self.seen, self.moved, self.asked) = (seen, Instant::now(), Instant::now());
            return Mood::Fine;
        }
        match self.give_up {
            Some(limit) if self.moved.elapsed() >= limit => Mood::GivenUp(limit),
            _ if self.asked.elapsed() >= WHY_EVERY => {
                self.asked = Instant::now();
                Mood::Asking
            }
            _ => Mood::Fine,
        }
    }
}
