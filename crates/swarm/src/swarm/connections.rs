use std::collections::BTreeSet;
use std::net::SocketAddr;

use peer::{CloseReason, Order, PeerError};
use stdx::{ConnId, Duration, Instant};

use super::Swarm;
use crate::conn::Conn;
use crate::trust::Suspect;
use crate::{Direction, Identity, Refusal};

/// Of two connections to one peer from different addresses, one that has stood for so long stays:
/// otherwise whoever learns a peer's id could push it aside.
const SETTLED: Duration = Duration::from_secs(10);

impl Swarm {
    /// Takes a connection in: an outgoing one when [`Self::poll_connect`] named it and its `Peer`
    /// is about to be made, an incoming one when its handshake named this torrent; hand on the
    /// batch with the handshake right after.
    ///
    /// # Errors
    /// When the connection is not wanted; close it. An attempt ends with that.
    pub fn admit(
        &mut self,
        now: Instant,
        conn: ConnId,
        addr: SocketAddr,
        direction: Direction,
    ) -> Result<(), Refusal> {
        let mut verdict = self.may_admit(addr, direction);
        if verdict == Err(Refusal::Full) && self.release_idle(now) {
            verdict = Ok(());
        }
        if verdict.is_err() && direction == Direction::Outgoing {
            self.neighbours.failed(now, addr);
            self.end_punch(addr);
        }
        verdict?;
        let mut it = Conn::new(conn, addr, direction, now);
        it.has_info = self.content.is_some();
        it.told = self.content.as_ref().map_or(0, |content| content.log.len());
        it.told_upload_only = self.is_upload_only();
        self.conns.insert(conn, it);
        Ok(())
    }

