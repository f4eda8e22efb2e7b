//! Emulated links in virtual time: a pure core, driven like every other.
//!
//! [`Link`] carries datagrams one way through a rate, a propagation delay and a bounded queue with
//! tail drop. [`Network`] carries reliable, ordered streams between nodes whose one uplink (and
//! one downlink) is shared by all their streams, and pushes back instead of dropping.
//!
//! Same calls, same results: nothing here is random, and ties in time go by sequence number.

mod link;
mod network;
mod wire_time;

// The public interface is:
pub use link::{Dropped, Link, LinkConfig};
pub use network::{Access, Event, Full, Network, NodeId, Path, PipeId, QUANTUM};

#[cfg(test)]
mod tests;
