use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hash::Sha1Digest;
use stdx::{Duration, PeerId};

use crate::{Error, Event, ScrapeEntry};

/// Peers read from one answer, at most; what follows is ignored.
pub const MAX_PEERS_PER_ANSWER: usize = 2_000;
/// Longest tracker id (BEP 3) that is kept and sent back, in bytes.
pub const MAX_TRACKER_ID: usize = 256;
/// Longest failure reason or warning that is kept, in characters.
const MAX_TEXT: usize = 300;

/// What a peer says when it announces, whatever the protocol (BEP 3, BEP 15).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnounceRequest {
    /// The swarm: the v1 info-hash, or the v2 one truncated to twenty bytes (BEP 52).
    pub info_hash: Sha1Digest,
    /// The peer's name for itself.
    pub peer_id: PeerId,
    /// The port it listens on.
    pub port: u16,
    /// Payload bytes sent since `started`.
    pub uploaded: u64,
    /// Payload bytes received since `started`.
    pub downloaded: u64,
    /// Bytes it still lacks.
    pub left: u64,
    /// What happened.
    pub event: Event,
    /// Most peers it wants; `None` leaves that to the tracker.
    pub numwant: Option<u32>,
    /// A number that stays the same while its address changes.
    pub key: u32,
    /// What the tracker's last answer asked to be told again; HTTP only.
    pub tracker_id: Option<Vec<u8>>,
}

/// A tracker's answer to an announce, whatever the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnounceResponse {
    /// Time until the next regular announce.
    pub interval: Duration,
    /// Time to leave between two announces in any case.
    pub min_interval: Option<Duration>,
    /// Seeders.
    pub seeders: Option<u32>,
    /// Leechers.
    pub leechers: Option<u32>,
    /// Peers, of either family.
    pub peers: Vec<SocketAddr>,
    /// To be sent back in the next announce.
    pub tracker_id: Option<Vec<u8>>,
    /// The address that the tracker saw (BEP 24).
    pub external_ip: Option<IpAddr>,
    /// Something that a person should read.
    pub warning: Option<String>,
}

/// A tracker's answer to a scrape (BEP 48).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrapeResponse {
    /// The swarms, as the tracker ordered them.
    pub files: Vec<(Sha1Digest, ScrapeEntry)>,
    /// Time to leave between two scrapes.
    pub min_interval: Option<Duration>,
}

/// Why an announce or a scrape did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For a person to read.
    pub reason: String,
    /// When to try again, if the tracker said so (BEP 31).
    pub retry: Option<RetryIn>,
}

/// When a failed request may be repeated (BEP 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryIn {
    /// After this time.
    After(Duration),
    /// Not at all.
    Never,
}

impl Failure {
    /// A failure for `reason`, shortened and without control characters.
    pub fn new(reason: &[u8]) -> Self {
        Self { reason: printable(reason), retry: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string().as_bytes())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

/// A stranger's text, made safe for a terminal and a log.
pub(crate) fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT)
        .collect()
}