    fn may_admit(&self, addr: SocketAddr, direction: Direction) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::NotRunning);
        }
        if self.neighbours.is_banned(addr) {
            return Err(Refusal::Banned);
        }
        // Two connections that are under way at once, one from each side, are told apart by the
        // peer's id when both are through; refusing here might refuse both. A third's word, which
        // the peer acts on in this moment, does not wait for an attempt at another port of it.
        let identity = Identity::of(addr);
        let waits = direction == Direction::Outgoing && !self.is_punch(addr);
        let same = |conn: &Conn| {
            (conn.ready || waits)
                && (Identity::of(conn.addr) == identity || conn.listen == Some(addr))
        };
        if self.conns.values().any(same) {
            return Err(Refusal::Duplicate);
        }
        let full = self.settled_connections() >= self.config.limits.connections;
        if full && direction == Direction::Incoming {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// Notes that a connection is closed.
    pub fn handle_closed(&mut self, now: Instant, conn: ConnId, reason: &CloseReason) {
        if matches!(reason, CloseReason::Peer(PeerError::SelfConnection))
            && let Some(it) = self.conns.get(&conn)
        {
            self.neighbours.set_self(it.addr);
        }
        let offender = match reason {
            CloseReason::Peer(error) if error.is_misbehaviour() => self.conns.get(&conn),
            _ => None,
        };
        let offender = offender.map(|it| [Some(it.addr), it.listen]);
        self.remove(now, conn);
        for addr in offender.into_iter().flatten().flatten() {
            self.neighbours.offended(now, addr);
        }
        self.finish(now);
    }

    /// Notes that an attempt came to nothing.
    pub fn handle_connect_failed(&mut self, now: Instant, addr: SocketAddr) {
        let attempt = |conn: &&Conn| {
            conn.addr == addr && !conn.ready && conn.direction == Direction::Outgoing
        };
        let conn = self.conns.values().find(attempt).map(|conn| conn.id);
        if let Some(conn) = conn {
            self.remove(now, conn);
        }
        self.neighbours.failed(now, addr);
        self.ask_third(now, addr);
    }

    /// The address to connect to next, if it is time for one. Then call [`Self::admit`], or
    /// [`Self::handle_connect_failed`].
    pub fn poll_connect(&mut self, now: Instant) -> Option<SocketAddr> {
        if !self.is_open() {
            return None;
        }
        let connections = self.settled_connections();
        if connections >= self.config.limits.connections {
            return None;
        }
        if let Some(addr) = self.next_punch(now) {
            return Some(addr);
        }
        let conns = self.conns.values();
        let taken: BTreeSet<Identity> = conns
            .flat_map(|conn| [Some(conn.addr), conn.listen])
            .flatten()
            .map(Identity::of)
            .collect();
        let skip_seeds = self.is_upload_only();
        self.neighbours.next(now, connections, skip_seeds, |identity| taken.contains(&identity))
    }

    /// Sets whether a peer may download from us: the choker's word.
    pub fn set_choked(&mut self, now: Instant, conn: ConnId, choked: bool) {
        let Some(it) = self.conns.get_mut(&conn).filter(|it| it.ready) else {
            return;
        };
        if std::mem::replace(&mut it.am_choking, choked) == choked {
            return;
        }
        if choked {
            self.order(conn, Order::Choke);
            let send_once = self.content.as_mut().and_then(|content| content.send_once.as_mut());
            if let Some(send_once) = send_once {
                send_once.choked(now, conn);
            }
        } else {
            // First, so that already the first requests can follow the suggestions.
            self.suggest(now, conn);
            self.order(conn, Order::Unchoke);
        }
    }

    /// Whether connections are made and taken in.
    pub(super) fn is_open(&self) -> bool {
        let fetching = self.metadata.is_some() || !self.awaited.is_empty();
        !self.stopped && (self.content.is_some() || fetching)
    }

    /// Connections that are not mere attempts.
    pub(super) fn settled_connections(&self) -> usize {
        let settled = |conn: &&Conn| conn.ready || conn.direction == Direction::Incoming;
        self.peer_conns().filter(settled).count()
    }

    /// A handshake is through.
    pub(super) fn greet(&mut self, now: Instant, conn: ConnId) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        if it.ready {
            return;
        }
        if it.peer_id == Some(self.config.peer_id) {
            let addr = it.addr;
            self.neighbours.set_self(addr);
            self.close(now, conn, CloseReason::Peer(PeerError::SelfConnection));
            return;
        }
        let addr = it.addr;
        if it.direction == Direction::Outgoing {
            self.neighbours.connected(now, addr, conn);
            self.neighbours.succeeded(addr);
        }
        if !self.settle_duplicates(now, conn) {
            return;
        }
        self.introduce(conn);
    }

    /// Tells a new connection where we stand.
    fn introduce(&mut self, conn: ConnId) {
        let (have, upload_only) = (self.have(), self.is_upload_only());
        let torrent = self.torrent.clone();
        let log = self.content.as_ref().map(|content| &content.log);
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        it.ready = true;
        if it.direction == Direction::Incoming {
            it.told = log.map_or(0, Vec::len);
            it.told_upload_only = upload_only;
            it.has_info = log.is_some();
            self.order(conn, Order::Welcome { torrent, have, upload_only });
            return;
        }
        if !it.has_info && log.is_some() {
            self.publish_metadata();
        } else if let Some(log) = log {
            let new = log.get(it.told..).unwrap_or_default().to_vec();
            it.told = log.len();
            for piece in new {
                self.order(conn, Order::Have(piece));
            }
        }
        self.tell_upload_only(conn);
    }

    /// Gives the metadata to connections that were made without.
    pub(super) fn publish_metadata(&mut self) {
        let have = self.have();
        let Some(content) = &self.content else { return };
        let told = content.log.len();
        let fresh = self.conns.values_mut().filter(|conn| conn.ready && !conn.has_info);
        for conn in fresh {
            (conn.has_info, conn.told) = (true, told);
            let (torrent, have) = (self.torrent.clone(), have.clone());
            self.orders.push_back((conn.id, Order::Metadata { torrent, have }));
        }
    }

    pub(super) fn tell_upload_only(&mut self, conn: ConnId) {
        let upload_only = self.is_upload_only();
        let Some(it) = self.conns.get_mut(&conn).filter(|it| it.ready) else {
            return;
        };
        if std::mem::replace(&mut it.told_upload_only, upload_only) != upload_only {
            self.order(conn, Order::UploadOnly(upload_only));
        }
    }

    /// Ends all but one of the connections to a peer. Returns whether `new` is the one that stays.
    ///
    /// Both ends must come to the same result. Of connections opened from both sides, the one that
    /// the lower peer id opened stays. Of several opened from one side, that side alone chooses.
    fn settle_duplicates(&mut self, now: Instant, new: ConnId) -> bool {
        let ours = self.config.peer_id;
        let Some(it) = self.conns.get(&new) else {
            return false;
        };
        let (direction, addr, peer_id, listen) = (it.direction, it.addr, it.peer_id, it.listen);
        let Some(theirs) = peer_id else { return true };
        let same = |conn: &&Conn| conn.id != new && conn.ready && conn.peer_id == peer_id;
        let others: Vec<Conn> = self.conns.values().filter(same).cloned().collect();
        for old in others {
            let stays = if old.direction == direction {
                if direction == Direction::Incoming {
                    continue;
                }
                old.id
            } else if old.addr.ip() != addr.ip() && now.since(old.since) >= SETTLED {
                old.id
            } else {
                let we_opened = direction == Direction::Outgoing;
                if we_opened == (ours < theirs) { new } else { old.id }
            };
            let goes = if stays == new { old.id } else { new };
            self.close(now, goes, CloseReason::Duplicate);
            // What the other one taught about where the peer listens is worth keeping.
            if let Some(listen) = listen.or(old.listen) {
                if let Some(it) = self.conns.get_mut(&stays) {
                    it.listen.get_or_insert(listen);
                }
                self.neighbours.connected(now, listen, stays);
            }
            if stays != new {
                return false;
            }
        }
        true
    }

    /// Ends a connection over which neither side can get anything.
    pub(super) fn close_if_redundant(&mut self, now: Instant, conn: ConnId) {
        let Some(it) = self.conns.get(&conn) else {
            return;
        };
        let known = it.have.is_some() && it.ready;
        let gives = it.is_mirror || it.is_seed() || it.info.upload_only;
        if known && self.is_upload_only() && gives {
            for addr in [Some(it.addr), it.listen].into_iter().flatten() {
                self.neighbours.set_seed(addr, true);
            }
            self.close(now, conn, CloseReason::Redundant);
        }
    }

    /// Tells a connection to end, and goes on as if it had.
    pub(super) fn close(&mut self, now: Instant, conn: ConnId, reason: CloseReason) {
        self.order(conn, Order::Close(reason));
        self.remove(now, conn);
    }

    fn remove(&mut self, now: Instant, conn: ConnId) {
        self.release_all(conn);
        let Some(it) = self.conns.remove(&conn) else {
            return;
        };
        self.freed = true;
        self.end_punch(it.addr);
        let useful = it.totals.down_payload + it.totals.up_payload > 0;
        self.neighbours.failed(now, it.addr);
        for addr in [Some(it.addr), it.listen].into_iter().flatten() {
            self.neighbours.closed(now, addr, conn, useful);
        }
        if let Some(fetch) = &mut self.metadata {
            fetch.closed(conn);
        }
        self.layers.closed(conn);
        let Some(content) = &mut self.content else {
            return;
        };
        if let Some(have) = it.have.as_ref().filter(|_| !it.is_mirror) {
            content.picker.peer_left(have);
        }
        if let Some(send_once) = &mut content.send_once {
            send_once.closed(conn);
        }
        self.trust.closed(conn, Suspect { addr: it.addr, listen: it.listen });
    }
}
