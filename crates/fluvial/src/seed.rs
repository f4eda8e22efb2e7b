//! `fluvial seed`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use disk::{Resume, Roots};
use engine::{Engine, Purpose, StartJob, Started, Torrent};
use metainfo::Metainfo;
use session::AddTorrent;

use crate::args::Seed;
use crate::describe::magnet_of;
use crate::events::Event;
use crate::live::Live;
use crate::output::Output;
use crate::seeding::Seeding;
use crate::signals::Stop;
use crate::source::torrent_file;
use crate::units::show_size;
use crate::{names, net, reach, state, text};

/// Serves content that is already there until told to end.
pub(crate) async fn run(args: &Seed, output: &Output) -> anyhow::Result<()> {
    let pairs = pairs(args, output)?;
    let engine = net::start(&args.net, output)?;
    let stop = Stop::listen()?;
    let mut torrents = Vec::new();
    for (file, content) in pairs {
        let begun = begin(args, &engine, output, &file, &content);
        let mut stop = stop.clone();
        let begun = tokio::select! {
            begun = begun => begun.with_context(|| format!("cannot seed `{}`", file.display())),
            () = stop.wished() => break,
        };
        match begun {
            Ok(torrent) => torrents.push(torrent),
            // In a folder of many, one that is not whole is no reason to deny the others.
            Err(error) if args.dir.is_some() => output.warn(text::causes(&error)),
            Err(error) => return Err(error),
        }
    }
    if torrents.is_empty() && !stop.is_wished() {
        bail!("there is nothing to seed");
    }
    Seeding::new(output, stop).run(torrents, &engine).await
}

/// Pairs of a `.torrent` file and its content.
fn pairs(args: &Seed, output: &Output) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let (Some(dir), Some(data)) = (&args.dir, &args.data) else {
        // Whether every torrent has its content beside it was checked with the grammar.
        let (pairs, _) = args.pairs.as_chunks::<2>();
        return Ok(pairs.iter().map(|[torrent, path]| (torrent.clone(), path.clone())).collect());
    };
    let unreadable = || format!("cannot list `{}`", dir.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "torrent") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("there is no .torrent file in `{}`", dir.display());
    }
    let mut pairs = Vec::new();
    for torrent in found {
        match torrent_file(&torrent) {
            Ok(metainfo) => {
                let info = names::found(&metainfo.info, |file| data.join(&file.path));
                pairs.push((torrent, data.join(info.name())));
            }
            Err(error) => output.warn(format!("left out: {}", text::causes(&error))),
        }
    }
    Ok(pairs)
}

async fn begin(
    args: &Seed,
    engine: &Engine,
    output: &Output,
    file: &Path,
    content: &Path,
) -> anyhow::Result<Torrent> {
    let metainfo = torrent_file(file)?;
    let shown = content.display();
    let path = content.canonicalize().with_context(|| format!("cannot find `{shown}`"))?;
    let state_dir = state::dir(args.net.state_dir.as_deref())?;
    let (resume, _) = Resume::open(&state_dir, &metainfo.hashes, &path)?;
    let info = Arc::clone(&metainfo.info);
    let mut add = AddTorrent::torrent(Arc::clone(&info), metainfo.piece_layers.clone());
    add.trackers = net::named_trackers(&metainfo.trackers, output);
    net::add_typed(&mut add, &args.tracker, engine);
    net::add_nodes(&metainfo, engine);
    let torrent = engine.add(add).await?;
    let job = StartJob {
        info: names::found(&info, |file| file.path_in(&path)),
        path,
        resume: Some(Arc::new(resume)),
        purpose: Purpose::Seed { trusted: false, roots: Roots::new() },
    };
    start(&torrent, job, output).await?;
    tell_ready(&metainfo, file, engine, output);
    Ok(torrent)
}

/// Looks at the files, with a bar while they are verified.
async fn start(torrent: &Torrent, job: StartJob, output: &Output) -> anyhow::Result<()> {
    let live = Live::new(output);
    let (send, mut checked) = tokio::sync::watch::channel((0, 0));
    let start = torrent.start(job, move |done, total| {
        let _nobody = send.send((done, total));
    });
    let mut start = std::pin::pin!(start);
    let started = loop {
        tokio::select! {
            started = &mut start => break started,
            Ok(()) = checked.changed() => {
                let (done, total) = *checked.borrow_and_update();
                live.show_check_bar(done, total);
            }
        }
    };
    live.clear();
    match started? {
        Started::Running { .. } => Ok(()),
        Started::LayersWanted => bail!("the torrent lacks piece hashes; get it anew"),
    }
}

fn tell_ready(metainfo: &Metainfo, file: &Path, engine: &Engine, output: &Output) {
    let mut magnet = magnet_of(metainfo);
    let reachable = reach::addresses(engine.egress(), engine.listening());
    magnet.peers = reachable.iter().map(ToString::to_string).collect();
    output.event(&Event::Ready {
        info_hash: metainfo.hashes.v1.map(|hash| hash.to_string()),
        info_hash_v2: metainfo.hashes.v2.map(|hash| hash.to_string()),
        magnet: &magnet.to_string(),
        torrent: &file.display().to_string(),
        listen: &engine.listening().first().map(ToString::to_string).unwrap_or_default(),
        tracker: &metainfo.trackers.concat(),
        page: None,
    });
    let (name, layout) = (metainfo.info.name(), metainfo.info.layout());
    output.good("Seeding", format!("{name}  {}", show_size(layout.content_length())));
}
