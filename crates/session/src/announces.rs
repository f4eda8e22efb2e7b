//! The announces of all torrents together: some are under way, the others wait their turn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stdx::TorrentId;

use crate::{Announce, AnnounceId};

/// Announces under way at once, of all torrents: each is a task and a socket. Those that say
/// `stopped` have as many places of their own, since they have seconds only.
pub const ANNOUNCES_MAX: usize = 256;

/// Who may announce, and what.
#[derive(Debug, Default)]
pub(crate) struct Announces {
    /// To be polled.
    ready: VecDeque<Announce>,
    /// Polled or about to be, and not answered.
    under_way: BTreeMap<AnnounceId, Kind>,
    regular: Line,
    goodbye: Line,
}

/// What an announce says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Goodbye,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Regular, Self::Goodbye];

    pub(crate) fn of(is_stopping: bool) -> Self {
        if is_stopping { Self::Goodbye } else { Self::Regular }
    }
}

/// Those of one kind.
#[derive(Debug, Default)]
struct Line {
    under_way: usize,
    /// Torrents that have something to say.
    waiting: BTreeSet<TorrentId>,
    /// Whose turn it was last; the next is another's.
    last: TorrentId,
}

impl Announces {
    pub(crate) fn has_room(&mut self, kind: Kind) -> bool {
        self.line(kind).under_way < ANNOUNCES_MAX
    }

    pub(crate) fn begin(&mut self, kind: Kind, announce: Announce) {
        self.line(kind).under_way += 1;
        self.under_way.insert(announce.id, kind);
        self.ready.push_back(announce);
    }

    /// An announce was answered, whatever became of its torrent.
    pub(crate) fn end(&mut self, id: AnnounceId) {
        if let Some(kind) = self.under_way.remove(&id) {
            self.line(kind).under_way -= 1;
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Announce> {
        self.ready.pop_front()
    }

    /// A torrent has something to say, and there is no room.
    pub(crate) fn wait(&mut self, kind: Kind, id: TorrentId) {
        self.line(kind).waiting.insert(id);
    }

    pub(crate) fn is_waiting(&self, id: TorrentId) -> bool {
        self.regular.waiting.contains(&id) || self.goodbye.waiting.contains(&id)
    }

    /// A torrent has nothing to say, or is looked at now.
    pub(crate) fn forget(&mut self, id: TorrentId) {
        self.regular.waiting.remove(&id);
        self.goodbye.waiting.remove(&id);
    }

    /// Whose turn it is, while there is room.
    pub(crate) fn next(&mut self, kind: Kind) -> Option<TorrentId> {
        if !self.has_room(kind) {
            return None;
        }
        let line = self.line(kind);
        let after = TorrentId(line.last.0.saturating_add(1));
        let next = line.waiting.range(after..).next().or(line.waiting.first()).copied()?;
        line.waiting.remove(&next);
        line.last = next;
        Some(next)
    }

    fn line(&mut self, kind: Kind) -> &mut Line {
        match kind {
            Kind::Regular => &mut self.regular,
            Kind::Goodbye => &mut self.goodbye,
        }
    }
}
