use std::net::SocketAddr;

use metainfo::Version;
use peer::{Batch, CloseReason, ExtendedInfo, Order, Report};
use stdx::{Bitfield, ConnId, Instant, PieceIndex};

use super::Swarm;
use crate::{Direction, Event};

impl Swarm {
    pub(super) fn take_batch(&mut self, now: Instant, conn: ConnId, batch: Batch) {
        for report in batch.reports {
            // Any of them may end the connection.
            if !self.conns.contains_key(&conn) {
                return;
            }
            self.take_report(now, conn, report);
        }
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        it.set_totals(now, batch.totals);
        it.set_want(batch.want, batch.taken);
        self.refill(now, conn);
    }

    fn take_report(&mut self, now: Instant, conn: ConnId, report: Report) {
        match report {
            Report::Handshake { info_hash, peer_id, fast, v2, .. } => {
                let v2 = v2 || self.hashes().version_of(&info_hash) == Some(Version::V2);
                if let Some(it) = self.conns.get_mut(&conn) {
                    (it.peer_id, it.fast, it.v2) = (Some(peer_id), fast, v2);
                }
                self.greet(now, conn);
            }
            Report::Extended(info) => self.take_extended(now, conn, info),
            Report::Pieces(have) => self.take_pieces(now, conn, have),
            Report::Have(piece) => self.take_have(now, conn, piece),
            Report::Lost(piece) => self.take_lost(conn, piece),
            Report::Interested(interested) => {
                self.update(conn, |it| it.interested = interested);
                self.suggest(now, conn);
            }
            Report::Choked => {
                self.update(conn, |it| it.choked = true);
                self.disown(conn);
            }
            Report::Unchoked => self.update(conn, |it| {
                it.choked = false;
                it.hold_until = now;
            }),
            Report::Block { range, data } => self.take_block(now, conn, range, data),
            Report::Rejected(ranges) => self.take_rejects(now, conn, &ranges),
            Report::AllowedFast(piece) => self.update(conn, |it| it.allow(piece)),
            Report::Suggested(piece) => self.update(conn, |it| it.suggest(piece)),
            Report::Snubbed(snubbed) => {
                self.update(conn, |it| it.snubbed = snubbed);
                if snubbed {
                    self.disown(conn);
                }
            }
            Report::Metadata { piece, data } => self.take_metadata(now, conn, piece, data),
            Report::MetadataRejected(piece) => {
                if let Some(fetch) = &mut self.metadata {
                    fetch.rejected(now, conn, piece);
                }
            }
            Report::HashRequest(request) => self.serve_hashes(conn, request),
            Report::Hashes(request, hashes) => self.take_hashes(now, conn, &request, &hashes),
            Report::HashesRejected(request) => {
                self.layers.rejected(now, conn, &request);
            }
            Report::Holepunch(message) => self.take_holepunch(now, conn, message),
            Report::Pex(pex) => self.take_pex(now, conn, pex),
            Report::Carried(carrier) => self.update(conn, |it| it.carrier = carrier),
            // Whoever has a node of the DHT takes these.
            Report::Node(_) => {}
            Report::InOrder => self.update(conn, |it| {
                (it.in_order, it.last_given) = (it.is_mirror, None);
            }),
            Report::Trouble(text) => self.events.push_back(Event::Trouble(conn, text)),
        }
    }

    fn update(&mut self, conn: ConnId, change: impl FnOnce(&mut super::Conn)) {
        if let Some(it) = self.conns.get_mut(&conn) {
            change(it);
        }
    }

    fn take_extended(&mut self, now: Instant, conn: ConnId, info: ExtendedInfo) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let size = info.metadata_size.filter(|_| info.supports_metadata);
        if let Some(fetch) = &mut self.metadata
            && let Some(size) = size.and_then(|size| u32::try_from(size).ok())
        {
            fetch.offered(now, conn, size);
        }
        if let (Direction::Incoming, Some(port)) = (it.direction, info.listen_port) {
            let listen = SocketAddr::new(it.addr.ip(), port);
            it.listen = Some(listen);
            if self.neighbours.is_banned(listen) {
                self.close(now, conn, CloseReason::Banned);
                return;
            }
            self.neighbours.connected(now, listen, conn);
        }
        it.info = info;
        self.close_if_redundant(now, conn);
    }

    fn take_pieces(&mut self, now: Instant, conn: ConnId, have: Bitfield) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let Some(content) = &mut self.content else {
            return;
        };
        if have.len() != content.picker.have().len() {
            return;
        }
        let old = it.have.take();
        if !it.is_mirror {
            content.picker.peer_joined(&have);
            if let Some(old) = old {
                content.picker.peer_left(&old);
            }
        }
        it.useful_pieces = content.useful(&have);
        it.have = Some(have);
        self.after_pieces(now, conn);
    }

    fn take_have(&mut self, now: Instant, conn: ConnId, piece: PieceIndex) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let Some(content) = &mut self.content else {
            return;
        };
        let pieces = content.picker.have().len();
        // Without a bitfield the peer had nothing (BEP 3).
        if it.have.is_none() {
            let none = Bitfield::new(pieces);
            content.picker.peer_joined(&none);
            it.have = Some(none);
        }
        let Some(have) = &mut it.have else { return };
        if piece.0 >= pieces || !have.set(piece.0) {
            return;
        }
        it.active = now;
        content.picker.peer_gained(have, piece);
        it.useful_pieces += u32::from(content.wanted.get(piece.0));
        let is_out = self.config.tactics.send_once
            && content.picker.seeds() == 1
            && content.picker.copies_beside_seeds(piece) == 1;
        if it.is_seed() {
            self.after_pieces(now, conn);
        } else {
            self.update_interest(conn);
            self.suggest(now, conn);
        }
        if is_out {
            self.spare_the_seed(piece);
        }
    }

    fn take_lost(&mut self, conn: ConnId, piece: PieceIndex) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let Some(content) = &mut self.content else {
            return;
        };
        let Some(have) = &mut it.have else { return };
        if piece.0 >= have.len() || !have.clear(piece.0) {
            return;
        }
        content.picker.peer_lost(have, piece);
        if content.wanted.get(piece.0) {
            it.useful_pieces = it.useful_pieces.saturating_sub(1);
        }
        self.update_interest(conn);
    }

    fn after_pieces(&mut self, now: Instant, conn: ConnId) {
        if let Some(it) = self.conns.get(&conn) {
            let seed = it.is_seed();
            for addr in [Some(it.addr), it.listen].into_iter().flatten() {
                self.neighbours.set_seed(addr, seed);
            }
        }
        self.update_interest(conn);
        self.close_if_redundant(now, conn);
    }

    /// Tells a peer whether we want something of it, when that changed.
    pub(super) fn update_interest(&mut self, conn: ConnId) {
        let Some(it) = self.conns.get_mut(&conn).filter(|it| it.ready) else {
            return;
        };
        let interested = it.useful_pieces > 0;
        if std::mem::replace(&mut it.am_interested, interested) != interested {
            self.order(conn, Order::Interested(interested));
        }
    }
}
