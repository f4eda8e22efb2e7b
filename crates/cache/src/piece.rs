use std::sync::Arc;

use metainfo::Layout;
use stdx::{BLOCK_LENGTH, Bitfield, BlockIndex, Buf, PieceIndex};

use crate::{BlocksJob, HashBlock, HashJob, HashState, Hashed, OpId, Part, PieceDigests, WriteJob};

/// Where one block is.
#[derive(Clone, Debug)]
enum Slot {
    /// Not here.
    Absent,
    /// In memory.
    Held(Arc<Buf>),
    /// In its place on disk, unverified.
    OnDisk,
    /// Nothing but padding: zeros that are never stored.
    Padding,
}

/// What an operation in flight does to its piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Hash,
    Write,
    Read,
    /// Hash the blocks of what was judged bad.
    Examine,
}

/// The one operation that a piece may have in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy {
    pub(crate) op: OpId,
    pub(crate) doing: Doing,
    /// The piece was emptied meanwhile: the answer means nothing, only that it is over.
    pub(crate) stale: bool,
}

/// What a piece that is not busy needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing until more blocks or a verdict arrive.
    Wait,
    /// Hash what is ready.
    Hash,
    /// Write what is held.
    Write,
    /// Read back and hash.
    Read,
    /// Judged good and all on disk: done.
    Finish,
}

/// A piece that is not held yet and of which something is here.
#[derive(Debug)]
pub(crate) struct Piece {
    slots: Vec<Slot>,
    /// Blocks absent.
    missing: u32,
    /// Blocks on disk.
    on_disk: u32,
    /// Bytes in memory.
    held: u64,
    /// Bytes that the next hash job would take.
    ready: u64,
    /// SHA-1: the next block to hash, and the end of the contiguous run from there.
    hashed_to: u32,
    prefix: u32,
    /// v2 only: blocks not yet hashed, in order of arrival. `None` with SHA-1.
    fresh: Option<Vec<u32>>,
    /// `None` while a job has it.
    state: Option<HashState>,
    digests: Option<PieceDigests>,
    good: bool,
    pub(crate) busy: Option<Busy>,
    /// When a block last arrived, in the cache's own count.
    pub(crate) touched: u64,
    /// What this piece adds to the cache's count of bytes at rest.
    pub(crate) resting_counted: u64,
    /// The resume store may have a record of some blocks.
    pub(crate) recorded: bool,
}

impl Piece {
    pub(crate) fn new(layout: &Layout, piece: PieceIndex) -> Self {
        let slot = |block| match layout.request(piece, BlockIndex(block)) {
            Some(_) => Slot::Absent,
            None => Slot::Padding,
        };
        let slots: Vec<Slot> = (0..layout.block_count(piece)).map(slot).collect();
        let missing = slots.iter().filter(|slot| matches!(slot, Slot::Absent)).count() as u32;
        let mut this = Self {
            slots,
            missing,
            on_disk: 0,
            held: 0,
            ready: 0,
            hashed_to: 0,
            prefix: 0,
            fresh: (!layout.version().has_v1()).then(Vec::new),
            state: Some(HashState::new(layout, piece)),
            digests: None,
            good: false,
            busy: None,
            touched: 0,
            resting_counted: 0,
            recorded: false,
        };
        this.extend_prefix();
        this
    }

    /// A piece with all blocks on disk, to be read back.
    pub(crate) fn on_disk(layout: &Layout, piece: PieceIndex) -> Self {
        let mut this = Self::new(layout, piece);
        for block in 0..this.slots.len() as u32 {
            this.restore(block);
        }
        this
    }

    pub(crate) fn restore(&mut self, block: u32) {
        if let Some(slot @ Slot::Absent) = self.slots.get_mut(block as usize) {
            *slot = Slot::OnDisk;
            self.missing -= 1;
            self.on_disk += 1;
        }
    }

    /// Takes a block in; false when it is here already.
    pub(crate) fn store(&mut self, block: u32, data: Buf) -> bool {
        let Some(slot @ Slot::Absent) = self.slots.get_mut(block as usize) else {
            return false;
        };
        let length = data.len() as u64;
        *slot = Slot::Held(Arc::new(data));
        self.held += length;
        self.missing -= 1;
        if let Some(fresh) = &mut self.fresh {
            fresh.push(block);
            self.ready += length;
        } else {
            self.extend_prefix();
        }
        true
    }

    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    pub(crate) fn is_good(&self) -> bool {
        self.good
    }

    pub(crate) fn is_blank(&self) -> bool {
        let empty = self.held == 0 && self.on_disk == 0 && self.digests.is_none();
        empty && self.busy.is_none() && !self.good
    }

    pub(crate) fn awaits_verdict(&self) -> bool {
        self.digests.is_some() && !self.good
    }

    pub(crate) fn judge_good(&mut self) {
        self.good = true;
    }

