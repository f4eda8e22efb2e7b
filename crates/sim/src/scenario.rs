//! Worlds spelled out: what `fluvial lab swarm` runs, as a file or from flags.

use netem::NatKind;
use session::ChokerPolicy;
use stdx::Duration;
use swarm::Tactics;

use crate::Transport;

mod build;
mod measure;
mod outcome;
mod read;
mod staged;

pub use outcome::{Outcome, PeerOutcome, SwarmProgress};
pub use read::ScenarioError;
pub(crate) use staged::Staged;

/// The scenarios that come with the project, by name.
pub const SCENARIOS: &[(&str, &str)] = &[
    ("bound", include_str!("../../../scenarios/bound.toml")),
    ("survival", include_str!("../../../scenarios/survival.toml")),
    ("reciprocity", include_str!("../../../scenarios/reciprocity.toml")),
    ("free-riders", include_str!("../../../scenarios/free-riders.toml")),
    ("partners", include_str!("../../../scenarios/partners.toml")),
    ("churn", include_str!("../../../scenarios/churn.toml")),
    ("selfish", include_str!("../../../scenarios/selfish.toml")),
    ("flash-crowd", include_str!("../../../scenarios/flash-crowd.toml")),
    ("arrivals", include_str!("../../../scenarios/arrivals.toml")),
    ("ten-thousand", include_str!("../../../scenarios/ten-thousand.toml")),
    ("hostile", include_str!("../../../scenarios/hostile.toml")),
    ("nats", include_str!("../../../scenarios/nats.toml")),
];

/// The most bytes of content: all of it is held in memory once.
pub const SIZE_MAX: u64 = 4 << 30;

/// The most peers, seeds included.
pub const PEERS_MAX: u32 = 20_000;

/// The most blocks that are to reach somebody, all peers together.
pub const BLOCKS_MAX: u64 = 200_000_000;

/// The most groups of peers.
pub const GROUPS_MAX: usize = 100;

/// The most power cuts that a peer lives through.
pub const POWER_CUTS_MAX: u32 = 1_000;

/// The longest that a machine stays without power.
pub const OUTAGE_MAX: Duration = Duration::from_secs(20);

/// A swarm to be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it is about, in a sentence or two.
    pub about: String,
    /// Bytes of content.
    pub size: u64,
    /// Bytes in a piece.
    pub piece_length: u32,
    /// There and back between two peers.
    pub rtt: Duration,
    /// The share of packets that gets lost between any two peers.
    pub loss: f64,
    /// How many of them in a row, on average.
    pub loss_burst: f64,
    /// The share of datagrams that arrives twice.
    pub duplicates: f64,
    /// The share of datagrams that is overtaken by others.
    pub reordering: f64,
    /// How long bytes wait at a limited access link, at most: what its modem holds back.
    pub queue: Duration,
    /// What carries connections.
    pub transport: Transport,
    /// Connections of a peer, at most.
    pub peer_set: usize,
    /// What chance begins with.
    pub seed: u64,
    /// How closely it is simulated.
    pub fidelity: Fidelity,
    /// The world ends after this time.
    pub limit: Duration,
    /// Which pieces leechers ask for first, and whether seeds try to send each once.
    pub tactics: Tactics,
    /// Whom everybody serves.
    pub choker: ChokerPolicy,
    /// The peer whose unchokes are noted: the first seed is 0.
    pub watch: u32,
    /// Who has everything from the start.
    pub seeds: Vec<Group>,
    /// Who wants it.
    pub peers: Vec<Group>,
}

/// How closely a swarm is simulated. What decides is the shipped code in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fidelity {
    /// Every message of the peer protocol goes over an emulated connection, and every byte through
    /// the block cache to a simulated disk.
    #[default]
    Messages,
    /// Blocks go from uplink to uplink: without a wire format, a cache or a disk. For many
    /// thousands of peers.
    Blocks,
}

/// Peers alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What to call them; may be empty.
    pub name: String,
    /// How many.
    pub count: u32,
    /// Their uplinks, in bytes per second; `None` is unlimited.
    pub up: Option<u64>,
    /// Their downlinks.
    pub down: Option<u64>,
    /// When the first comes.
    pub at: Duration,
    /// How they come.
    pub arrival: Arrival,
    /// They give nothing.
    pub free_riders: bool,
    /// They go so long after they have everything; `None`: they stay.
    pub stay: Option<Duration>,
    /// They go once they have sent so many copies of the content.
    pub copies: Option<f64>,
    /// The share of them that goes before that, at a random moment within a time.
    pub quit: Option<(f64, Duration)>,
    /// The kind of NAT box that each of them is behind, if they are.
    pub nat: Option<NatKind>,
    /// They begin with the info-hash alone.
    pub magnet: bool,
    /// The share of wrong blocks among those that they send. Whoever lies is not counted among
    /// those who are to get everything.
    pub lies: f64,
    /// What they write to.
    pub disk: DiskKind,
    /// How often the power of each is cut; it comes back within [`OUTAGE_MAX`].
    pub power_cuts: u32,
    /// Within which time from their coming power is cut, and disks fill up.
    pub trouble_within: Duration,
}

/// What peers write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DiskKind {
    /// A fair solid-state disk.
    #[default]
    Sound,
    /// See [`DiskConfig::slow`](crate::DiskConfig::slow).
    Slow,
    /// A disk that is full from some moment on, for a while.
    Full,
    /// See [`DiskConfig::failing`](crate::DiskConfig::failing).
    Failing,
}

/// How peers come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// All at once.
    Together,
    /// Each at a random moment within this time.
    Within(Duration),
    /// So many a second in the mean, each independent of the others (Poisson).
    PerSecond(f64),
}

impl Default for Group {
    fn default() -> Self {
        Self {
            name: String::new(),
            count: 1,
            up: Some(1_250_000),
            down: None,
            at: Duration::ZERO,
            arrival: Arrival::Together,
            free_riders: false,
            stay: None,
            copies: None,
            quit: None,
            nat: None,
            magnet: false,
            lies: 0.0,
            disk: DiskKind::default(),
            power_cuts: 0,
            trouble_within: Duration::from_mins(1),
        }
    }
}

impl Default for Scenario {
    /// Ten peers at 10 Mbit/s and a seed ten times as fast.
    fn default() -> Self {
        Self {
            about: String::new(),
            size: 64 << 20,
            piece_length: 256 << 10,
            rtt: Duration::from_millis(40),
            loss: 0.0,
            loss_burst: 1.0,
            duplicates: 0.0,
            reordering: 0.0,
            queue: Duration::from_millis(100),
            transport: Transport::default(),
            peer_set: 50,
            seed: 1,
            fidelity: Fidelity::default(),
            limit: Duration::from_hours(24),
            tactics: Tactics::default(),
            choker: ChokerPolicy::default(),
            watch: 0,
            seeds: vec![Group { up: Some(12_500_000), ..Group::default() }],
            peers: vec![Group { count: 10, ..Group::default() }],
        }
    }
}

impl Scenario {
    /// One of [`SCENARIOS`].
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = SCENARIOS.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(text).expect("the project's own scenarios are tested"))
    }

    /// Peers that are to get the content: those who do not lie.
    pub fn leechers(&self) -> u32 {
        self.peers.iter().filter(|group| group.lies == 0.0).map(|group| group.count).sum()
    }
}

#[cfg(test)]
mod tests;
