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

enum Victim {
    Swarm { shard: usize, position: usize },
    V4 { shard: usize, position: usize, at: usize },
    V6 { shard: usize, position: usize, at: usize },
}

impl Store {
    /// Evicts until the budget holds again.
    ///
    /// Of a few peers chosen at random the one goes whose network holds most, then whose swarm is
    /// largest, then who was silent longest: a flood, be it of peers or of swarms, pays for itself.
    pub(crate) fn make_room(&mut self) {
        for _ in 0..MAX_EVICTIONS {
            if self.stats.memory <= self.config.memory || self.stats.torrents == 0 {
                return;
            }
            let Some(victim) = self.choose_victim() else {
                return;
            };
            self.stats.evicted += 1;
            match victim {
                Victim::Swarm { shard, position } => {
                    let hash = self.hash_at(shard, position);
                    self.drop_swarm(hash, position);
                }
                Victim::V4 { shard, position, at } => {
                    self.drop_peer::<4>(self.hash_at(shard, position), position, at);
                }
                Victim::V6 { shard, position, at } => {
                    self.drop_peer::<16>(self.hash_at(shard, position), position, at);
                }
            }
        }
    }

    pub(crate) fn hash_at(&self, shard: usize, position: usize) -> u64 {
        self.keys.swarm(&self.shards[shard].swarm(position).info_hash)
    }

    fn choose_victim(&mut self) -> Option<Victim> {
        let mut best = None;
        for _ in 0..CANDIDATES {
            let start = self.rng.index(SHARDS);
            let shard = (start..start + SHARDS)
                .map(|shard| shard % SHARDS)
                .find(|&shard| self.shards[shard].len() > 0)?;
            let position = self.rng.index(self.shards[shard].len());
            let swarm = self.shards[shard].swarm(position);
            let (v4, v6) = (swarm.v4.len(), swarm.v6.len());
            if v4 + v6 == 0 {
                return Some(Victim::Swarm { shard, position });
            }
            let drawn = self.rng.index(v4 + v6);
            let (weight, stamp) = if drawn < v4 {
                self.weigh::<4>(shard, position, drawn)
            } else {
                self.weigh::<16>(shard, position, drawn - v4)
            }?;
            let victim = if drawn < v4 {
                Victim::V4 { shard, position, at: drawn }
            } else {
                Victim::V6 { shard, position, at: drawn - v4 }
            };
            let age = stamp.age(Stamp::at(self.swept));
            let rank = (weight, v4 + v6, age);
            if best.as_ref().is_none_or(|(highest, _)| rank > *highest) {
                best = Some((rank, victim));
            }
        }
        best.map(|(_, victim)| victim)
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
        let entry = <Swarm as Family<N>>::peers(swarm).entry(at)?;
        Some((self.networks.count(self.keys.network(&entry.ip)), entry.stamp()))
    }
}
