//! A download from its first announce to its farewell.

mod ending;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;

use engine::{Engine, Purpose, StartJob, Started, Torrent};
use metainfo::{Info, Metainfo, PieceLayers};
use session::{AddTorrent, Event as Happened, Status};
use swarm::{Origin, Priority};

use super::follow::Editions;
use super::patience::{Mood, Patience};
use super::plan::{self, Plan};
use super::{Ended, list};
use crate::args::Get;
use crate::describe::Description;
use crate::live::{Live, TICK};
use crate::output::Output;
use crate::signals::Stop;
use crate::units::show_duration;
use crate::{farewell, names, net, record, selection};

/// A download under way.
pub(super) struct Job<'a> {
    args: &'a Get,
    output: &'a Output,
    plan: Plan,
    started: Instant,
    engine: Engine,
    torrent: Torrent,
    stop: Stop,
    pub(super) live: Live<'a>,
    patience: Patience,
    /// Once known.
    info: Option<Arc<Info>>,
    /// Since the metadata was recorded.
    layers_changed: bool,
    /// What the publisher names, if that is followed.
    following: Option<Editions>,
    /// The files of the version that was fetched before: they give way to this one's.
    former: BTreeSet<PathBuf>,
}

/// What a job works with.
pub(super) struct Setup<'a> {
    pub(super) args: &'a Get,
    pub(super) output: &'a Output,
    pub(super) engine: Engine,
    pub(super) stop: Stop,
    pub(super) following: Option<Editions>,
}

