//! The flags of `fluvial lab load`.

use std::time::Duration;

use announce::{Scheme, TrackerUrl};
use clap::Args;
use clap::error::ErrorKind;

use super::super::values::parse_tracker;
use super::super::wrong;
use super::parse_part;
use crate::units::parse_duration;

/// Hosts by UDP, where nobody says how many.
const HOSTS: u32 = 65_536;
/// The same by HTTP, where each keeps a connection.
const CONNECTIONS: u32 = 64;
/// Hosts at most: each has an address below 127.
const HOSTS_MAX: i64 = 1 << 23;
/// Connections at most: as many as most systems give a process files, and some to spare.
const CONNECTIONS_MAX: u32 = 900;
/// Requests on their way by UDP: what the smallest of usual receive buffers holds.
const WINDOW: u32 = 192;

/// Let a crowd of peers announce to a tracker, and tell what it answers, how soon, at what cost
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial lab load udp://127.0.0.1:6969
  fluvial lab load udp://127.0.0.1:6969 --rate 100000 --time 30s --pid $(pidof opentracker)
  fluvial lab load http://127.0.0.1:6969/announce --peers 100000 --torrents 10000

All peers join first. Without --rate the crowd asks as fast as it is answered; with it, each request
has its moment, whether or not those before it were answered, and times count from there.
A tracker at a loopback address sees each host at an address of its own. The loop takes a core
whole: keep tracker and crowd apart with taskset. Ask only trackers that are yours.")]
pub(crate) struct LoadLab {
    /// Where the tracker is: udp:// or http://, over IPv4
    #[arg(value_name = "URL", value_parser = parse_tracker)]
    pub(crate) tracker: TrackerUrl,
    /// Peers that join
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) peers: u64,
    /// Torrents that they are spread over at random
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) torrents: u64,
    /// Hosts that they run on; by HTTP each keeps one connection [default: 65536, or 64 by HTTP]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=HOSTS_MAX))]
    pub(crate) hosts: Option<u32>,
    /// Share of the peers that have all, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = parse_part)]
    pub(crate) seeders: f64,
    /// Requests a second [default: as many as are answered]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) rate: Option<u64>,
    /// Requests on their way at once, where there is no rate, and while peers join
    /// [default: 192, or one for each connection]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) window: Option<u32>,
    /// How long it is measured, once all have joined
    #[arg(long, value_name = "DUR", default_value = "10s", value_parser = parse_duration)]
    pub(crate) time: Duration,
    /// Share of connects among requests by UDP, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.28, value_parser = parse_part)]
    pub(crate) connects: f64,
    /// Share of scrapes among requests by UDP, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = parse_part)]
    pub(crate) scrapes: f64,
    /// Share of the peers that join and are not heard of again, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_part)]
    pub(crate) silent: f64,
    /// The tracker's process, to tell what it costs
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// What chance begins with
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
}

impl LoadLab {
    /// Whether the peers go by HTTP.
    pub(crate) fn by_http(&self) -> bool {
        self.tracker.scheme() == Scheme::Http
    }

    /// How many hosts there are.
    pub(crate) fn hosts(&self) -> u32 {
        self.hosts.unwrap_or(if self.by_http() { CONNECTIONS } else { HOSTS })
    }

    /// How many requests may be on their way.
    pub(crate) fn window(&self) -> usize {
        let most = if self.by_http() { self.hosts() } else { WINDOW };
        self.window.unwrap_or(most) as usize
    }

    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let usage = |why: &str| Err(wrong("lab load", ErrorKind::InvalidValue, why));
        if self.tracker.scheme() == Scheme::Https {
            return usage("the tracker is asked over udp or http, not https");
        }
        if self.by_http() && self.hosts() > CONNECTIONS_MAX {
            return usage(&format!("--hosts may be {CONNECTIONS_MAX} at most by HTTP"));
        }
        if self.connects + self.scrapes > 1.0 {
            return usage("--connects and --scrapes together are more than all requests");
        }
        Ok(())
    }
}
