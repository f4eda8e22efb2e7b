//! For tests and fuzzing: a torrent, its owner and a model disk. Operations run late, in any
//! order, and may fail; only what was synced survives a power cut for sure.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use hash::{Sha256Digest, sha256};
use metainfo::{FileEntry, Item, Layout, PieceHasher, Version};
use stdx::{
    BLOCK_LENGTH, Bitfield, BlockIndex, BlockRange, Buf, Duration, Instant, PieceIndex, Rng,
    TorrentId,
};

use crate::{
    Cache, Config, Done, Event, Fault, FaultKind, Op, Outcome, PieceDigests, SyncJob, Work,
    hash_blocks,
};

/// The torrent's name in the cache.
const TORRENT: TorrentId = TorrentId(3);
const BLOCK: u64 = BLOCK_LENGTH as u64;
/// Steps after which a world without trouble must have finished.
pub(crate) const ENOUGH: u32 = 20_000;

/// Reads `data` as what befalls a small torrent: blocks right and wrong, operations of the disk
/// that are late and fail, fences, power cuts and time. Afterwards there is no more trouble, and
/// all must end well.
///
/// # Panics
/// When a byte is claimed that is not on the disk, memory exceeds the budget, or it never ends.
pub fn fuzz_operations(data: &[u8]) {
    let [shape, budget, data @ ..] = data else {
        return;
    };
    let layout = Arc::new(small_layout(*shape));
    let budget = [4, 8, 16, 200][usize::from(budget % 4)] * BLOCK;
    let mut world = World::new(u64::from(*shape), &layout, budget);
    (world.fault_rate, world.lie_rate) = (0.2, 0.1);
    world.choices.bytes = data.to_vec();
    while !world.choices.is_spent() {
        if world.choices.below(128) == 0 {
            world.power_cut();
        }
        world.act();
    }
    (world.fault_rate, world.lie_rate) = (0.0, 0.0);
    for _ in 0..ENOUGH {
        if world.is_finished() {
            return;
        }
        world.act();
    }
    panic!("not finished: {world:?}");
}

fn small_layout(shape: u8) -> Layout {
    let versions = [Version::V1, Version::V2, Version::Hybrid];
    let lengths = [[5 * BLOCK, 0, 9 * BLOCK + 7], [1, 3 * BLOCK, 12 * BLOCK]];
    let lengths = lengths[usize::from(shape >> 7)];
    let file = |(at, &length): (usize, &u64)| {
        let path = ["a", "b", "c"][at];
        let root = Some(sha256(path.as_bytes()));
        Item::File(FileEntry { path: path.into(), length, root, ..FileEntry::default() })
    };
    let items = lengths.iter().enumerate().map(file);
    Layout::new(versions[usize::from(shape % 3)], 4 * BLOCK, items).expect("a layout like any")
}

/// Decisions: from fuzz input as long as there is any, then by lot.
#[derive(Debug)]
pub(crate) struct Choices {
    bytes: Vec<u8>,
    at: usize,
    rng: Rng,
}

impl Choices {
    fn is_spent(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn byte(&mut self) -> Option<u64> {
        let byte = self.bytes.get(self.at).copied().map(u64::from);
        self.at += 1;
        byte
    }

    /// Below `bound`, of which the least 256 are reached by fuzz input.
    fn below(&mut self, bound: u64) -> u64 {
        match self.byte() {
            Some(byte) => byte % bound.max(1),
            None => self.rng.below(bound.max(1)),
        }
    }

    fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        if p <= 0.0 {
            return false;
        }
        match self.byte() {
            Some(byte) => (byte as f64) < p * 256.0,
            None => self.rng.chance(p),
        }
    }
}

type Block = (u32, u32);

