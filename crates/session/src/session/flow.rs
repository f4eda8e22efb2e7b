//! What flows between the torrents' minds, the cache, the choker and the outside.

use std::sync::Arc;

use cache::Event as CacheEvent;
use peer::Order;
use stdx::{ConnId, Duration, Instant, TorrentId};
use swarm::{Direction, Event as SwarmEvent, Swarm, Verdict};

use super::connections::{Conn, Stage};
use super::{Connect, Session};
use crate::asleep::Sleep;
use crate::config::{MAX_OPENING, STOP_TIMEOUT};
use crate::torrent::{Phase, Torrent};
use crate::trackers::Trackers;
use crate::{Event, TorrentError};

/// A torrent whose wish cannot be granted now (no connection is free) is looked at again after
/// this time.
const PATIENCE: Duration = Duration::from_millis(200);

impl Session {
    /// Lets everything settle: what one part says is heard by the others until nothing is left.
    pub(super) fn pump(&mut self, now: Instant) {
        loop {
            while let Some(id) = self.touched.pop_first() {
                self.drain_torrent(now, id);
            }
            while let Some(event) = self.cache.poll_event() {
                self.take_cache_event(now, event);
            }
            self.press(now);
            self.choke(now);
            if self.touched.is_empty() {
                break;
            }
        }
        let untended = std::mem::take(&mut self.untended);
        for id in &untended {
            self.find_peers(now, *id);
            self.announce(now, *id);
            self.ask_mirrors(now, *id);
            self.tell_neighbours(now, *id);
            self.finish(now, *id);
            self.fall_asleep(now, *id);
        }
        self.connecting.extend(&untended);
        self.connect(now);
        for id in untended {
            self.set_timer(now, id);
        }
        self.give_turns(now);
    }

    fn drain_torrent(&mut self, now: Instant, id: TorrentId) {
        let Some(torrent) = self.torrents.get_mut(&id) else {
            return;
        };
        if torrent.is_stopping() {
            return;
        }
        while let Some((range, data)) = torrent.swarm.poll_store() {
            self.cache.store(now, id, range, data);
        }
        while let Some((conn, order)) = torrent.swarm.poll_order() {
            if let (Order::Close(_), Some(it)) = (&order, self.conns.get_mut(&conn)) {
                if it.stage == Stage::Opening(id) {
                    // The driver hears that it is not wanted once it is open.
                    it.stage = Stage::Unwanted;
                    continue;
                }
                it.stage = Stage::Closing(id);
                self.rechoke |= self.choker.is_unchoked(conn);
            }
            self.orders.push_back((conn, order));
        }
        while let Some(event) = self.torrents.get_mut(&id).and_then(|it| it.swarm.poll_event()) {
            self.take_swarm_event(now, id, event);
        }
    }

    fn take_swarm_event(&mut self, now: Instant, torrent: TorrentId, event: SwarmEvent) {
        match event {
            SwarmEvent::MetadataReady(info) => self.learn(torrent, info),
            SwarmEvent::PieceDone(piece) => {
                self.events.push_back(Event::PieceDone { torrent, piece });
            }
            SwarmEvent::PieceFailed(piece) => {
                self.events.push_back(Event::PieceFailed { torrent, piece });
            }
            SwarmEvent::LayerReady => self.events.push_back(Event::LayerReady { torrent }),
            SwarmEvent::LayersReady => self.check_again(torrent),
            SwarmEvent::Trouble(conn, message) => self.trouble(torrent, conn, message),
            SwarmEvent::Banned(addr, offence) if let Some(at) = Swarm::mirror_at(addr) => {
                self.leave_out(torrent, at.into(), offence.to_string(), true);
            }
            SwarmEvent::Banned(addr, offence) => {
                self.events.push_back(Event::PeerBanned { torrent, addr, offence });
                self.dropped(now, addr, &offence.to_string(), true);
            }
            SwarmEvent::Complete => self.complete(now, torrent),
            SwarmEvent::BadTorrent(message) => {
                self.fail(now, torrent, TorrentError::Inconsistent(message));
            }
        }
    }

