//! Several swarms' minds wired to each other, with uplinks of given rates and nothing else: no
//! sockets, no wire format, no disk. Connections are imitated as far as the minds can tell.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use metainfo::Info;
use peer::{Batch, CloseReason, Order, Report, Torrent, Totals};
use stdx::{
    Bitfield, BlockRange, Buf, ConnId, Duration, Instant, PeerId, PieceIndex, Rng, TorrentId,
};

use crate::{Config, Direction, Event, Swarm, Verdict};

const STEP: Duration = Duration::from_millis(20);
const BLOCK: u64 = 16 * 1024;
const SLOTS: usize = 5;

/// A v1 torrent of one file whose piece hashes are made up.
pub(in crate::swarm) fn info(length: u64, piece_length: u32) -> Arc<Info> {
    let pieces = length.div_ceil(u64::from(piece_length));
    let hashes: Vec<u8> = (0..pieces).flat_map(|at| hash::sha1(&at.to_be_bytes()).0).collect();
    let mut raw = format!(
        "d6:lengthi{length}e4:name7:content12:piece lengthi{piece_length}e6:pieces{}:",
        hashes.len()
    )
    .into_bytes();
    raw.extend(hashes);
    raw.push(b'e');
    Arc::new(Info::parse(&raw).unwrap())
}

pub(in crate::swarm) fn torrent(info: &Arc<Info>) -> Arc<Torrent> {
    Arc::new(Torrent {
        id: TorrentId(1),
        hashes: info.hashes(),
        info: Some(info.clone()),
        private: false,
    })
}

pub(in crate::swarm) fn peer_id(node: usize) -> PeerId {
    PeerId([node as u8 + 1; 20])
}

/// What a connection tells first of a peer that speaks v1.
pub(in crate::swarm) fn hello(node: usize) -> Report {
    Report::Handshake {
        info_hash: hash::sha1(b""),
        peer_id: peer_id(node),
        fast: true,
        extended: true,
        v2: false,
    }
}

pub(in crate::swarm) fn addr(node: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7000 + node as u16))
}

/// One side's `Peer`, as far as it matters here.
#[derive(Default)]
struct Side {
    /// Requests that wait for the other side to answer.
    asked: VecDeque<BlockRange>,
    /// Reports for this side's mind.
    reports: Vec<Report>,
    choked: bool,
    depth: f64,
    totals: Totals,
    recent: u64,
}

pub(super) struct Node {
    pub(super) swarm: Swarm,
    pub(super) sent: u64,
    pub(super) done_at: Option<f64>,
    rate: u64,
    budget: f64,
    stored: BTreeMap<PieceIndex, BTreeSet<u32>>,
    turn: usize,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) nodes: Vec<Node>,
    info: Arc<Info>,
    /// By who it belongs to, and to whom it leads.
    sides: BTreeMap<(usize, usize), Side>,
    rng: Rng,
    /// Pieces that some downloader has, and what node 0 had sent when these were all.
    out: BTreeSet<PieceIndex>,
    pub(super) sent_when_out: Option<u64>,
}

impl World {
    /// Node 0 has everything. All are connected to all.
    pub(super) fn new(info: &Arc<Info>, rates: &[u64], seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let now = Instant::from_secs(1);
        let pieces = info.layout().pieces();
        let node = |(at, &rate): (usize, &u64)| {
            let config = Config::new(peer_id(at));
            let mut swarm = Swarm::new(now, config, torrent(info), rng.fork());
            let have = if at == 0 { Bitfield::full(pieces) } else { Bitfield::new(pieces) };
            swarm.start(now, &have, Vec::new());
            Node {
                swarm,
                sent: 0,
                done_at: None,
                rate,
                budget: 0.0,
                stored: BTreeMap::new(),
                turn: 0,
            }
        };
        let nodes: Vec<_> = rates.iter().enumerate().map(node).collect();
        let mut it = Self {
            now,
            nodes,
            info: info.clone(),
            sides: BTreeMap::new(),
            rng,
            out: BTreeSet::new(),
            sent_when_out: None,
        };
        for a in 0..rates.len() {
            for b in 0..a {
                it.connect(a, b);
            }
        }
        it
    }

