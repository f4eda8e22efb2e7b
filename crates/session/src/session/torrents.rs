use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use announce::TrackerUrl;
use hash::Sha256Digest;
use metainfo::{Info, InfoHashes};
use peer::{CloseReason, Order};
use stdx::{Bitfield, Instant, PieceIndex, RateMeter, TorrentId};
use swarm::{Origin, Priority, Swarm};

use super::Session;
use super::connections::Stage;
use crate::finding::Finding;
use crate::mirrors::Mirror;
use crate::sources::Sources;
use crate::torrent::{Phase, Torrent};
use crate::trackers::Trackers;
use crate::{AddError, AddTorrent, Event, Limits};

impl Session {
    /// Takes a torrent in. It looks for metadata at once if it has none; otherwise it waits for
    /// [`start`](Self::start).
    pub fn add_torrent(&mut self, now: Instant, add: AddTorrent) -> Result<TorrentId, AddError> {
        let id = self.new_id(&add.hashes)?;
        let torrent = self.build(now, id, add);
        self.torrents.insert(id, torrent);
        self.touch(id);
        self.pump(now);
        Ok(id)
    }

    pub(super) fn build(&mut self, now: Instant, id: TorrentId, add: AddTorrent) -> Torrent {
        let private = add.info.as_ref().is_some_and(|info| info.is_private());
        let phase = if add.info.is_some() { Phase::Checking } else { Phase::Metadata };
        let shared = peer::Torrent { id, hashes: add.hashes, info: add.info, private };
        let config = swarm::Config {
            peer_id: self.config.peer_id,
            limits: self.config.swarm,
            tactics: self.config.tactics,
        };
        let mut swarm = Swarm::new(now, config, Arc::new(shared), self.rng.fork());
        swarm.set_layers(add.layers);
        swarm.set_filter(self.filter.clone());
        self.outside.all().for_each(|ip| swarm.set_own_address(ip));
        for (addr, origin) in add.peers {
            swarm.add_candidates(now, std::iter::once(addr), origin);
        }
        let mut trackers = Trackers::new(id, self.announcer, add.trackers, self.rng.fork());
        if phase == Phase::Metadata {
            trackers.add_hashes(now, &add.hashes, private);
        }
        Torrent {
            id,
            swarm,
            trackers,
            finding: Finding::default(),
            phase,
            failed: false,
            complete: None,
            priorities: add.priorities,
            sequential: add.sequential,
            sources: Sources::default(),
            mirrors: Mirror::all(add.mirrors),
            downloaded: 0,
            uploaded: 0,
            down: RateMeter::default(),
            up: RateMeter::default(),
            looked: None,
            hungry: false,
            woken: None,
            deadline: None,
        }
    }

    /// Fetches the v2 piece layers of the files with these roots (BEP 52), because what stands in
    /// their places cannot be checked without; [`Event::LayersReady`] follows, at once if all are
    /// known. Until then the torrent looks for peers as a magnet does.
    ///
    /// Does nothing unless the torrent is in [`crate::State::Checking`].
    pub fn fetch_layers(
        &mut self,
        now: Instant,
        torrent: TorrentId,
        roots: &BTreeSet<Sha256Digest>,
    ) {
        let Some(torrent) = self.torrents.get_mut(&torrent) else {
            return;
        };
        let Some(info) = torrent.info().cloned().filter(|_| torrent.phase == Phase::Checking)
        else {
            return;
        };
        torrent.phase = Phase::Layers;
        torrent.trackers.add_hashes(now, &info.hashes(), info.is_private());
        torrent.swarm.fetch_layers(now, roots);
        let id = torrent.id;
        self.touch(id);
        self.pump(now);
    }

    /// Goes to work: the files are ready. `have` are the verified pieces on disk, `partial` the
    /// blocks on disk of other pieces, unverified.
    ///
    /// Does nothing unless the torrent is in [`crate::State::Checking`]; a `have` of the wrong
    /// size counts as empty.
    pub fn start(
        &mut self,
        now: Instant,
        torrent: TorrentId,
        have: Bitfield,
        partial: Vec<(PieceIndex, Bitfield)>,
    ) {
        let Some(torrent) = self.torrents.get_mut(&torrent) else {
            return;
        };
        let Some(info) = torrent.info().cloned().filter(|_| torrent.phase == Phase::Checking)
        else {
            return;
        };
        let pieces = info.layout().pieces();
        let have = if have.len() == pieces { have } else { Bitfield::new(pieces) };
        self.cache.add_torrent(torrent.id, Arc::clone(&info), have.clone());
        for (piece, blocks) in &partial {
            self.cache.restore_partial(torrent.id, *piece, blocks);
        }
        torrent.start(now, &have, partial, self.paused);
        torrent.trackers.add_hashes(now, &info.hashes(), info.is_private());
        let id = torrent.id;
        self.name(id, &info.hashes());
        self.touch(id);
        self.pump(now);
        self.let_in(now, id);
    }

    /// Chooses among the files: one priority for each, in the order of the metadata.
    pub fn select(&mut self, now: Instant, torrent: TorrentId, priorities: &[Priority]) {
        let Some(torrent) = self.torrents.get_mut(&torrent) else {
            return;
        };
        torrent.priorities = priorities.to_vec();
        if torrent.phase == Phase::Running {
            torrent.swarm.select(now, torrent.priorities.clone());
            torrent.note_lack();
        }
        let id = torrent.id;
        self.touch(id);
        self.pump(now);
    }

