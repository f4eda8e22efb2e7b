//! Torrents that nobody wants now: what is kept of each until somebody does.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use announce::{Progress, TrackerUrl};
use metainfo::InfoHashes;
use stdx::{Duration, Instant, TorrentId};
use swarm::Origin;

use crate::config::NUMWANT;
use crate::finding::{Finding, Wish};
use crate::trackers::Trackers;
use crate::{State, Status};

/// How long a torrent that was woken stays awake without anybody connected.
pub const QUIET: Duration = Duration::from_mins(2);

/// How long a connection waits for the torrent that it wants to wake.
pub const WAKE_PATIENCE: Duration = Duration::from_secs(30);

/// Peers that were heard of and are kept for when the torrent is awake.
const CALLERS_MAX: usize = 50;

/// How long a torrent that woke in vain is not woken again by mere hearsay: with ten thousand
/// torrents, somebody is always named. Who wants something connects.
pub(crate) const HEARSAY_REST: Duration = Duration::from_mins(30);

/// A torrent to take in asleep: whole on disk, and nothing of it in memory but this.
#[derive(Clone, Debug)]
pub struct Shelved {
    /// What names it.
    pub hashes: InfoHashes,
    /// Peers come from its trackers alone (BEP 27).
    pub private: bool,
    /// Bytes of its content.
    pub length: u64,
    /// Trackers by tier (BEP 12), vetted: content may not name every address.
    pub trackers: Vec<Vec<TrackerUrl>>,
}

/// Why a torrent was not woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WakeError {
    /// [`crate::Session::poll_wake`] did not ask for it, or it was stopped meanwhile.
    #[error("the torrent is not to be woken")]
    NotAsked,
    /// What was read is not the torrent that was taken in.
    #[error("it holds another torrent now")]
    Other,
}

/// What is left of a torrent while it sleeps.
#[derive(Debug)]
pub(crate) struct Sleeper {
    pub(crate) hashes: InfoHashes,
    pub(crate) private: bool,
    pub(crate) length: u64,
    pub(crate) uploaded: u64,
    pub(crate) trackers: Trackers,
    pub(crate) finding: Finding,
    pub(crate) sleep: Sleep,
    /// Hearsay does not wake it before this.
    pub(crate) rests_until: Instant,
    /// Who may want something.
    pub(crate) callers: Vec<(SocketAddr, Origin)>,
    /// Where it stands in the session's timers.
    pub(crate) deadline: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    Deep,
    /// Somebody wants it; the driver has not heard yet.
    Called,
    /// The driver makes it ready.
    Waking,
    Stopping {
        since: Instant,
    },
}

impl Sleeper {
    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self.sleep, Sleep::Stopping { .. })
    }

    /// Notes who may want something.
    pub(crate) fn hear_of(&mut self, peers: impl IntoIterator<Item = SocketAddr>, origin: Origin) {
        let room = CALLERS_MAX.saturating_sub(self.callers.len());
        self.callers.extend(peers.into_iter().take(room).map(|peer| (peer, origin)));
    }

    /// What trackers are told.
    pub(crate) fn progress(&self) -> Progress {
        let (uploaded, numwant) = (self.uploaded, Some(NUMWANT));
        Progress { uploaded, downloaded: 0, left: 0, numwant }
    }

    /// What it wants of the DHT.
    pub(crate) fn wish(&self) -> Wish {
        let announce = !self.private && !self.is_stopping();
        Wish { hashes: self.hashes, announce, find: false, hungry: false, seed: true }
    }

    pub(crate) fn status(&self) -> Status {
        let state = if self.is_stopping() { State::Stopping } else { State::Seeding };
        Status {
            done: self.length,
            total: Some(self.length),
            uploaded: self.uploaded,
            ..Status::new(state)
        }
    }
}

/// All that sleep, and what they come to together.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    /// In boxes: a tree that grows at its end is half empty.
    all: BTreeMap<TorrentId, Box<Sleeper>>,
    length: u64,
    uploaded: u64,
}

impl Sleepers {
    pub(crate) fn insert(&mut self, id: TorrentId, sleeper: Sleeper) {
        self.length += sleeper.length;
        self.uploaded += sleeper.uploaded;
        self.all.insert(id, Box::new(sleeper));
    }

    pub(crate) fn remove(&mut self, id: TorrentId) -> Option<Sleeper> {
        let sleeper = *self.all.remove(&id)?;
        self.length -= sleeper.length;
        self.uploaded -= sleeper.uploaded;
        Some(sleeper)
    }

    pub(crate) fn get(&self, id: TorrentId) -> Option<&Sleeper> {
        self.all.get(&id).map(Box::as_ref)
    }

    /// What it sent and how long it is does not change while it sleeps.
    pub(crate) fn get_mut(&mut self, id: TorrentId) -> Option<&mut Sleeper> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = TorrentId> + '_ {
        self.all.keys().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them as one.
    pub(crate) fn status(&self) -> Status {
        Status {
            done: self.length,
            total: Some(self.length),
            uploaded: self.uploaded,
            ..Status::new(State::Seeding)
        }
    }
}

/// What is remembered of a torrent that was woken, and will sleep again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Woken {
    pub(crate) length: u64,
    /// What it had sent when it woke.
    pub(crate) uploaded: u64,
    /// Since when nobody is connected.
    pub(crate) quiet: Option<Instant>,
}
