use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use hash::{Sha1Digest, Sha256Digest, sha256};
use metainfo::Version;
use metainfo::merkle::HashRange;
use peer::{Batch, CloseReason, Order, Report, Torrent, Totals};
use sim::Source;
use stdx::{
    BLOCK_LENGTH, Bitfield, BlockRange, Buf, ConnId, Duration, Instant, PeerId, PieceIndex, Rng,
    TorrentId,
};
use swarm::{Config, Direction, Event, Identity, Priority, Swarm, Verdict};
use wire::HashRequest;

use crate::input::Input;

/// Two blocks and a bit, a piece and a bit, nothing, and some pieces.
pub(crate) const SIZES: [u64; 4] = [40_000, 70_000, 0, 150_000];
const PIECE_LENGTH: u32 = 4 * BLOCK_LENGTH;
/// Rounds in which an honest seed must have given everything.
const ENOUGH: u32 = 2_000;
pub(crate) const HONEST: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)), 6_881);

pub(crate) static SOURCES: LazyLock<[Source; 3]> = LazyLock::new(|| {
    [Version::V1, Version::V2, Version::Hybrid].map(|it| Source::new(it, &SIZES, PIECE_LENGTH, 1))
});

/// One torrent's mind under whatever its connections report, honest and lying, and whatever the
/// disk does. It asks only for what is there to be had and not asked for, bans nobody but
/// liars, and completes as soon as somebody honest has everything; by then who sent a part of a
/// bad piece that was wrong is banned.
pub fn fuzz_swarm(data: &[u8]) {
    live(data);
}

/// Returns how many are guilty of a bad piece.
fn live(data: &[u8]) -> usize {
    let mut input = Input(data);
    let Some(mode) = input.byte() else { return 0 };
    let mut run = Run::new(&SOURCES[usize::from(mode % 3)], mode & 4 != 0, mode & 8 != 0);
    while let (Some(op), Some(a), Some(b)) = (input.byte(), input.byte(), input.byte()) {
        run.step(op, a, b);
    }
    run.finish()
}

/// A connection as the other side knows it.
#[derive(Default)]
struct Conn {
    addr: Option<SocketAddr>,
    have: Bitfield,
    told: bool,
    /// Blocks asked for that have not ended.
    open: BTreeSet<BlockRange>,
    /// Requests it says it takes, and those given since.
    want: u32,
    given: u64,
}

struct Run {
    source: &'static Source,
    swarm: Swarm,
    now: Instant,
    conns: BTreeMap<ConnId, Conn>,
    next: u64,
    /// Blocks of the piece in progress, by piece: who sent each, and what it hashes to.
    stored: BTreeMap<PieceIndex, BTreeMap<u32, (Identity, Sha256Digest, bool)>>,
    verified: BTreeSet<PieceIndex>,
    written: BTreeSet<PieceIndex>,
    last_sender: Option<SocketAddr>,
    liars: BTreeSet<Identity>,
    /// Liars whose lies made a piece fail.
    guilty: BTreeSet<Identity>,
    banned: BTreeSet<Identity>,
    /// The files were looked at; before, the metadata is known and piece hashes are fetched.
    started: bool,
}

impl Run {
    fn new(source: &'static Source, layers: bool, waits: bool) -> Self {
        let now = Instant::from_secs(1);
        let info = source.info().clone();
        let torrent = Torrent {
            id: TorrentId(1),
            hashes: info.hashes(),
            private: info.is_private(),
            info: Some(info),
        };
        let mut swarm =
            Swarm::new(now, Config::new(PeerId([9; 20])), Arc::new(torrent), Rng::new(1));
        if layers {
            swarm.set_layers(source.layers().clone());
        }
        let mut new = Self {
            source,
            swarm,
            now,
            conns: BTreeMap::new(),
            next: 1,
            stored: BTreeMap::new(),
            verified: BTreeSet::new(),
            written: BTreeSet::new(),
            last_sender: None,
            liars: BTreeSet::new(),
            guilty: BTreeSet::new(),
            banned: BTreeSet::new(),
            started: false,
        };
        if waits {
            let roots = source.info().layout().files().iter().filter_map(|file| file.root);
            new.swarm.fetch_layers(now, &roots.collect());
        } else {
            new.start();
        }
        new.drain();
        new
    }

    fn start(&mut self) {
        self.started = true;
        self.swarm.start(self.now, &Bitfield::new(self.pieces()), Vec::new());
    }

    fn pieces(&self) -> u32 {
        self.source.info().layout().pieces()
    }