    /// Adds peers to try.
    pub fn add_peers(
        &mut self,
        now: Instant,
        torrent: TorrentId,
        peers: impl IntoIterator<Item = SocketAddr>,
        origin: Origin,
    ) {
        if let Some(torrent) = self.torrents.get_mut(&torrent) {
            torrent.swarm.add_candidates(now, peers.into_iter(), origin);
        }
        self.touch(torrent);
        self.pump(now);
    }

    /// Adds a tracker in a tier of its own.
    pub fn add_tracker(&mut self, now: Instant, torrent: TorrentId, url: &TrackerUrl) {
        if let Some(torrent) = self.torrents.get_mut(&torrent) {
            torrent.trackers.add_tracker(now, url);
        }
        self.touch(torrent);
        self.pump(now);
    }

    /// Changes the rate limits that the choker goes by.
    pub fn set_limits(&mut self, limits: Limits) {
        self.config.limits = limits;
        self.choker.set_up_limit(limits.up);
    }

    /// Lets a torrent that failed go on, after the cause was removed.
    pub fn retry(&mut self, now: Instant, torrent: TorrentId) {
        if let Some(torrent) = self.torrents.get_mut(&torrent)
            && torrent.failed
        {
            torrent.failed = false;
            self.cache.retry(torrent.id);
            torrent.swarm.set_paused(now, self.paused);
        }
        self.touch(torrent);
        self.pump(now);
    }

    /// Ends a torrent: closes its connections, writes what it holds, part pieces included, tells
    /// its trackers `stopped`. [`Event::Stopped`] follows, after [`crate::STOP_TIMEOUT`] at most
    /// unless the disk is slower.
    pub fn stop(&mut self, now: Instant, torrent: TorrentId) {
        self.begin_stop(now, torrent);
        self.pump(now);
    }

    /// Ends every torrent, as [`stop`](Self::stop). Nothing is taken in afterwards.
    pub fn shutdown(&mut self, now: Instant) {
        self.closing = true;
        let all: Vec<TorrentId> = self.torrents().chain(self.sleepers.ids()).collect();
        for torrent in all {
            self.begin_stop(now, torrent);
        }
        self.pump(now);
    }

    fn begin_stop(&mut self, now: Instant, id: TorrentId) {
        self.turn_away(id);
        let Some(torrent) = self.torrents.get_mut(&id) else {
            return self.stop_sleeper(now, id);
        };
        if torrent.is_stopping() {
            return;
        }
        let flushed = torrent.phase != Phase::Running;
        torrent.phase = Phase::Stopping { since: now, flushed };
        torrent.trackers.stop(now);
        let hashes = torrent.hashes();
        if !flushed {
            self.cache.flush(now, id);
        }
        self.unname(id, &hashes);
        for (conn, it) in &mut self.conns {
            match it.stage {
                // The driver hears that it is not wanted once it is open.
                Stage::Opening(of) if of == id => it.stage = Stage::Unwanted,
                Stage::Open(of) if of == id => {
                    it.stage = Stage::Closing(of);
                    self.orders.push_back((*conn, Order::Close(CloseReason::Stopped)));
                }
                _ => {}
            }
        }
        self.close_mirrors(id);
        self.rechoke = true;
        self.touch(id);
    }

    /// Takes note of the metadata that peers gave.
    pub(super) fn learn(&mut self, torrent: TorrentId, info: Arc<Info>) {
        if let Some(it) = self.torrents.get_mut(&torrent)
            && it.phase == Phase::Metadata
        {
            it.phase = Phase::Checking;
            self.name(torrent, &info.hashes());
            self.events.push_back(Event::MetadataReady { torrent, info });
        }
    }

    /// Takes note that the check has the piece hashes it waited for.
    pub(super) fn check_again(&mut self, torrent: TorrentId) {
        if let Some(it) = self.torrents.get_mut(&torrent)
            && it.phase == Phase::Layers
        {
            it.phase = Phase::Checking;
            self.events.push_back(Event::LayersReady { torrent });
        }
    }

    /// Makes the torrent known by its info-hashes, unless another has them.
    pub(super) fn name(&mut self, torrent: TorrentId, hashes: &InfoHashes) {
        for hash in hashes.handshake_hashes() {
            self.by_hash.entry(hash).or_insert(torrent);
        }
    }

    /// Makes the torrent unknown.
    pub(super) fn unname(&mut self, torrent: TorrentId, hashes: &InfoHashes) {
        for hash in hashes.handshake_hashes() {
            if self.by_hash.get(&hash) == Some(&torrent) {
                self.by_hash.remove(&hash);
            }
        }
    }

    /// A number for a new torrent, if it may be taken in.
    pub(super) fn new_id(&mut self, hashes: &InfoHashes) -> Result<TorrentId, AddError> {
        if let Some(known) = hashes.handshake_hashes().find_map(|hash| self.find(&hash)) {
            return Err(AddError::Duplicate(known));
        }
        if self.closing {
            return Err(AddError::Closing);
        }
        if hashes.handshake_hashes().next().is_none() {
            return Err(AddError::Nameless);
        }
        let id = TorrentId(self.next_torrent);
        self.next_torrent += 1;
        self.name(id, hashes);
        Ok(id)
    }
}
