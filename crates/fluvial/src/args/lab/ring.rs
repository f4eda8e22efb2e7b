//! The flags of `fluvial lab ring`.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};

use ring::{Config, Id, Repair, SUCCESSORS_MAX, Space};

use super::super::wrong;
use super::parse_share;
use crate::units::parse_duration;

/// Bits where nobody says how many.
const BITS: u8 = 160;
/// Successors of a peer in a ring that is spelled out, as lectures have it.
const SUCCESSORS_OF_NAMED: usize = 2;
/// Successors of a peer in a ring of many.
const SUCCESSORS_OF_MANY: usize = 20;
/// Peers of a random ring.
const NODES: u32 = 1_000;
/// Look-ups in it.
const LOOKUPS: u32 = 10_000;
/// The most peers that join a second.
const CHURN_MAX: f64 = 1_000.0;
/// The most peers of a ring in which they come and go.
const CHURN_NODES_MAX: u32 = 20_000;
/// They join at most so fast that this is how long one of them stays: whoever stays shorter is
/// gone before anybody's next round, and there is nothing left to repair.
const EXCHANGE_SECONDS: f64 = 10.0;
/// The most members that can be spelled out.
const IDS_MAX: usize = 10_000;

/// Route queries round a ring of peers (consistent hashing, as in Chord)
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial lab ring --bits 4 --ids 1,3,4,5,8,10,12,14 --from 1 --key 14
  fluvial lab ring --bits 4 --ids 1,3,4,5,8,10,12,14 --from 1 --key 14 --no-shortcuts
  fluvial lab ring --bits 4 --ids 1,3,4,5,8,10,12,14 --from 1 --key 14 --leave 5 --join 13
  fluvial lab ring --nodes 1000 --lookups 10000 --fail 0.5 --successors 20 --seed 1
  fluvial lab ring --nodes 1000 --churn 0.4 --lookups 2000
  fluvial lab ring --nodes 100000 --sweep --html ring.html
  fluvial lab ring --published II
  fluvial lab ring --steps 1000000")]
pub(crate) struct RingLab {
    /// Bits of an identifier, 1 to 160 [default: 160]
    #[arg(long, value_name = "M")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=i64::from(BITS)))]
    pub(crate) bits: Option<u8>,
    /// The peers of the ring, by identifier
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', requires = "from", requires = "key")]
    pub(crate) ids: Vec<String>,
    /// The peer that asks
    #[arg(long, value_name = "A", requires = "ids")]
    pub(crate) from: Option<String>,
    /// The key that it looks for
    #[arg(long, value_name = "K", requires = "ids")]
    pub(crate) key: Option<String>,
    /// These peers leave without a word before the query, one after the other
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', requires = "ids")]
    pub(crate) leave: Vec<String>,
    /// These peers join before the query
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', requires = "ids")]
    pub(crate) join: Vec<String>,
    /// Go from successor to successor only
    #[arg(long)]
    pub(crate) no_shortcuts: bool,
    /// Peers of a random ring [default: 1000]
    #[arg(long, value_name = "N", conflicts_with = "ids")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) nodes: Option<u32>,
    /// Random look-ups in it [default: 10000]
    #[arg(long, value_name = "L", conflicts_with = "ids")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(crate) lookups: Option<u32>,
    /// Share of its peers that have just gone, from 0 to below 1 [default: 0]
    #[arg(long, value_name = "FRACTION", conflicts_with = "ids", value_parser = parse_share)]
    pub(crate) fail: Option<f64>,
    /// Successors that a peer keeps [default: 20, and 2 with --ids]
    #[arg(long, value_name = "R", value_parser = parse_successors)]
    pub(crate) successors: Option<usize>,
    /// Peers that join each second, and as many that leave, while the look-ups go on
    #[arg(long, value_name = "PER_SECOND", conflicts_with_all = ["ids", "fail"])]
    #[arg(value_parser = parse_churn)]
    pub(crate) churn: Option<f64>,
    /// Repair promptly, or in rounds only as Chord was published [default: prompt]
    #[arg(long, value_enum, value_name = "prompt|rounds", hide_possible_values = true)]
    pub(crate) repair: Option<RepairKind>,
    /// Take a peer for gone that has not answered for this long [default: 500ms]
    #[arg(long, value_name = "DUR", requires = "churn", conflicts_with_all = ["ids", "steps"])]
    #[arg(value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Repeat with this many rings, and take the mean [default: 1, and 20 with --published II]
    #[arg(long, value_name = "K", conflicts_with = "ids")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rings: Option<u32>,
    /// Measure what Chord's authors published, beside their figures: peers that leave all at once
    /// (II), or that come and go (III)
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        value_name = "II|III",
        hide_possible_values = true
    )]
    #[arg(conflicts_with_all = [
        "bits", "ids", "nodes", "fail", "successors", "churn", "repair", "no_shortcuts",
        "sweep", "steps",
    ])]
    pub(crate) published: Option<TableOfChord>,
    /// Messages against the number of peers, up to --nodes
    #[arg(long, conflicts_with_all = ["ids", "fail", "churn", "steps"])]
    pub(crate) sweep: bool,
    /// Let this many things happen in small rings in any order, and check after each what must hold
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(conflicts_with_all = [
        "bits", "ids", "no_shortcuts", "nodes", "lookups", "fail", "churn", "rings",
    ])]
    pub(crate) steps: Option<u64>,
    /// Do that with Chord as first published, which must be caught
    #[arg(long, requires = "steps", conflicts_with_all = ["ids", "churn"])]
    pub(crate) original: bool,
    /// Write a page with charts here
    #[arg(long, value_name = "FILE", conflicts_with = "steps")]
    pub(crate) html: Option<PathBuf>,
    /// What chance begins with; the same seed gives the same result [default: 1]
    #[arg(long, value_name = "S", conflicts_with = "ids")]
    pub(crate) seed: Option<u64>,
}

