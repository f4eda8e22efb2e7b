//! `fluvial get`.

mod efficiency;
mod errand;
mod follow;
mod job;
mod patience;
mod plan;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;

use hash::Sha1Digest;
use metainfo::{InfoHashes, Magnet};
use session::Status;

use crate::args::Get;
use crate::describe::Description;
use crate::events::Event;
use crate::output::Output;
use crate::signals::Stop;
use crate::source::{self, Source};
use crate::{farewell, net};

use job::{Job, Setup};
use plan::Plan;

/// How a wait ended other than by what was waited for.
enum Ended {
    /// The person wished so.
    Stopped,
    /// `--give-up`, or a fault.
    Failed(anyhow::Error),
    /// Its publisher has another torrent now.
    Superseded,
}

impl<E: Into<anyhow::Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Fetches the source.
pub(crate) async fn run(args: &Get, output: &Output) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let magnet = match source::read(&args.source, &args.net.way.open()?).await? {
        Source::Magnet(magnet) if args.follow || magnet.hashes == InfoHashes::default() => magnet,
        _ if args.follow => bail!("--follow needs the link of a publisher (xs=urn:btpk:)"),
        source => return once(args, output, source, started).await,
    };
    let Some(publisher) = &magnet.publisher else {
        bail!("--follow needs the link of a publisher (xs=urn:btpk:)");
    };
    let engine = net::start(&args.net, output)?;
    let Some(table) = engine.hash_table().cloned() else {
        engine.close().await;
        bail!("what a publisher names is found in the DHT; leave --no-dht and --no-discovery out");
    };
    let mut editions = follow::follow(table, publisher, args.follow_every);
    let mut stop = Stop::listen()?;
    let found = follow::first(&mut editions, &mut stop, args.give_up, &engine, output).await;
    let mut edition = match found {
        Ok(edition) => edition,
        Err(ended) => {
            engine.close().await;
            return finish(ended, None, output);
        }
    };
    let (mut since, mut former) = (started, BTreeSet::new());
    loop {
        let hashes = InfoHashes { v1: Some(Sha1Digest(edition.torrent.0)), v2: None };
        let source = Source::Magnet(Box::new(Magnet { hashes, ..(*magnet).clone() }));
        let plan = Plan::read(args, output, source)?;
        let following = args.follow.then(|| editions.clone());
        let setup = Setup { args, output, engine: engine.clone(), stop: stop.clone(), following };
        let mut job = Job::begin(setup, plan, since, former).await?;
        match job.work().await {
            Err(Ended::Superseded) => job.leave().await,
            done => return over(job, done, output).await,
        }
        edition = editions.borrow_and_update().unwrap_or(edition);
        output.line(format!("Version {}: fetching what changed", edition.seq));
        (since, former) = (Instant::now(), job.into_former());
    }
}

/// Fetches what does not change.
async fn once(
    args: &Get,
    output: &Output,
    source: Source,
    started: Instant,
) -> anyhow::Result<ExitCode> {
    let plan = Plan::read(args, output, source)?;
    if args.list
        && let Some(metainfo) = &plan.metainfo
    {
        list(&Description::of_torrent(metainfo), output);
        return Ok(ExitCode::SUCCESS);
    }
    let engine = net::start(&args.net, output)?;
    let stop = Stop::listen()?;
    let setup = Setup { args, output, engine, stop, following: None };
    let mut job = Job::begin(setup, plan, started, BTreeSet::new()).await?;
    let done = job.work().await;
    over(job, done, output).await
}

/// Ends a job, and tells how.
async fn over(
    mut job: Job<'_>,
    done: Result<(), Ended>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    job.live.clear();
    let status = if matches!(done, Err(Ended::Stopped)) { job.status().await } else { None };
    job.end().await;
    match done {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(ended) => finish(ended, status.as_ref(), output),
    }
}

fn finish(ended: Ended, status: Option<&Status>, output: &Output) -> anyhow::Result<ExitCode> {
    match ended {
        Ended::Stopped | Ended::Superseded => {
            output.event(&Event::Stopped);
            output.line(farewell::stopped(status));
            Ok(ExitCode::from(crate::FAILED))
        }
        Ended::Failed(error) => Err(error),
    }
}

fn list(description: &Description, output: &Output) {
    output.event(&Event::Torrent(description));
    description.print_files(output, usize::MAX);
    description.print_notices(output);
}
