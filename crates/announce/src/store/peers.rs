use stdx::{Duration, Rng};

use super::index::{INDEX_BYTES, Index};
use super::keys::Keys;
use super::{ScrapeEntry, StoreAnnounce};
use crate::Event;

/// Below this many peers a linear scan is as fast as an index and costs no memory.
const INDEX_FROM: usize = 16;
/// An index that is there goes when fewer peers than this remain.
const INDEX_UNTIL: usize = 12;
/// What the allocator adds to one allocation, at most, in bytes.
pub(crate) const ALLOCATION_BYTES: u64 = 24;
/// What an index costs before it holds anything, in bytes.
const INDEX_BASE: u64 = 128;

/// When a peer was last heard of, in units of four seconds modulo 2^15 (36 hours), so that it and
/// a flag fit in two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u16);

impl Stamp {
    const UNIT_SECS: u64 = 4;
    const MASK: u16 = 0x7fff;

    pub(crate) fn at(now: stdx::Instant) -> Self {
        let units = now.as_nanos() / (Self::UNIT_SECS * 1_000_000_000);
        Self(units as u16 & Self::MASK)
    }

    /// Time since `self`; right as long as less than 36 hours have passed.
    pub(crate) fn age(self, now: Self) -> Duration {
        let units = now.0.wrapping_sub(self.0) & Self::MASK;
        Duration::from_secs(u64::from(units) * Self::UNIT_SECS)
    }
}

/// One peer: eight bytes for IPv4, twenty for IPv6.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<const N: usize> {
    pub(crate) ip: [u8; N],
    pub(crate) port: u16,
    /// The stamp, and in the top bit whether `completed` was counted for this peer.
    packed: u16,
}

const COUNTED: u16 = 0x8000;

impl<const N: usize> Entry<N> {
    pub(crate) fn new(ip: [u8; N], port: u16, stamp: Stamp) -> Self {
        Self { ip, port, packed: stamp.0 }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp(self.packed & Stamp::MASK)
    }

    pub(crate) fn touch(&mut self, stamp: Stamp) {
        self.packed = (self.packed & COUNTED) | stamp.0;
    }

    /// Marks the peer's download as counted; true the first time.
    pub(crate) fn count_completed(&mut self) -> bool {
        let first = self.packed & COUNTED == 0;
        self.packed |= COUNTED;
        first
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ip);
        out.extend_from_slice(&self.port.to_be_bytes());
    }
}

/// The peers of one swarm and one address family: seeders first, then leechers, without gaps, so
/// that a uniform choice from either or both is a choice of positions. Small, and inside its swarm:
/// most swarms have a dozen peers, and each step to another place in memory is one wait more.
#[derive(Debug, Default)]
pub(crate) struct Peers<const N: usize> {
    entries: Vec<Entry<N>>,
    index: Option<Box<Index>>,
    seeders: u32,
    /// Downloads that were announced.
    pub(crate) completed: u32,
}