    /// Blocks on disk, if there are any.
    pub(crate) fn blocks_on_disk(&self) -> Option<Bitfield> {
        let mut blocks = Bitfield::new(self.slots.len() as u32);
        for (block, slot) in self.slots.iter().enumerate() {
            if matches!(slot, Slot::OnDisk) {
                blocks.set(block as u32);
            }
        }
        (blocks.ones() > 0).then_some(blocks)
    }

    pub(crate) fn has_blocks_on_disk(&self) -> bool {
        self.on_disk > 0
    }

    /// Bytes that wait for something the cache does not control.
    pub(crate) fn resting(&self) -> u64 {
        let writing = self.busy.is_some_and(|busy| !busy.stale && busy.doing == Doing::Write);
        let rests = !self.is_complete() || self.awaits_verdict();
        if rests && !writing { self.held } else { 0 }
    }

    /// What comes next. `batch`: bytes that are worth a hash job before the piece is complete.
    pub(crate) fn next_step(&self, batch: u64) -> Step {
        if self.busy.is_some() {
            return Step::Wait;
        }
        if self.good {
            return if self.held > 0 { Step::Write } else { Step::Finish };
        }
        if self.digests.is_some() {
            return Step::Wait;
        }
        match (self.is_complete(), self.on_disk > 0) {
            (true, true) if self.held > 0 => Step::Write,
            (true, true) => Step::Read,
            (true, false) => Step::Hash,
            (false, false) if self.ready >= batch => Step::Hash,
            (false, _) => Step::Wait,
        }
    }

    /// The job of [`Step::Hash`].
    pub(crate) fn hash_job(&mut self, layout: &Layout, piece: PieceIndex) -> HashJob {
        let state = self.state.take().expect("a piece that is not busy has its hashes");
        let indices = match &mut self.fresh {
            Some(fresh) => {
                fresh.sort_unstable();
                std::mem::take(fresh)
            }
            None => (self.hashed_to..self.prefix).collect(),
        };
        self.hashed_to = self.prefix;
        self.ready = 0;
        let size = layout.piece_size(piece);
        let block = |index: u32| {
            let data = match &self.slots[index as usize] {
                Slot::Held(data) => Some(Arc::clone(data)),
                Slot::Absent | Slot::OnDisk | Slot::Padding => None,
            };
            let full = (size - index * BLOCK_LENGTH).min(BLOCK_LENGTH);
            let zeros = full - data.as_ref().map_or(0, |data| data.len() as u32);
            HashBlock { index, data, zeros }
        };
        let blocks = indices.into_iter().map(block).collect();
        HashJob { piece, state, blocks, last: self.is_complete() }
    }

    /// The blocks of a piece that is complete and all in memory; `None`: they are on disk.
    pub(crate) fn blocks_job(&self, piece: PieceIndex) -> Option<BlocksJob> {
        let block = |slot: &Slot| match slot {
            Slot::Held(data) => Some(Arc::clone(data)),
            Slot::Absent | Slot::OnDisk | Slot::Padding => None,
        };
        let blocks = self.slots.iter().map(block).collect();
        (self.on_disk == 0).then_some(BlocksJob { piece, blocks })
    }

    /// The job of [`Step::Write`], and of a spill.
    pub(crate) fn write_job(&self, piece: PieceIndex) -> WriteJob {
        let part = |(block, slot): (usize, &Slot)| match slot {
            Slot::Held(data) => {
                Some(Part { begin: block as u32 * BLOCK_LENGTH, data: Arc::clone(data) })
            }
            Slot::Absent | Slot::OnDisk | Slot::Padding => None,
        };
        WriteJob { piece, parts: self.slots.iter().enumerate().filter_map(part).collect() }
    }

    pub(crate) fn handle_hashed(&mut self, hashed: Hashed) -> Option<PieceDigests> {
        self.state = Some(hashed.state);
        self.digests = hashed.digests;
        hashed.digests
    }

    pub(crate) fn handle_read(&mut self, digests: PieceDigests) {
        self.digests = Some(digests);
    }

    /// Everything that was held when the write was issued is on disk now; nothing else can be
    /// held, except blocks that arrived meanwhile: `written` are those of the write.
    pub(crate) fn handle_written(&mut self, written: &[u32]) {
        for &block in written {
            let slot = &mut self.slots[block as usize];
            if let Slot::Held(data) = slot {
                self.held -= data.len() as u64;
                self.on_disk += 1;
                *slot = Slot::OnDisk;
            }
        }
        // From here on the hash comes from the disk.
        self.ready = 0;
        if let Some(fresh) = &mut self.fresh {
            fresh.clear();
        }
    }

    /// Blocks in memory.
    pub(crate) fn held_blocks(&self) -> Vec<u32> {
        let held =
            |(block, slot): (usize, &Slot)| matches!(slot, Slot::Held(_)).then_some(block as u32);
        self.slots.iter().enumerate().filter_map(held).collect()
    }

    fn extend_prefix(&mut self) {
        while let Some(slot) = self.slots.get(self.prefix as usize) {
            match slot {
                Slot::Held(data) => self.ready += data.len() as u64,
                Slot::Padding => {}
                Slot::Absent | Slot::OnDisk => return,
            }
            self.prefix += 1;
        }
    }
}
