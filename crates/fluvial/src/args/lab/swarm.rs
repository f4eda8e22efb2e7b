//! The flags of `fluvial lab swarm`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use sim::PEERS_MAX;

use super::parse_part;
use crate::units::{Rate, parse_duration, parse_rate, parse_size};

/// Simulate a swarm: the code that ships, in virtual time, against the physical bound
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial lab swarm --peers 20 --size 64MiB --html swarm.html
  fluvial lab swarm bound --peers 35
  fluvial lab swarm free-riders --choker always-open --seed 7
  fluvial lab swarm my-scenario.toml --picker random
  fluvial lab swarm survival --compare picker --runs 20 --html survival.html
  fluvial lab swarm bound --peers 100 --compare peers
  fluvial lab swarm bound --peers 2000 --size 64MiB --fidelity blocks

SCENARIO is a file, or one of: arrivals, bound, churn, flash-crowd, free-riders, hostile, nats,
partners, reciprocity, selfish, survival, ten-thousand. Flags change the scenario; --peers and
--peer-up its first group of peers, --seed-up its first seeds.")]
pub(crate) struct SwarmLab {
    /// A scenario: a TOML file, or the name of one that comes with Fluvial
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: Option<String>,
    /// Peers that want the content
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(PEERS_MAX)))]
    pub(crate) peers: Option<u32>,
    /// Peers that have it from the start
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(PEERS_MAX)))]
    pub(crate) seeds: Option<u32>,
    /// The uplink of each seed
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) seed_up: Option<Rate>,
    /// The uplink of each peer
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) peer_up: Option<Rate>,
    /// The downlink of each peer
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) peer_down: Option<Rate>,
    /// How much there is to distribute
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) size: Option<u64>,
    /// There and back between two peers
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(crate) rtt: Option<Duration>,
    /// Which pieces are asked for first
    #[arg(long, value_name = "ORDER")]
    pub(crate) picker: Option<Picker>,
    /// Whom a peer serves
    #[arg(long, value_name = "RULE")]
    pub(crate) choker: Option<Choker>,
    /// The share of the peers that gives nothing, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_part)]
    pub(crate) free_riders: Option<f64>,
    /// The share of the peers that quits before it is done, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_part)]
    pub(crate) churn: Option<f64>,
    /// How closely it is simulated
    #[arg(long, value_name = "LEVEL")]
    pub(crate) fidelity: Option<Fidelity>,
    /// What chance begins with; the same seed gives the same result
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Run it in several ways, each with the same seeds, and compare what comes of them
    #[arg(long, value_name = "WHAT")]
    pub(crate) compare: Option<Compare>,
    /// With --compare: over so many seeds, from --seed on
    #[arg(long, value_name = "N", default_value_t = 1, requires = "compare")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) runs: u32,
    /// Write a report with charts
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the numbers, those behind the charts too
    #[arg(long, value_name = "FILE")]
    pub(crate) json_file: Option<PathBuf>,
}

/// Which pieces come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picker {
    /// What the fewest have
    RarestFirst,
    /// Any
    Random,
    /// From the first to the last
    Sequential,
}

/// Whom a peer serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choker {
    /// Those who give most
    TitForTat,
    /// Everybody in turns
    SeedStyle,
    /// Everybody at once
    AlwaysOpen,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compare {
    /// The three orders of --picker
    Picker,
    /// The three rules of --choker
    Choker,
    /// Peers that go when they are done, and peers that stay
    Leaving,
    /// From one peer to as many as there are
    Peers,
}

/// How closely a swarm is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fidelity {
    /// Message by message, as real peers talk, disks and all (the default)
    Messages,
    /// Block by block, for ten thousand peers and more
    Blocks,
}
