//! The tracker's memory: which peers are in which swarms.

mod ahead;
mod evict;
mod index;
pub(crate) mod keys;
mod peers;
mod swarm;
mod sweep;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use hash::Sha1Digest;
use stdx::{Duration, Instant, Rng};

use self::evict::{Networks, Place};
use self::keys::{Keys, derive};
use self::peers::Stamp;
use self::swarm::{Family, Shard, Swarm};
use self::sweep::Cursor;
use crate::{Event, compact};

/// Swarms are spread over this many tables, so that growing one is never a noticeable pause.
const SHARDS: usize = 256;
/// Longest accepted peer timeout, well inside what a stamp can express.
const MAX_PEER_TIMEOUT: Duration = Duration::from_hours(12);
/// After this long without a call nothing in the store is worth keeping.
const ABANDONED: Duration = Duration::from_hours(18);
/// Torrents that one process may list as its own.
const MAX_HOSTED: usize = 65_536;

/// How a tracker treats its peers.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Mean time between two announces of one peer; each reply varies it by a tenth either way.
    pub interval: Duration,
    /// Time that a peer must leave between two announces.
    pub min_interval: Duration,
    /// How long a silent peer stays listed; by custom one and a half intervals. At most 12 hours.
    pub peer_timeout: Duration,
    /// Bytes that swarms and peers may occupy. When it is reached, peers of the networks that hold
    /// most of it make room.
    pub memory: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(30),
            min_interval: Duration::from_mins(1),
            peer_timeout: Duration::from_mins(45),
            memory: 1 << 30,
        }
    }
}

/// One announce, as the store sees it.
#[derive(Clone, Copy, Debug)]
pub struct StoreAnnounce {
    /// The swarm.
    pub info_hash: Sha1Digest,
    /// The asker: the source address of the request and the port it listens on (0: none, so it
    /// is answered and not listed).
    pub peer: SocketAddr,
    /// The address of ours that the asker reached.
    pub local: IpAddr,
    /// Bytes that the asker still lacks; zero makes it a seeder.
    pub left: u64,
    /// What happened at the asker.
    pub event: Event,
    /// Most peers to hand out.
    pub numwant: usize,
}

/// The store's answer to an announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceReply {
    /// When to announce again, jitter included.
    pub interval: Duration,
    /// Time to leave between two announces in any case.
    pub min_interval: Duration,
    /// Seeders of the asker's address family.
    pub seeders: u32,
    /// Leechers of the asker's address family.
    pub leechers: u32,
    /// Peers of the asker's address family, without the asker.
    pub peers: Vec<SocketAddr>,
}

/// The same without the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnounceSummary {
    /// When to announce again, jitter included.
    pub interval: Duration,
    /// Time to leave between two announces in any case.
    pub min_interval: Duration,
    /// Seeders of the asker's address family.
    pub seeders: u32,
    /// Leechers of the asker's address family.
    pub leechers: u32,
}

/// What a scrape says of one swarm and one address family (BEP 48).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrapeEntry {
    /// Seeders ("complete").
    pub seeders: u32,
    /// Finished downloads that were announced ("downloaded").
    pub completed: u32,
    /// Leechers ("incomplete").
    pub leechers: u32,
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Swarms.
    pub torrents: u64,
    /// IPv4 peers.
    pub peers_v4: u64,
    /// IPv6 peers.
    pub peers_v6: u64,
    /// Bytes that all that occupies, never less than in truth, beside the 70 kB of empty tables.
    pub memory: u64,
    /// Finished downloads counted so far, those of swarms since forgotten included.
    pub completed: u64,
    /// Peers dropped so far because they fell silent.
    pub expired: u64,
    /// Peers and empty swarms dropped so far to stay within the budget.
    pub evicted: u64,
}

#[derive(Clone, Copy, Debug)]
struct Hosted {
    port: u16,
    seeding: bool,
}

/// The swarms of a tracker, whatever protocol the announces come by.
///
/// IPv4 and IPv6 peers of one swarm are apart: who asks over one family gets that family's peers
/// and counts. Peers are told apart by address and port. Time enters by the calls and must not
/// decrease; call [`Store::handle_timeout`] when [`Store::poll_timeout`] says, so that silent
/// peers are dropped in small steps.
#[derive(Debug)]
pub struct Store {
    config: StoreConfig,
    keys: Keys,
    rng: Rng,
    shards: Vec<Shard>,
    stats: StoreStats,
    networks: Networks,
    hosted: BTreeMap<Sha1Digest, Hosted>,
    cursor: Cursor,
    /// What the running pass had to do when it began, in steps.
    pass: u64,
    swept: Instant,
    /// Before this there is no step to take.
    step_at: Instant,
    /// Memory to choose peers in.
    chosen: Vec<u32>,
}