impl<'a> Job<'a> {
    pub(super) async fn begin(
        setup: Setup<'a>,
        plan: Plan,
        started: Instant,
        former: BTreeSet<PathBuf>,
    ) -> anyhow::Result<Self> {
        let Setup { args, output, engine, stop, following } = setup;
        let mut add = match &plan.metainfo {
            Some(metainfo) => {
                AddTorrent::torrent(Arc::clone(&metainfo.info), metainfo.piece_layers.clone())
            }
            None => AddTorrent::magnet(plan.hashes),
        };
        add.sequential = args.sequential;
        add.trackers = net::named_trackers(&plan.trackers, output);
        net::add_typed(&mut add, &args.tracker, &engine);
        add.mirrors.clone_from(&args.web_seed);
        add.mirrors.extend(net::named_mirrors(&plan.web_seeds, &plan.http_seeds, output));
        add.peers = args.peer.iter().map(|&peer| (peer, Origin::User)).collect();
        if let Some(magnet) = &plan.magnet {
            let peers = net::resolve_peers(&magnet.peers, &engine, output).await;
            add.peers.extend(peers.into_iter().map(|peer| (peer, Origin::Magnet)));
        }
        net::note_forbidden(add.peers.iter().map(|(peer, _)| *peer), &engine, output);
        if let Some(metainfo) = &plan.metainfo {
            net::add_nodes(metainfo, &engine);
        }
        let torrent = engine.add(add).await?;
        let live = Live::new(output);
        let patience = Patience::new(Instant::now(), args.give_up);
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
            following,
            former,
        })
    }

    /// From the metadata to the last byte, and on while the seeding goal is not reached.
    pub(super) async fn work(&mut self) -> Result<(), Ended> {
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
        self.obey().await?;
        self.seed().await
    }

    async fn metadata(&mut self) -> Result<(Arc<Info>, PieceLayers), Ended> {
        if let Some(metainfo) = &self.plan.metainfo {
            return Ok((Arc::clone(&metainfo.info), metainfo.piece_layers.clone()));
        }
        loop {
            if let Happened::MetadataReady { info, .. } = self.next().await? {
                self.patience.restart(Instant::now());
                return Ok((info, PieceLayers::default()));
            }
        }
    }

    /// Prepares what is wanted, and starts.
    async fn open(&mut self, info: Arc<Info>, layers: PieceLayers) -> Result<(), Ended> {
        let info = if self.args.original_names {
            names::original(&info)
        } else {
            names::found(&info, |file| self.plan.folder.join(&file.path))
        };
        for notice in info.notices() {
            self.output.notice(notice.to_string());
        }
        self.info = Some(Arc::clone(&info));
        let magnet = self.plan.magnet.as_deref();
        let wanted = selection::wanted(&info, &self.args.files, magnet)?;
        plan::writable(&self.plan.folder, info.name())?;
        if let Some(resume) = &self.plan.resume {
            record::save(resume, &info, &layers, &self.plan.trackers)?;
        }
        if let Some(wanted) = &wanted {
            let priority = |&wanted| {
                if wanted { Priority::Normal } else { Priority::Skip }
            };
            self.torrent.select(wanted.iter().map(priority).collect()).await?;
        }
        let own = files(&info, wanted.as_deref());
        let purpose = Purpose::Get {
            overwrite: self.args.overwrite,
            former: self.former.clone(),
            preallocate: self.args.preallocate,
            wanted,
        };
        let (path, resume) = (self.plan.folder.clone(), self.plan.resume.clone());
        let job = StartJob { info, path, resume, purpose };
        let notices = loop {
            match self.start(job.clone()).await? {
                Started::Running { notices, .. } => break notices,
                Started::LayersWanted => self.layers().await?,
            }
        };
        self.former = own;
        for notice in notices {
            self.output.notice(notice);
        }
        Ok(())
    }

    /// What the next version may replace: this one's files, if it has got as far as to touch any.
    pub(super) fn into_former(self) -> BTreeSet<PathBuf> {
        self.former
    }

    /// Looks at the files and starts, if they can be judged.
    async fn start(&mut self, job: StartJob) -> Result<Started, Ended> {
        let (send, mut checked) = tokio::sync::watch::channel((0, 0));
        let start = self.torrent.start(job, move |done, total| {
            let _nobody = send.send((done, total));
        });
        let mut start = std::pin::pin!(start);
        let mut tick = tokio::time::interval(TICK);
        let started = loop {
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
        // While the disk was at work nobody had to send anything.
        self.patience.restart(Instant::now());
        Ok(started)
    }

    /// Waits for the v2 piece hashes, and records them.
    async fn layers(&mut self) -> Result<(), Ended> {
        self.output.notice("files are there; waiting for their v2 piece hashes to check them");
        while !matches!(self.next().await?, Happened::LayersReady { .. }) {}
        self.layers_changed = true;
        self.save_layers().await
    }

    async fn download(&mut self) -> Result<(), Ended> {
        loop {
            if let Happened::Complete { .. } = self.next().await? {
                return Ok(());
            }
        }
    }

    /// The next event that is no failure, with the bar kept moving until it comes.
    async fn next(&mut self) -> Result<Happened, Ended> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                event = self.torrent.event() => match event {
                    Some(Happened::LayerReady { .. }) => self.layers_changed = true,
                    Some(Happened::Failed { error, .. }) => return Err(error.into()),
                    Some(Happened::MirrorFailed { url, message, left_out, .. }) => {
                        farewell::tell_mirror(&url, &message, left_out, self.output);
                    }
                    Some(event) => return Ok(event),
                    None => return Err(anyhow!("the engine has stopped").into()),
                },
                () = self.stop.wished() => return Err(Ended::Stopped),
                () = superseded(&mut self.following) => return Err(Ended::Superseded),
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
        match self.patience.judge(Instant::now(), &status) {
            Mood::Fine => Ok(()),
            Mood::Asking => {
                let why = self.why(&status).await?;
                self.output.notice(format!("waiting: {why}"));
                Ok(())
            }
            Mood::GivenUp(after) => {
                let why = self.why(&status).await?;
                let after = show_duration(after);
                Err(anyhow!("gave up after {after} in which nothing came: {why}").into())
            }
        }
    }

    /// Why nothing moves.
    async fn why(&self, status: &Status) -> Result<String, Ended> {
        Ok(farewell::why_nothing_moves(&self.torrent, status, &self.engine).await?)
    }

    /// How it does, as long as there is somebody to ask.
    pub(super) async fn status(&self) -> Option<Status> {
        self.torrent.status().await.ok().flatten()
    }

    /// Says goodbye, and ends the engine.
    pub(super) async fn end(&mut self) {
        self.leave().await;
        self.engine.close().await;
        self.live.clear();
    }

    /// Says goodbye: what is held is written and recorded, trackers are told.
    pub(super) async fn leave(&mut self) {
        self.live.clear();
        self.layers_changed |= self.plan.magnet.is_some();
        if let Err(Ended::Failed(error)) = self.save_layers().await {
            tracing::warn!("the piece hashes were not recorded: {error:#}");
        }
        self.live.stopping();
        farewell::stop(&mut self.torrent).await;
        self.live.clear();
    }
}

/// The paths of wanted files.
fn files(info: &Info, wanted: Option<&[bool]>) -> BTreeSet<PathBuf> {
    let is_wanted = |&(index, _): &(usize, _)| wanted.is_none_or(|wanted| wanted[index]);
    let files = info.layout().files().iter().enumerate().filter(is_wanted);
    files.map(|(_, file)| file.path.clone()).collect()
}

/// Waits until the publisher names another torrent; for ever, where nobody is followed.
async fn superseded(following: &mut Option<Editions>) {
    if let Some(editions) = following
        && editions.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
