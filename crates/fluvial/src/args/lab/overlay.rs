//! The flags of `fluvial lab overlay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::error::ErrorKind;

use sim::Trial;

use super::super::wrong;
use super::parse_share;
use crate::units::parse_duration;

/// Members where nobody says how many.
const NODES: u32 = 1_000;
/// Numbers of copies that are tried where nobody names any.
const COPIES: [u32; 3] = [1, 10, 100];
/// Numbers of copies that can be named.
const COPIES_MAX: usize = 8;
/// The longest that a member takes for a message.
const SLOW_MAX: Duration = Duration::from_hours(1);

/// Let members find each other through one of them, then kill many at once
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial lab overlay
  fluvial lab overlay --nodes 10000 --kill 0.5 --seed 1 --html overlay.html
  fluvial lab overlay --nodes 2000 --loss 0.1 --slow 0.2 --kill-anchor")]
pub(crate) struct OverlayLab {
    /// Members, the anchor among them [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) nodes: Option<u32>,
    /// Share of the members that die at once, from 0 to below 1 [default: 0.5]
    #[arg(long, value_name = "FRACTION", value_parser = parse_share)]
    pub(crate) kill: Option<f64>,
    /// Let the anchor die with them
    #[arg(long)]
    pub(crate) kill_anchor: bool,
    /// Periods to watch from then on [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) periods: Option<u32>,
    /// Share of the messages that are lost [default: 0]
    #[arg(long, value_name = "FRACTION", value_parser = parse_share)]
    pub(crate) loss: Option<f64>,
    /// Share of the members that are slow [default: 0]
    #[arg(long, value_name = "FRACTION", value_parser = parse_share)]
    pub(crate) slow: Option<f64>,
    /// How long a slow member takes for each message [default: 2s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration, requires = "slow")]
    pub(crate) slow_by: Option<Duration>,
    /// Searches by each method for each number of copies [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) searches: Option<u32>,
    /// How many members hold what is searched for [default: 1,10,100]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) copies: Vec<u32>,
    /// Hops that a flooded search goes [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) ttl: Option<u8>,
    /// Walkers of a random search [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) walkers: Option<u16>,
    /// Hops that each walker goes [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) walk_ttl: Option<u16>,
    /// What chance begins with; the same seed gives the same result [default: 1]
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Write a report with charts here
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the numbers here, those behind the charts too
    #[arg(long, value_name = "FILE")]
    pub(crate) json_file: Option<PathBuf>,
}

impl OverlayLab {
    /// What chance begins with.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    fn nodes(&self) -> u32 {
        self.nodes.unwrap_or(NODES)
    }

    /// The experiment.
    pub(crate) fn trial(&self) -> Trial {
        let mut trial = Trial::new(self.nodes(), self.seed());
        trial.kill = self.kill.unwrap_or(trial.kill);
        trial.kill_anchor = self.kill_anchor;
        trial.after = self.periods.unwrap_or(trial.after);
        trial.searches = self.searches.unwrap_or(trial.searches);
        trial.flood_ttl = self.ttl.unwrap_or(trial.flood_ttl);
        trial.walkers = self.walkers.unwrap_or(trial.walkers);
        trial.walk_ttl = self.walk_ttl.unwrap_or(trial.walk_ttl);
        trial.copies = if self.copies.is_empty() {
            COPIES.into_iter().filter(|copies| *copies <= self.nodes()).collect()
        } else {
            self.copies.clone()
        };
        trial.crowd.loss = self.loss.unwrap_or(0.0);
        trial.crowd.slow = self.slow.unwrap_or(0.0);
        trial.crowd.slow_by = self.slow_by.unwrap_or(trial.crowd.slow_by);
        trial
    }

    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let usage = |why: &str| wrong("lab overlay", ErrorKind::InvalidValue, why);
        let nodes = self.nodes();
        if self.copies.len() > COPIES_MAX {
            return Err(usage(&format!("--copies names more than {COPIES_MAX} numbers")));
        }
        if let Some(copies) = self.copies.iter().find(|copies| **copies > nodes) {
            let why = format!("--copies {copies} is more than there are members, {nodes}");
            return Err(usage(&why));
        }
        let slow_by = self.slow_by.unwrap_or_default();
        if slow_by > SLOW_MAX {
            return Err(usage("--slow-by is more than an hour"));
        }
        let killed = (f64::from(nodes) * self.kill.unwrap_or(0.5)).round() as u32;
        if killed + u32::from(self.kill_anchor) >= nodes {
            return Err(usage(&format!("of {nodes} members nobody would survive")));
        }
        Ok(())
    }
}
