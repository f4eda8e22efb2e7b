//! The flags of `fluvial lab lookups`.

use std::path::PathBuf;

use clap::Args;
use clap::error::ErrorKind;

use super::super::wrong;

/// Numbers of nodes where nobody names any.
const NODES: [u32; 5] = [10, 30, 100, 300, 1_000];
/// Numbers of nodes that can be named.
const NUMBERS_MAX: usize = 16;
/// Look-ups where nobody says how many.
const LOOKUPS: u32 = 1_000;

/// Compare look-ups in a ring, in the distributed hash table and in theory, as networks grow
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial lab lookups
  fluvial lab lookups --nodes 10,100,1000 --lookups 5000 --seed 7 --html lookups.html
  fluvial lab lookups --nodes 3000,10000

The same nodes look up the same keys in a ring where everybody knows who comes next, in that ring
with shortcuts (Chord), and in the distributed hash table, which runs the code that ships. The
table comes together by itself before, which takes longest: minutes for ten thousand nodes.")]
pub(crate) struct LookupsLab {
    /// Numbers of nodes, from few to many [default: 10,30,100,300,1000]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=20_000))]
    pub(crate) nodes: Vec<u32>,
    /// Random look-ups among so many nodes each [default: 1000]
    #[arg(long, value_name = "L", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) lookups: Option<u32>,
    /// What chance begins with; the same seed gives the same result [default: 1]
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Write a page with charts here
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl LookupsLab {
    /// Numbers of nodes, growing.
    pub(crate) fn nodes(&self) -> &[u32] {
        if self.nodes.is_empty() { &NODES } else { &self.nodes }
    }

    /// Look-ups among so many nodes each.
    pub(crate) fn lookups(&self) -> u32 {
        self.lookups.unwrap_or(LOOKUPS)
    }

    /// What chance begins with.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let usage = |why: &str| wrong("lab lookups", ErrorKind::InvalidValue, why);
        if self.nodes.len() > NUMBERS_MAX {
            return Err(usage(&format!("--nodes names more than {NUMBERS_MAX} numbers")));
        }
        match self.nodes.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some([one, other]) if one == other => Err(usage(&format!("--nodes names {one} twice"))),
            Some([one, other]) => {
                let why = format!("--nodes goes from few to many: {other} comes before {one}");
                Err(usage(&why))
            }
            _ => Ok(()),
        }
    }
}
