use std::net::SocketAddr;

use hash::{Sha1Digest, Sha256Digest};
use peer::{CloseReason, Order};
use stdx::{ConnId, Instant, PieceIndex};

use super::Swarm;
use crate::layers::Contradiction;
use crate::trust::Suspect;
use crate::{Event, Identity, Offence, Verdict};

impl Swarm {
    /// Compares the digests of a piece whose blocks are all here with what they should be, and
    /// draws the conclusions. `sha1` is over the piece with its padding (v1), `root` the node
    /// above its leaves (v2); leave out what the torrent's version does not have.
    pub fn handle_hashed(
        &mut self,
        now: Instant,
        piece: PieceIndex,
        sha1: Option<Sha1Digest>,
        root: Option<Sha256Digest>,
    ) -> Verdict {
        let verdict = self.judge(piece, sha1, root);
        match verdict {
            Verdict::Good => self.piece_good(now, piece, root),
            Verdict::Bad => self.piece_bad(now, piece),
            Verdict::BadTorrent => {
                self.bad_torrent(now, "a piece fits one version's hash and not the other's".into());
            }
            Verdict::Unknown => self.fetch_anew(piece),
        }
        self.finish(now);
        verdict
    }

    /// Notes that a verified piece is on disk: it is announced.
    pub fn handle_written(&mut self, now: Instant, piece: PieceIndex) {
        let Some(content) = &mut self.content else {
            return;
        };
        let fits = piece.0 < content.on_disk.len() && content.picker.have().get(piece.0);
        if !fits || content.withheld.get(piece.0) || !content.on_disk.set(piece.0) {
            return;
        }
        content.log.push(piece);
        if content.picker.priority(piece) != crate::Priority::Skip {
            content.pending -= 1;
        }
        self.events.push_back(Event::PieceDone(piece));
        let done = content.log.len();
        for it in self.conns.values_mut().filter(|it| it.ready) {
            it.told = done;
            if !it.is_seed() {
                self.orders.push_back((it.id, Order::Have(piece)));
            }
        }
        self.check_complete(now);
        self.finish(now);
    }

    /// Notes that nothing of a piece is held any more, verified or not: it is fetched anew.
    pub fn handle_forgotten(&mut self, now: Instant, piece: PieceIndex) {
        self.handle_lost(now, piece);
        self.withdraw(piece);
        self.fetch_anew(piece);
        self.finish(now);
    }

    /// Notes that a piece that was had is gone from the disk: it is taken back and fetched anew.
    pub fn handle_lost(&mut self, now: Instant, piece: PieceIndex) {
        let Some(content) = &mut self.content else {
            return;
        };
        if piece.0 >= content.on_disk.len() || !content.picker.have().get(piece.0) {
            return;
        }
        let was_on_disk = content.on_disk.clear(piece.0) | content.withheld.clear(piece.0);
        content.log.retain(|&it| it != piece);
        let log = content.log.len();
        content.picker.forget(piece);
        if content.picker.priority(piece) != crate::Priority::Skip {
            content.wanted.set(piece.0);
            content.done -= content.selected_bytes(piece);
            content.pending += u32::from(was_on_disk);
        }
        self.complete_told &= self.is_upload_only();
        let conns: Vec<_> = self.conns.keys().copied().collect();
        for conn in conns {
            if let Some(it) = self.conns.get_mut(&conn) {
                it.told = it.told.min(log);
                it.useful_pieces += u32::from(it.has(piece));
            }
            if was_on_disk {
                self.order(conn, Order::Lost(piece));
            }
            self.tell_upload_only(conn);
            self.update_interest(conn);
        }
        self.freed = true;
        self.finish(now);
    }

    fn judge(
        &self,
        piece: PieceIndex,
        sha1: Option<Sha1Digest>,
        root: Option<Sha256Digest>,
    ) -> Verdict {
        let Some(content) = &self.content else {
            return Verdict::Unknown;
        };
        let v1 = content.info.v1_hash(piece).zip(sha1).map(|(expected, got)| expected == got);
        let v2 = self.layers.piece_hash(&content.info, piece).zip(root);
        let v2 = v2.map(|(expected, got)| expected == got);
        match (v1, v2) {
            (Some(true), Some(false)) | (Some(false), Some(true)) => Verdict::BadTorrent,
            (Some(false), _) | (_, Some(false)) => Verdict::Bad,
            (Some(true), _) | (_, Some(true)) => Verdict::Good,
            (None, None) => Verdict::Unknown,
        }
    }

