//! What peers and trackers say and do.

use std::net::SocketAddr;

use announce::{AnnounceResponse, Failure};
use hash::{Sha1Digest, Sha256Digest};
use metainfo::merkle::HashRange;
use peer::{CloseReason, ExtendedInfo, Order, Report};
use stdx::{Bitfield, BlockRange, Buf, ConnId, Duration, PeerId};
use swarm::Identity;
use wire::{HashRequest, Pex, PexPeer};

use super::link::Link;
use super::{World, addr};

/// The unit in which metadata is transferred (BEP 9).
const METADATA_PIECE: usize = 16 * 1024;

impl World {
    pub(super) fn incoming(&mut self, addr: SocketAddr, how: u8) {
        let Some(conn) = self.session.handle_incoming(self.now, addr) else {
            return;
        };
        let shelf = usize::from(how % 3);
        let mut link = Link::new(addr, shelf, how);
        link.have = Bitfield::new(self.shelves[shelf].pieces());
        assert!(self.links.insert(conn, link).is_none());
        let mut hashes = self.shelves[shelf].source.hashes().handshake_hashes();
        let hash = if how & 4 == 0 { hashes.next() } else { hashes.last() };
        // Some say nothing at all, and some name what is not here.
        if how < 0xf0 {
            let hash = hash.filter(|_| how < 0xe8).unwrap_or(Sha1Digest([how; 20]));
            self.greet(conn, hash, how);
        }
    }

    /// How an attempt to connect ended.
    pub(super) fn opened(&mut self, which: u8, how: u8) {
        let some = self.opening.len().max(1);
        let Some(&conn) = self.opening.keys().nth(usize::from(which) % some) else {
            return;
        };
        let Some(connect) = self.opening.remove(&conn) else {
            return;
        };
        if how & 3 == 3 {
            return self.session.handle_connect_failed(self.now, conn);
        }
        if !self.session.handle_connected(self.now, conn) {
            return;
        }
        let hashes = connect.torrent.hashes;
        let shelf = self.shelves.iter().position(|it| it.source.hashes() == hashes);
        let shelf = shelf.expect("a torrent that was added");
        let mut link = Link::new(connect.addr, shelf, how);
        link.have = Bitfield::new(self.shelves[shelf].pieces());
        (link.welcome, link.info) = (true, connect.torrent.info.is_some());
        assert!(self.links.insert(conn, link).is_none());
        let hash = hashes.handshake_hashes().next().expect("every torrent has one");
        self.greet(conn, hash, how);
    }

    fn greet(&mut self, conn: ConnId, info_hash: Sha1Digest, how: u8) {
        // Some pretend to be one and the same, or to be us.
        let mut peer_id = PeerId([how; 20]);
        if how & 0x10 == 0 {
            peer_id.0[..8].copy_from_slice(&conn.0.to_be_bytes());
        }
        let (fast, v2) = (how & 4 == 0, how & 8 == 0);
        let hello = Report::Handshake { info_hash, peer_id, fast, extended: true, v2 };
        self.batch(conn, vec![hello]);
    }

    pub(super) fn close(&mut self, conn: ConnId, reason: &CloseReason) {
        if self.links.remove(&conn).is_some() {
            self.session.handle_closed(self.now, conn, reason);
        }
    }

    pub(super) fn batch(&mut self, conn: ConnId, reports: Vec<Report>) {
        if let Some(link) = self.links.get(&conn) {
            self.session.handle_batch(self.now, conn, link.batch(reports));
        }
    }

    /// Reports something, if the connection is that far.
    pub(super) fn say(&mut self, conn: ConnId, report: Report) {
        if self.links.get(&conn).is_some_and(|link| link.welcome) {
            self.batch(conn, vec![report]);
        }
    }

    /// Reports all that it has: once, and before any other piece.
    pub(super) fn say_pieces(&mut self, conn: ConnId, bits: u8) {
        let Some(link) = self.links.get_mut(&conn).filter(|it| it.info && !it.told) else {
            return;
        };
        link.told = true;
        for piece in (0..link.have.len()).filter(|piece| bits & 1 << (piece % 8) != 0) {
            link.have.set(piece);
        }
        let report = Report::Pieces(link.have.clone());
        self.say(conn, report);
    }

    pub(super) fn say_piece(&mut self, conn: ConnId, report: Report) {
        let Some(link) = self.links.get_mut(&conn).filter(|it| it.info) else {
            return;
        };
        link.told = true;
        match report {
            Report::Have(piece) if piece.0 < link.have.len() => drop(link.have.set(piece.0)),
            Report::Lost(piece) if piece.0 < link.have.len() => drop(link.have.clear(piece.0)),
            _ => {}
        }
        self.say(conn, report);
    }

    pub(super) fn say_interested(&mut self, conn: ConnId, interested: bool) {
        let Some(link) = self.links.get_mut(&conn).filter(|it| it.welcome) else {
            return;
        };
        link.interested = interested;
        self.say(conn, Report::Interested(interested));
    }

    pub(super) fn extended(&mut self, conn: ConnId, b: u8) {
        let Some(link) = self.links.get(&conn) else {
            return;
        };
        if b & 8 != 0 {
            let peer = |at| PexPeer { address: addr(at), flags: b };
            let added = (0..b >> 4).map(peer).collect();
            return self.say(conn, Report::Pex(Pex { added, dropped: Vec::new() }));
        }
        let size = self.shelves[link.shelf].source.info().raw().len() as u64;
        let info = ExtendedInfo {
            client: Some("Fuzzer".to_owned()),
            metadata_size: Some(if b >= 0xc0 { u64::from(b) << (b % 32) } else { size }),
            supports_metadata: b & 2 == 0,
            supports_pex: b & 2 == 0,
            upload_only: b & 4 != 0,
            listen_port: (b & 1 != 0).then_some(7_000 + u16::from(b >> 4)),
            uplink: Some(u64::from(b)),
            ..ExtendedInfo::default()
        };
        self.say(conn, Report::Extended(info));
    }

