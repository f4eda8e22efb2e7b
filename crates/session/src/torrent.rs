//! One torrent of the session: its mind, its trackers and its books.

use std::sync::Arc;

use announce::Progress;
use metainfo::{Info, InfoHashes};
use peer::Totals;
use stdx::{BLOCK_LENGTH, Bitfield, Duration, Instant, PeerId, PieceIndex, RateMeter, TorrentId};
use swarm::{Priority, Swarm};

use crate::asleep::{QUIET, Woken};
use crate::config::NUMWANT;
use crate::finding::{Finding, Wish};
use crate::mirrors::Mirror;
use crate::sources::Sources;
use crate::trackers::Trackers;
use crate::{Source, State, Status};

/// With fewer peers than this, trackers are asked sooner than they want.
const PEERS_ENOUGH: usize = 20;

/// Time between two looks at whether there are peers enough.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Torrent {
    pub(crate) id: TorrentId,
    pub(crate) swarm: Swarm,
    pub(crate) trackers: Trackers,
    pub(crate) finding: Finding,
    pub(crate) phase: Phase,
    /// It cannot go on for now.
    pub(crate) failed: bool,
    /// Since when everything selected is here.
    pub(crate) complete: Option<Instant>,
    /// By file; empty for normal everywhere.
    pub(crate) priorities: Vec<Priority>,
    pub(crate) sequential: bool,
    pub(crate) sources: Sources,
    pub(crate) mirrors: Vec<Mirror>,
    pub(crate) downloaded: u64,
    pub(crate) uploaded: u64,
    pub(crate) down: RateMeter,
    pub(crate) up: RateMeter,
    /// When its need for peers was last looked at, and what was seen.
    pub(crate) looked: Option<Instant>,
    pub(crate) hungry: bool,
    /// Of one that was woken.
    pub(crate) woken: Option<Woken>,
    /// Where it stands in the session's timers.
    pub(crate) deadline: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Metadata,
    Checking,
    /// The check waits for v2 piece hashes.
    Layers,
    Running,
    Stopping {
        since: Instant,
        /// Nothing of it is in the cache any more.
        flushed: bool,
    },
}

impl Torrent {
    pub(crate) fn info(&self) -> Option<&Arc<Info>> {
        self.swarm.info()
    }

    /// All that name it, as far as is known.
    pub(crate) fn hashes(&self) -> InfoHashes {
        self.info().map_or_else(|| self.swarm.hashes(), |info| info.hashes())
    }