/// What the resume store holds.
#[derive(Clone, Debug, Default)]
struct Record {
    pieces: BTreeSet<u32>,
    partial: BTreeMap<u32, Bitfield>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) choices: Choices,
    pub(crate) now: Instant,
    layout: Arc<Layout>,
    budget: u64,
    cache: Cache,
    truth: BTreeMap<Block, Vec<u8>>,
    digests: Vec<PieceDigests>,
    /// What reads see.
    seen: BTreeMap<Block, Vec<u8>>,
    /// What a power cut leaves.
    durable: BTreeMap<Block, Vec<u8>>,
    /// Seen, not durable yet, and not lost by a failed sync.
    dirty: BTreeSet<Block>,
    record: Record,
    queue: Vec<Op>,
    answers: Vec<Done>,
    missing: BTreeSet<Block>,
    verdicts: Vec<PieceIndex>,
    judged: BTreeMap<u32, PieceDigests>,
    /// What was delivered last, and of pieces judged bad.
    told: BTreeMap<Block, Vec<u8>>,
    bad: BTreeMap<u32, Vec<(u32, Vec<u8>)>>,
    /// Bad pieces whose blocks were looked at.
    pub(crate) examined: u32,
    /// What a fence must have recorded when it ends.
    fenced: Option<BTreeSet<Block>>,
    failed: bool,
    pub(crate) fault_rate: f64,
    pub(crate) lie_rate: f64,
}

impl World {
    pub(crate) fn new(seed: u64, layout: &Arc<Layout>, budget: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut truth = BTreeMap::new();
        let mut digests = Vec::new();
        for piece in (0..layout.pieces()).map(PieceIndex) {
            let mut hasher = PieceHasher::new(layout, piece);
            for block in 0..layout.block_count(piece) {
                let full = (layout.piece_size(piece) - block * BLOCK_LENGTH).min(BLOCK_LENGTH);
                let range = layout.request(piece, BlockIndex(block));
                let mut bytes = vec![0; range.map_or(0, |range| range.length as usize)];
                rng.fill(&mut bytes);
                hasher.update(&bytes);
                hasher.update(&vec![0; full as usize - bytes.len()]);
                if range.is_some() {
                    truth.insert((piece.0, block), bytes);
                }
            }
            digests.push(hasher.finish().into());
        }
        let missing = truth.keys().copied().collect();
        let mut world = Self {
            choices: Choices { bytes: Vec::new(), at: 0, rng },
            now: Instant::ZERO,
            layout: Arc::clone(layout),
            budget,
            cache: Cache::new(Config::with_budget(budget)),
            truth,
            digests,
            seen: BTreeMap::new(),
            durable: BTreeMap::new(),
            dirty: BTreeSet::new(),
            record: Record::default(),
            queue: Vec::new(),
            answers: Vec::new(),
            missing,
            verdicts: Vec::new(),
            judged: BTreeMap::new(),
            told: BTreeMap::new(),
            bad: BTreeMap::new(),
            examined: 0,
            fenced: None,
            failed: false,
            fault_rate: 0.0,
            lie_rate: 0.0,
        };
        world.start();
        world
    }

    /// A new process: what is known comes from the record.
    fn start(&mut self) {
        let config = Config { hash_batch: 2 * BLOCK, ..Config::with_budget(self.budget) };
        self.cache = Cache::new(config);
        let mut have = Bitfield::new(self.layout.pieces());
        for &piece in &self.record.pieces {
            have.set(piece);
        }
        self.cache.add_torrent(TORRENT, Arc::clone(&self.layout), have);
        self.missing = self.truth.keys().copied().collect();
        self.missing.retain(|(piece, _)| !self.record.pieces.contains(piece));
        for (&piece, blocks) in &self.record.partial {
            self.cache.restore_partial(TORRENT, PieceIndex(piece), blocks);
            for block in blocks.iter_ones() {
                self.missing.remove(&(piece, block));
            }
        }
        (self.queue, self.answers) = (Vec::new(), Vec::new());
        self.verdicts.clear();
        self.bad.clear();
        // A power cut may have left what came before.
        self.told.clone_from(&self.seen);
        (self.fenced, self.failed) = (None, false);
        self.drain();
    }

    pub(crate) fn power_cut(&mut self) {
        for block in std::mem::take(&mut self.dirty) {
            if self.choices.chance(0.5) {
                self.durable.insert(block, self.seen[&block].clone());
            }
        }
        self.seen = self.durable.clone();
        self.check_claims();
        self.start();
    }

