//! How a member behaves.

use std::time::Duration;

use crate::id::Space;
use crate::tables::SUCCESSORS_MAX;

/// How eagerly a ring is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// As published: everything waits for the next round of stabilisation, and what a look-up finds
    /// is taken as it is.
    Rounds,
    /// A newcomer tells the peer before it at once, every pointer is pinged in every round, and a
    /// look-up asks the owner whether somebody nearer has come.
    Prompt,
}

/// How a member behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The circle.
    pub space: Space,
    /// Successors that a member keeps, r: it survives r−1 of them leaving at once.
    pub successors: usize,
    /// How eagerly it repairs.
    pub repair: Repair,
    /// Between rounds of stabilisation: at least this long …
    pub round_min: Duration,
    /// … and at most this long, uniformly.
    pub round_max: Duration,
    /// Who does not answer for this long is taken for gone.
    pub timeout: Duration,
    /// Until an attempt is repeated that came at a bad moment.
    pub retry: Duration,
}

/// A ring that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// A ring begins with one member more than each keeps successors: with fewer, a list names its
    /// own keeper, and what proves the protocol correct does not hold.
    #[error(
        "a ring that keeps {successors} successors begins with {} peers, not {given}",
        successors + 1
    )]
    TooFew {
        /// Successors kept.
        successors: usize,
        /// Members given.
        given: usize,
    },
    /// No successors, or too many.
    #[error("a peer keeps 1 to {SUCCESSORS_MAX} successors")]
    Successors,
    /// There are not enough points for those who begin.
    #[error("the circle has no room for one peer more than each keeps successors")]
    Crowded,
    /// A member is not on the circle, or not among those who begin.
    #[error("the peer is not one of those on the circle")]
    Stranger,
    /// Too much is being looked up at once.
    #[error("{0} look-ups are under way; wait for one to end")]
    Busy(usize),
}

impl Config {
    /// What a ring does where nobody says otherwise.
    pub const fn new(space: Space, successors: usize) -> Self {
        Self {
            space,
            successors,
            repair: Repair::Prompt,
            round_min: Duration::from_secs(15),
            round_max: Duration::from_secs(45),
            timeout: Duration::from_millis(500),
            retry: Duration::from_secs(1),
        }
    }
}