    fn step(&mut self, op: u8, a: u8, b: u8) {
        let some = self.conns.len().max(1);
        let conn = self.conns.keys().nth(usize::from(a) % some).copied().unwrap_or(ConnId(0));
        let piece = PieceIndex(u32::from(b) % (self.pieces() + 1));
        match op % 32 {
            0 | 1 => self.connect(SocketAddr::from(([203, 0, 113, a % 8], 6_881)), b),
            2 => self.connect(SocketAddr::from(([127, 0, 0, 1], 7_000 + u16::from(a % 8))), b),
            3 => self.close(conn),
            4 => self.say(conn, Report::Pieces(self.some_pieces(b))),
            5 => self.say(conn, Report::Have(piece)),
            6 => self.say(conn, Report::Lost(piece)),
            7 => self.say(conn, Report::Choked),
            8 => self.say(conn, Report::Unchoked),
            9 | 10 => self.batch(conn, Vec::new(), u32::from(b % 32)),
            11..=16 => self.deliver(conn, usize::from(b & 0x3f), b & 0x80 == 0),
            17 => self.reject(conn, usize::from(b)),
            18 => self.say(conn, Report::Snubbed(b & 1 == 0)),
            19 => self.say(conn, Report::AllowedFast(piece)),
            20 => self.say(conn, Report::Suggested(piece)),
            21 => self.say(conn, Report::Interested(b & 1 == 0)),
            22 => self.unasked(conn, piece, b),
            23 => self.wait(Duration::from_millis(u64::from(a) * 100 + u64::from(b))),
            24 => self.swarm.set_paused(self.now, a & 1 == 0),
            25 => self.swarm.set_choked(self.now, conn, b & 1 == 0),
            26 if a & 1 == 0 => self.lose(piece),
            26 if b & 1 == 0 => self.swarm.withhold(self.now, [piece]),
            26 => self.swarm.offer_again(self.now, [piece]),
            27 => self.select(a, b),
            28 => self.swarm.set_sequential(a & 1 == 0),
            29 => self.hashes(conn, piece, b),
            30 => self.say(conn, Report::HashRequest(self.hash_request(piece, b))),
            _ => self.write_some(b),
        }
        self.drain();
    }

    fn connect(&mut self, addr: SocketAddr, how: u8) {
        let conn = ConnId(self.next);
        self.next += 1;
        let direction = if how & 1 == 0 { Direction::Outgoing } else { Direction::Incoming };
        if self.swarm.admit(self.now, conn, addr, direction).is_err() {
            return;
        }
        assert!(!self.banned.contains(&Identity::of(addr)), "{addr} is banned");
        let have = Bitfield::new(self.pieces());
        self.conns.insert(conn, Conn { addr: Some(addr), have, ..Conn::default() });
        // Some pretend to be one and the same, or to be us.
        let mut id = PeerId([how; 20]);
        if how & 8 == 0 {
            id.0[..8].copy_from_slice(&conn.0.to_be_bytes());
        }
        let hello = Report::Handshake {
            info_hash: Sha1Digest::default(),
            peer_id: id,
            fast: how & 2 == 0,
            extended: true,
            v2: how & 4 == 0,
        };
        self.say(conn, hello);
    }

    fn close(&mut self, conn: ConnId) {
        if self.conns.remove(&conn).is_some() {
            self.swarm.handle_closed(self.now, conn, &CloseReason::Remote);
        }
    }

