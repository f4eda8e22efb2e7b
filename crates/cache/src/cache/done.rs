//! Answers of the disk.

use stdx::{Instant, PieceIndex, TorrentId};

use super::{Cache, Key, Pending};
use crate::piece::Doing;
use crate::torrent::Syncing;
use crate::{Done, Event, Fault, Outcome};

impl Cache {
    /// Takes the answer to an operation. Answers nobody waits for are ignored.
    pub fn handle_done(&mut self, now: Instant, done: Done) {
        self.now = self.now.max(now);
        let Some(pending) = self.end_op(done.id) else {
            return;
        };
        let torrent = pending.torrent;
        if self.torrents.contains_key(&torrent) {
            match pending.piece {
                Some(piece) => self.piece_done((torrent, piece), &pending, done.outcome),
                None => self.sync_done(torrent, done.outcome),
            }
            self.lower_fence(torrent);
        }
        self.update_full();
    }

    fn piece_done(&mut self, key: Key, pending: &Pending, outcome: Outcome) {
        let Some(state) = self.pieces.get_mut(&key) else {
            return;
        };
        let Some(busy) = state.busy.take() else {
            return;
        };
        if busy.doing == Doing::Write {
            let entry = self.torrents.get_mut(&key.0).expect("looked up above");
            entry.touch_files(key.1);
        }
        let (torrent, piece) = key;
        if let (Doing::Examine, Outcome::Blocks(digests)) = (busy.doing, &outcome) {
            // The piece was dropped when it was judged: this is about what it was.
            let digests = digests.clone();
            self.events.push_back(Event::Blocks { torrent, piece, digests });
        }
        if !busy.stale {
            let state = self.pieces.get_mut(&key).expect("looked up above");
            match outcome {
                Outcome::Hashed(hashed) => {
                    if let Some(digests) = state.handle_hashed(hashed) {
                        self.events.push_back(Event::Hashed { torrent, piece, digests });
                    }
                }
                Outcome::Read(digests) => {
                    state.handle_read(digests);
                    self.events.push_back(Event::Hashed { torrent, piece, digests });
                }
                Outcome::Written => {
                    let before = state.held();
                    state.handle_written(&pending.blocks);
                    self.used -= before - state.held();
                    let entry = self.torrents.get_mut(&torrent).expect("looked up above");
                    entry.partial.insert(piece);
                    self.sync_soon(torrent);
                }
                Outcome::Failed(fault) => {
                    self.fail(torrent, fault);
                    self.lose(key);
                }
                Outcome::Synced | Outcome::Blocks(_) => {}
            }
        }
        self.step(key);
        self.settle(key);
    }

    fn sync_done(&mut self, torrent: TorrentId, outcome: Outcome) {
        let entry = self.torrents.get_mut(&torrent).expect("looked up above");
        let Some(syncing) = entry.syncing.take() else {
            return;
        };
        if let Outcome::Failed(fault) = outcome {
            self.fail(torrent, fault);
            self.lose_unsynced(torrent, syncing);
        } else {
            let pieces = syncing.pieces;
            let held = |piece: &PieceIndex| entry.have.get(piece.0);
            let pieces: Vec<PieceIndex> = pieces.into_iter().filter(held).collect();
            if !pieces.is_empty() {
                self.events.push_back(Event::Durable { torrent, pieces });
            }
            if entry.has_unsynced() {
                self.sync_soon(torrent);
            }
        }
    }

    fn fail(&mut self, torrent: TorrentId, fault: Fault) {
        let entry = self.torrents.get_mut(&torrent).expect("looked up above");
        if !std::mem::replace(&mut entry.failed, true) {
            self.events.push_back(Event::Failed { torrent, fault });
        }
    }

    /// Drops a piece that the disk failed.
    fn lose(&mut self, key: Key) {
        self.drop_piece(key);
        self.events.push_back(Event::Forgotten { torrent: key.0, piece: key.1 });
    }

    /// After a failed sync nothing that was written since the last good one can be trusted, read
    /// back or not: the cache of the system may show what the disk does not have.
    fn lose_unsynced(&mut self, torrent: TorrentId, syncing: Syncing) {
        let entry = self.torrents.get_mut(&torrent).expect("looked up above");
        let mut lost = std::mem::take(&mut entry.unsynced);
        lost.extend(syncing.pieces);
        entry.forget.extend(syncing.forget);
        if let Some(fence) = &mut entry.fence {
            // A disk that refuses must not hold up a stop for ever.
            fence.gave_up = fence.last_sync;
        }
        for &piece in &lost {
            if entry.have.clear(piece.0) {
                entry.forget.insert(piece);
                self.events.push_back(Event::Forgotten { torrent, piece });
            }
        }
        for key in self.keys_of(torrent) {
            let state = self.pieces.get(&key).expect("listed just now");
            let writing = state.busy.is_some_and(|it| it.doing == Doing::Write && !it.stale);
            if writing || state.has_blocks_on_disk() {
                self.lose(key);
            }
        }
        self.sync_soon(torrent);
    }
}
