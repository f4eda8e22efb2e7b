//! Everything about trackers but the sockets (BEP 3, 7, 12, 15, 23, 24, 31, 41, 48).
//!
//! - Codecs for both roles: HTTP queries and bencoded answers, UDP datagrams.
//! - [`Server`], a tracker: both protocols over one [`Store`] of swarms.
//! - [`Tiers`], the announce schedule of one torrent, and [`UdpClient`], which carries its
//!   announces to UDP trackers.
//! - [`TrackerUrl`] and the rules on which addresses content may name.
//!
//! Nothing here does I/O, reads a clock or draws from the operating system.

mod access;
mod compact;
mod error;
mod event;
mod http;
mod message;
mod passkeys;
mod route;
mod server;
mod store;
mod tiers;
mod udp;
mod url;

// The public interface is:
pub use access::{Access, AccessList};
pub use error::Error;
pub use event::Event;
pub use http::{
    AnnounceQuery, announce_url, parse_announce_query, parse_announce_response, parse_scrape_query,
    parse_scrape_response, scrape_url, write_announce_response, write_failure,
    write_scrape_response,
};
pub use message::{
    AnnounceRequest, AnnounceResponse, Failure, MAX_PEERS_PER_ANSWER, MAX_TRACKER_ID, RetryIn,
    ScrapeResponse,
};
pub use passkeys::Passkeys;
pub use route::{HttpAction, Route};
pub use server::{Counters, Server};
pub use store::{
    AnnounceReply, AnnounceSummary, ScrapeEntry, Store, StoreAnnounce, StoreConfig, StoreStats,
};
pub use tiers::{
    AnnounceId, Identity, MAX_TRACKERS, OutgoingAnnounce, Progress, TierMode, Tiers, TrackerStatus,
};
pub use udp::{ConnectionIds, UdpClient, UdpEvent, UdpOutcome, UdpRequest, UdpResponse};
pub use url::{Host, MAX_URL, Scheme, Scope, TrackerUrl, content_may_contact, may_redirect};