    fn piece_good(&mut self, now: Instant, piece: PieceIndex, root: Option<Sha256Digest>) {
        let Some(content) = &mut self.content else {
            return;
        };
        if content.picker.have().get(piece.0) {
            return;
        }
        let contributors = content.picker.contributors(piece);
        let alone = contributors.single();
        content.picker.verified(piece);
        if content.wanted.get(piece.0) {
            content.wanted.clear(piece.0);
            content.done += content.selected_bytes(piece);
        }
        let mut contradiction = false;
        if let Some(root) = root {
            let info = content.info.clone();
            match self.layers.computed(&info, piece, root) {
                Ok(true) => self.events.push_back(Event::LayerReady),
                Ok(false) => {}
                Err(Contradiction) => contradiction = true,
            }
        }
        if let Some(peer) = alone.and_then(|conn| self.peer_of(conn)) {
            self.trust.clear(peer.identity());
        }
        let mut uninterested = Vec::new();
        for conn in self.conns.values_mut().filter(|conn| conn.has(piece)) {
            conn.useful_pieces = conn.useful_pieces.saturating_sub(1);
            uninterested.extend((conn.useful_pieces == 0).then_some(conn.id));
        }
        for conn in uninterested {
            self.update_interest(conn);
        }
        let judgement = self.trust.evidence.passed(piece);
        judgement.cleared.into_iter().for_each(|identity| self.trust.clear(identity));
        for liar in judgement.liars {
            self.ban_suspect(now, &liar, Offence::Blocks(piece));
        }
        if contradiction {
            self.bad_torrent(now, "the pieces fit the v1 hashes and not the v2 roots".into());
        }
    }

    fn piece_bad(&mut self, now: Instant, piece: PieceIndex) {
        let Some(content) = &self.content else { return };
        self.failed += u64::from(content.layout().piece_size(piece));
        let unknown = content.picker.contributors(piece).unknown;
        let senders = content.picker.senders(piece);
        let mut peers: Vec<Suspect> = Vec::new();
        let mut lost = unknown;
        let senders: Vec<Option<Suspect>> = senders
            .into_iter()
            .map(|sender| {
                let peer = sender.map(|conn| self.peer_of(conn))?;
                lost |= peer.is_none();
                let identity = peer?.identity();
                if peers.iter().all(|it| it.identity() != identity) {
                    peers.extend(peer);
                }
                peer
            })
            .collect();
        self.fetch_anew(piece);
        self.events.push_back(Event::PieceFailed(piece));
        if let (&[culprit], false) = (&peers[..], lost) {
            return self.ban_suspect(now, &culprit, Offence::WholePiece(piece));
        }
        if peers.is_empty() {
            return;
        }
        self.trust.evidence.failed(piece, &senders);
        // With a liar among them that is known by now, the others had better not suffer for it.
        if !peers.iter().any(|peer| self.neighbours.is_banned(peer.addr)) {
            for peer in &peers {
                self.trust.suspect(peer);
            }
        }
    }

    /// Takes the SHA-256 digests of the blocks, padding left out, of the copy of a piece that
    /// [`Verdict::Bad`] was about.
    pub fn handle_block_digests(
        &mut self,
        now: Instant,
        piece: PieceIndex,
        digests: &[Sha256Digest],
    ) {
        for liar in self.trust.evidence.examined(piece, digests) {
            self.ban_suspect(now, &liar, Offence::TwoVersions(piece));
        }
        self.finish(now);
    }

    fn fetch_anew(&mut self, piece: PieceIndex) {
        if let Some(content) = &mut self.content {
            content.picker.forget(piece);
            self.trust.evidence.restarted(piece);
            self.freed = true;
        }
    }

    pub(super) fn bad_torrent(&mut self, now: Instant, why: String) {
        if !self.stopped {
            self.events.push_back(Event::BadTorrent(why));
            self.stop(now);
        }
    }

    fn peer_of(&self, conn: ConnId) -> Option<Suspect> {
        let here = self.conns.get(&conn).map(|it| Suspect { addr: it.addr, listen: it.listen });
        here.or_else(|| self.trust.departed(conn))
    }

    fn ban_suspect(&mut self, now: Instant, peer: &Suspect, why: Offence) {
        self.trust.clear(peer.identity());
        if let Some(listen) = peer.listen {
            self.neighbours.ban(listen);
        }
        self.ban(now, peer.addr, why);
    }

    /// Shuts a peer out and closes its connections.
    pub(super) fn ban(&mut self, now: Instant, addr: SocketAddr, why: Offence) {
        let identity = Identity::of(addr);
        self.neighbours.ban(addr);
        self.events.push_back(Event::Banned(addr, why));
        let same = |conn: &&super::Conn| Identity::of(conn.addr) == identity;
        let conns: Vec<_> = self.conns.values().filter(same).map(|conn| conn.id).collect();
        for conn in conns {
            // On shared addresses the port counts, and that of an incoming connection is not the
            // one where the peer can be found again.
            if let Some(listen) = self.conns.get(&conn).and_then(|it| it.listen) {
                self.neighbours.ban(listen);
            }
            self.close(now, conn, CloseReason::Banned);
        }
    }
}
