use std::net::SocketAddr;

use peer::{Batch, CloseReason};
use stdx::{ConnId, Instant, TorrentId};
use swarm::Origin;

use super::Session;
use super::connections::{Stage, Waiting};
use crate::asleep::{HEARSAY_REST, Shelved, Sleep, Sleeper, WAKE_PATIENCE, WakeError, Woken};
use crate::config::STOP_TIMEOUT;
use crate::finding::Finding;
use crate::torrent::Phase;
use crate::trackers::Trackers;
use crate::{AddError, AddTorrent, Event, State, Status};

/// Reports that are kept of a connection while its torrent wakes. Before it is welcomed, a peer's
/// handshake is all that is heard of it.
const KEPT_MAX: usize = 16;

/// Torrents that sleep until somebody wants them.
impl Session {
    /// Takes in a torrent that is whole on disk, asleep. It is announced like any other. When
    /// somebody wants it, [`poll_wake`](Self::poll_wake) names it.
    ///
    /// # Errors
    /// As of [`add_torrent`](Self::add_torrent).
    pub fn shelve(&mut self, now: Instant, shelved: Shelved) -> Result<TorrentId, AddError> {
        let Shelved { hashes, private, length, trackers } = shelved;
        let id = self.new_id(&hashes)?;
        let mut trackers = Trackers::new(id, self.announcer, trackers, self.rng.fork());
        trackers.add_hashes(now, &hashes, private);
        trackers.settle();
        let sleeper = Sleeper {
            hashes,
            private,
            length,
            uploaded: 0,
            trackers,
            finding: Finding::default(),
            sleep: Sleep::Deep,
            rests_until: Instant::ZERO,
            callers: Vec::new(),
            deadline: None,
        };
        self.sleepers.insert(id, sleeper);
        self.touch(id);
        self.pump(now);
        Ok(id)
    }

    /// The next torrent to be made ready, because somebody wants it: load its metadata, look at
    /// its files, then call [`wake`](Self::wake) and [`start`](Self::start), or when that fails
    /// [`stop`](Self::stop). Each is named once.
    pub fn poll_wake(&mut self) -> Option<TorrentId> {
        while let Some(id) = self.wakes.pop_front() {
            if let Some(sleeper) = self.sleepers.get_mut(id)
                && sleeper.sleep == Sleep::Called
            {
                sleeper.sleep = Sleep::Waking;
                return Some(id);
            }
        }
        None
    }

    /// Gives a torrent that [`poll_wake`](Self::poll_wake) named its metadata. It is in
    /// [`State::Checking`] then. Its trackers stay those that it was taken in with. Once nobody
    /// has been connected for [`crate::QUIET`] it sleeps again ([`Event::Asleep`]).
    ///
    /// # Errors
    /// When it is not to be woken, or `add` has no metadata, or that of another torrent.
    pub fn wake(
        &mut self,
        now: Instant,
        id: TorrentId,
        mut add: AddTorrent,
    ) -> Result<(), WakeError> {
        let sleeper = self.sleepers.get(id).filter(|it| it.sleep == Sleep::Waking);
        let sleeper = sleeper.ok_or(WakeError::NotAsked)?;
        if add.info.as_ref().is_none_or(|info| info.hashes() != sleeper.hashes) {
            return Err(WakeError::Other);
        }
        let sleeper = self.sleepers.remove(id).ok_or(WakeError::NotAsked)?;
        let Sleeper { trackers, finding, length, uploaded, callers, deadline, .. } = sleeper;
        add.peers.extend(callers);
        let mut torrent = self.build(now, id, add);
        (torrent.trackers, torrent.finding, torrent.deadline) = (trackers, finding, deadline);
        torrent.uploaded = uploaded;
        torrent.woken = Some(Woken { length, uploaded, quiet: None });
        self.torrents.insert(id, torrent);
        self.touch(id);
        self.pump(now);
        Ok(())
    }

    /// How all torrents do together, those that sleep included.
    pub fn total(&self, now: Instant) -> Status {
        let mut sum = self.sleepers.status();
        for torrent in self.torrents.values() {
            let mut status = torrent.status(now);
            // Nothing of it was ever in doubt, but its metadata is being read.
            if let (State::Checking, Some(Woken { length, .. })) = (status.state, torrent.woken) {
                (status.done, status.total) = (length, Some(length));
            }
            if self.sleepers.is_empty() {
                sum.state = status.state;
            }
            sum.add(&status);
        }
        sum
    }

    /// Takes note of peers that may want something of a sleeper.
    pub(super) fn hear_of(
        &mut self,
        now: Instant,
        id: TorrentId,
        peers: impl IntoIterator<Item = SocketAddr>,
        origin: Origin,
    ) {
        let Some(sleeper) = self.sleepers.get_mut(id).filter(|it| it.rests_until <= now) else {
            return;
        };
        sleeper.hear_of(peers, origin);
        if !sleeper.callers.is_empty() {
            self.call(id);
        }
    }

    /// Somebody wants a sleeper.
    fn call(&mut self, id: TorrentId) {
        if let Some(sleeper) = self.sleepers.get_mut(id)
            && sleeper.sleep == Sleep::Deep
        {
            sleeper.sleep = Sleep::Called;
            self.wakes.push_back(id);
        }
    }

