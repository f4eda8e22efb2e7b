//! `fluvial share`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinSet;

use engine::{Purpose, StartJob, Trust};
use metainfo::{Metainfo, PlanOptions};
use session::AddTorrent;

use crate::args::Share;
use crate::describe::magnet_of;
use crate::events::Event;
use crate::hosting::Hosting;
use crate::making::{self, CREATED_BY};
use crate::output::Output;
use crate::seeding::{Seeding, Served};
use crate::signals::Stop;
use crate::units::{count, show_size};
use crate::{fingerprint, names, net, reach, state};

use paths::Paths;
use publish::Edition;

mod paths;
mod publish;

/// Publishes the content until told to end.
pub(crate) async fn run(args: &Share, output: &Output) -> anyhow::Result<()> {
    let made = Made::make_or_reuse(args, output)?;
    let edition = Edition::read(args, &made.metainfo)?;
    let engine = net::start(&args.net, output)?;
    let stop = Stop::listen()?;
    // Behind a proxy nobody can reach them, unless the person says where.
    let none = args.no_tracker || (engine.egress().proxy().is_some() && args.http.is_none());
    let hosting = if none { None } else { Some(Hosting::start(args, &engine, &made.metainfo)?) };
    let mut metainfo = made.metainfo;
    let own = hosting.iter().map(Hosting::tracker);
    metainfo.trackers =
        own.chain(args.tracker.iter().map(ToString::to_string)).map(|url| vec![url]).collect();
    let files = made.files.write(&metainfo)?;

    let info = Arc::clone(&metainfo.info);
    let mut add = AddTorrent::torrent(Arc::clone(&info), metainfo.piece_layers.clone());
    net::add_typed(&mut add, &args.tracker, &engine);
    let torrent = engine.add(add).await?;
    let job = StartJob {
        info: names::found(&info, |file| made.paths.place(file)),
        path: made.paths.content,
        resume: None,
        purpose: Purpose::Seed { trust: Trust::Full, roots: made.paths.roots },
    };
    let _trusted = torrent.start(job, |_, _| {}).await?;
    let reachable = reach::addresses(engine.egress(), engine.listening());
    let mut magnet = magnet_of(&metainfo);
    magnet.peers = reachable.iter().map(ToString::to_string).collect();
    let magnet = magnet.to_string();
    let mut seeding = Seeding::new(output, stop);
    if let Some(hosting) = &hosting {
        hosting.show(&metainfo, &magnet, &torrent, &engine);
        seeding = seeding.with_page(hosting.page());
    }
    let ready = Ready {
        metainfo: &metainfo,
        torrent: &files,
        magnet,
        page: hosting.as_ref().and_then(Hosting::address),
        listen: engine.listening().first().map(ToString::to_string).unwrap_or_default(),
        alone: !reachable.is_empty() && reachable.iter().all(|address| address.ip().is_loopback()),
    };
    ready.tell(output);
    let mut publishing = JoinSet::new();
    if let (Some(edition), Some(table)) = (edition, engine.hash_table().cloned()) {
        output.line("Or follow this key, which brings later versions, too:\n");
        output.line(format!("  fluvial get --follow '{}'\n", edition.magnet()));
        publishing.spawn(edition.keep(table, output.clone()));
    }
    let ended = seeding.run(Served::Torrents(vec![torrent]), &engine).await;
    publishing.shutdown().await;
    if let Some(hosting) = hosting {
        hosting.end().await;
    }
    ended
}

/// What there is to say when all can be reached.
struct Ready<'a> {
    metainfo: &'a Metainfo,
    torrent: &'a Path,
    magnet: String,
    page: Option<String>,
    listen: String,
    /// Whether nobody else can reach it.
    alone: bool,
}

impl Ready<'_> {
    fn tell(&self, output: &Output) {
        let Self { metainfo, magnet, .. } = self;
        output.event(&Event::Ready {
            info_hash: metainfo.hashes.v1.map(|hash| hash.to_string()),
            info_hash_v2: metainfo.hashes.v2.map(|hash| hash.to_string()),
            magnet,
            torrent: &self.torrent.display().to_string(),
            listen: &self.listen,
            tracker: &metainfo.trackers.concat(),
            page: self.page.as_deref(),
        });
        let info = &metainfo.info;
        output.good(
            "Sharing",
            format!(
                "{}  {} in {}, {}",
                info.name(),
                show_size(info.layout().content_length()),
                count(info.layout().pieces().into(), "piece"),
                info.version()
            ),
        );
        output.line("Paste this on the other machine:\n");
        output.line(format!("  fluvial get '{magnet}'\n"));
        if let Some(page) = &self.page {
            output.line("Or open this in any browser; whoever reaches it can download:\n");
            output.line(format!("  {page}\n"));
        }
        if self.alone {
            output.notice("only this machine can reach it: it listens on loopback alone");
        }
    }
}

/// A torrent made now or earlier, and where its content is.
struct Made {
    metainfo: Metainfo,
    paths: Paths,
    files: TorrentFiles,
}

impl Made {
    fn make_or_reuse(args: &Share, output: &Output) -> anyhow::Result<Self> {
        let paths = Paths::read(&args.paths, args.name.as_deref(), output)?;
        let state_dir = state::dir(args.net.state_dir.as_deref())?;
        let format = args.format.map(Into::into);
        let options = PlanOptions {
            name: paths.name.clone(),
            format,
            piece_length: args.piece_length,
            created_by: Some(CREATED_BY.to_owned()),
            ..PlanOptions::default()
        };
        let mark = fingerprint::of(&paths.all(), &options)?;
        let files = TorrentFiles {
            kept: state_dir.join(format!("shared-{mark}.torrent")),
            named: args.torrent.clone(),
        };
        let metainfo = if let Some(metainfo) = files.read_kept() {
            metainfo
        } else {
            making::make(&paths.content, &paths.roots, options, output)?.metainfo
        };
        making::tell_names(&metainfo, output);
        Ok(Self { metainfo, paths, files })
    }
}

/// Where the torrent is written: kept for the next time, and where the person asked.
struct TorrentFiles {
    kept: PathBuf,
    named: Option<PathBuf>,
}

impl TorrentFiles {
    /// The torrent of an earlier run, of content that has not changed since.
    fn read_kept(&self) -> Option<Metainfo> {
        Metainfo::parse(&std::fs::read(&self.kept).ok()?).ok()
    }

    /// Writes it with today's trackers; returns the path to tell.
    fn write(&self, metainfo: &Metainfo) -> anyhow::Result<PathBuf> {
        let bytes = metainfo.to_bytes();
        state::write_whole(&self.kept, &bytes)?;
        let Some(named) = &self.named else {
            return Ok(self.kept.clone());
        };
        state::write_whole(named, &bytes)?;
        Ok(named.clone())
    }
}
