use hash::Sha1Digest;

use super::index::{INDEX_BYTES, Index};
use super::keys::Keys;
use super::peers::{ALLOCATION_BYTES, Peers, grow, shrink};
use super::{ScrapeEntry, StoreStats};

/// What one swarm without peers costs at most: its record with three eighths spare, and its index
/// slots at the lowest load.
pub(crate) const SWARM_BYTES: u64 = size_of::<Swarm>() as u64 * 8 / 5 + INDEX_BYTES;

/// One swarm.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) info_hash: Sha1Digest,
    pub(crate) v4: Peers<4>,
    /// Apart, for most swarms have none.
    v6: Option<Box<Peers<16>>>,
}

impl Swarm {
    /// Peers of both families.
    pub(crate) fn len(&self) -> usize {
        self.v4.len() + self.v6_len()
    }

    pub(crate) fn v6_len(&self) -> usize {
        self.v6.as_ref().map_or(0, |peers| peers.len())
    }

    /// Whether downloads have been counted here.
    pub(crate) fn has_history(&self) -> bool {
        self.v4.completed + self.v6.as_ref().map_or(0, |peers| peers.completed) > 0
    }

    /// What is beside the record itself, at most.
    pub(crate) fn bytes(&self) -> u64 {
        let boxed = size_of::<Peers<16>>() as u64 + ALLOCATION_BYTES;
        self.v4.bytes() + self.v6.as_ref().map_or(0, |peers| boxed + peers.bytes())
    }

    pub(crate) fn summary(&self, is_v6: bool) -> ScrapeEntry {
        match &self.v6 {
            _ if !is_v6 => self.v4.summary(),
            Some(peers) => peers.summary(),
            None => ScrapeEntry::default(),
        }
    }

    /// Gives back what is not needed any more.
    pub(crate) fn tidy(&mut self) {
        self.v6.take_if(|peers| peers.len() == 0 && peers.completed == 0);
    }
}

/// Where a swarm and the statistics keep what belongs to addresses of `N` bytes.
pub(crate) trait Family<const N: usize> {
    fn peers(&self) -> Option<&Peers<N>>;
    /// Makes the table if there is none.
    fn peers_mut(&mut self) -> &mut Peers<N>;
    fn counter(stats: &mut StoreStats) -> &mut u64;
}

impl Family<4> for Swarm {
    fn peers(&self) -> Option<&Peers<4>> {
        Some(&self.v4)
    }

    fn peers_mut(&mut self) -> &mut Peers<4> {
        &mut self.v4
    }

    fn counter(stats: &mut StoreStats) -> &mut u64 {
        &mut stats.peers_v4
    }
}

impl Family<16> for Swarm {
    fn peers(&self) -> Option<&Peers<16>> {
        self.v6.as_deref()
    }

    fn peers_mut(&mut self) -> &mut Peers<16> {
        self.v6.get_or_insert_default()
    }

    fn counter(stats: &mut StoreStats) -> &mut u64 {
        &mut stats.peers_v6
    }
}

/// A part of all swarms, without gaps, and an index by info-hash.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    swarms: Vec<Swarm>,
    index: Index,
}

impl Shard {
    pub(crate) fn len(&self) -> usize {
        self.swarms.len()
    }

    pub(crate) fn swarm(&self, at: usize) -> &Swarm {
        &self.swarms[at]
    }

    pub(crate) fn swarm_mut(&mut self, at: usize) -> &mut Swarm {
        &mut self.swarms[at]
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Swarm> {
        self.swarms.get(at)
    }

    /// Where a swarm of this hash most likely is, if there is one.
    pub(crate) fn guess(&self, hash: u64) -> Option<usize> {
        self.index.guess(hash).map(|position| position as usize)
    }

    pub(crate) fn find(&self, hash: u64, info_hash: &Sha1Digest) -> Option<usize> {
        self.index
            .find(hash, |position| self.swarms[position as usize].info_hash == *info_hash)
            .map(|position| position as usize)
    }

    /// Adds a swarm that is not in the shard; returns its position.
    pub(crate) fn insert(&mut self, keys: &Keys, hash: u64, info_hash: Sha1Digest) -> usize {
        grow(&mut self.swarms);
        let at = self.swarms.len();
        self.swarms.push(Swarm { info_hash, v4: Peers::default(), v6: None });
        let swarms = &self.swarms;
        self.index.insert(hash, at as u32, |p| keys.swarm(&swarms[p as usize].info_hash));
        at
    }

    pub(crate) fn remove(&mut self, keys: &Keys, hash: u64, at: usize) {
        let (last, swarms) = (self.swarms.len() - 1, &self.swarms);
        let hash_at = |p: u32| keys.swarm(&swarms[p as usize].info_hash);
        self.index.remove(hash, at as u32, hash_at);
        if at != last {
            self.index.replace(hash_at(last as u32), last as u32, at as u32);
        }
        self.swarms.swap_remove(at);
        shrink(&mut self.swarms);
    }

    /// Heap bytes with all swarms' own, allocator overhead not counted.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let records = self.swarms.capacity() * size_of::<Swarm>() + self.index.heap_bytes();
        let v6 = |peers: &Peers<16>| size_of_val(peers) + peers.heap_bytes();
        let tables = self
            .swarms
            .iter()
            .map(|swarm| swarm.v4.heap_bytes() + swarm.v6.as_deref().map_or(0, v6));
        records + tables.sum::<usize>()
    }
}