    /// Reports something, if the connection may.
    fn say(&mut self, conn: ConnId, report: Report) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        match &report {
            // As the peer crate has it: nothing of pieces without metadata.
            Report::Pieces(_) | Report::Have(_) | Report::Lost(_) | Report::AllowedFast(_)
                if !self.started =>
            {
                return;
            }
            Report::Pieces(have) => {
                // As the peer crate has it: once, and before any other.
                if std::mem::replace(&mut it.told, true) {
                    return;
                }
                it.have.clone_from(have);
            }
            Report::Have(piece) if piece.0 < it.have.len() => {
                it.told = true;
                it.have.set(piece.0);
            }
            Report::Lost(piece) if piece.0 < it.have.len() => {
                it.have.clear(piece.0);
            }
            _ => {}
        }
        let want = it.want;
        self.batch(conn, vec![report], want);
    }

    fn batch(&mut self, conn: ConnId, reports: Vec<Report>, want: u32) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        it.want = want;
        let (taken, totals) = (it.given, Totals::default());
        self.swarm.handle_batch(self.now, conn, Batch { reports, want, taken, totals });
        self.drain();
    }

    fn deliver(&mut self, conn: ConnId, which: usize, right: bool) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let some = it.open.len().max(1);
        let Some(range) = it.open.iter().nth(which % some).copied() else {
            return;
        };
        it.open.remove(&range);
        self.send(conn, range, right);
    }

    fn send(&mut self, conn: ConnId, range: BlockRange, right: bool) {
        let Some((addr, want)) = self.conns.get(&conn).map(|it| (it.addr, it.want)) else {
            return;
        };
        let mut bytes = self.source.read(range.piece, range.begin, range.length).to_vec();
        bytes.resize(range.length as usize, 0);
        if let (false, Some(first)) = (right, bytes.first_mut()) {
            *first ^= 1;
            self.liars.extend(addr.map(Identity::of));
        }
        self.last_sender = addr;
        self.batch(conn, vec![Report::Block { range, data: Buf::copy_of(&bytes) }], want);
    }

    /// A block that may never have been asked for, or in another shape.
    fn unasked(&mut self, conn: ConnId, piece: PieceIndex, b: u8) {
        let begin = u32::from(b & 3) * BLOCK_LENGTH;
        let length = if b & 0x40 == 0 { BLOCK_LENGTH } else { u32::from(b) };
        let range = BlockRange { piece, begin, length };
        let asked = self.conns.get(&conn).is_some_and(|it| it.open.contains(&range));
        if !asked && piece.0 < self.pieces() {
            self.send(conn, range, true);
        }
    }

    fn reject(&mut self, conn: ConnId, which: usize) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let some = it.open.len().max(1);
        let ranges: Vec<_> = it.open.iter().skip(which % some).take(3).copied().collect();
        it.open.retain(|range| !ranges.contains(range));
        self.say(conn, Report::Rejected(ranges));
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.swarm.handle_timeout(self.now);
    }

    fn lose(&mut self, piece: PieceIndex) {
        if self.written.remove(&piece) {
            self.verified.remove(&piece);
            self.swarm.handle_lost(self.now, piece);
        }
    }

    fn select(&mut self, a: u8, b: u8) {
        let level = |at: u8| Priority::from_level((a >> (at * 2)) & 3 | (b >> at) & 4);
        let of = (0..SIZES.len() as u8).map(level).collect();
        self.swarm.select(self.now, of);
    }

    fn hash_request(&self, piece: PieceIndex, b: u8) -> HashRequest {
        let place = self.source.info().layout().v2_piece(piece);
        HashRequest {
            root: place.map_or(Sha256Digest([b; 32]), |place| place.root),
            base_layer: u32::from(b & 3),
            index: u32::from(b >> 4),
            length: u32::from(b & 0x0f),
            proof_layers: u32::from(b >> 5),
        }
    }

    fn hashes(&mut self, conn: ConnId, piece: PieceIndex, b: u8) {
        let request = self.hash_request(piece, b);
        if b & 1 == 0 {
            return self.say(conn, Report::HashesRejected(request));
        }
        let addr = self.conns.get(&conn).and_then(|it| it.addr);
        self.liars.extend(addr.map(Identity::of));
        self.say(conn, Report::Hashes(request, vec![Sha256Digest([b; 32]); usize::from(b >> 4)]));
    }

    /// The disk catches up with what is verified.
    fn write_some(&mut self, b: u8) {
        let due: Vec<_> = self.verified.difference(&self.written).copied().collect();
        for piece in due.into_iter().take(usize::from(b % 8)) {
            self.written.insert(piece);
            self.swarm.handle_written(self.now, piece);
        }
    }

    fn some_pieces(&self, bits: u8) -> Bitfield {
        let mut have = Bitfield::new(self.pieces());
        for piece in 0..self.pieces() {
            if bits & 1 << (piece % 8) != 0 {
                have.set(piece);
            }
        }
        have
    }

    fn drain(&mut self) {
        while let Some((range, data)) = self.swarm.poll_store() {
            self.store(range, &data);
        }
        while let Some((conn, order)) = self.swarm.poll_order() {
            self.obey(conn, order);
        }
        while let Some(event) = self.swarm.poll_event() {
            match event {
                Event::Banned(addr, _) => {
                    let identity = Identity::of(addr);
                    assert!(self.liars.contains(&identity), "{addr} is honest and banned");
                    self.banned.insert(identity);
                }
                Event::BadTorrent(why) => panic!("{why}"),
                Event::LayersReady => {
                    assert_eq!(self.swarm.layers(), self.source.layers(), "not all are here");
                    self.start();
                }
                _ => {}
            }
        }
        assert!(self.swarm.poll_store().is_none(), "everything was taken");
        let open: usize = self.conns.values().map(|it| it.open.len()).sum();
        assert_eq!(self.swarm.stats().outstanding, open, "blocks are accounted for");
    }

    fn store(&mut self, range: BlockRange, data: &[u8]) {
        let layout = self.source.info().layout();
        assert_eq!(layout.request(range.piece, range.block()), Some(range));
        assert!(!self.verified.contains(&range.piece), "{range:?} is here");
        let right = data == self.source.read(range.piece, range.begin, range.length);
        let from = Identity::of(self.last_sender.expect("somebody sent it"));
        let blocks = self.stored.entry(range.piece).or_default();
        let old = blocks.insert(range.begin, (from, sha256(data), right));
        assert!(old.is_none(), "{range:?} is stored twice");
        let blocks = (0..layout.block_count(range.piece)).map(stdx::BlockIndex);
        let needed = blocks.filter(|&block| layout.request(range.piece, block).is_some()).count();
        if self.stored[&range.piece].len() == needed {
            self.judge(range.piece);
        }
    }

    /// All of a piece is here.
    fn judge(&mut self, piece: PieceIndex) {
        let info = self.source.info();
        let blocks = self.stored.remove(&piece).unwrap_or_default();
        let good = blocks.values().all(|&(.., right)| right);
        let place = info.layout().v2_piece(piece);
        let (mut sha1, mut root) =
            (info.v1_hash(piece), place.and_then(|it| self.source.layers().piece_hash(&it)));
        if !good {
            sha1 = sha1.and(Some(Sha1Digest([1; 20])));
            root = root.and(Some(Sha256Digest([1; 32])));
        }
        let verdict = self.swarm.handle_hashed(self.now, piece, sha1, root);
        assert_eq!(verdict, if good { Verdict::Good } else { Verdict::Bad }, "{piece}");
        if good {
            self.verified.insert(piece);
            return;
        }
        let liars = blocks.values().filter(|(.., right)| !right).map(|&(from, ..)| from);
        self.guilty.extend(liars);
        let count = info.layout().block_count(piece);
        let digest = |block: u32| {
            let block = blocks.get(&(block * BLOCK_LENGTH));
            block.map_or_else(|| sha256(b""), |&(_, digest, _)| digest)
        };
        let digests: Vec<_> = (0..count).map(digest).collect();
        self.swarm.handle_block_digests(self.now, piece, &digests);
    }

    fn obey(&mut self, conn: ConnId, order: Order) {
        if matches!(order, Order::Close(_)) {
            self.conns.remove(&conn);
            return;
        }
        // What is on its way to a connection that has ended is void.
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        match order {
            Order::Request(ranges) => {
                assert!(ranges.len() <= it.want as usize, "more than it takes");
                it.want -= ranges.len() as u32;
                it.given += ranges.len() as u64;
                for range in ranges {
                    assert!(it.have.get(range.piece.0), "{range:?} is not there to be had");
                    assert!(!self.verified.contains(&range.piece), "{range:?} is here");
                    let layout = self.source.info().layout();
                    assert_eq!(layout.request(range.piece, range.block()), Some(range));
                    assert!(it.open.insert(range), "{range:?} is asked for twice");
                }
            }
            Order::Cancel(ranges) => {
                for range in ranges {
                    assert!(it.open.remove(&range), "{range:?} was not asked for");
                    it.want += 1;
                }
            }
            Order::Have(piece) => assert!(self.written.contains(&piece)),
            Order::RequestHashes(request) if it.addr == Some(HONEST) => {
                let range = HashRange {
                    base_layer: request.base_layer,
                    index: request.index,
                    length: request.length,
                    proof_layers: request.proof_layers,
                };
                let layer = self.source.layers().get(&request.root);
                let hashes = layer.and_then(|layer| layer.answer(range));
                self.say(conn, Report::Hashes(request, hashes.expect("a proper request")));
            }
            _ => {}
        }
    }

    /// Everybody leaves but an honest seed.
    fn finish(mut self) -> usize {
        self.swarm.set_paused(self.now, false);
        self.swarm.select(self.now, Vec::new());
        let all: Vec<_> = self.conns.keys().copied().collect();
        for conn in all {
            self.close(conn);
        }
        self.drain();
        self.connect(HONEST, 0);
        let conn = ConnId(self.next - 1);
        self.drain();
        assert!(self.started, "an honest peer has all piece hashes");
        self.say(conn, Report::Pieces(Bitfield::full(self.pieces())));
        self.say(conn, Report::Unchoked);
        for _ in 0..ENOUGH {
            self.write_some(7);
            self.drain();
            if self.swarm.is_complete() {
                let free: Vec<_> = self.guilty.difference(&self.banned).collect();
                assert!(free.is_empty(), "{free:?} lied and got away with it");
                return self.guilty.len();
            }
            if self.conns.get(&conn).is_some_and(|it| it.open.is_empty()) {
                self.batch(conn, Vec::new(), 8);
                self.wait(Duration::from_millis(200));
            }
            self.deliver(conn, 0, true);
            self.drain();
        }
        panic!("not complete: {:?}", self.swarm.stats());
    }
}

#[cfg(test)]
mod tests;
