//! Sockets, disk and timers wired to the cores.

mod clock;
mod http;
mod listen;
mod trackers;

pub use http::{FetchError, fetch};
