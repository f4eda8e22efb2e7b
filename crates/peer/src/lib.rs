//! One connection to a peer, from the first byte of the handshake: a state machine without I/O or
//! clock (BEP 3, 6, 9, 10, 21, 52, 54).
//!
//! A [`Peer`] lives with its socket. The mind of its torrent lives elsewhere; the two exchange
//! [`Order`]s and [`Batch`]es of [`Report`]s, and either may be late. What keeps them consistent is
//! one rule: every block of an [`Order::Request`] ends exactly once, as [`Report::Block`], in
//! [`Report::Rejected`], by an [`Order::Cancel`], or with the connection.

mod allowed;
mod availability;
mod boundary;
mod chatter;
mod config;
mod connection;
mod error;
mod extensions;
mod fuzzing;
mod handshake;
mod inbox;
mod orders;
mod outbox;
mod peer;
mod pieces;
mod pipeline;
mod telling;
mod uploads;

// The public interface is:
pub use boundary::{Batch, Carrier, CloseReason, ExtendedInfo, Order, Report, Torrent, Totals};
pub use config::Config;
pub use error::{Misbehaviour, PeerError};
pub use fuzzing::{fuzz_sequence, fuzz_stream};
pub use peer::Peer;
pub use pipeline::{Answer, Expired, Pipeline};
pub use telling::Telling;

#[cfg(test)]
mod tests;