impl Store {
    /// An empty store. `secret` keys every hash table and seeds the choice of peers.
    pub fn new(mut config: StoreConfig, secret: &[u8; 16], now: Instant) -> Self {
        config.peer_timeout = config.peer_timeout.min(MAX_PEER_TIMEOUT);
        Self {
            config,
            keys: Keys::new(secret),
            rng: Rng::new(derive(secret, b"peer choice")),
            shards: std::iter::repeat_with(Shard::default).take(SHARDS).collect(),
            stats: StoreStats::default(),
            networks: Networks::default(),
            hosted: BTreeMap::new(),
            cursor: Cursor::default(),
            pass: 0,
            swept: now,
            step_at: now,
            chosen: Vec::new(),
        }
    }

    /// Lists this very process as a peer of `info_hash`, listening on `port` at whatever local
    /// address an asker reached. False when 65,536 torrents are hosted already.
    pub fn host(&mut self, info_hash: Sha1Digest, port: u16, seeding: bool) -> bool {
        if self.hosted.len() >= MAX_HOSTED && !self.hosted.contains_key(&info_hash) {
            return false;
        }
        self.hosted.insert(info_hash, Hosted { port, seeding });
        true
    }

    /// Ends what [`Store::host`] began.
    pub fn unhost(&mut self, info_hash: &Sha1Digest) {
        self.hosted.remove(info_hash);
    }

    /// Records an announce and answers it.
    pub fn announce(&mut self, now: Instant, announce: &StoreAnnounce) -> AnnounceReply {
        let (mut bytes, mut peers) = (Vec::new(), Vec::new());
        let summary = self.announce_compact(now, announce, &mut bytes);
        let is_v6 = announce.peer.ip().to_canonical().is_ipv6();
        compact::read(&bytes, is_v6, usize::MAX, &mut peers);
        let AnnounceSummary { interval, min_interval, seeders, leechers } = summary;
        AnnounceReply { interval, min_interval, seeders, leechers, peers }
    }

    /// The same with the peers appended to `out` as bytes (BEP 23, BEP 7): nothing is allocated
    /// but for whom the store has to remember.
    pub fn announce_compact(
        &mut self,
        now: Instant,
        announce: &StoreAnnounce,
        out: &mut Vec<u8>,
    ) -> AnnounceSummary {
        self.advance(now);
        let mut announce = *announce;
        announce.peer.set_ip(announce.peer.ip().to_canonical());
        announce.local = announce.local.to_canonical();
        let mut summary = AnnounceSummary {
            interval: self.jittered_interval(),
            min_interval: self.config.min_interval,
            seeders: 0,
            leechers: 0,
        };
        let (stamp, start) = (Stamp::at(now), out.len());
        let newcomer = match announce.peer.ip() {
            IpAddr::V4(ip) => self.announce_in(stamp, ip.octets(), &announce, &mut summary, out),
            IpAddr::V6(ip) => self.announce_in(stamp, ip.octets(), &announce, &mut summary, out),
        };
        if !self.hosted.is_empty() {
            self.list_hosted(&announce, &mut summary, start, out);
        }
        self.make_room(newcomer);
        summary
    }

    /// What is known of a swarm, for an asker of the given address. Nothing is recorded.
    pub fn scrape(&self, info_hash: &Sha1Digest, asker: IpAddr) -> ScrapeEntry {
        let is_v6 = asker.to_canonical().is_ipv6();
        let found = self.swarm(info_hash).map(|swarm| swarm.summary(is_v6));
        let mut entry = found.unwrap_or_default();
        match self.hosted.get(info_hash) {
            Some(Hosted { seeding: true, .. }) => entry.seeders += 1,
            Some(Hosted { seeding: false, .. }) => entry.leechers += 1,
            None => {}
        }
        entry
    }

