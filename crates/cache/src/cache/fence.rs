//! Fences: everything out, then one sync.

use stdx::{Instant, TorrentId};

use super::Cache;
use crate::Event;
use crate::torrent::Fence;

impl Cache {
    /// Raises a fence: all that was stored so far goes to disk and into the record, complete or
    /// not; answered by [`Event::Flushed`], also after failures. One that meets another with
    /// nothing stored in between shares its answer.
    pub fn flush(&mut self, now: Instant, torrent: TorrentId) {
        self.now = self.now.max(now);
        let Some(entry) = self.torrents.get_mut(&torrent) else {
            return;
        };
        match &mut entry.fence {
            Some(fence) => fence.again |= !fence.backlog.is_empty(),
            None => entry.fence = Some(Fence::default()),
        }
        self.fenced.insert(torrent);
        self.lower_fence(torrent);
    }

    /// Pushes out what fences wait for.
    pub(super) fn push_fences(&mut self) {
        for torrent in self.fenced.clone() {
            let mut waits = false;
            for key in self.keys_of(torrent) {
                let state = self.pieces.get(&key).expect("listed just now");
                if state.busy.is_none() && state.held() > 0 {
                    self.write(key);
                    self.settle(key);
                }
                waits |= self.pieces.get(&key).is_some_and(|state| state.busy.is_some());
            }
            let entry = self.torrents.get_mut(&torrent).expect("fences go with their torrent");
            let idle = !waits && entry.syncing.is_none();
            if let Some(fence) = entry.fence.as_mut().filter(|fence| idle && !fence.gave_up) {
                fence.last_sync = true;
                self.sync(torrent);
            }
        }
    }

    /// Ends fences that wait for nothing more, and lets in what came after them.
    pub(super) fn lower_fence(&mut self, torrent: TorrentId) {
        let Some(entry) = self.torrents.get(&torrent) else {
            return;
        };
        let busy = |key| self.pieces.get(&key).is_some_and(|it| it.busy.is_some() || it.held() > 0);
        let Some(fence) = &entry.fence else { return };
        let quiet = entry.syncing.is_none() && (fence.gave_up || !entry.has_unsynced());
        if !quiet || self.keys_of(torrent).into_iter().any(busy) {
            return;
        }
        let entry = self.torrents.get_mut(&torrent).expect("looked up above");
        let fence = entry.fence.take().expect("looked up above");
        self.fenced.remove(&torrent);
        self.events.push_back(Event::Flushed { torrent });
        for (range, data) in fence.backlog {
            self.take_in(torrent, range, data);
        }
        if fence.again {
            self.flush(self.now, torrent);
        }
    }
}
