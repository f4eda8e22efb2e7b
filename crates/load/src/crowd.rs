use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use hash::Sha1Digest;
use stdx::Rng;

const FIRST_PORT: u64 = 1_024;
const PORTS: u64 = 65_536 - FIRST_PORT;
/// Keeps the numbers behind torrents apart from those behind peers.
const TORRENTS: u64 = 1 << 63;

/// Peers by number, each with an address and a torrent of its own that follow from the number.
/// Nothing is stored.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    peers: u64,
    torrents: u64,
    first: Ipv4Addr,
    hosts: u32,
    seeders: f64,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its torrent, from 0.
    pub torrent: u64,
    /// Its host, from 0; a host has many peers, each with a port.
    pub host: u32,
    /// Where it would take connections.
    pub port: u16,
    /// Whether it has all.
    pub seeding: bool,
}

impl Crowd {
    /// `peers` spread at random over `torrents` and in turn over `hosts`, whose addresses follow
    /// each other from `first`; a share of `seeders` lacks nothing. `None` when there is none of
    /// something, when the hosts have too few ports, or when the addresses end before the hosts.
    pub fn new(
        peers: u64,
        torrents: u64,
        (first, hosts): (Ipv4Addr, u32),
        seeders: f64,
    ) -> Option<Self> {
        let enough = peers <= u64::from(hosts) * PORTS;
        u32::from(first).checked_add(hosts.checked_sub(1)?)?;
        (peers > 0 && torrents > 0 && enough).then_some(Self {
            peers,
            torrents,
            first,
            hosts,
            seeders,
        })
    }

    /// How many there are.
    pub fn peers(&self) -> u64 {
        self.peers
    }

    /// How many hosts they run on.
    pub fn hosts(&self) -> u32 {
        self.hosts
    }

    /// Peer number `n`.
    pub fn peer(&self, n: u64) -> Peer {
        let mut rng = Rng::new(n);
        Peer {
            torrent: rng.below(self.torrents),
            host: (n % u64::from(self.hosts)) as u32,
            port: (FIRST_PORT + n / u64::from(self.hosts)) as u16,
            seeding: rng.chance(self.seeders),
        }
    }

    /// The number of the `k`-th peer of a host.
    pub fn on_host(&self, host: u32, k: u64) -> Option<u64> {
        let n = u64::from(host) + k.checked_mul(u64::from(self.hosts))?;
        (n < self.peers).then_some(n)
    }

    /// The address of a host.
    pub fn address(&self, host: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.first).wrapping_add(host))
    }

    /// Whether a peer of this address belongs to the torrent.
    pub fn is_member(&self, address: SocketAddr, torrent: u64) -> bool {
        let SocketAddr::V4(address) = address else {
            return false;
        };
        self.number(address).is_some_and(|n| self.peer(n).torrent == torrent)
    }

    /// The torrent's name.
    pub fn info_hash(&self, torrent: u64) -> Sha1Digest {
        let mut digest = Sha1Digest::default();
        Rng::new(torrent | TORRENTS).fill(&mut digest.0);
        digest
    }

    fn number(&self, address: SocketAddrV4) -> Option<u64> {
        let host = u32::from(*address.ip()).checked_sub(u32::from(self.first))?;
        let k = u64::from(address.port()).checked_sub(FIRST_PORT)?;
        if host < self.hosts { self.on_host(host, k) } else { None }
    }
}

#[cfg(test)]
mod tests;
