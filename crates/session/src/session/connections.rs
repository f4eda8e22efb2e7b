use std::net::SocketAddr;

use ipfilter::IpFilter;
use peer::{Batch, CloseReason, Order, PeerError, Report, Totals};
use stdx::{ConnId, Instant, PeerId, TorrentId};
use swarm::{Direction, Refusal};

use super::Session;
use crate::Event;
use crate::choker::Candidate;
use crate::config::{MAX_PENDING_PER_ADDRESS, PENDING_GRACE};
use crate::drops::Network;

/// A connection as the session knows it.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) addr: SocketAddr,
    pub(super) stage: Stage,
    /// We opened it.
    outgoing: bool,
    since: Instant,
    peer_id: Option<PeerId>,
    interested: bool,
    /// It has no piece yet.
    empty: bool,
    snubbed: bool,
    totals: Totals,
    /// What it said, for the torrent to hear that it waits for.
    pub(super) waiting: Option<Box<Waiting>>,
}

/// Of a connection whose torrent is not awake yet.
#[derive(Debug)]
pub(super) struct Waiting {
    /// It is told to go then.
    pub(super) until: Instant,
    pub(super) said: Batch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The driver is opening it.
    Opening(TorrentId),
    /// The driver is opening it, in vain: the torrent stopped.
    Unwanted,
    /// It came in and has not said which torrent it wants.
    Nameless,
    /// It came in and waits for its torrent to wake.
    Waking(TorrentId),
    /// Its torrent's mind knows it.
    Open(TorrentId),
    /// It was told to close; its traffic still counts.
    Closing(TorrentId),
    /// It was refused.
    Refused,
}

impl Conn {
    pub(super) fn new(now: Instant, addr: SocketAddr, stage: Stage) -> Self {
        Self {
            addr,
            stage,
            outgoing: matches!(stage, Stage::Opening(_)),
            since: now,
            peer_id: None,
            interested: false,
            empty: true,
            snubbed: false,
            totals: Totals::default(),
            waiting: None,
        }
    }
}

impl Session {
    /// A connection came in. `None`: there are too many, or its address is forbidden; drop it.
    pub fn handle_incoming(&mut self, now: Instant, remote: SocketAddr) -> Option<ConnId> {
        if self.closing || !self.filter.allows(remote.ip()) {
            return None;
        }
        let network = Network::of(remote);
        let pending = |it: &&Conn| it.stage == Stage::Nameless && Network::of(it.addr) == network;
        if self.conns.values().filter(pending).count() >= MAX_PENDING_PER_ADDRESS {
            self.dropped(now, remote, "too many silent connections from its address", false);
            return None;
        }
        if self.conns.len() >= self.config.max_peers {
            self.make_room(now);
            return None;
        }
        let conn = self.new_conn();
        self.conns.insert(conn, Conn::new(now, remote, Stage::Nameless));
        self.make_room(now);
        Some(conn)
    }

    /// Takes another filter in place of the one before, as a whole: who is forbidden is neither
    /// connected to nor let in, and existing connections end.
    pub fn set_filter(&mut self, now: Instant, filter: IpFilter) {
        for torrent in self.torrents.values_mut() {
            torrent.swarm.set_filter(filter.clone());
        }
        for (&conn, it) in self.conns.iter_mut().filter(|(_, it)| !filter.allows(it.addr.ip())) {
            match it.stage {
                Stage::Opening(id) => {
                    // The driver hears that it is not wanted once it is open.
                    it.stage = Stage::Unwanted;
                    if let Some(torrent) = self.torrents.get_mut(&id) {
                        torrent.swarm.handle_closed(now, conn, &CloseReason::Filtered);
                    }
                    continue;
                }
                Stage::Nameless | Stage::Waking(_) => {
                    it.stage = Stage::Refused;
                    if let Some(waiting) = it.waiting.take() {
                        self.patience.remove(&(waiting.until, conn));
                    }
                }
                // Its swarm hears of it when it has closed.
                Stage::Open(_) => {}
                Stage::Unwanted | Stage::Closing(_) | Stage::Refused => continue,
            }
            self.orders.push_back((conn, Order::Close(CloseReason::Filtered)));
        }
        self.filter = filter;
        self.touched.extend(self.torrents.keys());
        self.untended.extend(self.torrents.keys());
        self.pump(now);
    }

    /// A connection that [`poll_connect`](Self::poll_connect) asked for is open. False: it is no
    /// longer wanted; drop it, without calling [`handle_closed`](Self::handle_closed).
    pub fn handle_connected(&mut self, now: Instant, conn: ConnId) -> bool {
        let Some(it) = self.conns.get_mut(&conn) else {
            return false;
        };
        let wanted = match it.stage {
            Stage::Opening(id) => {
                self.opening -= 1;
                it.stage = Stage::Open(id);
                self.touch(id);
                true
            }
            Stage::Unwanted => {
                self.opening -= 1;
                false
            }
            _ => return true,
        };
        if !wanted {
            self.conns.remove(&conn);
        }
        self.pump(now);
        wanted
    }