    fn connect(&mut self, a: usize, b: usize) {
        for (own, other, direction) in [(a, b, Direction::Outgoing), (b, a, Direction::Incoming)] {
            let have = self.nodes[other].swarm.have();
            let swarm = &mut self.nodes[own].swarm;
            swarm.admit(self.now, conn(other), addr(other), direction).unwrap();
            let side = Side { choked: true, depth: 4.0, ..Side::default() };
            self.sides.insert((own, other), side);
            self.report(own, other, hello(other));
            self.report(own, other, Report::Pieces(have));
        }
    }

    fn report(&mut self, own: usize, other: usize, report: Report) {
        if let Some(side) = self.sides.get_mut(&(own, other)) {
            side.reports.push(report);
        }
    }

    /// Runs until everybody is done, or for `limit` seconds. Returns the seconds it took.
    pub(super) fn run(&mut self, limit: f64) -> f64 {
        let start = self.now;
        let mut next_round = self.now;
        while self.now.since(start).as_secs_f64() < limit {
            if self.now >= next_round {
                self.choke();
                next_round = self.now + Duration::from_secs(10);
            }
            (0..self.nodes.len()).for_each(|node| self.fill_slots(node));
            (0..self.nodes.len()).for_each(|node| self.serve(node));
            self.deliver();
            (0..self.nodes.len()).for_each(|node| self.turn(node));
            self.now += STEP;
            let elapsed = self.now.since(start).as_secs_f64();
            for node in &mut self.nodes {
                if node.done_at.is_none() && node.swarm.is_complete() {
                    node.done_at = Some(elapsed);
                }
            }
            if self.nodes.iter().all(|node| node.done_at.is_some()) {
                return elapsed;
            }
        }
        limit
    }

    /// Four for those who give most and one by lot; a seed serves whoever was served least.
    fn choke(&mut self) {
        for own in 0..self.nodes.len() {
            let seeding = self.nodes[own].swarm.is_complete();
            let mut peers: Vec<_> =
                self.nodes[own].swarm.peers(self.now).filter(|it| it.interested).collect();
            self.rng.shuffle(&mut peers);
            if seeding {
                peers.sort_by_key(|it| it.totals.up_payload);
            } else {
                peers.sort_by_key(|it| std::cmp::Reverse(it.down_rate));
                if peers.len() > SLOTS {
                    let lucky = SLOTS - 1 + self.rng.index(peers.len() + 1 - SLOTS);
                    peers.swap(SLOTS - 1, lucky);
                }
            }
            let best: BTreeSet<_> = peers.iter().take(SLOTS).map(|it| it.conn).collect();
            let all: Vec<_> = self.nodes[own].swarm.peers(self.now).map(|it| it.conn).collect();
            for conn in all {
                self.nodes[own].swarm.set_choked(self.now, conn, !best.contains(&conn));
            }
            self.turn(own);
        }
    }

    /// A free slot is filled at once.
    fn fill_slots(&mut self, own: usize) {
        let node = &mut self.nodes[own];
        let peers: Vec<_> = node.swarm.peers(self.now).filter(|it| it.interested).collect();
        let taken = peers.iter().filter(|it| !it.am_choking).count();
        let choked: Vec<_> = peers.iter().filter(|it| it.am_choking).collect();
        if taken < SLOTS && !choked.is_empty() {
            let lucky = choked[self.rng.index(choked.len())].conn;
            node.swarm.set_choked(self.now, lucky, false);
            self.turn(own);
        }
    }

    /// Sends blocks as the uplink allows, one connection after the other.
    fn serve(&mut self, own: usize) {
        let others = self.nodes.len();
        let node = &mut self.nodes[own];
        node.budget += node.rate as f64 * STEP.as_secs_f64();
        let mut idle = 0;
        while node.budget >= BLOCK as f64 && idle < others {
            node.turn = (node.turn + 1) % others;
            let other = node.turn;
            idle += 1;
            let Some(side) = self.sides.get_mut(&(other, own)) else {
                continue;
            };
            let Some(range) = side.asked.pop_front() else {
                continue;
            };
            idle = 0;
            node.budget -= f64::from(range.length);
            node.sent += u64::from(range.length);
            let data = Buf::copy_of(&vec![0; range.length as usize]);
            side.reports.push(Report::Block { range, data });
            side.totals.down_payload += u64::from(range.length);
            side.recent += 1;
            side.depth = (side.depth + 1.0).min(200.0);
            if let Some(side) = self.sides.get_mut(&(own, other)) {
                side.totals.up_payload += u64::from(range.length);
            }
        }
        node.budget = node.budget.min(BLOCK as f64);
    }

