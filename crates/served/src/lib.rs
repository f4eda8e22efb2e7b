//! The tracker's sockets: any number of UDP and HTTP addresses over one [`announce::Server`], and
//! a share's page beside them.
//!
//! This crate moves bytes and keeps time; what a request means is decided in `announce`
//! and `page`.

mod away;
mod drops;
mod error;
mod http;
mod limits;
mod listen;
mod lists;
mod metrics;
mod page;
mod shared;
mod tracker;
mod udp;

// The public interface is:
pub use error::Error;
pub use http::{Body, Fallback, FallbackFuture, Origin, Request, Response, full_body};
pub use lists::Lists;
pub use page::{Grant, Page, PageContent, Turns, Uplink};
pub use shared::TrackerStats;
pub use tracker::{TrackerBuilder, TrackerServer};
