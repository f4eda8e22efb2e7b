/// One open-addressed table of an index: four bytes per slot and no keys. Linear probing with
/// back-shift deletion, so there are no tombstones to clean up.
#[derive(Debug, Default)]
pub(super) struct Segment {
    slots: Box<[u32]>,
    len: usize,
}

const EMPTY: u32 = u32::MAX;
const MIN_SLOTS: usize = 16;

impl Segment {
    /// An empty table for about half of what this one holds.
    pub(super) fn halved(&self) -> Self {
        let slots = (self.slots.len() / 2).max(MIN_SLOTS);
        Self { slots: vec![EMPTY; slots].into_boxed_slice(), len: 0 }
    }

    /// Number of slots, each of four bytes.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The position that hashes to `hash` and satisfies `is_match`.
    pub(super) fn find(&self, hash: u64, is_match: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.home(hash);
        loop {
            match self.slots[slot] {
                EMPTY => return None,
                position if is_match(position) => return Some(position),
                _ => slot = self.next(slot),
            }
        }
    }

    /// The position in the first slot for `hash`.
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.slots.get(self.home(hash)).copied().filter(|&position| position != EMPTY)
    }

    /// Adds `position`, growing first when more than three quarters full. `hash_of` hashes the
    /// owner's element at a position that the index already holds.
    pub(super) fn insert(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 2).max(MIN_SLOTS), hash_of);
        }
        self.place(hash, position);
        self.len += 1;
    }

    /// The slot that holds `position`, which hashes to `hash`.
    pub(super) fn slot_of(&self, hash: u64, position: u32) -> usize {
        let mut slot = self.home(hash);
        while self.slots[slot] != position {
            assert!(self.slots[slot] != EMPTY, "the index holds every position of its owner");
            slot = self.next(slot);
        }
        slot
    }

    /// Lets `slot` hold another position, whose home may be no other.
    pub(super) fn set(&mut self, slot: usize, position: u32) {
        self.slots[slot] = position;
    }

    /// The positions it holds.
    pub(super) fn into_positions(self) -> impl Iterator<Item = u32> {
        self.slots.into_iter().filter(|&position| position != EMPTY)
    }

    /// Removes `position`, shrinking when less than a third remains in use.
    pub(super) fn remove(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        let mut hole = self.slot_of(hash, position);
        let mut probe = hole;
        loop {
            probe = self.next(probe);
            let moved = self.slots[probe];
            if moved == EMPTY {
                break;
            }
            // An element may fill the hole unless that would put it before its home slot.
            let home = self.home(hash_of(moved));
            let mask = self.slots.len() - 1;
            if (probe.wrapping_sub(home) & mask) >= (probe.wrapping_sub(hole) & mask) {
                self.slots[hole] = moved;
                hole = probe;
            }
        }
        self.slots[hole] = EMPTY;
        self.len -= 1;
        if self.slots.len() > MIN_SLOTS && self.len * 3 < self.slots.len() {
            self.resize(self.slots.len() / 2, hash_of);
        }
    }

    fn resize(&mut self, slots: usize, hash_of: impl Fn(u32) -> u64) {
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots].into_boxed_slice());
        for position in old.into_iter().filter(|&position| position != EMPTY) {
            self.place(hash_of(position), position);
        }
    }

    fn place(&mut self, hash: u64, position: u32) {
        let mut slot = self.home(hash);
        while self.slots[slot] != EMPTY {
            slot = self.next(slot);
        }
        self.slots[slot] = position;
    }

    fn home(&self, hash: u64) -> usize {
        hash as usize & self.slots.len().wrapping_sub(1)
    }

    fn next(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}
