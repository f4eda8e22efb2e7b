//! The experiments of `fluvial lab`.

mod ring;

use clap::{Args, Subcommand};

pub(crate) use self::ring::{Query, RingLab};

/// Try a swarm, a ring or an overlay before building it
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  fluvial lab ring --bits 4 --ids 1,3,4,5,8,10,12,14 --from 1 --key 14
  fluvial lab ring --help

In the file of settings an experiment has its own table, [lab.ring], and in the environment its
own variables, FLUVIAL_LAB_RING_SEED.")]
pub(crate) struct Lab {
    #[command(subcommand)]
    pub(crate) experiment: Experiment,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    Ring(RingLab),
}

impl Lab {
    /// What the grammar of flags cannot say.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        match &self.experiment {
            Experiment::Ring(ring) => ring.check(),
        }
    }
}
