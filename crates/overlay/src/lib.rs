//! Networks without a server: who knows whom, how word spreads, and how things are found.
//!
//! - *Membership* is HyParView (Leitão, Pereira, Rodrigues, DSN 2007): a few symmetric neighbours
//!   (the active view), many addresses in reserve (the passive view), and shuffles that keep the
//!   reserve fresh. A newcomer needs one member that it knows, the anchor; its request is passed
//!   on, and neighbours take it by threshold.
//! - *Broadcast* is Plumtree (Leitão, Pereira, Rodrigues, SRDS 2007): payloads travel along a tree
//!   that the first arrivals draw, and along the other edges goes only word that they exist.
//! - *Search* is either a flood with a TTL, or random walks that check back (Lv, Cao, Cohen, Li,
//!   Shenker, ICS 2002).
//!
//! [`Overlay`] is one member, a pure core. Messages may be lost, late, doubled or out of order;
//! that an address no longer answers is for the driver to say
//! ([`handle_failed`](Overlay::handle_failed)), and silence tells in the end where it does not.

mod address;
mod broadcast;
mod config;
mod error;
mod member;
mod membership;
mod message;
mod search;

// The public interface is:
pub use address::Address;
pub use broadcast::{ANNOUNCED_MAX, PAYLOAD_MAX};
pub use config::Config;
pub use error::Error;
pub use member::{Event, Overlay, Transmit};
pub use membership::{ACTIVE_MAX, ANCHORS_MAX, CONTACTS_MAX, PASSIVE_MAX, SAMPLE_MAX};
pub use message::{Id, Kind, Message, Priority, SearchId};
pub use search::{CHECK_EVERY, HELD_KEYS_MAX, How, SEARCHES_MAX, WALKERS_MAX};

#[cfg(test)]
mod tests;
