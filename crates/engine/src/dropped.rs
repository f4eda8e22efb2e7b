use std::net::SocketAddr;

/// A peer that was dropped for what it did. What comes again and again is told ever more seldom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The peer.
    pub address: SocketAddr,
    /// What it did, in words for people.
    pub reason: String,
    /// It is no longer dealt with.
    pub banned: bool,
    /// How often its address had to be dropped for that so far.
    pub times: u64,
}