    fn deliver(&mut self) {
        let keys: Vec<_> = self.sides.keys().copied().collect();
        for (own, other) in keys {
            let Some(side) = self.sides.get_mut(&(own, other)) else {
                continue;
            };
            // About three seconds' worth of requests, as far as they are answered.
            let settled = (side.recent as f64 / STEP.as_secs_f64() * 3.0).max(2.0);
            side.recent = 0;
            side.depth += (settled - side.depth) * 0.005;
            let room = (side.depth as u32).saturating_sub(side.asked.len() as u32);
            // As the real one: requests travel in batches.
            let full = side.asked.len() as f64 > side.depth * 0.75;
            let want = if side.choked || full { 0 } else { room };
            let reports = std::mem::take(&mut side.reports);
            let batch = Batch { reports, want, taken: u64::MAX, totals: side.totals };
            self.nodes[own].swarm.handle_batch(self.now, conn(other), batch);
            self.turn(own);
        }
    }

    /// Does what a mind says.
    fn turn(&mut self, own: usize) {
        let now = self.now;
        if self.nodes[own].swarm.poll_timeout().is_some_and(|at| at <= now) {
            self.nodes[own].swarm.handle_timeout(now);
        }
        while let Some((range, _)) = self.nodes[own].swarm.poll_store() {
            let node = &mut self.nodes[own];
            let blocks = node.stored.entry(range.piece).or_default();
            assert!(blocks.insert(range.begin), "stored twice: {range:?}");
            if blocks.len() as u32 == self.info.layout().block_count(range.piece) {
                let sha1 = self.info.v1_hash(range.piece);
                let verdict = node.swarm.handle_hashed(now, range.piece, sha1, None);
                assert_eq!(verdict, Verdict::Good);
                node.swarm.handle_written(now, range.piece);
                self.out.insert(range.piece);
                if self.out.len() as u32 == self.info.layout().pieces() {
                    let sent = self.nodes[0].sent;
                    self.sent_when_out.get_or_insert(sent);
                }
            }
        }
        while let Some(event) = self.nodes[own].swarm.poll_event() {
            assert!(!matches!(event, Event::Banned(..) | Event::BadTorrent(_)), "{event:?}");
        }
        while let Some((to, order)) = self.nodes[own].swarm.poll_order() {
            self.obey(own, to.0 as usize, order);
        }
    }

    fn obey(&mut self, own: usize, other: usize, order: Order) {
        match order {
            Order::Choke => {
                let Some(side) = self.sides.get_mut(&(other, own)) else {
                    return;
                };
                side.choked = true;
                let rejected = side.asked.drain(..).collect();
                side.reports.extend([Report::Choked, Report::Rejected(rejected)]);
            }
            Order::Unchoke => {
                if let Some(side) = self.sides.get_mut(&(other, own)) {
                    side.choked = false;
                }
                self.report(other, own, Report::Unchoked);
            }
            Order::Interested(is) => self.report(other, own, Report::Interested(is)),
            Order::Have(piece) => self.report(other, own, Report::Have(piece)),
            Order::Suggest(piece) => self.report(other, own, Report::Suggested(piece)),
            Order::Request(ranges) => {
                let Some(side) = self.sides.get_mut(&(own, other)) else {
                    return;
                };
                if side.choked {
                    side.reports.push(Report::Rejected(ranges));
                } else {
                    side.asked.extend(ranges);
                }
            }
            Order::Cancel(ranges) => {
                if let Some(side) = self.sides.get_mut(&(own, other)) {
                    side.asked.retain(|range| !ranges.contains(range));
                }
            }
            Order::Close(reason) => {
                assert_eq!(reason, CloseReason::Redundant);
                self.sides.remove(&(own, other));
                if self.sides.remove(&(other, own)).is_some() {
                    let reason = CloseReason::Remote;
                    self.nodes[other].swarm.handle_closed(self.now, conn(own), &reason);
                }
            }
            _ => {}
        }
    }
}

fn conn(other: usize) -> ConnId {
    ConnId(other as u64)
}
