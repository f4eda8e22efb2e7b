use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stdx::{BLOCK_LENGTH, Bitfield, BlockRange, Buf, Instant, PieceIndex, TorrentId};

use crate::piece::{Doing, Piece};
use crate::torrent::Torrent;
use crate::{Config, Content, Event, Op, OpId};

mod done;
mod fence;
mod steps;

/// Which piece, of which torrent.
type Key = (TorrentId, PieceIndex);

/// What is known of an operation in flight.
#[derive(Debug)]
struct Pending {
    torrent: TorrentId,
    /// `None` for a sync.
    piece: Option<PieceIndex>,
    /// Blocks that the operation writes.
    blocks: Vec<u32>,
    /// Bytes of its buffers that no piece counts any more.
    orphaned: u64,
    /// Bytes of its buffers.
    bytes: u64,
}

/// The block cache of a session.
#[derive(Debug)]
pub struct Cache {
    config: Config,
    /// The latest moment seen.
    now: Instant,
    torrents: BTreeMap<TorrentId, Torrent>,
    /// Pieces that are not held and of which something is here.
    pieces: BTreeMap<Key, Piece>,
    /// When torrents are to be synced.
    due: BTreeSet<(Instant, TorrentId)>,
    fenced: BTreeSet<TorrentId>,
    in_flight: BTreeMap<OpId, Pending>,
    ops: VecDeque<Op>,
    events: VecDeque<Event>,
    next_op: u64,
    touches: u64,
    /// Bytes in memory, wherever they are.
    used: u64,
    /// Of these, bytes of pieces at rest.
    resting: u64,
    /// Bytes of the largest piece of any torrent that was here.
    largest_piece: u64,
    full: bool,
}

