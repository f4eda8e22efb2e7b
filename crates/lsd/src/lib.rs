//! Local service discovery (BEP 14): peers on the same network tell each other, by multicast, which
//! torrents they have.
//!
//! [`Announce`] is what is said; [`Lsd`] decides when to say it, and what to believe.

mod announce;
mod lsd;
mod scope;

// The public interface is:
pub use announce::{Announce, HASHES_MAX, ParseError};
pub use lsd::{FOUND_MAX, INTERVAL, INTERVAL_MIN, Lsd};
pub use scope::{GROUP_V4, GROUP_V6, is_neighbour};
