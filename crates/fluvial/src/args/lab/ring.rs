//! The flags of `fluvial lab ring`.

use clap::Args;
use clap::error::ErrorKind;

use ring::{Id, SUCCESSORS_MAX, Space};

use super::super::wrong;
use super::parse_share;

/// Bits where nobody says how many.
const BITS: u8 = 160;
/// Successors of a peer in a ring that is spelled out, as lectures have it.
const SUCCESSORS_OF_NAMED: usize = 2;
/// Successors of a peer in a ring of many.
const SUCCESSORS_OF_MANY: usize = 20;
/// The most members that can be spelled out.
const IDS_MAX: usize = 10_000;

/// Route queries round a ring of peers (consistent hashing, as in Chord)
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial lab ring --bits 4 --ids 1,3,4,5,8,10,12,14 --from 1 --key 14
  fluvial lab ring --bits 4 --ids 1,3,4,5,8,10,12,14 --from 1 --key 14 --no-shortcuts
  fluvial lab ring --nodes 1000 --lookups 10000 --fail 0.5 --successors 20 --seed 1")]
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
    /// What chance begins with; the same seed gives the same result [default: 1]
    #[arg(long, value_name = "S", conflicts_with = "ids")]
    pub(crate) seed: Option<u64>,
}

/// A query in a ring that is spelled out.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) ids: Vec<Id>,
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
        if let Some([twice, ..]) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("--ids names the peer {twice} twice"));
        }
        let (from, key) = (read("--from", from)?, read("--key", key)?);
        if ids.binary_search(&from).is_err() {
            return Err(format!("--from {from} is none of the peers of --ids"));
        }
        Ok(Some(Query { ids, from, key }))
    }

    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let usage = |why: &str| wrong("lab ring", ErrorKind::InvalidValue, why);
        self.query().map_err(|why| usage(&why))?;
        let nodes = self.nodes.map_or(1, u64::from);
        let bits = self.space().bits();
        if bits < 32 && nodes > 1 << bits {
            return Err(usage(&format!("{bits} bits are not enough for {nodes} peers")));
        }
        Ok(())
    }
}

fn parse_successors(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=SUCCESSORS_MAX).contains(&count) => Ok(count),
        _ => Err(format!("write a number from 1 to {SUCCESSORS_MAX}")),
    }
}
