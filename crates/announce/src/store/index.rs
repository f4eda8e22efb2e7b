mod segment;

use self::segment::Segment;

/// Mean number of positions per segment from which one more segment is made. With it the longest
/// pause is re-hashing about twice as many: some tenths of a millisecond, however large the whole.
const SEGMENT_LEN: usize = 1024;
/// What one position costs at most: its slots at the lowest load, a third, and its part of the
/// segments' own records.
pub(crate) const INDEX_BYTES: u64 = 13;

/// A map from keyed hashes to positions in somebody else's vector. It stores no keys: the owner
/// supplies equality and re-hashing.
///
/// Linear hashing over open-addressed segments: growth splits one segment at a time, in turn, so
/// that no insertion ever re-hashes everything.
#[derive(Debug, Default)]
pub(crate) struct Index {
    segments: Vec<Segment>,
    len: usize,
}

impl Index {
    /// Heap bytes in use, allocator overhead not counted.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let slots: usize = self.segments.iter().map(Segment::slots).sum();
        slots * 4 + self.segments.capacity() * size_of::<Segment>()
    }

    /// The position that hashes to `hash` and satisfies `is_match`.
    pub(crate) fn find(&self, hash: u64, is_match: impl Fn(u32) -> bool) -> Option<u32> {
        if self.segments.is_empty() {
            return None;
        }
        self.segments[self.segment_of(hash)].find(hash, is_match)
    }

    /// The position that is looked at first for `hash`.
    pub(crate) fn guess(&self, hash: u64) -> Option<u32> {
        self.segments.get(self.segment_of(hash))?.guess(hash)
    }

    /// Adds `position`. `hash_of` hashes the owner's element at a position that the index holds.
    pub(crate) fn insert(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        if self.segments.is_empty() {
            self.segments.reserve_exact(1);
            self.segments.push(Segment::default());
        }
        let segment = self.segment_of(hash);
        self.segments[segment].insert(hash, position, &hash_of);
        self.len += 1;
        if self.len > self.segments.len() * SEGMENT_LEN {
            self.split(hash_of);
        }
    }

    /// Says that what was at position `old` (hashing to `hash`) is now at `new`.
    pub(crate) fn replace(&mut self, hash: u64, old: u32, new: u32) {
        let segment = self.segment_of(hash);
        let segment = &mut self.segments[segment];
        segment.set(segment.slot_of(hash, old), new);
    }

    /// Exchanges two positions with their hashes.
    pub(crate) fn swap(&mut self, first: (u64, u32), second: (u64, u32)) {
        let (a, b) = (self.segment_of(first.0), self.segment_of(second.0));
        let slot_a = self.segments[a].slot_of(first.0, first.1);
        let slot_b = self.segments[b].slot_of(second.0, second.1);
        self.segments[a].set(slot_a, second.1);
        self.segments[b].set(slot_b, first.1);
    }

    /// Removes `position`.
    pub(crate) fn remove(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        let segment = self.segment_of(hash);
        self.segments[segment].remove(hash, position, &hash_of);
        self.len -= 1;
        let fewer = self.segments.len() - 1;
        // Only far below the point of the split, or the two would alternate.
        if fewer > 0 && self.len < fewer * SEGMENT_LEN / 2 {
            self.merge(hash_of);
        }
    }

    /// Divides the next segment in turn between itself and a new last one.
    fn split(&mut self, hash_of: impl Fn(u32) -> u64) {
        let divided = partner(self.segments.len());
        let half = self.segments[divided].halved();
        self.segments.push(self.segments[divided].halved());
        let whole = std::mem::replace(&mut self.segments[divided], half);
        for position in whole.into_positions() {
            let hash = hash_of(position);
            let segment = self.segment_of(hash);
            self.segments[segment].insert(hash, position, &hash_of);
        }
    }

    /// Undoes the latest split.
    fn merge(&mut self, hash_of: impl Fn(u32) -> u64) {
        let last = self.segments.pop().expect("only several segments are merged");
        let into = partner(self.segments.len());
        for position in last.into_positions() {
            self.segments[into].insert(hash_of(position), position, &hash_of);
        }
    }

    /// Segments go by the high half of a hash; slots inside go by the low bits.
    fn segment_of(&self, hash: u64) -> usize {
        let mask = self.segments.len().next_power_of_two() - 1;
        let segment = (hash >> 32) as usize & mask;
        if segment < self.segments.len() { segment } else { segment & (mask >> 1) }
    }
}

/// The segment that shares its hashes with number `segment`, which is not the first.
fn partner(segment: usize) -> usize {
    segment ^ (1 << segment.ilog2())
}

#[cfg(test)]
mod tests;
