//! `fluvial lab`: each experiment has its file.

mod link;
#[cfg(target_os = "linux")]
mod load;
mod lookups;
#[cfg(not(target_os = "linux"))]
mod no_load;
mod overlay;
mod ring;
mod swarm;
mod watch;

pub(crate) use self::link::Carried;
#[cfg(target_os = "linux")]
pub(crate) use self::load::LoadResult;
pub(crate) use self::lookups::LookupsResult;
#[cfg(not(target_os = "linux"))]
use self::no_load as load;
#[cfg(not(target_os = "linux"))]
pub(crate) use self::no_load::LoadResult;
pub(crate) use self::overlay::OverlayResult;
pub(crate) use self::ring::{Point, PublishedResult, PublishedRow};
pub(crate) use self::swarm::Compared;
use crate::args::{Experiment, Lab};
use crate::output::Output;

/// Runs the experiment that was asked for.
pub(crate) fn run(args: &Lab, output: &Output) -> anyhow::Result<()> {
    match &args.experiment {
        Experiment::Link(args) => crate::on_runtime(link::run(args, output)),
        Experiment::Load(args) => load::run(args, output),
        Experiment::Lookups(args) => lookups::run(args, output),
        Experiment::Ring(args) => ring::run(args, output),
        Experiment::Overlay(args) => overlay::run(args, output),
        Experiment::Swarm(args) => swarm::run(args, output),
    }
}
