use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use stdx::{Duration, Rng};

use super::index::{INDEX_BYTES, Index};
use super::keys::Keys;

/// Below this many peers a linear scan is as fast as an index and costs no memory.
const INDEX_FROM: usize = 16;
/// An index that is there goes when fewer peers than this remain.
const INDEX_UNTIL: usize = 12;
/// What the allocator adds to one allocation, at most, in bytes.
const ALLOCATION_BYTES: u64 = 24;
/// What an index costs before it holds anything, in bytes.
const INDEX_BASE: u64 = 72;

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

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(ip_from(self.ip), self.port)
    }
}

/// The address that four or sixteen bytes in network order stand for.
pub(crate) fn ip_from<const N: usize>(bytes: [u8; N]) -> IpAddr {
    if let Ok(v4) = <[u8; 4]>::try_from(&bytes[..]) {
        return Ipv4Addr::from(v4).into();
    }
    let v6 = <[u8; 16]>::try_from(&bytes[..]).expect("addresses have 4 or 16 bytes");
    Ipv6Addr::from(v6).into()
}

/// The peers of one swarm and one address family: seeders first, then leechers, without gaps, so
/// that a uniform choice from either or both is a choice of positions.
#[derive(Debug, Default)]
pub(crate) struct PeerTable<const N: usize> {
    entries: Vec<Entry<N>>,
    seeders: u32,
    index: Index,
}

impl<const N: usize> PeerTable<N> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the table costs at most, allocator overhead included. It follows from the number of
    /// peers alone, so that evicting peers always helps.
    pub(crate) fn bytes(&self) -> u64 {
        let (len, entry) = (self.entries.len() as u64, size_of::<Entry<N>>() as u64);
        let itself = size_of::<Self>() as u64 + ALLOCATION_BYTES;
        let entries = len * entry * 8 / 5 + 2 * entry + ALLOCATION_BYTES;
        let indexed = self.entries.len() >= INDEX_UNTIL;
        let index = if indexed { len * INDEX_BYTES + INDEX_BASE } else { 0 };
        itself + entries + index
    }

    pub(crate) fn seeders(&self) -> u32 {
        self.seeders
    }

    pub(crate) fn leechers(&self) -> u32 {
        self.entries.len() as u32 - self.seeders
    }

    pub(crate) fn entry(&self, at: usize) -> &Entry<N> {
        &self.entries[at]
    }

    pub(crate) fn entry_mut(&mut self, at: usize) -> &mut Entry<N> {
        &mut self.entries[at]
    }

    /// Heap bytes in use, spare capacity included, allocator overhead not.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry<N>>() + self.index.heap_bytes()
    }

    pub(crate) fn find(&self, keys: &Keys, ip: [u8; N], port: u16) -> Option<usize> {
        let is_match = |entry: &Entry<N>| entry.ip == ip && entry.port == port;
        if self.index.is_unused() {
            return self.entries.iter().position(is_match);
        }
        self.index
            .find(keys.peer(&ip, port), |position| is_match(&self.entries[position as usize]))
            .map(|position| position as usize)
    }

    /// Adds a peer that is not in the table; returns its position.
    pub(crate) fn insert(&mut self, keys: &Keys, entry: Entry<N>, seeding: bool) -> usize {
        grow(&mut self.entries);
        let at = self.entries.len();
        self.entries.push(entry);
        if !self.index.is_unused() {
            self.index_last(keys);
        } else if self.entries.len() > INDEX_FROM {
            for upto in 0..self.entries.len() {
                let hash = hash_of(keys, &self.entries[upto]);
                let entries = &self.entries;
                self.index.insert(hash, upto as u32, |p| hash_of(keys, &entries[p as usize]));
            }
        }
        if seeding { self.promote(keys, at) } else { at }
    }

    /// Makes the peer at `at` a seeder or a leecher; returns its new position.
    pub(crate) fn set_seeding(&mut self, keys: &Keys, at: usize, seeding: bool) -> usize {
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
        if !self.index.is_unused() {
            let (hash, entries) = (hash_of(keys, &self.entries[last]), &self.entries);
            self.index.remove(hash, last as u32, |p| hash_of(keys, &entries[p as usize]));
        }
        let removed = self.entries.swap_remove(last);
        if self.entries.len() < INDEX_UNTIL {
            self.index = Index::default();
        }
        shrink(&mut self.entries);
        removed
    }

    /// Appends to `out` up to `want` peers chosen uniformly, without the one at `asker`; leechers
    /// only when the asker is seeding.
    pub(crate) fn sample(
        &self,
        rng: &mut Rng,
        asker: Option<usize>,
        seeding: bool,
        want: usize,
        out: &mut Vec<SocketAddr>,
    ) {
        let start = if seeding { self.seeders as usize } else { 0 };
        let skip = asker.filter(|&at| at >= start);
        let pool = self.entries.len() - start - usize::from(skip.is_some());
        let take = want.min(pool);
        let mut chosen: Vec<u32> = Vec::with_capacity(take);
        // Floyd's algorithm: every subset of `take` ranks is equally likely, in `take` draws.
        for upper in pool - take..pool {
            let rank = rng.index(upper + 1) as u32;
            chosen.push(if chosen.contains(&rank) { upper as u32 } else { rank });
        }
        // Its order is not uniform (late ranks come late), and clients dial from the front.
        rng.shuffle(&mut chosen);
        out.extend(chosen.into_iter().map(|rank| {
            let at = start + rank as usize;
            let at = at + usize::from(skip.is_some_and(|skip| at >= skip));
            self.entries[at].address()
        }));
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
        if !self.index.is_unused() {
            let (hash_a, hash_b) =
                (hash_of(keys, &self.entries[a]), hash_of(keys, &self.entries[b]));
            self.index.swap((hash_a, a as u32), (hash_b, b as u32));
        }
        self.entries.swap(a, b);
    }

    fn index_last(&mut self, keys: &Keys) {
        let last = self.entries.len() - 1;
        let (hash, entries) = (hash_of(keys, &self.entries[last]), &self.entries);
        self.index.insert(hash, last as u32, |p| hash_of(keys, &entries[p as usize]));
    }
}

/// Makes room for one more, a quarter at a time: half the spare memory that doubling would leave.
pub(crate) fn grow<T>(elements: &mut Vec<T>) {
    if elements.len() == elements.capacity() {
        elements.reserve_exact((elements.len() / 4).max(2));
    }
}

/// Gives back memory when more than three eighths are spare.
pub(crate) fn shrink<T>(elements: &mut Vec<T>) {
    if elements.len() * 8 < elements.capacity() * 5 {
        elements.shrink_to(elements.len() + elements.len() / 4 + 1);
    }
}

fn hash_of<const N: usize>(keys: &Keys, entry: &Entry<N>) -> u64 {
    keys.peer(&entry.ip, entry.port)
}
