//! `fluvial lab`: each experiment has its file.

mod link;
mod lookups;
mod overlay;
mod ring;
mod swarm;
mod watch;

pub(crate) use self::link::Carried;
pub(crate) use self::lookups::LookupsResult;
pub(crate) use self::overlay::OverlayResult;
pub(crate) use self::ring::{Point, PublishedResult, PublishedRow};
pub(crate) use self::swarm::Compared;
use crate::args::{Experiment, Lab};
use crate::output::Output;

/// Runs the experiment that was asked for.
pub(crate) fn run(args: &Lab, output: &Output) -> anyhow::Result<()> {
    match &args.experiment {
        Experiment::Link(args) => crate::on_runtime(link::run(args, output)),
        Experiment::Lookups(args) => lookups::run(args, output),
        Experiment::Ring(args) => ring::run(args, output),
        Experiment::Overlay(args) => overlay::run(args, output),
        Experiment::Swarm(args) => swarm::run(args, output),
    }
}