impl<const N: usize> Peers<N> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is beside the record itself, at most, allocator overhead included. It follows from the
    /// number of peers alone, so that evicting peers always helps.
    pub(crate) fn bytes(&self) -> u64 {
        let (len, entry) = (self.entries.len() as u64, size_of::<Entry<N>>() as u64);
        if len == 0 {
            return 0;
        }
        let entries = len * entry * 8 / 5 + 3 * entry + ALLOCATION_BYTES;
        let indexed = self.entries.len() >= INDEX_UNTIL;
        let index = if indexed { len * INDEX_BYTES + INDEX_BASE } else { 0 };
        entries + index
    }

    pub(crate) fn summary(&self) -> ScrapeEntry {
        let leechers = self.entries.len() as u32 - self.seeders;
        ScrapeEntry { seeders: self.seeders, completed: self.completed, leechers }
    }

    pub(crate) fn entry(&self, at: usize) -> Option<&Entry<N>> {
        self.entries.get(at)
    }

    /// Heap bytes in use, spare capacity included, allocator overhead not.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |it| size_of::<Index>() + it.heap_bytes());
        self.entries.capacity() * size_of::<Entry<N>>() + index
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
        let seeding = announce.left == 0;
        let at = match known {
            Some(at) => {
                self.entries[at].touch(stamp);
                self.set_seeding(keys, at, seeding)
            }
            None => self.insert(keys, Entry::new(ip, announce.peer.port(), stamp), seeding),
        };
        if announce.event == Event::Completed && seeding && self.entries[at].count_completed() {
            self.completed = self.completed.saturating_add(1);
        }
        (at, known.is_none())
    }

    pub(crate) fn find(&self, keys: &Keys, ip: [u8; N], port: u16) -> Option<usize> {
        let is_match = |entry: &Entry<N>| entry.ip == ip && entry.port == port;
        let Some(index) = &self.index else {
            return self.entries.iter().position(is_match);
        };
        index
            .find(keys.peer(&ip, port), |position| is_match(&self.entries[position as usize]))
            .map(|position| position as usize)
    }

    /// Adds a peer that is not in the table; returns its position.
    fn insert(&mut self, keys: &Keys, entry: Entry<N>, seeding: bool) -> usize {
        grow(&mut self.entries);
        let at = self.entries.len();
        self.entries.push(entry);
        let entries = &self.entries;
        let first = match &self.index {
            Some(_) => at,
            None if entries.len() > INDEX_FROM => 0,
            None => entries.len(),
        };
        if first < entries.len() {
            let index = self.index.get_or_insert_default();
            for position in first..entries.len() {
                let hash = hash_of(keys, &entries[position]);
                index.insert(hash, position as u32, |p| hash_of(keys, &entries[p as usize]));
            }
        }
        if seeding { self.promote(keys, at) } else { at }
    }

    /// Makes the peer at `at` a seeder or a leecher; returns its new position.
    fn set_seeding(&mut self, keys: &Keys, at: usize, seeding: bool) -> usize {
        match (at < self.seeders as usize, seeding) {
            (false, true) => self.promote(keys, at),
            (true, false) => self.demote(keys, at),
            _ => at,
        }
    }

    pub(crate) fn remove(&mut self, keys: &Keys, at: usize) -> Entry<N> {
        let at = self.set_seeding(keys, at, false);
        let last = self.entries.len() - 1;
        self.swap(keys, at, last);
        if let Some(index) = &mut self.index {
            let (hash, entries) = (hash_of(keys, &self.entries[last]), &self.entries);
            index.remove(hash, last as u32, |p| hash_of(keys, &entries[p as usize]));
        }
        let removed = self.entries.swap_remove(last);
        if self.entries.len() < INDEX_UNTIL {
            self.index = None;
        }
        shrink(&mut self.entries);
        removed
    }

    /// Appends to `out`, as bytes (BEP 23, BEP 7), up to `want` peers chosen uniformly, without the
    /// one at `asker`; leechers only when the asker is seeding. `chosen` is memory to work in.
    pub(crate) fn sample(
        &self,
        (rng, chosen): (&mut Rng, &mut Vec<u32>),
        (asker, seeding): (Option<usize>, bool),
        want: usize,
        out: &mut Vec<u8>,
    ) {
        let start = if seeding { self.seeders as usize } else { 0 };
        let pool = &self.entries[start..];
        let skip = asker.and_then(|at| at.checked_sub(start));
        let others = pool.len() - usize::from(skip.is_some());
        if want == 0 || others == 0 {
            return;
        }
        if others <= want {
            // All of them, from anywhere: clients dial from the front.
            let (back, front) = pool.split_at(rng.index(pool.len()));
            let skip = skip.map(|at| (at + front.len()) % pool.len());
            for (at, entry) in front.iter().chain(back).enumerate() {
                if Some(at) != skip {
                    entry.write(out);
                }
            }
            return;
        }
        chosen.clear();
        // Floyd's algorithm: every subset of `want` ranks is equally likely, in `want` draws.
        for upper in others - want..others {
            let rank = rng.index(upper + 1) as u32;
            chosen.push(if chosen.contains(&rank) { upper as u32 } else { rank });
        }
        // Its order is not uniform (late ranks come late), and clients dial from the front.
        rng.shuffle(chosen);
        for &rank in &*chosen {
            let at = rank as usize;
            pool[at + usize::from(skip.is_some_and(|skip| at >= skip))].write(out);
        }
    }

    fn promote(&mut self, keys: &Keys, at: usize) -> usize {
        let to = self.seeders as usize;
        self.swap(keys, at, to);
        self.seeders += 1;
        to
    }

    fn demote(&mut self, keys: &Keys, at: usize) -> usize {
        self.seeders -= 1;
        let to = self.seeders as usize;
        self.swap(keys, at, to);
        to
    }

    fn swap(&mut self, keys: &Keys, a: usize, b: usize) {
        if a == b {
            return;
        }
        if let Some(index) = &mut self.index {
            let (hash_a, hash_b) =
                (hash_of(keys, &self.entries[a]), hash_of(keys, &self.entries[b]));
            index.swap((hash_a, a as u32), (hash_b, b as u32));
        }
        self.entries.swap(a, b);
    }
}

/// Makes room for one more, an eighth at a time: a sixteenth is spare on average, and each element
/// is moved eight times, which is little beside what it waits for.
/// An odd number of eight bytes each fills what allocators that keep eight of their own hand out.
pub(crate) fn grow<T>(elements: &mut Vec<T>) {
    if elements.len() == elements.capacity() {
        elements.reserve_exact((elements.len() / 8).max(if elements.is_empty() { 3 } else { 2 }));
    }
}

/// Gives back memory when more than three eighths are spare.
pub(crate) fn shrink<T>(elements: &mut Vec<T>) {
    if elements.len() * 8 < elements.capacity() * 5 {
        let spare = if elements.is_empty() { 0 } else { elements.len() / 4 + 1 };
        elements.shrink_to(elements.len() + spare);
    }
}

fn hash_of<const N: usize>(keys: &Keys, entry: &Entry<N>) -> u64 {
    keys.peer(&entry.ip, entry.port)
}
