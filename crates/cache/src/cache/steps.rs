//! What pieces do next, spilling, and syncs.

use stdx::{PieceIndex, TorrentId};

use super::{Cache, Key, Pending};
use crate::piece::{Doing, Step};
use crate::torrent::Syncing;
use crate::{Event, Op, Work};

impl Cache {
    /// Issues what a piece needs next, or ends it.
    pub(super) fn step(&mut self, key: Key) {
        let Some(state) = self.pieces.get_mut(&key) else {
            return;
        };
        match state.next_step(self.config.hash_batch) {
            Step::Wait => {}
            Step::Hash => self.hash(key),
            Step::Write => self.write(key),
            Step::Read => {
                let id = self.issue(key, Doing::Read, Vec::new(), 0);
                self.ops.push_back(Op { id, torrent: key.0, work: Work::ReadHash(key.1) });
            }
            Step::Finish => self.finish(key),
        }
        self.settle(key);
    }

    fn hash(&mut self, key: Key) {
        let entry = self.torrents.get(&key.0).expect("pieces go with their torrent");
        let state = self.pieces.get_mut(&key).expect("the caller looked it up");
        let job = state.hash_job(&entry.content, key.1);
        let bytes = job.blocks.iter().filter_map(|block| block.data.as_ref());
        let bytes = bytes.map(|data| data.len() as u64).sum();
        let id = self.issue(key, Doing::Hash, Vec::new(), bytes);
        self.ops.push_back(Op { id, torrent: key.0, work: Work::Hash(job) });
    }

    /// Has the blocks of a bad piece hashed one by one. The piece itself is dropped at once: the
    /// operation has the buffers, or the place on disk, for itself until it is over.
    pub(super) fn examine(&mut self, key: Key) {
        let state = self.pieces.get(&key).expect("the caller looked it up");
        if state.busy.is_some() {
            return;
        }
        let job = state.blocks_job(key.1);
        let bytes = if job.is_some() { state.held() } else { 0 };
        let id = self.issue(key, Doing::Examine, Vec::new(), bytes);
        let work = job.map_or(Work::ReadBlocks(key.1), Work::HashBlocks);
        self.ops.push_back(Op { id, torrent: key.0, work });
    }

    /// Writes all that a piece holds.
    pub(super) fn write(&mut self, key: Key) {
        let state = self.pieces.get(&key).expect("the caller looked it up");
        let job = state.write_job(key.1);
        let (blocks, bytes) = (state.held_blocks(), state.held());
        assert!(!self.is_held(key), "a piece that is held is never written again");
        let id = self.issue(key, Doing::Write, blocks, bytes);
        self.ops.push_back(Op { id, torrent: key.0, work: Work::Write(job) });
    }

    fn is_held(&self, key: Key) -> bool {
        self.torrents.get(&key.0).is_some_and(|entry| entry.have.get(key.1.0))
    }

    /// A piece that is good and on disk.
    fn finish(&mut self, key: Key) {
        let (torrent, piece) = key;
        let state = self.pieces.remove(&key).expect("the caller looked it up");
        assert!(state.is_good() && state.held() == 0, "only what was judged good and written");
        self.resting -= state.resting_counted;
        let entry = self.torrents.get_mut(&torrent).expect("pieces go with their torrent");
        entry.have.set(piece.0);
        entry.partial.remove(&piece);
        entry.unsynced.push(piece);
        self.events.push_back(Event::Written { torrent, piece });
        self.sync_soon(torrent);
    }

    /// Spills pieces at rest, least recently touched first, when they hold too much.
    pub(super) fn relieve(&mut self) {
        if self.resting <= self.config.spill_above() {
            return;
        }
        let idle = self.pieces.iter().filter(|(_, it)| it.busy.is_none() && it.resting() > 0);
        let mut idle: Vec<(u64, Key)> = idle.map(|(&key, it)| (it.touched, key)).collect();
        idle.sort_unstable();
        for (_, key) in idle {
            if self.resting <= self.config.spill_to() {
                return;
            }
            self.write(key);
            self.settle(key);
        }
    }

    /// Sees to it that the torrent is synced within the interval.
    pub(super) fn sync_soon(&mut self, torrent: TorrentId) {
        let at = self.now + self.config.sync_interval;
        let Some(entry) = self.torrents.get_mut(&torrent) else {
            return;
        };
        if entry.sync_due.is_none() && entry.syncing.is_none() {
            entry.sync_due = Some(at);
            self.set_due(torrent, None, Some(at));
        }
    }

    /// Issues a sync of all that was written before, if there is anything and none is in flight.
    pub(super) fn sync(&mut self, torrent: TorrentId) {
        let Some(entry) = self.torrents.get_mut(&torrent) else {
            return;
        };
        let due = entry.sync_due.take();
        let partial = if entry.syncing.is_none() && entry.has_unsynced() {
            Some(std::mem::take(&mut entry.partial))
        } else {
            None
        };
        self.set_due(torrent, due, None);
        let Some(partial) = partial else { return };
        let blocks = |piece: PieceIndex| {
            let state = self.pieces.get_mut(&(torrent, piece))?;
            let blocks = state.blocks_on_disk()?;
            state.recorded = true;
            Some((piece, blocks))
        };
        let partial = partial.into_iter().filter_map(blocks).collect();
        let none = Pending { torrent, piece: None, blocks: Vec::new(), orphaned: 0, bytes: 0 };
        let op = self.begin_op(none);
        let entry = self.torrents.get_mut(&torrent).expect("looked up above");
        let mut job = entry.take_sync();
        job.partial = partial;
        entry.syncing = Some(Syncing { pieces: job.pieces.clone(), forget: job.forget.clone() });
        self.ops.push_back(Op { id: op, torrent, work: Work::Sync(job) });
    }
}