    /// True while connections are made, taken and kept.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Metadata | Phase::Layers | Phase::Running)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Stopping { .. })
    }

    /// Goes to work. Nothing is asked for before the selection is known.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        have: &Bitfield,
        partial: Vec<(PieceIndex, Bitfield)>,
        paused: bool,
    ) {
        self.phase = Phase::Running;
        self.swarm.set_paused(now, true);
        self.swarm.start(now, have, partial);
        self.swarm.set_sequential(self.sequential);
        if !self.priorities.is_empty() {
            self.swarm.select(now, self.priorities.clone());
        }
        self.swarm.set_paused(now, paused);
    }

    /// Bytes in a piece; a guess without metadata.
    pub(crate) fn piece_length(&self) -> u32 {
        self.info().map_or(BLOCK_LENGTH, |info| info.piece_length())
    }

    /// Counts what a connection moved since it was last heard.
    pub(crate) fn count(&mut self, now: Instant, peer: Option<PeerId>, old: Totals, new: Totals) {
        let received = new.down_payload.saturating_sub(old.down_payload);
        let sent = new.up_payload.saturating_sub(old.up_payload);
        if received > 0 {
            self.downloaded += received;
            self.down.add(now, received);
        }
        if sent > 0 {
            self.uploaded += sent;
            self.up.add(now, sent);
        }
        if let Some(peer) = peer.filter(|_| received + sent > 0) {
            self.sources.count(peer, received, sent);
        }
    }

    /// Everybody who was met, who gave most first.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let mut all = self.sources.list();
        all.extend(self.mirrors.iter().filter_map(Mirror::source));
        // Stable: peers are in order already.
        all.sort_by_key(|source| std::cmp::Reverse(source.received));
        all
    }

    /// What trackers are told.
    pub(crate) fn progress(&self) -> Progress {
        let left = self.info().map_or(u64::from(BLOCK_LENGTH), |info| {
            let layout = info.layout();

            let bytes = |piece| u64::from(layout.payload_bytes(PieceIndex(piece)));
            let have: u64 = self.swarm.have().iter_ones().map(bytes).sum();
            layout.content_length().saturating_sub(have)
        });
        Progress {
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            left,
            numwant: Some(NUMWANT),
        }
    }

    /// Tells the trackers whether peers lack; looked at once a second at most.
    pub(crate) fn look(&mut self, now: Instant) {
        if self.looked.is_none_or(|at| now.since(at) >= LOOK) {
            self.looked = Some(now);
            self.hungry = self.is_hungry();
            self.trackers.set_hungry(self.hungry);
        }
    }

    /// Peers may come from its trackers alone (BEP 27), as far as is known.
    pub(crate) fn is_private(&self) -> bool {
        self.swarm.torrent().private
    }

    /// What it wants of the DHT.
    pub(crate) fn wish(&self) -> Wish {
        let open = self.is_open() && !self.is_private();
        Wish {
            hashes: self.swarm.torrent().hashes,
            announce: open && self.phase != Phase::Metadata,
            find: open && self.complete.is_none(),
            hungry: self.hungry,
            seed: self.complete.is_some() && self.swarm.have().is_full(),
        }
    }

    /// Whether it was woken and nothing speaks against its sleeping again, but that somebody is
    /// connected: all of it is on disk as it was verified.
    pub(crate) fn may_sleep(&self) -> bool {
        let whole = self.complete.is_some() && self.swarm.have().is_full();
        let at_rest = self.phase == Phase::Running && !self.failed && self.downloaded == 0;
        self.woken.is_some() && at_rest && whole
    }

    /// When it will have been quiet for long enough to sleep.
    pub(crate) fn bedtime(&self) -> Option<Instant> {
        Some(self.woken?.quiet? + QUIET)
    }

    fn is_hungry(&self) -> bool {
        self.is_open() && self.complete.is_none() && self.swarm.stats().peers < PEERS_ENOUGH
    }

    /// It seeds no more once something is lacking: the disk failed, or more was selected. Returns
    /// whether that is news.
    pub(crate) fn note_lack(&mut self) -> bool {
        self.complete.take_if(|_| !self.swarm.is_complete()).is_some()
    }

    pub(crate) fn status(&self, now: Instant) -> Status {
        let stats = self.swarm.stats();

        Status {
            state: self.state(),
            done: stats.done,
            total: match self.phase {
                Phase::Metadata | Phase::Checking | Phase::Layers => None,
                Phase::Running | Phase::Stopping { .. } => self.info().map(|_| stats.total),
            },
            down_rate: self.down.clone().rate(now),
            up_rate: self.up.clone().rate(now),
            downloaded: self.downloaded,
            uploaded: self.uploaded,
            wasted: stats.wasted + stats.failed,
            hashes: stats.hashes,
            peers: stats.peers as u32,
            seeds: stats.seeds as u32,
            mirrors: stats.mirrors as u32,
            known: stats.known as u32,
            seeding: self.complete.map_or(Duration::ZERO, |since| now.since(since)),
        }
    }

    fn state(&self) -> State {
        match self.phase {
            Phase::Stopping { .. } => State::Stopping,
            _ if self.failed => State::Failed,
            Phase::Metadata => State::Metadata,
            Phase::Checking => State::Checking,
            Phase::Layers => State::Layers,
            Phase::Running if self.complete.is_some() => State::Seeding,
            Phase::Running => State::Downloading,
        }
    }
}