    /// A connection that [`poll_connect`](Self::poll_connect) asked for could not be opened.
    pub fn handle_connect_failed(&mut self, now: Instant, conn: ConnId) {
        let Some(it) = self.conns.get(&conn) else {
            return;
        };
        let (stage, addr) = (it.stage, it.addr);
        if !matches!(stage, Stage::Opening(_) | Stage::Unwanted) {
            return;
        }
        self.conns.remove(&conn);
        self.opening -= 1;
        if let Stage::Opening(id) = stage
            && let Some(torrent) = self.torrents.get_mut(&id)
        {
            torrent.swarm.handle_connect_failed(now, addr);
            self.touch(id);
        }
        self.pump(now);
    }

    /// Takes what a connection has to say.
    pub fn handle_batch(&mut self, now: Instant, conn: ConnId, batch: Batch) {
        let Some(batch) = self.hear_mirror(now, conn, batch) else {
            return;
        };
        self.note(conn, &batch);
        if self.conns.get(&conn).is_some_and(|it| it.stage == Stage::Nameless) {
            self.welcome(now, conn, &batch);
        }
        if let Some(batch) = self.keep_waiting(now, conn, batch) {
            self.pass_on(now, conn, batch);
        }
    }

    /// Has a connection's torrent hear what it says.
    pub(super) fn pass_on(&mut self, now: Instant, conn: ConnId, batch: Batch) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let (Stage::Open(id) | Stage::Closing(id)) = it.stage else {
            return;
        };
        let Some(torrent) = self.torrents.get_mut(&id) else {
            return;
        };
        meet(&mut torrent.sources, it, &batch.reports);
        torrent.count(now, it.peer_id, it.totals, batch.totals);
        it.totals = batch.totals;
        if it.stage == Stage::Open(id) {
            torrent.swarm.handle_batch(now, conn, batch);
            self.touched.insert(id);
            if torrent.swarm.has_punch() {
                self.untended.insert(id);
            }
            self.pump(now);
        }
    }

    /// A connection has ended, for whatever reason.
    pub fn handle_closed(&mut self, now: Instant, conn: ConnId, reason: &CloseReason) {
        if self.end_mirror(now, conn, reason) {
            return;
        }
        let Some(it) = self.conns.remove(&conn) else {
            return;
        };
        if let Some(waiting) = &it.waiting {
            self.patience.remove(&(waiting.until, conn));
        }
        let banned = it.stage == Stage::Refused && *reason == CloseReason::Banned;
        if banned || is_of_the_peer(reason) {
            self.dropped(now, it.addr, &reason.to_string(), banned);
        }
        match it.stage {
            Stage::Opening(id) => {
                self.opening -= 1;
                if let Some(torrent) = self.torrents.get_mut(&id) {
                    torrent.swarm.handle_connect_failed(now, it.addr);
                }
                self.touch(id);
            }
            Stage::Unwanted => self.opening -= 1,
            Stage::Open(id) => {
                if let Some(torrent) = self.torrents.get_mut(&id) {
                    torrent.swarm.handle_closed(now, conn, reason);
                }
                self.touch(id);
            }
            Stage::Nameless | Stage::Waking(_) | Stage::Closing(_) | Stage::Refused => {}
        }
        self.rechoke |= self.choker.is_unchoked(conn);
        self.pump(now);
    }

    /// With every place taken, tells a connection that is of no use to close: one that does not say
    /// what it wants, else one over which nothing has gone for long. Its place is the next comer's.
    fn make_room(&mut self, now: Instant) {
        let full = self.conns.len() >= self.config.max_peers;
        let leaving = |it: &Conn| matches!(it.stage, Stage::Closing(_) | Stage::Refused);
        if !full || self.conns.values().any(leaving) {
            return;
        }
        let silent = |(_, it): &(&ConnId, &mut Conn)| {
            it.stage == Stage::Nameless && now.since(it.since) >= PENDING_GRACE
        };
        if let Some((&conn, it)) = self.conns.iter_mut().find(silent) {
            it.stage = Stage::Refused;
            self.orders.push_back((conn, Order::Close(CloseReason::Replaced)));
            return;
        }
        let released =
            self.torrents.iter_mut().find_map(|(id, it)| it.swarm.release_idle(now).then_some(*id));
        if let Some(id) = released {
            self.touch(id);
            self.pump(now);
        }
    }

    /// Tells that a peer was dropped, unless that was told often enough.
    pub(super) fn dropped(&mut self, now: Instant, addr: SocketAddr, reason: &str, banned: bool) {
        if let Some(times) = self.drops.count(now, addr, reason) {
            let reason = reason.to_owned();
            self.events.push_back(Event::PeerDropped { addr, reason, banned, times });
        }
    }

    /// What the choker has to know of every open connection.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let candidate = |(&conn, it): (&ConnId, &Conn)| {
            let Stage::Open(id) = it.stage else {
                return None;
            };
            let torrent = self.torrents.get(&id)?;
            Some(Candidate {
                conn,
                interested: it.interested,
                empty: it.empty,
                seeding: torrent.complete.is_some(),
                snubbed: it.snubbed,
                given: it.totals.down_payload,
                taken: it.totals.up_payload,
                piece_length: torrent.piece_length(),
                since: it.since,
            })
        };
        self.conns.iter().filter_map(candidate).collect()
    }

    pub(super) fn new_conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId(self.next_conn)
    }

    /// Notes what the session itself goes by.
    fn note(&mut self, conn: ConnId, batch: &Batch) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let (was, addr) = (it.interested, it.addr);
        let mut outside = None;
        for report in &batch.reports {
            match report {
                Report::Pieces(have) => it.empty = have.ones() == 0,
                Report::Have(_) => it.empty = false,
                Report::Handshake { peer_id, .. } => it.peer_id = Some(*peer_id),
                Report::Interested(interested) => it.interested = *interested,
                Report::Snubbed(snubbed) => it.snubbed = *snubbed,
                Report::Extended(info) => outside = info.your_ip.or(outside),
                Report::Node(address) => {
                    if let Some(finder) = &mut self.finder {
                        finder.add_nodes([*address]);
                    }
                }
                _ => {}
            }
        }
        if was != it.interested {
            let unchoked = self.choker.is_unchoked(conn);
            self.rechoke |= unchoked || (it.interested && self.choker.has_room());
        }
        if let Some(news) = outside.and_then(|ip| self.outside.hear_peer(addr, ip)) {
            self.tell_outside(news);
        }
    }

    /// Finds the torrent that an incoming connection asks for.
    fn welcome(&mut self, now: Instant, conn: ConnId, batch: &Batch) {
        let handshake = batch.reports.iter().find_map(|report| match report {
            Report::Handshake { info_hash, .. } => Some(info_hash),
            _ => None,
        });
        let Some(info_hash) = handshake else { return };
        let Some(id) = self.find(info_hash) else {
            return self.refuse(conn, CloseReason::UnknownTorrent);
        };
        if self.is_asleep(id) {
            self.wait_for(now, conn, id);
        } else {
            self.enter(now, conn, id);
        }
    }

    /// Has a torrent take in a connection that came in.
    pub(super) fn enter(&mut self, now: Instant, conn: ConnId, id: TorrentId) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        let Some(torrent) = self.torrents.get_mut(&id).filter(|torrent| torrent.is_open()) else {
            return self.refuse(conn, CloseReason::Stopped);
        };
        // The swarm welcomes it when it hears of the handshake itself.
        let Err(refusal) = torrent.swarm.admit(now, conn, it.addr, Direction::Incoming) else {
            it.stage = Stage::Open(torrent.id);
            self.untended.insert(torrent.id);
            return;
        };
        let reason = match refusal {
            Refusal::Banned => CloseReason::Banned,
            Refusal::Duplicate => CloseReason::Duplicate,
            Refusal::Full => CloseReason::Limit,
            Refusal::NotRunning => CloseReason::Stopped,
        };
        self.refuse(conn, reason);
    }

    /// Tells a connection that came in to go.
    pub(super) fn refuse(&mut self, conn: ConnId, reason: CloseReason) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        it.stage = Stage::Refused;
        if let Some(waiting) = it.waiting.take() {
            self.patience.remove(&(waiting.until, conn));
        }
        self.orders.push_back((conn, Order::Close(reason)));
    }
}

/// Whether a connection ended by the peer's doing. Of those that a torrent's mind closed it has
/// told itself; who meets itself by way of a tracker does nothing wrong.
fn is_of_the_peer(reason: &CloseReason) -> bool {
    match reason {
        CloseReason::Peer(error) => *error != PeerError::SelfConnection,
        CloseReason::UnknownTorrent => true,
        _ => false,
    }
}

/// Notes who the peer is, for the summary.
fn meet(sources: &mut crate::sources::Sources, it: &Conn, reports: &[Report]) {
    let Some(peer_id) = it.peer_id else { return };
    for report in reports {
        match report {
            Report::Handshake { .. } => {
                sources.meet(peer_id, it.addr);
                if it.outgoing {
                    sources.locate(peer_id, it.addr);
                }
            }
            Report::Extended(info) => {
                sources.describe(peer_id, info.client.as_deref(), info.uplink);
                if let Some(port) = info.listen_port.filter(|_| !it.outgoing) {
                    sources.locate(peer_id, SocketAddr::new(it.addr.ip(), port));
                }
            }
            Report::Pieces(have) => sources.begin(peer_id, have.is_full()),
            _ => {}
        }
    }
}
