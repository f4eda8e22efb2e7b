use std::collections::BTreeMap;
use std::sync::Arc;

use cache::{
    Fault, FaultKind, HashJob, Hashed, Outcome, Part, PieceDigests, SyncJob, Work, hash_blocks,
};
use metainfo::PieceHasher;
use stdx::{BLOCK_LENGTH, Bitfield, BlockIndex, BlockRange, Buf, Duration, PieceIndex, Rng};

use crate::source::{LIGHT_HEAD, Source};

/// How fast and how sound a simulated disk is. Operations overlap and overtake each other.
#[derive(Clone, Debug)]
pub struct DiskConfig {
    /// The least time that any operation takes.
    pub latency: Duration,
    /// At most so much longer, drawn anew for each operation.
    pub jitter: Duration,
    /// Bytes per second of one operation; `None` is unlimited.
    pub rate: Option<u64>,
    /// How much longer a sync takes.
    pub sync: Duration,
    /// How likely an operation fails: a write after any part of it, a read, or a sync.
    pub fails: f64,
}

impl Default for DiskConfig {
    /// A fair solid-state disk.
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(50),
            jitter: Duration::from_millis(1),
            rate: Some(500_000_000),
            sync: Duration::from_millis(5),
            fails: 0.0,
        }
    }
}

impl DiskConfig {
    /// An old memory card, or a folder of another machine.
    pub fn slow() -> Self {
        Self {
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(40),
            rate: Some(2_000_000),
            sync: Duration::from_millis(300),
            fails: 0.0,
        }
    }

    /// A disk on its way out: one operation in fifty fails, and may succeed when tried again.
    pub fn failing() -> Self {
        Self { fails: 0.02, ..Self::default() }
    }

    /// Why the next operation fails, if it does.
    pub(crate) fn fault(&self, rng: &mut Rng) -> Option<Fault> {
        let fault = || Fault {
            kind: FaultKind::Io,
            message: "the simulated disk failed; run again, it resumes".into(),
        };
        (self.fails > 0.0 && rng.chance(self.fails)).then(fault)
    }

    pub(crate) fn delay(&self, rng: &mut Rng, bytes: u64, sync: bool) -> Duration {
        let jitter = rng.below(self.jitter.as_nanos().max(1) as u64);
        let transfer = self.rate.map_or(0, |rate| bytes * 1_000_000_000 / rate);
        let sync = if sync { self.sync } else { Duration::ZERO };
        self.latency + Duration::from_nanos(jitter + transfer) + sync
    }
}

/// What one block's place on the disk holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cell {
    /// Nothing was ever written: a hole.
    Hole,
    /// The source's bytes; not stored but read from there.
    Right,
    /// Any other bytes.
    Wrong(Box<[u8]>),
}

/// What of a download outlives its process: the files as any reader sees them, what of them would
/// survive a power cut, and the record of what is held.
#[derive(Debug)]
pub(crate) struct Store {
    source: Arc<Source>,
    per_piece: u32,
    cells: Vec<Cell>,
    /// Cells written since the last sync began: each write, and what was there before it.
    dirty: BTreeMap<u32, Vec<(u64, Cell)>>,
    writes: u64,
    record: Record,
    /// What comes is right: a light source, and nobody lies.
    trusting: bool,
}

/// The resume record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Verified and durable.
    pub(crate) have: Bitfield,
    /// Blocks on disk, unverified, of other pieces.
    pub(crate) partial: BTreeMap<PieceIndex, Bitfield>,
}

impl Store {
    /// Nothing there.
    pub(crate) fn empty(source: Arc<Source>) -> Self {
        let layout = source.info().layout();
        let per_piece = layout.piece_length().div_ceil(BLOCK_LENGTH);
        let pieces = layout.pieces();
        Self {
            per_piece,
            cells: vec![Cell::Hole; (pieces * per_piece) as usize],
            dirty: BTreeMap::new(),
            writes: 0,
            record: Record { have: Bitfield::new(pieces), partial: BTreeMap::new() },
            trusting: false,
            source,
        }
    }