/// A table that Chord's authors published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableOfChord {
    /// Peers that leave all at once.
    #[value(name = "II", alias = "2")]
    Failures,
    /// Peers that come and go.
    #[value(name = "III", alias = "3")]
    Churn,
}

/// How eagerly a ring is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RepairKind {
    /// At once.
    Prompt,
    /// In rounds.
    Rounds,
}

/// A query in a ring that is spelled out.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) ids: Vec<Id>,
    pub(crate) leave: Vec<Id>,
    pub(crate) join: Vec<Id>,
    pub(crate) from: Id,
    pub(crate) key: Id,
}

impl RingLab {
    /// The circle.
    pub(crate) fn space(&self) -> Space {
        Space::new(self.bits.unwrap_or(BITS)).unwrap_or(Space::FULL)
    }

    /// How many successors a peer keeps.
    pub(crate) fn successors(&self) -> usize {
        let default = if self.ids.is_empty() { SUCCESSORS_OF_MANY } else { SUCCESSORS_OF_NAMED };
        self.successors.unwrap_or(default)
    }

    /// Peers of a random ring.
    pub(crate) fn nodes(&self) -> u32 {
        self.nodes.unwrap_or(NODES)
    }

    /// Look-ups in each ring.
    pub(crate) fn lookups(&self) -> u32 {
        self.lookups.unwrap_or(LOOKUPS)
    }

