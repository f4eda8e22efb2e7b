//! Across torrents: one choker, one pair of rate limits, one block cache and one schedule of
//! announces for every torrent of the process.
//!
//! [`Session`] is the owner: it composes a [`swarm::Swarm`] for each torrent with what they
//! share, and routes between them, the connections ([`peer::Peer`], which live elsewhere), the
//! disk and the trackers. A torrent that nobody wants now may sleep
//! ([`Session::shelve`]): then it is a compact record that is announced, and wakes when somebody
//! wants it. [`Limiter`] lives with the sockets.

mod add;
mod announces;
mod asleep;
mod choker;
mod config;
mod drops;
mod event;
mod finding;
mod limits;
mod mirrors;
mod outside;
mod session;
mod sources;
mod status;
mod torrent;
mod trackers;

// The public interface is:
pub use add::{AddError, AddTorrent};
pub use announces::ANNOUNCES_MAX;
pub use asleep::{QUIET, Shelved, WAKE_PATIENCE, WakeError};
pub use choker::{Candidate, Choker, ChokerPolicy, Decision, OPTIMISTIC_ROUND, ROUND};
pub use config::{
    Config, DEFAULT_MAX_PEERS, MAX_OPENING, MAX_PENDING_PER_ADDRESS, NUMWANT, STOP_TIMEOUT,
};
pub use event::{Event, TorrentError};
pub use finding::DhtOrder;
pub use limits::{Flow, LIMITER_WAITING_MAX, Limiter, Limits};
pub use mirrors::{MirrorView, OpenMirror};
pub use session::{Connect, Session};
pub use status::{Source, State, Status};
pub use trackers::{Announce, AnnounceId};

#[cfg(test)]
mod tests;
