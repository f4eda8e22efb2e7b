//! How long a distribution takes at least, and which limit binds.
//!
//! A server of upload `us` gives `F` bytes to `N` peers, of which each has an upload `ui` and a
//! download `di`. Alone it needs `max{N·F/us, F/dmin}`; when the peers pass on what they have,
//! `max{F/us, F/dmin, N·F/(us + Σui)}` (Kumar and Ross, *Peer-assisted file distribution: the
//! minimum distribution time*, 2006, who also show that this can be reached when data flows as a
//! fluid). Delays, hashing and the protocol's own bytes come on top; of those,
//! [`Plan::with_overhead`] knows the bytes.
//!
//! Everything is counted in whole bytes and bytes per second; which limit binds, and what a
//! deadline asks for, is exact.

mod deadline;
mod error;
mod model;

// The public interface is:
pub use deadline::Crowd;
pub use error::Error;
pub use model::{Bound, Class, Limit, PEERS_MAX, Plan};
