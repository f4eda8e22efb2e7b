//! Seeded discrete-event worlds that run the shipped cores, unchanged, in virtual time.

mod crowd;
mod disk;
mod queue;
mod source;
mod trace;
mod world;

// The public interface is:
pub use crowd::{
    After, Broadcasts, Crowd, CrowdConfig, Graph, Method, Progress, Reach, SearchRow, Shape,
    Sought, Stage, Tally, Trial, TrialReport,
};
pub use disk::DiskConfig;
pub use source::Source;
pub use world::{
    Deed, Failure, NodeIndex, NodeReport, NodeSpec, Place, Report, Start, World, WorldConfig,
};
