//! One HTTP or FTP mirror of a torrent's content, as a source like a peer (BEP 19, BEP 17): a state
//! machine without I/O or clock.
//!
//! A [`Mirror`] speaks with the torrent's mind as a [`peer::Peer`] does: it takes [`peer::Order`]s
//! and gives [`peer::Batch`]es, under the same rule that every block of a request ends once. What
//! a driver does for it are [`Fetch`]es: a run of bytes of one file over one connection. [`judge`]
//! says what an HTTP server's answer is worth, [`Dialogue`] leads through FTP, [`Address`] knows
//! the URLs and which hosts they may lead to.

mod address;
mod answer;
mod dialogue;
mod fault;
mod fetch;
mod line;
mod mirror;
mod url;

// The public interface is:
pub use address::{Address, Kind};
pub use answer::{Asked, Head, Judgement, judge};
pub use dialogue::{Dialogue, REPLY_MAX, Replies, Reply, Step};
pub use fault::{Fault, Weight};
pub use fetch::{Fetch, LineId};
pub use mirror::{LINES_MAX, Mirror, is_too_slow};
pub use url::{Scheme, Url, UrlError};