    fn complete(&mut self, now: Instant, id: TorrentId) {
        let Some(torrent) = self.torrents.get_mut(&id) else {
            return;
        };
        torrent.complete = Some(now);
        self.untended.insert(id);
        if torrent.swarm.have().is_full() && torrent.downloaded > 0 {
            torrent.trackers.handle_completed(now);
        }
        self.rechoke = true;
        self.events.push_back(Event::Complete { torrent: id });
    }

    fn fail(&mut self, now: Instant, id: TorrentId, error: TorrentError) {
        let Some(torrent) = self.torrents.get_mut(&id) else {
            return;
        };
        torrent.failed = true;
        torrent.swarm.set_paused(now, true);
        self.touch(id);
        self.events.push_back(Event::Failed { torrent: id, error });
    }

    fn take_cache_event(&mut self, now: Instant, event: CacheEvent) {
        match event {
            CacheEvent::Hashed { torrent: id, piece, digests } => {
                let Some(torrent) = self.torrents.get_mut(&id) else {
                    return;
                };
                let verdict = torrent.swarm.handle_hashed(now, piece, digests.sha1, digests.root);
                self.cache.verdict(now, id, piece, verdict == Verdict::Good);
                self.touched.insert(id);
            }
            CacheEvent::Blocks { torrent: id, piece, digests } => {
                self.tell(id, |swarm| swarm.handle_block_digests(now, piece, &digests));
            }
            CacheEvent::Written { torrent: id, piece } => {
                self.tell(id, |swarm| swarm.handle_written(now, piece));
            }
            CacheEvent::Forgotten { torrent: id, piece } => {
                self.tell(id, |swarm| swarm.handle_forgotten(now, piece));
                self.rechoke |= self.torrents.get_mut(&id).is_some_and(Torrent::note_lack);
            }
            CacheEvent::Durable { torrent, pieces } => {
                self.events.push_back(Event::Durable { torrent, pieces });
            }
            CacheEvent::Flushed { torrent: id } => {
                if let Some(torrent) = self.torrents.get_mut(&id)
                    && let Phase::Stopping { flushed, .. } = &mut torrent.phase
                {
                    *flushed = true;
                    self.touch(id);
                }
            }
            CacheEvent::Failed { torrent, fault } => self.fail(now, torrent, fault.into()),
        }
    }

    fn tell(&mut self, id: TorrentId, tell: impl FnOnce(&mut Swarm)) {
        if let Some(torrent) = self.torrents.get_mut(&id) {
            tell(&mut torrent.swarm);
            self.touched.insert(id);
        }
    }

    /// Passes the cache's pressure on: while it is full, nothing more is asked for.
    fn press(&mut self, now: Instant) {
        if self.paused == self.cache.is_full() {
            return;
        }
        self.paused = !self.paused;
        for (id, torrent) in &mut self.torrents {
            if torrent.phase == Phase::Running && !torrent.failed {
                torrent.swarm.set_paused(now, self.paused);
                self.touched.insert(*id);
            }
        }
    }

    fn choke(&mut self, now: Instant) {
        if !std::mem::take(&mut self.rechoke) {
            return;
        }
        for decision in self.choker.rechoke(now, &self.candidates()) {
            let Some(Conn { stage: Stage::Open(id), .. }) = self.conns.get(&decision.conn) else {
                continue;
            };
            let id = *id;
            self.tell(id, |swarm| {
                swarm.set_choked(now, decision.conn, decision.choke);
            });
        }
    }

    /// Has done what a torrent wants of the DHT.
    fn find_peers(&mut self, now: Instant, id: TorrentId) {
        let (wish, finding) = if let Some(torrent) = self.torrents.get_mut(&id) {
            torrent.look(now);
            (torrent.wish(), &mut torrent.finding)
        } else if let Some(sleeper) = self.sleepers.get_mut(id) {
            (sleeper.wish(), &mut sleeper.finding)
        } else {
            return;
        };
        if let Some(finder) = &mut self.finder {
            finding.tend(now, &wish, finder);
        }
    }