    /// Everything there, and so recorded.
    pub(crate) fn full(source: Arc<Source>) -> Self {
        let mut store = Self::empty(source);
        store.cells.fill(Cell::Right);
        store.record.have = Bitfield::full(store.record.have.len());
        store
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Whether every byte of the piece's content is there and right.
    pub(crate) fn holds(&self, piece: PieceIndex) -> bool {
        let layout = self.source.info().layout();
        (0..layout.block_count(piece)).all(|block| {
            let content = layout.request(piece, BlockIndex(block)).is_some();
            !content || self.cells[self.cell(piece, block)] == Cell::Right
        })
    }

    /// Whether every byte of the content is there and right.
    pub(crate) fn is_whole(&self) -> bool {
        (0..self.record.have.len()).all(|piece| self.holds(PieceIndex(piece)))
    }

    pub(crate) fn write(&mut self, piece: PieceIndex, part: &Part) {
        self.writes += 1;
        let mut begin = part.begin;
        let mut rest: &[u8] = &part.data;
        while !rest.is_empty() {
            let room = BLOCK_LENGTH - begin % BLOCK_LENGTH;
            let (now, later) = rest.split_at(rest.len().min(room as usize));
            self.write_in_block(piece, begin, now);
            begin += now.len() as u32;
            rest = later;
        }
    }

    /// The bytes of a range, zeros where nothing is written; `None` beyond the piece.
    pub(crate) fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> Option<Vec<u8>> {
        let size = self.source.info().layout().piece_size(piece);
        let end = begin.checked_add(length).filter(|&end| end <= size)?;
        let mut out = Vec::with_capacity(length as usize);
        let mut at = begin;
        while at < end {
            let block = at / BLOCK_LENGTH;
            let start = block * BLOCK_LENGTH;
            let to = end.min(start + BLOCK_LENGTH);
            match &self.cells[self.cell(piece, block)] {
                Cell::Hole => out.resize(out.len() + (to - at) as usize, 0),
                Cell::Right => out.extend_from_slice(self.source.read(piece, at, to - at)),
                Cell::Wrong(bytes) => {
                    out.extend_from_slice(&bytes[(at - start) as usize..(to - start) as usize]);
                }
            }
            at = to;
        }
        Some(out)
    }

    /// The bytes of a block to be sent.
    pub(crate) fn read_block(&self, range: BlockRange) -> Option<Buf> {
        let BlockRange { piece, begin, length } = range;
        if self.holds(piece) {
            return self.source.block(range);
        }
        self.read(piece, begin, length).map(|bytes| Buf::copy_of(&bytes))
    }

    /// Takes hashes and bytes for right from now on, or not.
    pub(crate) fn set_trusting(&mut self, trusting: bool) {
        self.trusting = trusting;
    }

    /// Marks the writes that a sync which starts now makes durable.
    pub(crate) fn sync_mark(&self) -> u64 {
        self.writes
    }

    /// Ends a sync: what was written up to `mark` is durable, and the record says so.
    pub(crate) fn synced(&mut self, mark: u64, job: &SyncJob) {
        self.dirty.retain(|_, writes| {
            writes.retain(|(write, _)| *write > mark);
            !writes.is_empty()
        });
        for piece in &job.forget {
            self.record.have.clear(piece.0);
            self.record.partial.remove(piece);
        }
        self.record.partial.extend(job.partial.iter().cloned());
        for piece in &job.pieces {
            self.record.have.set(piece.0);
            self.record.partial.remove(piece);
        }
    }

    /// Of what is not durable, some is there, some is torn, and some never happened.
    pub(crate) fn power_cut(&mut self, rng: &mut Rng) {
        for (cell, writes) in std::mem::take(&mut self.dirty) {
            let Some((_, before)) = writes.into_iter().next() else {
                continue;
            };
            match rng.below(4) {
                0 | 1 => self.cells[cell as usize] = before,
                2 => self.cells[cell as usize] = Cell::Wrong(self.torn(cell, &before)),
                _ => {}
            }
        }
    }

    /// Does the work of an operation; `mark` is [`Self::sync_mark`] when it began.
    pub(crate) fn execute(&mut self, work: Work, mark: u64) -> Outcome {
        match work {
            Work::Hash(job) => Outcome::Hashed(self.hash(job)),
            Work::Write(job) => {
                job.parts.iter().for_each(|part| self.write(job.piece, part));
                Outcome::Written
            }
            Work::ReadHash(piece) => Outcome::Read(self.digests(piece)),
            Work::HashBlocks(job) => Outcome::Blocks(job.run()),
            Work::ReadBlocks(piece) => {
                let read = |begin, bytes: &mut [u8]| {
                    let there = self.read(piece, begin, bytes.len() as u32);
                    bytes.copy_from_slice(&there.unwrap_or_default());
                    Ok::<(), std::convert::Infallible>(())
                };
                let Ok(digests) = hash_blocks(self.source.info().layout(), piece, read);
                Outcome::Blocks(digests)
            }
            Work::Sync(job) => {
                self.synced(mark, &job);
                Outcome::Synced
            }
        }
    }

    /// Leaves an operation that never comes to its end: of a write, any part is done.
    pub(crate) fn break_off(&mut self, work: Work, rng: &mut Rng) {
        if let Work::Write(job) = work {
            let done = rng.index(job.parts.len() + 1);
            job.parts[..done].iter().for_each(|part| self.write(job.piece, part));
        }
    }

    /// Hashing right bytes gives what the metadata says: in a large world, most of the work.
    fn hash(&self, job: HashJob) -> Hashed {
        if !self.trusting {
            return job.run();
        }
        let sha1 = self.source.info().v1_hash(job.piece);
        let digests = job.last.then_some(PieceDigests { sha1, root: None });
        Hashed { state: job.state, digests }
    }

    fn digests(&self, piece: PieceIndex) -> PieceDigests {
        let layout = self.source.info().layout();
        let bytes = self.read(piece, 0, layout.piece_size(piece)).unwrap_or_default();
        let mut hasher = PieceHasher::new(layout, piece);
        hasher.update(&bytes);
        hasher.finish().into()
    }

    fn write_in_block(&mut self, piece: PieceIndex, begin: u32, data: &[u8]) {
        let block = begin / BLOCK_LENGTH;
        let cell = self.cell(piece, block);
        let content = self.source.info().layout().request(piece, BlockIndex(block));
        let whole =
            content.is_some_and(|range| begin == range.begin && data.len() as u32 >= range.length);
        let compared = if self.trusting { data.len().min(LIGHT_HEAD) } else { data.len() };
        let right = data[..compared] == *self.source.read(piece, begin, compared as u32);
        let new = if right && (whole || self.cells[cell] == Cell::Right) {
            Cell::Right
        } else {
            let start = block * BLOCK_LENGTH;
            let mut bytes = self.cell_bytes(piece, block);
            bytes[(begin - start) as usize..][..data.len()].copy_from_slice(data);
            Cell::Wrong(bytes)
        };
        let old = std::mem::replace(&mut self.cells[cell], new);
        let write = self.writes;
        self.dirty.entry(cell as u32).or_default().push((write, old));
    }

    fn cell_bytes(&self, piece: PieceIndex, block: u32) -> Box<[u8]> {
        let size = self.source.info().layout().piece_size(piece);
        let start = block * BLOCK_LENGTH;
        let length = size.saturating_sub(start).min(BLOCK_LENGTH);
        self.read(piece, start, length).unwrap_or_default().into()
    }

    /// Half of a cell as it is now, the rest as it was.
    fn torn(&self, cell: u32, before: &Cell) -> Box<[u8]> {
        let (piece, block) = (PieceIndex(cell / self.per_piece), cell % self.per_piece);
        let mut bytes = self.cell_bytes(piece, block);
        let rest = bytes.len() / 2;
        let length = (bytes.len() - rest) as u32;
        let start = block * BLOCK_LENGTH + rest as u32;
        match before {
            Cell::Hole => bytes[rest..].fill(0),
            Cell::Right => bytes[rest..].copy_from_slice(self.source.read(piece, start, length)),
            Cell::Wrong(old) => bytes[rest..].copy_from_slice(&old[rest..]),
        }
        if self.source.is_light()
            && let Some(first) = bytes.first_mut()
        {
            // Half of it may be all there is.
            *first ^= 1;
        }
        bytes
    }

    fn cell(&self, piece: PieceIndex, block: u32) -> usize {
        (piece.0 * self.per_piece + block) as usize
    }
}

#[cfg(test)]
mod tests;
