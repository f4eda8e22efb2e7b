use super::peers::Stamp;
use super::swarm::{Family, Swarm};
use super::{SHARDS, Store};

/// Counters for the networks that peers come from; networks that collide share one.
const NETWORK_COUNTERS: usize = 4096;
/// Peers compared for each one evicted.
const CANDIDATES: usize = 8;
/// Evictions per announce; each announce adds at most one peer and one swarm.
const MAX_EVICTIONS: usize = 32;

/// How many peers each network (/24 or /48) has in the store, in constant memory.
#[derive(Debug)]
pub(crate) struct Networks(Box<[u32]>);

impl Default for Networks {
    fn default() -> Self {
        Self(vec![0; NETWORK_COUNTERS].into_boxed_slice())
    }
}

impl Networks {
    pub(crate) fn add(&mut self, hash: u64) {
        let counter = &mut self.0[hash as usize % NETWORK_COUNTERS];
        *counter = counter.saturating_add(1);
    }

    pub(crate) fn remove(&mut self, hash: u64) {
        let counter = &mut self.0[hash as usize % NETWORK_COUNTERS];
        *counter = counter.saturating_sub(1);
    }

    fn count(&self, hash: u64) -> u32 {
        self.0[hash as usize % NETWORK_COUNTERS]
    }
}

/// Where a peer stands in the store, as long as nothing is removed: `at` counts a swarm's IPv4
/// peers first, then its IPv6 ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) shard: usize,
    pub(crate) position: usize,
    pub(crate) at: usize,
}

/// Who goes first: of the largest network, then of the largest swarm, then silent for longest.
type Rank = (u32, usize, stdx::Duration);

enum Victim {
    Swarm { shard: usize, position: usize },
    Peer(Place),
}

impl Store {
    /// Evicts until the budget holds again.
    ///
    /// Of the newcomer and a few peers chosen at random the one goes whose network holds most,
    /// then whose swarm is largest, then who was silent longest: a flood, be it of peers or of
    /// swarms, pays for itself.
    pub(crate) fn make_room(&mut self, mut newcomer: Option<Place>) {
        for _ in 0..MAX_EVICTIONS {
            if self.stats.memory <= self.config.memory || self.stats.torrents == 0 {
                return;
            }
            // Once something was removed, others may stand in other places.
            let Some(victim) = self.choose_victim(newcomer.take()) else {
                return;
            };
            self.stats.evicted += 1;
            match victim {
                Victim::Swarm { shard, position } => {
                    let hash = self.hash_at(shard, position);
                    self.drop_swarm(hash, position);
                }
                Victim::Peer(Place { shard, position, at }) => {
                    let (hash, v4) = (self.hash_at(shard, position), self.v4_at(shard, position));
                    match at.checked_sub(v4) {
                        None => self.drop_peer::<4>(hash, position, at),
                        Some(at) => self.drop_peer::<16>(hash, position, at),
                    }
                }
            }
        }
    }

    pub(crate) fn hash_at(&self, shard: usize, position: usize) -> u64 {
        self.keys.swarm(&self.shards[shard].swarm(position).info_hash)
    }

    fn v4_at(&self, shard: usize, position: usize) -> usize {
        self.shards[shard].swarm(position).v4.len()
    }

    fn choose_victim(&mut self, newcomer: Option<Place>) -> Option<Victim> {
        let mut best = newcomer.and_then(|place| Some((self.rank(place)?, place)));
        for _ in 0..CANDIDATES {
            let start = self.rng.index(SHARDS);
            let shard = (start..start + SHARDS)
                .map(|shard| shard % SHARDS)
                .find(|&shard| self.shards[shard].len() > 0)?;
            let position = self.rng.index(self.shards[shard].len());
            let swarm = self.shards[shard].swarm(position);
            let peers = swarm.len();
            if peers == 0 {
                return Some(Victim::Swarm { shard, position });
            }
            let place = Place { shard, position, at: self.rng.index(peers) };
            let rank = self.rank(place)?;
            if best.as_ref().is_none_or(|(highest, _)| rank > *highest) {
                best = Some((rank, place));
            }
        }
        best.map(|(_, place)| Victim::Peer(place))
    }

    fn rank(&self, place: Place) -> Option<Rank> {
        let Place { shard, position, at } = place;
        let swarm = self.shards[shard].swarm(position);
        let (weight, stamp) = match at.checked_sub(swarm.v4.len()) {
            None => self.weigh::<4>(shard, position, at),
            Some(at) => self.weigh::<16>(shard, position, at),
        }?;
        let peers = swarm.len();
        Some((weight, peers, stamp.age(Stamp::at(self.swept))))
    }

    fn weigh<const N: usize>(
        &self,
        shard: usize,
        position: usize,
        at: usize,
    ) -> Option<(u32, Stamp)>
    where
        Swarm: Family<N>,
    {
        let swarm = self.shards[shard].swarm(position);
        let entry = <Swarm as Family<N>>::peers(swarm)?.entry(at)?;
        Some((self.networks.count(self.keys.network(&entry.ip)), entry.stamp()))
    }
}
