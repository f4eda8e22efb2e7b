//! Seeded discrete-event worlds that run the shipped cores, unchanged, in virtual time.

mod blocks;
mod crowd;
mod dht_world;
mod disk;
mod lookups;
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
    DhtTrial, DhtWorld, DhtWorldConfig, Found, Health, KEEPERS, LookupsReport, RestartReport,
    Sought as DhtSought, Trail,
};
pub use disk::DiskConfig;
pub use lookups::{Costs, LookupStage, LookupTrial, LookupTrialReport, Spread, theory};
pub use scenario::{
    Arrival, BLOCKS_MAX, DiskKind, Fidelity, GROUPS_MAX, Group, OUTAGE_MAX, Outcome, PEERS_MAX,
    POWER_CUTS_MAX, PeerOutcome, SCENARIOS, SIZE_MAX, Scenario, ScenarioError, SwarmProgress,
};
pub use source::Source;
pub use world::{
    Deed, Failure, Faults, History, Leave, Meeting, MirrorFailure, MirrorIndex, MirrorSpec,
    NodeIndex, NodeReport, NodeSpec, Place, Report, Sample, Start, Transport, Unchoke, World,
    WorldConfig,
};