    /// How members behave.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new(self.space(), self.successors());
        if self.repair == Some(RepairKind::Rounds) {
            config.repair = Repair::Rounds;
        }
        config.timeout = self.timeout.unwrap_or(config.timeout);
        config
    }

    /// The query, where the ring is spelled out.
    ///
    /// # Errors
    /// What is wrong with its identifiers.
    pub(crate) fn query(&self) -> Result<Option<Query>, String> {
        let (Some(from), Some(key)) = (&self.from, &self.key) else {
            return Ok(None);
        };
        let read = |flag: &str, text: &str| {
            self.space().parse(text).map_err(|why| format!("{flag} `{text}`: {why}"))
        };
        if self.ids.len() > IDS_MAX {
            return Err(format!("--ids names more than {IDS_MAX} peers; --nodes makes them up"));
        }
        let mut ids = self.ids.iter().map(|text| read("--ids", text));
        let mut ids = ids.by_ref().collect::<Result<Vec<Id>, _>>()?;
        ids.sort_unstable();
        if let Some(twice) = twice(&ids) {
            return Err(format!("--ids names the peer {twice} twice"));
        }
        let (from, key) = (read("--from", from)?, read("--key", key)?);
        let all = |flag: &str, texts: &[String]| {
            texts.iter().map(|text| read(flag, text)).collect::<Result<Vec<Id>, _>>()
        };
        let (leave, join) = (all("--leave", &self.leave)?, all("--join", &self.join)?);
        for (flag, ids) in [("--leave", &leave), ("--join", &join)] {
            if let Some(twice) = twice(ids) {
                return Err(format!("{flag} names the peer {twice} twice"));
            }
        }
        if let Some(id) = leave.iter().find(|id| ids.binary_search(id).is_err()) {
            return Err(format!("--leave {id} is none of the peers of --ids"));
        }
        if let Some(id) = join.iter().find(|id| ids.binary_search(id).is_ok()) {
            return Err(format!("--join {id} is one of the peers of --ids already"));
        }
        let stays = |id: &Id| !leave.contains(id) && (ids.contains(id) || join.contains(id));
        if !stays(&from) {
            return Err(format!("--from {from} is none of the peers of --ids that stay"));
        }
        let (needed, moves) = (self.successors() + 1, !leave.is_empty() || !join.is_empty());
        if moves && (ids.len() < needed || ids.len() - leave.len() < needed) {
            return Err(format!(
                "peers that keep {} successors can repair a ring of {needed} or more, not of {}; \
                 see --successors",
                needed - 1,
                ids.len().saturating_sub(leave.len()),
            ));
        }
        Ok(Some(Query { ids, leave, join, from, key }))
    }

    fn check_churn(&self, churn: f64) -> Result<(), String> {
        let (nodes, successors) = (self.nodes(), self.successors());
        if nodes as usize <= successors {
            return Err(format!(
                "a ring that keeps {successors} successors needs more than {successors} peers; \
                 see --nodes and --successors"
            ));
        }
        if nodes > CHURN_NODES_MAX {
            return Err(format!(
                "--churn takes rings of up to {CHURN_NODES_MAX} peers, not {nodes}"
            ));
        }
        let most = f64::from(nodes) / EXCHANGE_SECONDS;
        if churn > most {
            return Err(format!("--churn {churn}: {nodes} peers bear at most {most} a second"));
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let usage = |why: &str| wrong("lab ring", ErrorKind::InvalidValue, why);
        self.query().map_err(|why| usage(&why))?;
        let nodes = u64::from(self.nodes());
        let bits = self.space().bits();
        if let Some(churn) = self.churn {
            self.check_churn(churn).map_err(|why| usage(&why))?;
        }
        let left = nodes - (nodes as f64 * self.fail.unwrap_or(0.0)).round() as u64;
        if left == 0 {
            return Err(usage(&format!("of {nodes} peers nobody would be left; see --fail")));
        }
        let moves = self.churn.is_some() || self.steps.is_some();
        if self.repair.is_some() && !moves && self.leave.is_empty() && self.join.is_empty() {
            let why = "--repair means something with --churn, --steps, --leave or --join";
            return Err(usage(why));
        }
        let is_made_up = self.ids.is_empty() && self.steps.is_none();
        if is_made_up && self.space().room().is_some_and(|room| room < nodes) {
            return Err(usage(&format!("{bits} bits are not enough for {nodes} peers")));
        }
        Ok(())
    }
}

/// Somebody who is named twice.
fn twice(ids: &[Id]) -> Option<Id> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn parse_churn(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= CHURN_MAX => Ok(rate),
        _ => Err("write peers a second, above 0 and up to 1000, for example 0.4".to_owned()),
    }
}

fn parse_successors(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=SUCCESSORS_MAX).contains(&count) => Ok(count),
        _ => Err(format!("write a number from 1 to {SUCCESSORS_MAX}")),
    }
}
