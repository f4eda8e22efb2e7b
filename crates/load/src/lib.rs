//! Load for a tracker, but for the sockets: a [`Crowd`] of peers spread over torrents, what they
//! ask ([`Load`]) and when ([`Pace`]), whether the answers can be right, and how long they took
//! ([`Histogram`]).
//!
//! The loop is open: a request is due at its moment whether or not those before it were answered,
//! and its answer's time counts from that moment. A tester that waits for a slow answer before it
//! asks again measures only how patient it is. Beside that time stands the one under way, from when
//! the request left until the answer reached this machine: whoever asks may be held up itself.

mod crowd;
mod flights;
mod histogram;
mod load;
mod pace;

// The public interface is:
pub use crowd::{Crowd, Peer};
pub use flights::{Departure, Flight, Token};
pub use histogram::Histogram;
pub use load::{Arrival, Load, Mix, Tally};
pub use pace::Pace;