impl Cache {
    /// An empty cache.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            now: Instant::ZERO,
            torrents: BTreeMap::new(),
            pieces: BTreeMap::new(),
            due: BTreeSet::new(),
            fenced: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            ops: VecDeque::new(),
            events: VecDeque::new(),
            next_op: 0,
            touches: 0,
            used: 0,
            resting: 0,
            largest_piece: 0,
            full: false,
        }
    }

    /// Takes a torrent in. `have` are the pieces on disk already: they are never written.
    ///
    /// # Panics
    /// When the torrent is here already, or `have` is of another size.
    pub fn add_torrent(&mut self, torrent: TorrentId, content: impl Into<Content>, have: Bitfield) {
        let content = content.into();
        self.largest_piece = self.largest_piece.max(content.piece_length().into());
        let old = self.torrents.insert(torrent, Torrent::new(content, have));
        assert!(old.is_none(), "torrent {torrent} is in the cache already");
    }

    /// Forgets a torrent; what is in memory is dropped, operations in flight are left to end.
    /// [`Self::flush`] first to keep it.
    pub fn remove_torrent(&mut self, torrent: TorrentId) {
        let Some(mut gone) = self.torrents.remove(&torrent) else {
            return;
        };
        self.set_due(torrent, gone.sync_due.take(), None);
        self.fenced.remove(&torrent);
        for key in self.keys_of(torrent) {
            self.empty_piece(key);
            self.pieces.remove(&key);
        }
        for (_, data) in gone.fence.into_iter().flat_map(|fence| fence.backlog) {
            self.used -= data.len() as u64;
        }
        // Those not handed out yet never will be.
        let ops = std::mem::take(&mut self.ops);
        let (dropped, kept) = ops.into_iter().partition(|op| op.torrent == torrent);
        self.ops = kept;
        let dropped: VecDeque<Op> = dropped;
        for op in dropped {
            self.end_op(op.id);
        }
        self.update_full();
    }

    /// Notes blocks of a piece that are on disk, unverified, from an earlier run; before any block
    /// of the piece is stored.
    pub fn restore_partial(&mut self, torrent: TorrentId, piece: PieceIndex, blocks: &Bitfield) {
        let Some(entry) = self.torrents.get(&torrent) else {
            return;
        };
        let count = entry.content.block_count(piece);
        if entry.have.get(piece.0) || blocks.len() != count || blocks.ones() == 0 {
            return;
        }
        let content = entry.content.clone();
        let state = self.pieces.entry((torrent, piece));
        let state = state.or_insert_with(|| Piece::new(&content, piece));
        state.recorded = true;
        blocks.iter_ones().for_each(|block| state.restore(block));
        self.step((torrent, piece));
    }

    /// Takes a block in, as [`metainfo::Layout::request`] cuts it. A block that is here already,
    /// of a piece that is held, or not cut so is dropped.
    pub fn store(&mut self, now: Instant, torrent: TorrentId, range: BlockRange, data: Buf) {
        self.now = self.now.max(now);
        let Some(entry) = self.torrents.get_mut(&torrent) else {
            return;
        };
        let cut = entry.content.request(range.piece, range.block());
        if cut != Some(range) || data.len() != range.length as usize {
            return;
        }
        self.used += u64::from(range.length);
        match &mut entry.fence {
            Some(fence) => fence.backlog.push_back((range, data)),
            None => self.take_in(torrent, range, data),
        }
        self.update_full();
    }

    /// Answers [`Event::Hashed`]: a good piece is written, a bad one dropped after its blocks were
    /// hashed one by one for [`Event::Blocks`]. Without effect when the piece awaits none.
    pub fn verdict(&mut self, now: Instant, torrent: TorrentId, piece: PieceIndex, good: bool) {
        self.now = self.now.max(now);
        let key = (torrent, piece);
        let Some(state) = self.pieces.get_mut(&key) else {
            return;
        };
        if !state.awaits_verdict() {
            return;
        }
        if good {
            state.judge_good();
            self.step(key);
        } else {
            self.examine(key);
            self.drop_piece(key);
        }
        self.lower_fence(torrent);
        self.update_full();
    }

    /// Has the piece read back and hashed as if its blocks had just been spilled, whether or not
    /// it is held: after the disk gave back wrong bytes, and for pieces of padding alone.
    pub fn recheck(&mut self, now: Instant, torrent: TorrentId, piece: PieceIndex) {
        self.forget(now, torrent, piece);
        let Some(entry) = self.torrents.get(&torrent) else {
            return;
        };
        if piece.0 >= entry.content.pieces() {
            return;
        }
        let mut state = Piece::on_disk(&entry.content, piece);
        let key = (torrent, piece);
        state.busy = self.pieces.get(&key).and_then(|old| old.busy);
        self.pieces.insert(key, state);
        self.step(key);
    }

    /// Drops what is here of a piece, also from the record, held or not.
    pub fn forget(&mut self, now: Instant, torrent: TorrentId, piece: PieceIndex) {
        self.now = self.now.max(now);
        let Some(entry) = self.torrents.get_mut(&torrent) else {
            return;
        };
        if piece.0 >= entry.content.pieces() {
            return;
        }
        if entry.have.clear(piece.0) {
            entry.unsynced.retain(|&it| it != piece);
            entry.forget.insert(piece);
            self.sync_soon(torrent);
        }
        self.drop_piece((torrent, piece));
        self.lower_fence(torrent);
        self.update_full();
    }

    /// Lets the next failure of the torrent be reported again.
    pub fn retry(&mut self, torrent: TorrentId) {
        if let Some(torrent) = self.torrents.get_mut(&torrent) {
            torrent.failed = false;
        }
    }

    /// True while the disk owes an answer to an operation of the torrent.
    pub fn is_busy(&self, torrent: TorrentId) -> bool {
        self.in_flight.values().any(|pending| pending.torrent == torrent)
    }

    /// True while no more blocks should be asked for: from the budget or the backlog on
    /// ([`Config`]), until some of it is free again.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Bytes in memory now, those of operations in flight included.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Issues the syncs that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        while let Some(&(at, torrent)) = self.due.first() {
            if at > now {
                return;
            }
            self.sync(torrent);
        }
    }

    /// The next operation for the disk. Draw events first, so that verdicts are in before pieces
    /// are chosen to be spilled.
    pub fn poll_op(&mut self) -> Option<Op> {
        if self.ops.is_empty() {
            self.push_fences();
            self.relieve();
        }
        self.ops.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    fn take_in(&mut self, torrent: TorrentId, range: BlockRange, data: Buf) {
        let entry = self.torrents.get(&torrent).expect("the caller looked it up");
        let length = data.len() as u64;
        if entry.have.get(range.piece.0) {
            self.used -= length;
            return;
        }
        let content = &entry.content;
        let key = (torrent, range.piece);
        let state = self.pieces.entry(key).or_insert_with(|| Piece::new(content, range.piece));
        if !state.store(range.begin / BLOCK_LENGTH, data) {
            self.used -= length;
            return;
        }
        self.touches += 1;
        state.touched = self.touches;
        self.step(key);
    }

    /// Empties a piece that stays in the map only while an operation of it is in flight, and lets
    /// go of its record. What waits behind a fence goes, too: it would take the place of what is
    /// fetched anew.
    fn drop_piece(&mut self, key: Key) {
        let fence = self.torrents.get_mut(&key.0).and_then(|entry| entry.fence.as_mut());
        if let Some(fence) = fence {
            let used = &mut self.used;
            fence.backlog.retain(|(range, data)| {
                let kept = range.piece != key.1;
                *used -= if kept { 0 } else { data.len() as u64 };
                kept
            });
        }
        let Some(state) = self.pieces.get(&key) else {
            return;
        };
        let recorded = state.recorded || state.has_blocks_on_disk();
        self.empty_piece(key);
        let entry = self.torrents.get_mut(&key.0).expect("pieces go with their torrent");
        entry.partial.remove(&key.1);
        if recorded {
            entry.forget.insert(key.1);
            self.sync_soon(key.0);
        }
    }

    /// Takes all blocks out of a piece. The bytes of an operation in flight stay counted.
    fn empty_piece(&mut self, key: Key) {
        let Some(state) = self.pieces.get_mut(&key) else {
            return;
        };
        let held = state.held();
        let mut busy = state.busy;
        self.resting -= state.resting_counted;
        self.used -= held;
        if let Some(busy) = &mut busy
            && !busy.stale
        {
            busy.stale = true;
            let pending = self.in_flight.get_mut(&busy.op).expect("in flight until answered");
            pending.orphaned = pending.bytes;
            self.used += pending.bytes;
        }
        match (busy, self.torrents.get(&key.0)) {
            (Some(_), Some(entry)) => {
                *state = Piece::new(&entry.content, key.1);
                state.busy = busy;
            }
            _ => {
                self.pieces.remove(&key);
            }
        }
    }

    fn keys_of(&self, torrent: TorrentId) -> Vec<Key> {
        let first = (torrent, PieceIndex(0));
        let last = (torrent, PieceIndex(u32::MAX));
        self.pieces.range(first..=last).map(|(&key, _)| key).collect()
    }

    fn issue(&mut self, key: Key, doing: Doing, blocks: Vec<u32>, bytes: u64) -> OpId {
        let op = self.begin_op(Pending {
            torrent: key.0,
            piece: Some(key.1),
            blocks,
            orphaned: 0,
            bytes,
        });
        let state = self.pieces.get_mut(&key).expect("operations are issued for what is here");
        assert!(state.busy.is_none(), "one operation of a piece at a time");
        state.busy = Some(crate::piece::Busy { op, doing, stale: false });
        op
    }

    fn begin_op(&mut self, pending: Pending) -> OpId {
        let op = OpId(self.next_op);
        self.next_op += 1;
        self.in_flight.insert(op, pending);
        op
    }

    /// Lets go of an operation and its bytes.
    fn end_op(&mut self, op: OpId) -> Option<Pending> {
        let pending = self.in_flight.remove(&op)?;
        self.used -= pending.orphaned;
        Some(pending)
    }

    fn set_due(&mut self, torrent: TorrentId, old: Option<Instant>, new: Option<Instant>) {
        if let Some(at) = old {
            self.due.remove(&(at, torrent));
        }
        if let Some(at) = new {
            self.due.insert((at, torrent));
        }
    }

    /// Keeps the count of bytes at rest after any change to a piece.
    fn settle(&mut self, key: Key) {
        let Some(state) = self.pieces.get_mut(&key) else {
            return;
        };
        let resting = state.resting();
        self.resting = self.resting - state.resting_counted + resting;
        state.resting_counted = resting;
        if state.is_blank() {
            self.pieces.remove(&key);
        }
    }

    fn update_full(&mut self) {
        let waiting = self.used - self.resting;
        self.full = self.config.is_full(self.full, self.used, waiting, self.largest_piece);
    }
}
