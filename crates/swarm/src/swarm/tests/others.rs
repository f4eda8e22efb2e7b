//! Peers told to peers, and what becomes of what they tell (BEP 11).

use std::net::SocketAddr;
use std::sync::Arc;

use metainfo::Info;
use peer::{Batch, Carrier, CloseReason, ExtendedInfo, Order, Report, Torrent, Totals};
use stdx::{Bitfield, ConnId, Duration, Instant, Rng, TorrentId};
use wire::{Pex, PexPeer};

use super::world::{hello, info, peer_id};
use crate::{Config, Direction, Origin, Swarm};

struct Stage {
    swarm: Swarm,
    now: Instant,
}

fn addr(node: u64) -> SocketAddr {
    SocketAddr::from(([80, 0, 0, node as u8], 6881))
}

fn private(info: &Info) -> Arc<Info> {
    let raw = info.raw();
    let raw = [&raw[..raw.len() - 1], b"7:privatei1ee"].concat();
    Arc::new(Info::parse(&raw).unwrap())
}

fn torrent(info: &Arc<Info>, with: bool) -> Arc<Torrent> {
    Arc::new(Torrent {
        id: TorrentId(1),
        hashes: info.hashes(),
        info: with.then(|| info.clone()),
        private: with && info.is_private(),
    })
}

/// To whom, who came with which flags, who went.
type Told = (u64, Vec<(SocketAddr, u8)>, Vec<SocketAddr>);

impl Stage {
    fn new(info: &Arc<Info>) -> Self {
        let now = Instant::from_secs(1);
        let config = Config::new(peer_id(200));
        let mut swarm = Swarm::new(now, config, torrent(info, true), Rng::new(1));
        swarm.start(now, &Bitfield::new(info.layout().pieces()), Vec::new());
        Self { swarm, now }
    }

    fn batch(&mut self, conn: u64, reports: Vec<Report>) {
        let batch = Batch { reports, want: 0, taken: 0, totals: Totals::default() };
        self.swarm.handle_batch(self.now, ConnId(conn), batch);
    }

    /// A peer that exchanges peers and, where it connects to us, says where it listens.
    fn meet(&mut self, node: u64, direction: Direction) {
        let from = match direction {
            Direction::Outgoing => addr(node),
            Direction::Incoming => SocketAddr::new(addr(node).ip(), 40_000),
        };
        self.swarm.admit(self.now, ConnId(node), from, direction).unwrap();
        let info =
            ExtendedInfo { listen_port: Some(6881), supports_pex: true, ..ExtendedInfo::default() };
        self.batch(node, vec![hello(node as usize), Report::Extended(info)]);
    }

    fn give(&mut self, conn: u64, nodes: impl Iterator<Item = u64>) {
        let peer = |node| PexPeer { address: addr(node), flags: 0 };
        let pex = Pex { added: nodes.map(peer).collect(), dropped: Vec::new() };
        self.batch(conn, vec![Report::Pex(pex)]);
    }

    /// What is told in the next seconds, to whom.
    fn told(&mut self, seconds: u64) -> Vec<Told> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.swarm.handle_timeout(self.now);
            while let Some((conn, order)) = self.swarm.poll_order() {
                if let Order::Pex(pex) = order {
                    let added = pex.added.iter().map(|it| (it.address, it.flags)).collect();
                    told.push((conn.0, added, pex.dropped));
                }
            }
        }
        told
    }
}

fn public() -> Arc<Info> {
    info(100_000, 16_384)
}

#[test]
fn each_hears_of_the_others_with_what_is_known_of_them() {
    let mut it = Stage::new(&public());
    it.meet(1, Direction::Outgoing);
    it.meet(2, Direction::Incoming);
    it.batch(2, vec![Report::Carried(Carrier { utp: true, encrypted: true })]);
    let (reachable, disguised) = (PexPeer::REACHABLE, PexPeer::UTP | PexPeer::ENCRYPTS);
    let expected =
        [(1, vec![(addr(2), disguised)], Vec::new()), (2, vec![(addr(1), reachable)], Vec::new())];
    assert_eq!(it.told(30), expected);
    it.meet(3, Direction::Incoming);
    it.swarm.handle_closed(it.now, ConnId(2), &CloseReason::Remote);
    let expected =
        [(3, vec![(addr(1), reachable)], Vec::new()), (1, vec![(addr(3), 0)], vec![addr(2)])];
    assert_eq!(it.told(60), expected);
}

#[test]
fn who_does_not_say_where_it_listens_is_not_told_of() {
    let mut it = Stage::new(&public());
    it.meet(1, Direction::Outgoing);
    let from = SocketAddr::new(addr(2).ip(), 40_000);
    it.swarm.admit(it.now, ConnId(2), from, Direction::Incoming).unwrap();
    it.batch(2, vec![hello(2)]);
    assert_eq!(it.told(5), []);
}

#[test]
fn who_is_told_of_is_tried() {
    let mut it = Stage::new(&public());
    it.meet(1, Direction::Outgoing);
    it.give(1, std::iter::once(7));
    assert_eq!(it.swarm.poll_connect(it.now), Some(addr(7)));
}

#[test]
fn a_private_torrent_neither_tells_nor_listens() {
    let mut it = Stage::new(&private(&public()));
    it.meet(1, Direction::Outgoing);
    it.meet(2, Direction::Outgoing);
    it.give(1, 7..9);
    assert_eq!(it.told(100), []);
    assert_eq!(it.swarm.poll_connect(it.now), None);
}

#[test]
fn a_magnet_that_turns_out_private_forgets_what_peers_told() {
    let info = private(&public());
    let now = Instant::from_secs(1);
    let mut it = Stage {
        swarm: Swarm::new(now, Config::new(peer_id(200)), torrent(&info, false), Rng::new(1)),
        now,
    };
    it.swarm.add_candidates(now, [addr(20), addr(21)].into_iter(), Origin::Dht);
    it.swarm.add_candidates(now, [addr(30)].into_iter(), Origin::Tracker);
    it.meet(1, Direction::Outgoing);
    it.give(1, 7..9);
    assert_eq!(it.swarm.stats().known, 6);
    let size = Some(info.raw().len() as u64);
    let offers =
        ExtendedInfo { metadata_size: size, supports_metadata: true, ..ExtendedInfo::default() };
    it.batch(1, vec![Report::Extended(offers)]);
    let data = info.raw().to_vec();
    it.batch(1, vec![Report::Metadata { piece: 0, data }]);
    it.give(1, 9..10);
    it.swarm.start(it.now, &Bitfield::new(info.layout().pieces()), Vec::new());
    // Its own peer and the tracker's are left.
    assert_eq!(it.swarm.stats().known, 2);
    assert!(it.swarm.torrent().private);
    assert_eq!(it.told(100), []);
}
