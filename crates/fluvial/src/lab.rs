//! `fluvial lab`: each experiment has its file.

mod overlay;
mod ring;

pub(crate) use self::overlay::OverlayResult;
pub(crate) use self::ring::Point;
use crate::args::{Experiment, Lab};
use crate::output::Output;

/// Runs the experiment that was asked for.
pub(crate) fn run(args: &Lab, output: &Output) -> anyhow::Result<()> {
    match &args.experiment {
        Experiment::Ring(args) => ring::run(args, output),
        Experiment::Overlay(args) => overlay::run(args, output),
    }
}
