//! Emulated links in virtual time: a pure core, driven like every other.
//!
//! [`Link`] carries datagrams one way through a rate, a propagation delay and a bounded queue with
//! tail drop, and may add jitter, lose packets (at random or in bursts), reorder and double them;
//! [`Rungs`] are such links by name. [`Network`] carries reliable, ordered streams between nodes
//! whose one uplink (and one downlink) is shared by all their streams, and pushes back instead of
//! dropping. [`Nat`] is an address translator of one of four kinds.
//!
//! Same calls and seed, same results; ties in time go by sequence number.

mod link;
mod loss;
mod nat;
mod network;
mod rungs;
mod wire_time;

// The public interface is:
pub use link::{Dropped, Link, LinkConfig, LinkStats};
pub use loss::Loss;
pub use nat::{Nat, NatConfig, NatKind};
pub use network::{Access, Event, Full, Network, NodeId, Path, PipeId, QUANTUM, WINDOW_LEAST};
pub use rungs::{Rung, RungError, Rungs};
pub use wire_time::WireTime;

#[cfg(test)]
mod tests;
