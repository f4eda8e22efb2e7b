//! Across torrents: one choker, one pair of rate limits, one block cache and one schedule of
//! announces for every torrent of the process.

mod choker;
mod limits;

// The public interface is:
pub use choker::{Candidate, Choker, Decision, OPTIMISTIC_ROUND, ROUND};
pub use limits::{Flow, LIMITER_WAITING_MAX, Limiter, Limits};