    /// Drops silent peers, a bounded number per call.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sweep_due(now, sweep::STEPS_PER_TIMEOUT);
    }

    /// When [`Store::handle_timeout`] is next due: after a second, or sooner when the store is so
    /// large that a second's part of it would be a noticeable pause.
    pub fn poll_timeout(&self) -> Instant {
        self.sweep_at()
    }

    /// Counts of what the store holds.
    pub fn stats(&self) -> StoreStats {
        self.stats
    }

    fn advance(&mut self, now: Instant) {
        self.sweep_due(now, sweep::STEPS_PER_ANNOUNCE);
    }

    /// Records and answers in one family; returns where the asker stands if it is new.
    fn announce_in<const N: usize>(
        &mut self,
        stamp: Stamp,
        ip: [u8; N],
        announce: &StoreAnnounce,
        summary: &mut AnnounceSummary,
        out: &mut Vec<u8>,
    ) -> Option<Place>
    where
        Swarm: Family<N>,
    {
        let hash = self.keys.swarm(&announce.info_hash);
        let (shard, keys) = (&mut self.shards[shard_of(hash)], &self.keys);
        let lists = announce.peer.port() != 0 && announce.event != Event::Stopped;
        let found = shard.find(hash, &announce.info_hash);
        let position = match found {
            Some(position) => position,
            None if !lists => return None,
            None => {
                self.stats.torrents += 1;
                self.stats.memory += swarm::SWARM_BYTES;
                shard.insert(keys, hash, announce.info_hash)
            }
        };
        let swarm = shard.swarm_mut(position);
        let port = announce.peer.port();
        let family = <Swarm as Family<N>>::peers(swarm);
        let known = family.and_then(|peers| peers.find(keys, ip, port));
        let at = if lists {
            let bytes = swarm.bytes();
            let peers = <Swarm as Family<N>>::peers_mut(swarm);
            let completed = peers.completed;
            let (at, new) = peers.record(keys, known, ip, announce, stamp);
            self.stats.completed += u64::from(peers.completed - completed);
            if new {
                *<Swarm as Family<N>>::counter(&mut self.stats) += 1;
                self.stats.memory += swarm.bytes() - bytes;
                self.networks.add(keys.network(&ip));
            }
            Some(at)
        } else {
            known
        };
        if announce.event == Event::Stopped {
            if let Some(at) = at {
                self.drop_peer::<N>(hash, position, at);
            }
            if let Some(swarm) = self.swarm(&announce.info_hash) {
                summary.count(swarm.summary(N == 16));
            }
        } else if let Some(peers) = <Swarm as Family<N>>::peers(swarm) {
            let (means, asker) = ((&mut self.rng, &mut self.chosen), (at, announce.left == 0));
            peers.sample(means, asker, announce.numwant, out);
            summary.count(peers.summary());
        }
        let at = at.filter(|_| known.is_none() && lists)?;
        let shard = shard_of(hash);
        let before = if N == 4 { 0 } else { self.shards[shard].swarm(position).v4.len() };
        Some(Place { shard, position, at: before + at })
    }

    /// Puts this process in front of the peers, which begin at `start` of `out`: it is the one that
    /// surely answers.
    fn list_hosted(
        &self,
        announce: &StoreAnnounce,
        summary: &mut AnnounceSummary,
        start: usize,
        out: &mut Vec<u8>,
    ) {
        let Some(&Hosted { port, seeding }) = self.hosted.get(&announce.info_hash) else {
            return;
        };
        let us = SocketAddr::new(announce.local, port);
        if us == announce.peer {
            return;
        }
        if seeding {
            summary.seeders += 1;
        } else {
            summary.leechers += 1;
        }
        let wanted = announce.event != Event::Stopped && announce.numwant > 0;
        let same_family = announce.local.is_ipv4() == announce.peer.is_ipv4();
        if !wanted || !same_family || announce.local.is_unspecified() {
            return;
        }
        if seeding && announce.left == 0 {
            return;
        }
        let others = out.split_off(start);
        compact::write(&[us], us.is_ipv6(), out);
        let width = out.len() - start;
        let us = out[start..].to_vec();
        let others = others.chunks_exact(width).filter(|other| *other != us);
        others.take(announce.numwant - 1).for_each(|other| out.extend_from_slice(other));
    }

    fn jittered_interval(&mut self) -> Duration {
        let secs = self.config.interval.as_secs();
        let spread = secs / 10;
        Duration::from_secs(secs - spread + self.rng.below(2 * spread + 1))
    }

    fn swarm(&self, info_hash: &Sha1Digest) -> Option<&Swarm> {
        let hash = self.keys.swarm(info_hash);
        let shard = &self.shards[shard_of(hash)];
        shard.find(hash, info_hash).map(|position| shard.swarm(position))
    }

    /// Takes a peer out, and its swarm when that says nothing any more.
    fn drop_peer<const N: usize>(&mut self, hash: u64, position: usize, at: usize)
    where
        Swarm: Family<N>,
    {
        let swarm = self.shards[shard_of(hash)].swarm_mut(position);
        let bytes = swarm.bytes();
        let removed = <Swarm as Family<N>>::peers_mut(swarm).remove(&self.keys, at);
        swarm.tidy();
        self.stats.memory -= bytes - swarm.bytes();
        let (is_empty, has_history) = (swarm.len() == 0, swarm.has_history());
        let forget = is_empty && !(has_history && self.has_spare_room());
        self.networks.remove(self.keys.network(&removed.ip));
        *<Swarm as Family<N>>::counter(&mut self.stats) -= 1;
        if forget {
            self.drop_swarm(hash, position);
        }
    }

    /// Takes out a swarm without peers.
    fn drop_swarm(&mut self, hash: u64, position: usize) {
        let shard = &mut self.shards[shard_of(hash)];
        self.stats.memory -= swarm::SWARM_BYTES + shard.swarm(position).bytes();
        shard.remove(&self.keys, hash, position);
        self.stats.torrents -= 1;
    }

    /// Whether empty swarms may stay for the sake of their count of downloads.
    fn has_spare_room(&self) -> bool {
        self.stats.memory < self.config.memory / 2
    }
}

impl AnnounceSummary {
    fn count(&mut self, summary: ScrapeEntry) {
        (self.seeders, self.leechers) = (summary.seeders, summary.leechers);
    }
}

/// The shard by the high bits of a hash; tables inside use the low ones.
fn shard_of(hash: u64) -> usize {
    (hash >> 56) as usize
}

#[cfg(test)]
mod tests;