    /// Somebody downloads from us.
    pub(super) fn take(&mut self, conn: ConnId, b: u8) {
        if let Some(link) = self.links.get_mut(&conn).filter(|link| link.unchoked) {
            link.totals.up_payload += u64::from(b) * 1_000;
            self.batch(conn, Vec::new());
        }
    }

    pub(super) fn deliver(&mut self, conn: ConnId, which: usize, right: bool) {
        let allowed = self.session.reading_allowed();
        let Some(link) = self.links.get_mut(&conn).filter(|_| allowed) else {
            return;
        };
        let some = link.open.len().max(1);
        let Some(range) = link.open.iter().nth(which % some).copied() else {
            return;
        };
        link.open.remove(&range);
        self.send(conn, range, right);
    }

    /// A block that was no longer asked for.
    pub(super) fn deliver_late(&mut self, conn: ConnId) {
        self.obey(conn);
        let allowed = self.session.reading_allowed();
        let link = self.links.get_mut(&conn).filter(|_| allowed);
        if let Some(range) = link.and_then(|link| link.late.pop_first()) {
            self.send(conn, range, true);
        }
    }

    fn send(&mut self, conn: ConnId, range: BlockRange, right: bool) {
        let Some(link) = self.links.get_mut(&conn) else {
            return;
        };
        let source = self.shelves[link.shelf].source;
        let mut bytes = source.read(range.piece, range.begin, range.length).to_vec();
        if let (false, Some(first)) = (right, bytes.first_mut()) {
            *first ^= 1;
            self.liars.insert(Identity::of(link.addr));
        }
        link.totals.down_payload += bytes.len() as u64;
        self.batch(conn, vec![Report::Block { range, data: Buf::copy_of(&bytes) }]);
    }

    pub(super) fn reject(&mut self, conn: ConnId, which: usize) {
        let Some(link) = self.links.get_mut(&conn) else {
            return;
        };
        let some = link.open.len().max(1);
        let ranges: Vec<_> = link.open.iter().skip(which % some).take(3).copied().collect();
        link.open.retain(|range| !ranges.contains(range));
        self.say(conn, Report::Rejected(ranges));
    }

    /// A connection gets to what it was told.
    pub(super) fn obey(&mut self, conn: ConnId) {
        loop {
            let Some(link) = self.links.get_mut(&conn) else {
                return;
            };
            let Some(order) = link.inbox.pop_front() else {
                return;
            };
            match order {
                Order::Welcome { torrent, .. } => {
                    assert!(!std::mem::replace(&mut link.welcome, true), "welcome twice");
                    link.info = torrent.info.is_some();
                }
                Order::Metadata { .. } => {
                    assert!(!std::mem::replace(&mut link.info, true), "it knows");
                }
                Order::Request(ranges) => {
                    let refused = link.request(ranges);
                    if !refused.is_empty() {
                        self.say(conn, Report::Rejected(refused));
                    }
                }
                Order::Cancel(ranges) => link.cancel(&ranges),
                Order::RequestMetadata(piece) => self.give_metadata(conn, piece),
                Order::RequestHashes(request) => self.give_hashes(conn, request),
                Order::Close(reason) => self.close(conn, &reason),
                _ => {}
            }
        }
    }

    fn give_metadata(&mut self, conn: ConnId, piece: u32) {
        let link = &self.links[&conn];
        let raw = self.shelves[link.shelf].source.info().raw();
        let from = piece as usize * METADATA_PIECE;
        let mut data = raw.iter().skip(from).take(METADATA_PIECE).copied().collect::<Vec<_>>();
        let report = match link.limit % 4 {
            2 => Report::MetadataRejected(piece),
            3 => {
                self.liars.insert(Identity::of(link.addr));
                data = vec![1; data.len()];
                Report::Metadata { piece, data }
            }
            _ => Report::Metadata { piece, data },
        };
        self.say(conn, report);
    }

    fn give_hashes(&mut self, conn: ConnId, request: HashRequest) {
        let link = &self.links[&conn];
        let range = HashRange {
            base_layer: request.base_layer,
            index: request.index,
            length: request.length,
            proof_layers: request.proof_layers,
        };
        let layer = self.shelves[link.shelf].source.layers().get(&request.root);
        let hashes = layer.and_then(|layer| layer.answer(range));
        let mut hashes = hashes.expect("a request for what there is");
        if link.limit % 4 == 2 {
            return self.say(conn, Report::HashesRejected(request));
        }
        if link.limit % 4 == 3 {
            self.liars.insert(Identity::of(link.addr));
            hashes = vec![Sha256Digest([1; 32]); hashes.len()];
        }
        self.say(conn, Report::Hashes(request, hashes));
    }

    pub(super) fn answer_announce(&mut self, which: usize, b: u8) {
        if self.announces.is_empty() {
            return;
        }
        let announce = self.announces.swap_remove(which % self.announces.len());
        let answer = AnnounceResponse {
            interval: Duration::from_secs(u64::from(b)),
            peers: (0..b % 16).map(addr).collect(),
            warning: (b & 0x20 != 0).then(|| "beware".to_owned()),
            ..AnnounceResponse::default()
        };
        let result = if b < 0xc0 { Ok(answer) } else { Err(Failure::new(b"no")) };
        self.session.handle_announce(self.now, announce.id, result);
    }
}
