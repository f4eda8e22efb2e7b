use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use hash::Sha1Digest;
use stdx::{Duration, Instant, Rng, TokenBucket};

use crate::{Announce, HASHES_MAX, is_neighbour};

/// Between two announces of one torrent (BEP 14).
pub const INTERVAL: Duration = Duration::from_mins(5);
/// The same when a newcomer was heard, who should hear of us (BEP 14).
pub const INTERVAL_MIN: Duration = Duration::from_mins(1);
/// Peers believed for one torrent in one interval.
pub const FOUND_MAX: usize = 100;

/// Of these, from one IP address: it may be several programs of one machine.
const FOUND_PER_IP_MAX: usize = 8;
/// Answers to a newcomer are spread over so long.
const SPREAD: Duration = Duration::from_secs(5);
/// Datagrams that we send: so many at once, and one a second in the long run.
const SENT_BURST: u64 = 5;
/// Datagrams that are read: so many a second, and at once.
const HEARD_RATE: u64 = 10;
const HEARD_BURST: u64 = 50;

#[derive(Debug, Default)]
struct Torrent {
    last: Option<Instant>,
    next: Instant,
    /// Who was believed since `counted`.
    found: BTreeSet<SocketAddr>,
    counted: Instant,
}

/// When to announce which torrents to the neighbourhood, and whom there to believe. Performs no I/O
/// and reads no clock.
#[derive(Debug)]
pub struct Lsd {
    torrents: BTreeMap<Sha1Digest, Torrent>,
    /// The same by the moment of their next announce: there may be thousands.
    due: BTreeSet<(Instant, Sha1Digest)>,
    cookie: String,
    sent: TokenBucket,
    heard: TokenBucket,
    rng: Rng,
}

impl Lsd {
    /// Without torrents.
    pub fn new(now: Instant, mut rng: Rng) -> Self {
        Self {
            torrents: BTreeMap::new(),
            due: BTreeSet::new(),
            cookie: format!("{:016x}", rng.next_u64()),
            sent: TokenBucket::new(1, SENT_BURST, now),
            heard: TokenBucket::new(HEARD_RATE, HEARD_BURST, now),
            rng,
        }
    }

    /// Announces a torrent from now on; it must not be private (BEP 27). Does nothing when it is
    /// announced already.
    pub fn add(&mut self, now: Instant, hash: Sha1Digest) {
        if let Entry::Vacant(place) = self.torrents.entry(hash) {
            place.insert(Torrent { next: now, counted: now, ..Torrent::default() });
            self.due.insert((now, hash));
        }
    }

    /// Announces a torrent no more.
    pub fn remove(&mut self, hash: &Sha1Digest) {
        if let Some(torrent) = self.torrents.remove(hash) {
            self.due.remove(&(torrent.next, *hash));
        }
    }

    /// Takes a datagram that came from `source`; returns the peers that it tells of, with the
    /// torrents of ours that they have. What cannot come from the neighbourhood, comes from
    /// ourselves, or is too much is ignored.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Vec<(Sha1Digest, SocketAddr)> {
        if !is_neighbour(source.ip()) || self.heard.take(now, 1) == 0 {
            return Vec::new();
        }
        let Ok(announce) = Announce::parse(datagram) else {
            return Vec::new();
        };
        if announce.cookie.as_ref() == Some(&self.cookie) {
            return Vec::new();
        }
        // An IPv6 address of a link means nothing without its scope.
        let mut peer = source;
        peer.set_port(announce.port);
        let mut found = Vec::new();
        for hash in announce.hashes {
            let Some(torrent) = self.torrents.get_mut(&hash) else {
                continue;
            };
            if torrent.believe(now, peer) {
                self.due.remove(&(torrent.next, hash));
                torrent.hurry(now, self.rng.below(SPREAD.as_nanos() as u64));
                self.due.insert((torrent.next, hash));
                found.push((hash, peer));
            }
        }
        found
    }

    /// What to announce now: with a port, to every group on every interface that we listen on.
    pub fn poll_announce(&mut self, now: Instant) -> Option<Announce> {
        if self.due.first().is_none_or(|(at, _)| *at > now) || self.sent.take(now, 1) == 0 {
            return None;
        }
        let due = self.due.iter().take(HASHES_MAX).take_while(|(at, _)| *at <= now);
        let hashes: Vec<Sha1Digest> = due.map(|(_, hash)| *hash).collect();
        for hash in &hashes {
            let Some(it) = self.torrents.get_mut(hash) else { continue };
            self.due.remove(&(it.next, *hash));
            (it.last, it.next) = (Some(now), now + INTERVAL);
            self.due.insert((it.next, *hash));
        }
        Some(Announce { port: 0, hashes, cookie: Some(self.cookie.clone()) })
    }

    /// When [`Self::poll_announce`] has something next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (next, _) = self.due.first()?;
        Some((*next).max(self.sent.ready_at(1)))
    }
}

impl Torrent {
    /// Whether a peer is to be tried: it is news, and there have not been too many.
    fn believe(&mut self, now: Instant, peer: SocketAddr) -> bool {
        if now.since(self.counted) >= INTERVAL {
            self.counted = now;
            self.found.clear();
        }
        let same_ip = self.found.iter().filter(|it| it.ip() == peer.ip()).count();
        self.found.len() < FOUND_MAX && same_ip < FOUND_PER_IP_MAX && self.found.insert(peer)
    }

    /// Announces soon, for a newcomer to hear; but not too often.
    fn hurry(&mut self, now: Instant, spread: u64) {
        let earliest = self.last.map_or(now, |last| (last + INTERVAL_MIN).max(now));
        self.next = self.next.min(earliest + Duration::from_nanos(spread));
    }
}

#[cfg(test)]
mod tests;
