use std::collections::BTreeMap;
use std::net::SocketAddr;

use stdx::{Duration, Instant, Rng};

use crate::address::Holder;
use crate::krpc::Samples;
use crate::{Bloom, Id};

/// Time after which a peer that is not announced again is dropped: one and a half times the time
/// after which clients do it.
const EXPIRY: Duration = Duration::from_mins(45);
/// Torrents that one call looks at for what has expired.
const SWEPT_AT_ONCE: usize = 32;
/// Torrents in a sample (BEP 51), and the time until another is drawn.
const SAMPLE: usize = 20;
const SAMPLE_INTERVAL: Duration = Duration::from_hours(1);

#[derive(Clone, Copy, Debug)]
struct Peer {
    address: SocketAddr,
    seed: bool,
    announced: Instant,
}

/// The peers that were announced here. At most so many torrents, of which the farthest from the
/// node's id make room, with at most so many peers each; a peer for each IP address (BEP 33).
#[derive(Debug)]
pub(crate) struct Peers {
    me: Id,
    torrents_max: usize,
    each_max: usize,
    /// By distance from the node.
    torrents: BTreeMap<Id, Vec<Peer>>,
    /// How far the sweep has come.
    swept: Id,
    sample: Option<(Instant, Samples)>,
}

impl Peers {
    pub(crate) fn new(me: Id, torrents_max: usize, each_max: usize) -> Self {
        Self {
            me,
            torrents_max,
            each_max,
            torrents: BTreeMap::new(),
            swept: Id::default(),
            sample: None,
        }
    }

    /// Torrents and peers that are held.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.torrents.len(), self.torrents.values().map(Vec::len).sum())
    }

    /// Notes a peer; false when there is no room for its torrent.
    pub(crate) fn announce(
        &mut self,
        now: Instant,
        info_hash: Id,
        address: SocketAddr,
        seed: bool,
        rng: &mut Rng,
    ) -> bool {
        let key = info_hash.distance(self.me);
        if self.torrents.len() >= self.torrents_max && !self.torrents.contains_key(&key) {
            match self.torrents.last_key_value() {
                Some((farthest, _)) if *farthest > key => drop(self.torrents.pop_last()),
                _ => return false,
            }
        }
        let peers = self.torrents.entry(key).or_default();
        let peer = Peer { address, seed, announced: now };
        let holder = Holder::of(address);
        match peers.iter().position(|it| Holder::of(it.address) == holder) {
            Some(place) => peers[place] = peer,
            None if peers.len() < self.each_max => peers.push(peer),
            // Anybody, so that nobody can tell whom to push out.
            None => peers[rng.index(self.each_max)] = peer,
        }
        true
    }

    /// At most `limit` peers of a torrent, at random.
    pub(crate) fn some(
        &self,
        now: Instant,
        info_hash: Id,
        noseed: bool,
        limit: usize,
        rng: &mut Rng,
    ) -> Vec<SocketAddr> {
        let fit = self.of(now, info_hash).filter(|peer| !(noseed && peer.seed));
        let mut all: Vec<SocketAddr> = fit.map(|peer| peer.address).collect();
        let count = limit.min(all.len());
        for place in 0..count {
            let other = place + rng.index(all.len() - place);
            all.swap(place, other);
        }
        all.truncate(count);
        all
    }

    /// Filters of the seeds and of the others (BEP 33); `None` for a torrent that is not known.
    pub(crate) fn scrape(&self, now: Instant, info_hash: Id) -> Option<(Bloom, Bloom)> {
        let (mut seeds, mut others) = (Bloom::default(), Bloom::default());
        let mut any = false;
        for peer in self.of(now, info_hash) {
            any = true;
            if peer.seed { &mut seeds } else { &mut others }.insert(peer.address.ip());
        }
        any.then_some((seeds, others))
    }

    /// Some of the torrents; the same ones for a while (BEP 51).
    pub(crate) fn sample(&mut self, now: Instant, rng: &mut Rng) -> &Samples {
        if self.sample.as_ref().is_none_or(|(until, _)| *until <= now) {
            let mut hashes: Vec<Id> =
                self.torrents.keys().map(|key| key.distance(self.me)).collect();
            let total = hashes.len() as u64;
            rng.shuffle(&mut hashes);
            hashes.truncate(SAMPLE);
            let samples = Samples { hashes, total, interval: 0 };
            // While all fit, there is nothing to hide, and what is new is told at once.
            let until = if total as usize <= SAMPLE { now } else { now + SAMPLE_INTERVAL };
            self.sample = Some((until, samples));
        }
        let (until, samples) = self.sample.as_mut().expect("it was drawn above");
        samples.interval = until.since(now).as_secs();
        samples
    }

    /// Drops some of what has expired.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let start = self.swept;
        let keys: Vec<Id> =
            self.torrents.range(start..).take(SWEPT_AT_ONCE).map(|(key, _)| *key).collect();
        for key in &keys {
            if let Some(peers) = self.torrents.get_mut(key) {
                peers.retain(|peer| now.since(peer.announced) < EXPIRY);
                if peers.is_empty() {
                    self.torrents.remove(key);
                }
            }
        }
        self.swept = match keys.last() {
            Some(last) if keys.len() == SWEPT_AT_ONCE => *last,
            _ => Id::default(),
        };
    }

    /// The node goes by another id.
    pub(crate) fn rename(&mut self, me: Id) {
        let old = std::mem::replace(&mut self.me, me);
        let torrents = std::mem::take(&mut self.torrents).into_iter();
        self.torrents = torrents.map(|(key, it)| (key.distance(old).distance(me), it)).collect();
        self.swept = Id::default();
    }

    fn of(&self, now: Instant, info_hash: Id) -> impl Iterator<Item = &Peer> {
        let peers = self.torrents.get(&info_hash.distance(self.me)).into_iter().flatten();
        peers.filter(move |peer| now.since(peer.announced) < EXPIRY)
    }
}

#[cfg(test)]
mod tests;