    /// Whether connections have to wait for the torrent.
    pub(super) fn is_asleep(&self, id: TorrentId) -> bool {
        let waking = |it: &crate::torrent::Torrent| it.phase == Phase::Checking;
        let torrent = self.torrents.get(&id).filter(|it| it.woken.is_some());
        self.sleepers.get(id).is_some() || torrent.is_some_and(waking)
    }

    /// Has a connection wait for its torrent.
    pub(super) fn wait_for(&mut self, now: Instant, conn: ConnId, id: TorrentId) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        let until = now + WAKE_PATIENCE;
        it.stage = Stage::Waking(id);
        it.waiting = Some(Box::new(Waiting { until, said: Batch::default() }));
        self.patience.insert((until, conn));
        self.call(id);
    }

    /// Keeps what a connection says whose torrent is not awake; gives it back when it is.
    pub(super) fn keep_waiting(
        &mut self,
        now: Instant,
        conn: ConnId,
        batch: Batch,
    ) -> Option<Batch> {
        let waiting = self.conns.get_mut(&conn).and_then(|it| it.waiting.as_mut());
        let Some(Waiting { said, .. }) = waiting.map(Box::as_mut) else {
            return Some(batch);
        };
        let mut reports = std::mem::take(&mut said.reports);
        reports.extend(batch.reports);
        let too_much = reports.len() > KEPT_MAX;
        *said = Batch { reports, ..batch };
        if too_much {
            self.refuse(conn, CloseReason::Limit);
        }
        self.pump(now);
        None
    }

    /// The torrent works: those who waited come in.
    pub(super) fn let_in(&mut self, now: Instant, id: TorrentId) {
        for conn in self.waiting_for(id) {
            let waiting = self.conns.get_mut(&conn).and_then(|it| it.waiting.take());
            let Some(Waiting { until, said }) = waiting.map(|it| *it) else { continue };
            self.patience.remove(&(until, conn));
            self.enter(now, conn, id);
            self.pass_on(now, conn, said);
        }
    }

    /// The torrent does not wake: those who waited go.
    pub(super) fn turn_away(&mut self, id: TorrentId) {
        for conn in self.waiting_for(id) {
            self.refuse(conn, CloseReason::Stopped);
        }
    }

    /// Those who have waited for too long go.
    pub(super) fn turn_away_late(&mut self, now: Instant) {
        while let Some((_, conn)) = self.patience.first().copied().filter(|(at, _)| *at <= now) {
            self.patience.pop_first();
            self.refuse(conn, CloseReason::Stopped);
        }
    }

    fn waiting_for(&self, id: TorrentId) -> Vec<ConnId> {
        let waiting = self.patience.iter().map(|(_, conn)| *conn);
        let stage = |conn: &ConnId| self.conns.get(conn).map(|it| it.stage);
        waiting.filter(|conn| stage(conn) == Some(Stage::Waking(id))).collect()
    }

    /// Lets a torrent sleep again that nobody has wanted for a while.
    pub(super) fn fall_asleep(&mut self, now: Instant, id: TorrentId) {
        let Some(torrent) = self.torrents.get_mut(&id).filter(|it| it.woken.is_some()) else {
            return;
        };
        let quiet = torrent.swarm.connections() == 0 && torrent.may_sleep();
        if let Some(woken) = &mut torrent.woken {
            woken.quiet = quiet.then(|| woken.quiet.unwrap_or(now));
        }
        if torrent.bedtime().is_none_or(|at| at > now) || self.cache.is_busy(id) {
            return;
        }
        let Some((torrent, woken)) = self.torrents.remove(&id).and_then(|it| {
            let woken = it.woken?;
            Some((it, woken))
        }) else {
            return;
        };
        self.cache.remove_torrent(id);
        let in_vain = torrent.uploaded == woken.uploaded;
        let mut sleeper = Sleeper {
            hashes: torrent.hashes(),
            private: torrent.is_private(),
            length: woken.length,
            uploaded: torrent.uploaded,
            trackers: torrent.trackers,
            finding: torrent.finding,
            sleep: Sleep::Deep,
            rests_until: if in_vain { now + HEARSAY_REST } else { now },
            callers: Vec::new(),
            deadline: torrent.deadline,
        };
        sleeper.trackers.set_hungry(false);
        self.sleepers.insert(id, sleeper);
        self.events.push_back(Event::Asleep { torrent: id });
    }

    /// Begins to end a sleeper.
    pub(super) fn stop_sleeper(&mut self, now: Instant, id: TorrentId) {
        let Some(sleeper) = self.sleepers.get_mut(id).filter(|it| !it.is_stopping()) else {
            return;
        };
        sleeper.sleep = Sleep::Stopping { since: now };
        sleeper.trackers.stop(now);
        let hashes = sleeper.hashes;
        self.unname(id, &hashes);
        self.touch(id);
    }

    /// Lets a sleeper go that has said goodbye.
    pub(super) fn finish_sleeper(&mut self, now: Instant, id: TorrentId) {
        let Some(sleeper) = self.sleepers.get(id) else { return };
        let Sleep::Stopping { since } = sleeper.sleep else { return };
        if !sleeper.trackers.is_stopped() && now < since + STOP_TIMEOUT {
            return;
        }
        let hashes = sleeper.hashes;
        if let Some(deadline) = sleeper.deadline {
            self.timers.remove(&(deadline, id));
        }
        self.sleepers.remove(id);
        self.announces.forget(id);
        self.events.push_back(Event::Stopped { torrent: id, hashes });
    }
}