    /// Every piece recorded as held is on the disk that a power cut leaves.
    fn check_claims(&self) {
        for &piece in &self.record.pieces {
            let blocks = (piece, 0)..=(piece, u32::MAX);
            for (block, truth) in self.truth.range(blocks) {
                assert!(self.durable.get(block) == Some(truth), "{block:?} is claimed in vain");
            }
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        let with_content: BTreeSet<u32> = self.truth.keys().map(|&(piece, _)| piece).collect();
        with_content == self.record.pieces && self.queue.is_empty() && self.answers.is_empty()
    }

    pub(crate) fn act(&mut self) {
        match self.choices.below(20) {
            0..8 => self.deliver_block(),
            8..12 => self.run_op(),
            12..16 => self.deliver_answer(),
            16 => {
                self.now += Duration::from_millis(self.choices.below(900));
                self.cache.handle_timeout(self.now);
            }
            17 => self.judge(),
            18 if self.choices.chance(0.1) => self.flush(),
            _ => self.check_claims(),
        }
        self.drain();
        assert!(self.cache.used() <= self.budget + BLOCK, "{} bytes held", self.cache.used());
    }

    fn deliver_block(&mut self) {
        if self.cache.is_full() || self.truth.is_empty() {
            return;
        }
        // Neighbours mostly, so that pieces complete; now and then one that is there already.
        let from = if self.choices.chance(0.6) {
            0
        } else {
            self.choices.index(self.missing.len().max(1))
        };
        let block = match self.missing.iter().nth(from) {
            Some(&block) if self.choices.chance(0.95) => block,
            _ => *self
                .truth
                .keys()
                .nth(self.choices.index(self.truth.len()))
                .expect("an index below the length"),
        };
        let new = self.missing.remove(&block);
        let mut bytes = self.truth[&block].clone();
        if new && self.choices.chance(self.lie_rate) {
            bytes[0] ^= 1;
        }
        if new {
            self.told.insert(block, bytes.clone());
        }
        let (piece, begin) = (PieceIndex(block.0), block.1 * BLOCK_LENGTH);
        let range = BlockRange { piece, begin, length: bytes.len() as u32 };
        self.cache.store(self.now, TORRENT, range, Buf::copy_of(&bytes));
    }

    fn flush(&mut self) {
        if self.fenced.is_none() {
            let here = self.truth.keys().filter(|block| !self.missing.contains(block));
            self.fenced = Some(here.copied().collect());
            self.cache.flush(self.now, TORRENT);
        }
    }

    fn run_op(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        let op = self.queue.swap_remove(self.choices.index(self.queue.len()));
        let fails = self.choices.chance(self.fault_rate);
        let fault = Fault { kind: FaultKind::Io, message: "model".to_owned() };
        let outcome = match op.work {
            Work::Hash(job) => Outcome::Hashed(job.run()),
            Work::Write(job) => {
                for part in job.parts {
                    if fails && self.choices.chance(0.5) {
                        continue;
                    }
                    let block = (job.piece.0, part.begin / BLOCK_LENGTH);
                    self.seen.insert(block, part.data.to_vec());
                    self.dirty.insert(block);
                }
                if fails { Outcome::Failed(fault) } else { Outcome::Written }
            }
            Work::ReadHash(_) | Work::ReadBlocks(_) if fails => Outcome::Failed(fault),
            Work::ReadHash(piece) => Outcome::Read(self.read_hash(piece)),
            Work::HashBlocks(job) => Outcome::Blocks(job.run()),
            Work::ReadBlocks(piece) => Outcome::Blocks(self.read_blocks(piece)),
            Work::Sync(job) => {
                if fails {
                    self.lose_pages();
                    Outcome::Failed(fault)
                } else {
                    self.sync(job);
                    Outcome::Synced
                }
            }
        };
        self.answers.push(Done { id: op.id, outcome });
    }

    fn read_hash(&self, piece: PieceIndex) -> PieceDigests {
        let mut hasher = PieceHasher::new(&self.layout, piece);
        for block in 0..self.layout.block_count(piece) {
            let full = (self.layout.piece_size(piece) - block * BLOCK_LENGTH).min(BLOCK_LENGTH);
            let bytes = self.seen.get(&(piece.0, block)).map_or(&[][..], |bytes| bytes);
            hasher.update(bytes);
            hasher.update(&vec![0; full as usize - bytes.len()]);
        }
        hasher.finish().into()
    }

    fn read_blocks(&self, piece: PieceIndex) -> Vec<Sha256Digest> {
        let read = |begin: u32, bytes: &mut [u8]| {
            let block = (piece.0, begin / BLOCK_LENGTH);
            bytes.copy_from_slice(self.seen.get(&block).map_or(&[][..], |bytes| bytes));
            Ok::<(), Infallible>(())
        };
        let Ok(digests) = hash_blocks(&self.layout, piece, read);
        digests
    }

    fn sync(&mut self, job: SyncJob) {
        for block in std::mem::take(&mut self.dirty) {
            self.durable.insert(block, self.seen[&block].clone());
        }
        for piece in job.forget {
            self.record.pieces.remove(&piece.0);
            self.record.partial.remove(&piece.0);
        }
        self.record.partial.extend(job.partial.into_iter().map(|(piece, it)| (piece.0, it)));
        for piece in job.pieces {
            self.record.partial.remove(&piece.0);
            self.record.pieces.insert(piece.0);
        }
        self.check_claims();
    }

    /// The system drops pages it could not write, shows them still, and calls them clean.
    fn lose_pages(&mut self) {
        for block in std::mem::take(&mut self.dirty) {
            if self.choices.chance(0.5) {
                self.durable.insert(block, self.seen[&block].clone());
            }
        }
    }

    fn deliver_answer(&mut self) {
        if !self.answers.is_empty() {
            let done = self.answers.swap_remove(self.choices.index(self.answers.len()));
            self.cache.handle_done(self.now, done);
        }
    }

    /// Gives a verdict that was put off.
    fn judge(&mut self) {
        let Some(piece) = self.verdicts.pop() else {
            return;
        };
        self.verdict(piece);
    }

    fn verdict(&mut self, piece: PieceIndex) {
        // The digests are those of the last Hashed; none is pending when the piece was lost since.
        let good = self.judged.get(&piece.0) == Some(&self.digests[piece.get()]);
        if !good {
            let blocks = self.told.range((piece.0, 0)..=(piece.0, u32::MAX));
            self.bad.insert(
                piece.0,
                blocks.map(|(&(_, block), bytes)| (block, bytes.clone())).collect(),
            );
            self.refetch(piece);
        }
        self.cache.verdict(self.now, TORRENT, piece, good);
    }

    fn refetch(&mut self, piece: PieceIndex) {
        let blocks = (piece.0, 0)..=(piece.0, u32::MAX);
        let blocks: Vec<Block> = self.truth.range(blocks).map(|(&block, _)| block).collect();
        for block in blocks {
            self.missing.insert(block);
            if let Some(fenced) = &mut self.fenced {
                fenced.remove(&block);
            }
        }
    }

    fn drain(&mut self) {
        loop {
            while let Some(event) = self.cache.poll_event() {
                self.handle_event(event);
            }
            let Some(op) = self.cache.poll_op() else {
                return;
            };
            self.queue.push(op);
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Blocks { piece, digests, .. } => {
                let blocks = self.bad.remove(&piece.0).expect("of a piece that was judged bad");
                for (block, bytes) in blocks {
                    assert_eq!(digests[block as usize], sha256(&bytes), "{piece}:{block}");
                }
                self.examined += 1;
            }
            Event::Hashed { piece, digests, .. } => {
                self.judged.insert(piece.0, digests);
                if self.choices.chance(0.8) {
                    self.verdict(piece);
                } else {
                    self.verdicts.push(piece);
                }
            }
            Event::Written { piece, .. } => {
                let good = self.digests[piece.get()];
                assert_eq!(self.read_hash(piece), good, "written is readable");
            }
            Event::Durable { pieces, .. } => {
                assert!(pieces.iter().all(|piece| self.record.pieces.contains(&piece.0)));
            }
            Event::Forgotten { piece, .. } => {
                self.verdicts.retain(|&it| it != piece);
                self.refetch(piece);
            }
            Event::Flushed { .. } => {
                for (piece, block) in self.fenced.take().expect("a fence was raised") {
                    let part = self.record.partial.get(&piece).is_some_and(|it| it.get(block));
                    let whole = self.record.pieces.contains(&piece);
                    assert!(part || whole, "{piece}:{block} passed the fence");
                }
            }
            Event::Failed { .. } => {
                assert!(!self.failed, "told once");
                self.failed = true;
            }
        }
    }
}
