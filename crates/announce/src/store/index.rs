/// An open-addressed map from keyed hashes to positions in somebody else's vector.
///
/// It stores four bytes per slot and no keys: the owner supplies equality and re-hashing. Linear
/// probing with back-shift deletion, so there are no tombstones to clean up.
#[derive(Debug, Default)]
pub(crate) struct Index {
    slots: Box<[u32]>,
    len: usize,
}

const EMPTY: u32 = u32::MAX;
const MIN_SLOTS: usize = 16;

impl Index {
    /// Number of slots, each of four bytes.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The position that hashes to `hash` and satisfies `is_match`.
    pub(crate) fn find(&self, hash: u64, is_match: impl Fn(u32) -> bool) -> Option<u32> {
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

    /// Adds `position`, growing first when more than three quarters full. `hash_of` hashes the
    /// owner's element at a position that the index already holds.
    pub(crate) fn insert(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 2).max(MIN_SLOTS), hash_of);
        }
        self.place(hash, position);
        self.len += 1;
    }

    /// Says that what was at position `old` (hashing to `hash`) is now at `new`.
    pub(crate) fn replace(&mut self, hash: u64, old: u32, new: u32) {
        let slot = self.slot_of(hash, old);
        self.slots[slot] = new;
    }

    /// Exchanges two positions with their hashes.
    pub(crate) fn swap(&mut self, first: (u64, u32), second: (u64, u32)) {
        let (a, b) = (self.slot_of(first.0, first.1), self.slot_of(second.0, second.1));
        self.slots.swap(a, b);
        self.slots[a] = second.1;
        self.slots[b] = first.1;
    }

    /// Removes `position`, shrinking when less than a quarter remains in use.
    pub(crate) fn remove(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
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
        if self.slots.len() > MIN_SLOTS && self.len * 4 < self.slots.len() {
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

    fn slot_of(&self, hash: u64, position: u32) -> usize {
        let mut slot = self.home(hash);
        while self.slots[slot] != position {
            assert!(self.slots[slot] != EMPTY, "the index holds every position of its owner");
            slot = self.next(slot);
        }
        slot
    }

    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn next(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}
