use std::net::SocketAddr;
use std::sync::Arc;

use hash::Sha256Digest;
use metainfo::PieceLayers;
use peer::{Order, Torrent};
use stdx::{ConnId, Instant, PieceIndex};
use wire::HashRequest;

use super::Swarm;
use crate::conn::Conn;
use crate::layers::Layers;
use crate::metadata::Outcome;
use crate::{Event, Offence};

impl Swarm {
    pub(super) fn request_metadata(&mut self, now: Instant) {
        let Some(fetch) = &mut self.metadata else {
            return;
        };
        if self.stopped {
            return;
        }
        for (conn, piece) in fetch.requests(now) {
            self.order(conn, Order::RequestMetadata(piece));
        }
    }

    pub(super) fn take_metadata(&mut self, now: Instant, conn: ConnId, piece: u32, data: Vec<u8>) {
        let Some(fetch) = &mut self.metadata else {
            return;
        };
        match fetch.received(now, conn, piece, data) {
            Outcome::Continue => {}
            Outcome::Done(info) => {
                self.metadata = None;
                self.torrent = Arc::new(Torrent {
                    id: self.torrent.id,
                    hashes: info.hashes(),
                    private: info.is_private(),
                    info: None,
                });
                if info.is_private() {
                    self.neighbours.shun_hearsay();
                }
                self.layers = Layers::new(&info, PieceLayers::default());
                self.info = Some(info.clone());
                self.events.push_back(Event::MetadataReady(info));
            }
            Outcome::Wrong(blamed) => {
                let addr = |conn: &ConnId| self.conns.get(conn).map(|it| it.addr);
                let blamed: Vec<SocketAddr> = blamed.iter().filter_map(addr).collect();
                for addr in blamed {
                    self.ban(now, addr, Offence::Metadata);
                }
            }
            Outcome::Unusable(why) => {
                self.metadata = None;
                self.bad_torrent(now, why);
            }
        }
    }

    pub(super) fn request_hashes(&mut self, now: Instant) {
        let started = self.content.is_some();
        if self.stopped || !self.layers.is_fetching() || !started && self.awaited.is_empty() {
            return;
        }
        let Some(info) = self.info.clone() else {
            return;
        };
        // Before the start it is not known who has what; whoever has nothing says so.
        let has_some = |conn: &Conn| conn.have.as_ref().is_some_and(|have| have.ones() > 0);
        let able = |conn: &&Conn| conn.ready && conn.v2 && (!started || has_some(conn));
        let able: Vec<_> = self.conns.values().filter(able).map(|conn| conn.id).collect();
        for (conn, request) in self.layers.requests(now, &info, &able) {
            self.order(conn, Order::RequestHashes(request));
        }
    }

    pub(super) fn take_hashes(
        &mut self,
        now: Instant,
        conn: ConnId,
        request: &HashRequest,
        hashes: &[Sha256Digest],
    ) {
        let known = self.layers.is_known(&request.root);
        let Ok(gained) = self.layers.answered(conn, request, hashes) else {
            if let Some(addr) = self.conns.get(&conn).map(|it| it.addr) {
                self.ban(now, addr, Offence::Hashes);
            }
            return;
        };
        if let Some(content) = &mut self.content {
            for (file, pieces) in gained {
                let of_file = content.layout().file_pieces(file);
                for at in pieces {
                    let piece = of_file.start.saturating_add(at);
                    if of_file.contains(&piece) {
                        content.picker.set_verifiable(PieceIndex(piece), true);
                        self.freed = true;
                    }
                }
            }
        }
        if !known && self.layers.is_known(&request.root) {
            self.events.push_back(Event::LayerReady);
            if self.awaited.remove(&request.root) && self.awaited.is_empty() {
                self.events.push_back(Event::LayersReady);
            }
        }
    }

    pub(super) fn serve_hashes(&mut self, conn: ConnId, request: HashRequest) {
        let order = match self.layers.serve(&request) {
            Some(hashes) => Order::Hashes(request, hashes),
            None => Order::RejectHashes(request),
        };
        self.order(conn, order);
    }
}
