//! `fluvial seed`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use disk::{Resume, Roots};
use engine::{Engine, Purpose, StartJob, Started, Torrent, Trust};
use session::AddTorrent;

use crate::args::Seed;
use crate::live::Live;
use crate::output::Output;
use crate::seeding::{Seeding, Served};
use crate::signals::Stop;
use crate::source::torrent_file;
use crate::{names, net, state};

use ready::Ready;

mod folder;
mod library;
mod ready;

/// Serves content that is already there until told to end.
pub(crate) async fn run(args: &Seed, output: &Output) -> anyhow::Result<()> {
    if let (Some(torrents), Some(data)) = (&args.dir, &args.data) {
        return folder::run(args, (torrents, data), output).await;
    }
    let engine = net::start(&args.net, output)?;
    let stop = Stop::listen()?;
    let mut torrents = Vec::new();
    // Whether every torrent has its content beside it was checked with the grammar.
    let (pairs, _) = args.pairs.as_chunks::<2>();
    for [file, content] in pairs {
        let begun = begin(args, &engine, output, file, content);
        let mut stop = stop.clone();
        tokio::select! {
            begun = begun => {
                let begun = begun.with_context(|| format!("cannot seed `{}`", file.display()));
                torrents.push(begun?);
            }
            () = stop.wished() => break,
        }
    }
    Seeding::new(output, stop).run(Served::Torrents(torrents), &engine).await
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
        purpose: Purpose::Seed { trust: Trust::No, roots: Roots::new() },
    };
    start(&torrent, job, output).await?;
    Ready::new(engine).tell(&metainfo, file, output);
    Ready::name(&metainfo, output);
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
