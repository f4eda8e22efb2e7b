//! Seeded discrete-event worlds that run the shipped cores, unchanged, in virtual time.

mod blocks;
mod crowd;
mod dht_world;
mod disk;
mod queue;
mod scenario;
mod source;
mod trace;
mod world;

// The public interface is:
pub use crowd::{
    After, Broadcasts, Crowd, CrowdConfig, Graph, Method, Progress, Reach, SearchRow, Shape,
    Sought, Stage, Tally, Trial, TrialReport,
};
pub use dht_world::{
    DhtTrial, DhtWorld, DhtWorldConfig, LookupsReport, RestartReport, Sought as DhtSought,
};
pub use disk::DiskConfig;
pub use scenario::{
    Arrival, BLOCKS_MAX, DiskKind, Fidelity, GROUPS_MAX, Group, OUTAGE_MAX, Outcome, PEERS_MAX,
    POWER_CUTS_MAX, PeerOutcome, SCENARIOS, SIZE_MAX, Scenario, ScenarioError, SwarmProgress,
};
pub use source::Source;
pub use world::{
    Deed, Failure, History, Leave, Meeting, NodeIndex, NodeReport, NodeSpec, Place, Report, Sample,
    Start, Unchoke, World, WorldConfig,
};
