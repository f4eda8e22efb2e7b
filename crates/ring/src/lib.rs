//! The circular table of peers: every key belongs to the first peer at or behind it.
//!
//! Identifiers are points on a circle ([`Id`], [`Space`]). A peer knows its successors, its
//! predecessor and some shortcuts ([`Tables`]); a [`Lookup`] asks peer after peer, each closer to
//! the key, until one names the key's owner.

mod config;
mod id;
mod invariant;
mod lookup;
mod message;
mod node;
mod published;
mod route;
mod tables;
pub mod world;

// The public interface is:
pub use config::{Config, Repair, RingError};
pub use id::{BITS_MAX, Id, IdError, Space};
pub use invariant::{Broken, check, principals};
pub use lookup::{Lookup, Outcome, Step};
pub use message::{Ask, Message, Reply, Transmit};
pub use node::{ANCHORS_MAX, Event, LOOKUPS_MAX, Node};
pub use published::{Published, TABLE_II, TABLE_III};
pub use route::Route;
pub use tables::{Answer, Fingers, SUCCESSORS_MAX, Tables};

#[cfg(test)]
mod tests;
