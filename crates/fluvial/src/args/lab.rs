//! The experiments of `fluvial lab`.

mod link;
mod load;
mod lookups;
mod overlay;
mod ring;
mod swarm;

use clap::{Args, Subcommand};

pub(crate) use self::link::LinkLab;
pub(crate) use self::load::LoadLab;
pub(crate) use self::lookups::LookupsLab;
pub(crate) use self::overlay::OverlayLab;
pub(crate) use self::ring::{Query, RingLab, TableOfChord};
pub(crate) use self::swarm::{
    Choker as SwarmChoker, Compare as SwarmCompare, Fidelity as SwarmFidelity,
    Picker as SwarmPicker, SwarmLab,
};

/// Try a swarm, a ring or an overlay before building it
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  fluvial lab ring --bits 4 --ids 1,3,4,5,8,10,12,14 --from 1 --key 14
  fluvial lab lookups --html lookups.html
  fluvial lab overlay --nodes 10000 --html overlay.html
  fluvial lab ring --help
  fluvial lab swarm bound --peers 35 --html bound.html

In the file of settings an experiment has its own table, [lab.ring], and in the environment its
own variables, FLUVIAL_LAB_RING_SEED.")]
pub(crate) struct Lab {
    #[command(subcommand)]
    pub(crate) experiment: Experiment,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    Link(LinkLab),
    Load(Box<LoadLab>),
    Lookups(LookupsLab),
    Ring(RingLab),
    Overlay(OverlayLab),
    Swarm(SwarmLab),
}

impl Lab {
    /// What the grammar of flags cannot say.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        match &self.experiment {
            Experiment::Link(link) => link.check(),
            Experiment::Load(load) => load.check(),
            Experiment::Lookups(lookups) => lookups.check(),
            Experiment::Ring(ring) => ring.check(),
            Experiment::Overlay(overlay) => overlay.check(),
            Experiment::Swarm(_) => Ok(()),
        }
    }
}

/// A part of a whole that something is left of.
fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("write a share from 0 to below 1, for example 0.5".to_owned()),
    }
}

/// A part of one, all of it included.
fn parse_part(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
        _ => Err("write a share from 0 to 1, for example 0.3".to_owned()),
    }
}
