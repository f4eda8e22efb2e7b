//! `fluvial get`.

mod efficiency;
mod errand;
mod job;
mod patience;
mod plan;

use std::process::ExitCode;
use std::time::Instant;

use crate::args::Get;
use crate::describe::Description;
use crate::events::Event;
use crate::farewell;
use crate::output::Output;

use job::Job;
use plan::Plan;

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
            let status = job.status().await;
            job.end().await;
            output.event(&Event::Stopped);
            output.line(farewell::stopped(status.as_ref()));
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
    description.print_notices(output);
}