    /// Lets a torrent go that has said goodbye.
    fn finish(&mut self, now: Instant, id: TorrentId) {
        let Some(torrent) = self.torrents.get(&id) else {
            return self.finish_sleeper(now, id);
        };
        let Phase::Stopping { since, flushed } = torrent.phase else {
            return;
        };
        let said = torrent.trackers.is_stopped() || now >= since + STOP_TIMEOUT;
        // After a sync that failed, one more may be under way although the fence has given up:
        // it is waited for, so that the record is at rest when the torrent is gone.
        if flushed && said && !self.cache.is_busy(id) {
            if let Some(deadline) = torrent.deadline {
                self.timers.remove(&(deadline, id));
            }
            let hashes = torrent.hashes();
            self.torrents.remove(&id);
            self.announces.forget(id);
            self.cache.remove_torrent(id);
            self.events.push_back(Event::Stopped { torrent: id, hashes });
        }
    }

    /// Gives out free connections, one to each torrent in turn.
    fn connect(&mut self, now: Instant) {
        while self.conns.len() < self.config.max_peers && self.opening < MAX_OPENING {
            let after = TorrentId(self.connected.0.saturating_add(1));
            let next = self.connecting.range(after..).next().or(self.connecting.first());
            let Some(&id) = next else { return };
            self.connected = id;
            let torrent = self.torrents.get_mut(&id).filter(|it| it.is_open());
            let Some((torrent, addr)) =
                torrent.and_then(|it| it.swarm.poll_connect(now).map(|addr| (it, addr)))
            else {
                self.connecting.remove(&id);
                continue;
            };
            // Told to its swarm now, not when it is open: what changes until then is announced
            // as soon as it is.
            self.next_conn += 1;
            let conn = ConnId(self.next_conn);
            if torrent.swarm.admit(now, conn, addr, Direction::Outgoing).is_err() {
                continue;
            }
            self.connects.push_back(Connect {
                conn,
                addr,
                torrent: Arc::clone(torrent.swarm.torrent()),
                have: torrent.swarm.have(),
                upload_only: torrent.swarm.is_upload_only(),
                punch: torrent.swarm.is_punch(addr),
            });
            self.conns.insert(conn, Conn::new(now, addr, Stage::Opening(id)));
            self.opening += 1;
        }
    }

    pub(super) fn set_timer(&mut self, now: Instant, id: TorrentId) {
        let due = self.due(id).map(|at| if at <= now { now + PATIENCE } else { at });
        let torrent = self.torrents.get_mut(&id).map(|it| &mut it.deadline);
        let deadline = torrent.or_else(|| self.sleepers.get_mut(id).map(|it| &mut it.deadline));
        let Some(deadline) = deadline.filter(|it| **it != due) else {
            return;
        };
        if let Some(old) = std::mem::replace(deadline, due) {
            self.timers.remove(&(old, id));
        }
        self.timers.extend(due.map(|at| (at, id)));
    }

    /// When a torrent needs a look.
    fn due(&self, id: TorrentId) -> Option<Instant> {
        // Whoever waits for a turn is given it when there is room.
        let announce = self.trackers_of(id).filter(|_| !self.announces.is_waiting(id));
        let announce = announce.and_then(Trackers::poll_timeout);
        let Some(torrent) = self.torrents.get(&id) else {
            return match self.sleepers.get(id)?.sleep {
                Sleep::Stopping { since } => Some(since + STOP_TIMEOUT),
                _ => announce,
            };
        };
        if let Phase::Stopping { since, .. } = torrent.phase {
            return Some(since + STOP_TIMEOUT);
        }
        let others = [torrent.swarm.poll_timeout(), torrent.finding.poll_timeout()];
        let more = [self.mirrors_due(id), torrent.bedtime(), announce];
        others.into_iter().chain(more).flatten().min()
    }
}
