use hash::Sha1Digest;

use super::index::{INDEX_BYTES, Index};
use super::keys::Keys;
use super::peers::{Entry, PeerTable, Stamp, grow, shrink};
use super::{ScrapeEntry, StoreAnnounce, StoreStats};
use crate::Event;

/// What one swarm without peers costs at most: its record with three eighths spare, and its index
/// slots at the lowest load.
pub(crate) const SWARM_BYTES: u64 = size_of::<Swarm>() as u64 * 8 / 5 + INDEX_BYTES;

/// One swarm.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) info_hash: Sha1Digest,
    pub(crate) v4: Peers<4>,
    pub(crate) v6: Peers<16>,
}

impl Swarm {
    pub(crate) fn is_empty(&self) -> bool {
        self.v4.len() + self.v6.len() == 0
    }

    /// Whether downloads have been counted here.
    pub(crate) fn has_history(&self) -> bool {
        self.v4.completed + self.v6.completed > 0
    }
}

/// Where a swarm and the statistics keep what belongs to addresses of `N` bytes.
pub(crate) trait Family<const N: usize> {
    fn peers(&self) -> &Peers<N>;
    fn peers_mut(&mut self) -> &mut Peers<N>;
    fn counter(stats: &mut StoreStats) -> &mut u64;
}

impl Family<4> for Swarm {
    fn peers(&self) -> &Peers<4> {
        &self.v4
    }

    fn peers_mut(&mut self) -> &mut Peers<4> {
        &mut self.v4
    }

    fn counter(stats: &mut StoreStats) -> &mut u64 {
        &mut stats.peers_v4
    }
}

impl Family<16> for Swarm {
    fn peers(&self) -> &Peers<16> {
        &self.v6
    }

    fn peers_mut(&mut self) -> &mut Peers<16> {
        &mut self.v6
    }

    fn counter(stats: &mut StoreStats) -> &mut u64 {
        &mut stats.peers_v6
    }
}

/// The peers of one family, on the heap once there are any, and their count of downloads.
#[derive(Debug, Default)]
pub(crate) struct Peers<const N: usize> {
    table: Option<Box<PeerTable<N>>>,
    pub(crate) completed: u32,
}

impl<const N: usize> Peers<N> {
    pub(crate) fn len(&self) -> usize {
        self.table.as_ref().map_or(0, |table| table.len())
    }

    /// What the table costs at most, allocator overhead included.
    pub(crate) fn bytes(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.bytes())
    }

    pub(crate) fn summary(&self) -> ScrapeEntry {
        ScrapeEntry {
            seeders: self.table.as_ref().map_or(0, |table| table.seeders()),
            completed: self.completed,
            leechers: self.table.as_ref().map_or(0, |table| table.leechers()),
        }
    }

    pub(crate) fn entry(&self, at: usize) -> Option<&Entry<N>> {
        self.table.as_ref().filter(|table| at < table.len()).map(|table| table.entry(at))
    }

    pub(crate) fn find(&self, keys: &Keys, ip: [u8; N], port: u16) -> Option<usize> {
        self.table.as_ref()?.find(keys, ip, port)
    }

    /// Adds the announcing peer, or renews the one at `known`; returns its position and whether
    /// it is new.
    pub(crate) fn record(
        &mut self,
        keys: &Keys,
        known: Option<usize>,
        ip: [u8; N],
        announce: &StoreAnnounce,
        stamp: Stamp,
    ) -> (usize, bool) {
        let table = self.table.get_or_insert_default();
        let seeding = announce.left == 0;
        let at = match known {
            Some(at) => {
                table.entry_mut(at).touch(stamp);
                table.set_seeding(keys, at, seeding)
            }
            None => table.insert(keys, Entry::new(ip, announce.port(), stamp), seeding),
        };
        if announce.event == Event::Completed && seeding && table.entry_mut(at).count_completed() {
            self.completed = self.completed.saturating_add(1);
        }
        (at, known.is_none())
    }

    pub(crate) fn remove(&mut self, keys: &Keys, at: usize) -> Entry<N> {
        let table = self.table.as_mut().expect("a position names an entry of the table");
        let removed = table.remove(keys, at);
        if table.len() == 0 {
            self.table = None;
        }
        removed
    }

    pub(crate) fn sample(
        &self,
        rng: &mut stdx::Rng,
        asker: Option<usize>,
        seeding: bool,
        want: usize,
        out: &mut Vec<std::net::SocketAddr>,
    ) {
        if let Some(table) = &self.table {
            table.sample(rng, asker, seeding, want, out);
        }
    }

    /// Heap bytes, allocator overhead not counted.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.table.as_ref().map_or(0, |table| size_of_val(&**table) + table.heap_bytes())
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

    pub(crate) fn find(&self, hash: u64, info_hash: &Sha1Digest) -> Option<usize> {
        self.index
            .find(hash, |position| self.swarms[position as usize].info_hash == *info_hash)
            .map(|position| position as usize)
    }

    /// Adds a swarm that is not in the shard; returns its position.
    pub(crate) fn insert(&mut self, keys: &Keys, hash: u64, info_hash: Sha1Digest) -> usize {
        grow(&mut self.swarms);
        let at = self.swarms.len();
        self.swarms.push(Swarm { info_hash, v4: Peers::default(), v6: Peers::default() });
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
        let peers: usize =
            self.swarms.iter().map(|swarm| swarm.v4.heap_bytes() + swarm.v6.heap_bytes()).sum();
        records + peers
    }
}
