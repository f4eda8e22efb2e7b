//! One torrent's mind: availability, picker, verification, neighbours.
//!
//! [`Swarm`] is all of it: it is told what connections report and what the disk found, and says
//! what to ask whom, what to keep, whom to connect to. [`Picker`] is its heart and stands alone.

mod conn;
mod content;
mod event;
mod exchange;
mod layers;
mod metadata;
mod neighbours;
mod picker;
mod suggest;
mod swarm;
mod trust;

// The public interface is:
pub use event::{Direction, Event, Offence, PeerView, Refusal, Stats, Verdict};
pub use neighbours::{
    BANS_MAX, Identity, KNOWN_MAX, Limits, Neighbours, Origin, canonical_priority,
};
pub use picker::{Asker, Contributors, Others, Picker, PieceOrder, Priority, Received, Shape};
pub use swarm::{Config, Swarm, Tactics};
