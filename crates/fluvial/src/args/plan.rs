//! The flags of `fluvial plan`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::error::ErrorKind;

use plan::{Class, PEERS_MAX};

use super::wrong;
use crate::units::{Rate, parse_duration, parse_rate, parse_size, show_number};

/// The most numbers of peers that one plan goes through.
const STEPS_MAX: u64 = 100_000;
/// The most overhead, in per cent.
const OVERHEAD_MAX: f64 = 1_000.0;

/// Say how long a distribution takes at least, which limit binds, and what a deadline asks for
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial plan --size 4.5GB --server-up 100Mbit/s --peers 1..35 --peer-up 10Mbit/s
  fluvial plan --size 4.5GB --server-up 100Mbit/s --peers 30 --peer-up 10Mbit/s --deadline 30m
  fluvial plan --size 1GiB --server-up 1Gbit/s --peers 1..1000 --peer-up 20Mbit/s --svg plan.svg
  fluvial plan --size 1GiB --server-up 1Gbit/s --class 400:20Mbit/s:100Mbit/s --class 9:none:none

Rates are those of the lines: 10Mbit/s, 4MB/s, `none` for unlimited. The times are the least that
any protocol needs; --overhead adds what TCP/IP and BitTorrent send besides the content.")]
pub(crate) struct Plan {
    /// Size of the content
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) size: u64,
    /// Upload of the server, or of the first seed
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) server_up: Rate,
    /// How many peers want it: N, or each number from A to B
    #[arg(long, value_name = "N|A..B", value_parser = parse_peers)]
    #[arg(required_unless_present = "class")]
    pub(crate) peers: Option<Peers>,
    /// Upload of each peer
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    #[arg(required_unless_present = "class")]
    pub(crate) peer_up: Option<Rate>,
    /// Download of each peer [default: it never binds]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) peer_down: Option<Rate>,
    /// So many peers with this upload and download, instead of the three --peer flags; repeat for
    /// a mixture
    #[arg(long, value_name = "COUNT:UP:DOWN", value_parser = parse_class)]
    #[arg(conflicts_with_all = ["peers", "peer_up", "peer_down"])]
    pub(crate) class: Vec<Class>,
    /// Say what it takes to be done in this time
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Bytes on the wire besides the content, about 6% for TCP/IP and BitTorrent [default: 0%]
    #[arg(long, value_name = "PERCENT", value_parser = parse_overhead)]
    pub(crate) overhead: Option<u32>,
    /// Draw a chart into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// From so many peers to so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peers {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Plan {
    /// The numbers of peers, each with who they are.
    pub(crate) fn crowds(&self) -> impl Iterator<Item = Vec<Class>> {
        let equal = self.peers.into_iter().flat_map(|peers| peers.first..=peers.last);
        let (up, down) = (limit(self.peer_up), limit(self.peer_down));
        let equal = equal.map(move |count| vec![Class { count, up, down }]);
        equal.chain((!self.class.is_empty()).then(|| self.class.clone()))
    }

    /// What the grammar of flags cannot say.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let usage = |why: &str| Err(wrong("plan", ErrorKind::InvalidValue, why));
        let downs = self.class.iter().map(|class| class.down).chain([limit(self.peer_down)]);
        if self.server_up.0.is_none() && downs.flatten().next().is_none() {
            return usage(
                "with an unlimited --server-up and no limited download nothing takes time; \
                 name a rate",
            );
        }
        let last = self.crowds().last().unwrap_or_default();
        let plan = plan::Plan::new(self.size, self.server_up.0, last);
        match plan.and_then(|plan| plan.with_overhead(self.overhead.unwrap_or(0))) {
            Ok(_) => Ok(()),
            Err(why) => usage(&why.to_string()),
        }
    }
}

fn limit(rate: Option<Rate>) -> Option<u64> {
    rate.and_then(|rate| rate.0)
}

/// Reads `N` or `A..B`, the last included.
fn parse_peers(text: &str) -> Result<Peers, String> {
    let number = |text: &str| match text.trim().parse() {
        Ok(0) => Err("at least one peer is needed".to_owned()),
        Ok(number) if number <= PEERS_MAX => Ok(number),
        Ok(_) => Err(format!("it must be at most {}", show_number(PEERS_MAX))),
        Err(_) => Err("write a number such as 30, or a range such as 1..35".to_owned()),
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let peers = Peers { first: number(first)?, last: number(last)? };
    match peers.last.checked_sub(peers.first) {
        None => Err(format!("a range goes upwards: {last}..{first}")),
        Some(steps) if steps >= STEPS_MAX => {
            Err(format!("a range has at most {} numbers", show_number(STEPS_MAX)))
        }
        Some(_) => Ok(peers),
    }
}

/// Reads `COUNT:UP:DOWN`.
fn parse_class(text: &str) -> Result<Class, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [count, up, down] = parts[..] else {
        return Err("write COUNT:UP:DOWN, for example 20:10Mbit/s:100Mbit/s".to_owned());
    };
    let Peers { first: count, last } = parse_peers(count)?;
    if count != last {
        return Err("a class has one count, for example 20:10Mbit/s:none".to_owned());
    }
    Ok(Class { count, up: parse_rate(up)?.0, down: parse_rate(down)?.0 })
}

/// Reads `6%` or `6`, in millionths.
fn parse_overhead(text: &str) -> Result<u32, String> {
    let number = text.trim().strip_suffix('%').unwrap_or(text).trim().parse::<f64>();
    match number {
        Ok(percent) if (0.0..=OVERHEAD_MAX).contains(&percent) => {
            Ok((percent * 10_000.0).round() as u32)
        }
        _ => Err(format!("write per cent from 0 to {OVERHEAD_MAX}, for example 6%")),
    }
}

#[cfg(test)]
mod tests;
