//! Fetching v2 piece hashes before the start, by hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use hash::{Sha1Digest, Sha256Digest, sha256};
use metainfo::merkle::{self, HashRange};
use metainfo::{Info, PieceLayer, PieceLayers};
use peer::{Batch, CloseReason, ExtendedInfo, Order, Report, Torrent, Totals};
use stdx::{Bitfield, ConnId, Duration, Instant, Rng, TorrentId};
use wire::HashRequest;

use super::world::{addr, peer_id};
use crate::{Config, Direction, Event, Offence, Refusal, Swarm};

const PIECE: u32 = 16 * 1024;
/// Pieces of the two long files; a third is no longer than a piece.
const PIECES: [u32; 2] = [1_300, 3];

fn nodes(pieces: u32) -> Vec<Sha256Digest> {
    (0..pieces).map(|piece| sha256(&(piece ^ pieces << 16).to_be_bytes())).collect()
}

fn root(pieces: u32) -> Sha256Digest {
    merkle::root(&nodes(pieces), 0, u64::from(pieces.next_power_of_two()))
}

fn roots() -> BTreeSet<Sha256Digest> {
    PIECES.map(root).into()
}

/// A v2 torrent, and its layers.
fn content() -> (Arc<Info>, PieceLayers) {
    let files = [
        ("a", u64::from(PIECES[0] * PIECE), root(PIECES[0])),
        ("b", u64::from(PIECES[1] * PIECE), root(PIECES[1])),
        ("c", 5, Sha256Digest([7; 32])),
    ];
    let mut raw = b"d9:file treed".to_vec();
    for (name, length, root) in files {
        raw.extend(format!("1:{name}d0:d6:lengthi{length}e11:pieces root32:").into_bytes());
        raw.extend(root.0);
        raw.extend(b"ee");
    }
    raw.extend(b"e12:meta versioni2e4:name1:x12:piece lengthi16384ee");
    let mut layers = PieceLayers::default();
    for pieces in PIECES {
        let length = u64::from(pieces * PIECE);
        layers.insert(PieceLayer::new(root(pieces), length, PIECE, nodes(pieces)).unwrap());
    }
    (Arc::new(Info::parse(&raw).unwrap()), layers)
}

struct Stage {
    swarm: Swarm,
    layers: PieceLayers,
    info: Arc<Info>,
    now: Instant,
}

impl Stage {
    /// A torrent whose metadata is known, by a magnet link or from an earlier run.
    fn new(magnet: bool) -> Self {
        let (info, layers) = content();
        let now = Instant::from_secs(1);
        let known = (!magnet).then(|| info.clone());
        let torrent =
            Torrent { id: TorrentId(1), hashes: info.hashes(), info: known, private: false };
        let swarm = Swarm::new(now, Config::new(peer_id(9)), Arc::new(torrent), Rng::new(1));
        let mut it = Self { swarm, layers, info, now };
        if magnet {
            it.connect(1);
            let extended = ExtendedInfo {
                metadata_size: Some(it.info.raw().len() as u64),
                supports_metadata: true,
                ..ExtendedInfo::default()
            };
            it.report(1, Report::Extended(extended));
            let data = it.info.raw().to_vec();
            it.report(1, Report::Metadata { piece: 0, data });
            assert!(matches!(it.events()[..], [Event::MetadataReady(_)]));
            it.orders();
        }
        it
    }

    fn connect(&mut self, conn: u64) {
        let remote = addr(conn as usize);
        self.swarm.admit(self.now, ConnId(conn), remote, Direction::Outgoing).unwrap();
        let hello = Report::Handshake {
            info_hash: Sha1Digest::default(),
            peer_id: peer_id(conn as usize),
            fast: true,
            extended: true,
            v2: true,
        };
        self.report(conn, hello);
    }

    fn report(&mut self, conn: u64, report: Report) {
        let batch = Batch { reports: vec![report], want: 0, taken: 0, totals: Totals::default() };
        self.swarm.handle_batch(self.now, ConnId(conn), batch);
    }

    fn fetch(&mut self) {
        self.swarm.fetch_layers(self.now, &roots());
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.swarm.handle_timeout(self.now);
        }
    }

    fn orders(&mut self) -> Vec<(ConnId, Order)> {
        std::iter::from_fn(|| self.swarm.poll_order()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.swarm.poll_event()).collect()
    }

    /// Who is asked what.
    fn asked(&mut self) -> Vec<(u64, HashRequest)> {
        let request = |(conn, order): (ConnId, Order)| match order {
            Order::RequestHashes(request) => Some((conn.0, request)),
            _ => None,
        };
        self.orders().into_iter().filter_map(request).collect()
    }

    fn answer(&mut self, conn: u64, request: HashRequest) {
        let HashRequest { root, base_layer, index, length, proof_layers } = request;
        let range = HashRange { base_layer, index, length, proof_layers };
        let hashes = self.layers.get(&root).unwrap().answer(range).unwrap();
        self.report(conn, Report::Hashes(request, hashes));
    }

    /// Answers whatever is asked of `conn` until nothing more is.
    fn answer_all(&mut self, conn: u64) {
        loop {
            let asked = self.asked();
            if asked.is_empty() {
                return;
            }
            for (it, request) in asked {
                assert_eq!(it, conn, "nobody else is to be asked");
                self.answer(conn, request);
            }
        }
    }

    fn is_ready(&mut self) -> bool {
        self.events().iter().any(|event| matches!(event, Event::LayersReady))
    }
}

#[test]
fn layers_are_fetched_while_the_disk_waits_and_nothing_else_is() {
    for magnet in [true, false] {
        let mut it = Stage::new(magnet);
        let refused = it.swarm.admit(it.now, ConnId(8), addr(8), Direction::Incoming);
        assert_eq!(refused, Err(Refusal::NotRunning));
        it.fetch();
        if !magnet {
            it.connect(1);
        }
        it.answer_all(1);
        assert!(it.is_ready());
        assert_eq!(*it.swarm.layers(), it.layers);
        let refused = it.swarm.admit(it.now, ConnId(8), addr(8), Direction::Incoming);
        assert_eq!(refused, Err(Refusal::NotRunning), "the disk is being looked at");
        assert!(it.swarm.torrent().info.is_none(), "what we have is not known yet");
        let pieces = it.info.layout().pieces();
        it.swarm.start(it.now, &Bitfield::full(pieces), Vec::new());
        let [(ConnId(1), Order::Metadata { torrent, have }), ..] = &it.orders()[..] else {
            panic!("what we have is said now");
        };
        assert!(torrent.info.is_some() && have.is_full());
    }
}

#[test]
fn a_newcomer_that_waits_with_us_is_not_told_the_metadata_before_the_start() {
    let mut it = Stage::new(true);
    it.fetch();
    it.swarm.admit(it.now, ConnId(2), addr(2), Direction::Incoming).unwrap();
    let hello = Report::Handshake {
        info_hash: it.info.hashes().handshake_hashes().next().unwrap(),
        peer_id: peer_id(2),
        fast: true,
        extended: true,
        v2: false,
    };
    it.report(2, hello);
    let orders = it.orders();
    let welcome = orders.iter().find_map(|(conn, order)| match order {
        Order::Welcome { torrent, have, .. } if conn.0 == 2 => Some((torrent, have)),
        _ => None,
    });
    let (torrent, have) = welcome.unwrap();
    assert!(torrent.info.is_none() && have.is_empty());
    let asked =
        |(conn, order): &(ConnId, Order)| conn.0 == 2 && matches!(order, Order::RequestHashes(_));
    it.swarm.handle_closed(it.now, ConnId(1), &CloseReason::Remote);
    let orders = it.orders();
    assert!(orders.iter().any(asked), "it came by the v2 info-hash, so it speaks v2");
}

#[test]
fn who_proves_nothing_is_banned_and_others_are_asked() {
    let mut it = Stage::new(true);
    it.fetch();
    let asked = it.asked();
    it.connect(2);
    let (_, request) = asked[0];
    it.report(1, Report::Hashes(request, vec![Sha256Digest([9; 32]); request.length as usize]));
    let banned =
        |event: &Event| matches!(event, Event::Banned(it, Offence::Hashes) if *it == addr(1));
    assert!(it.events().iter().any(banned));
    it.answer_all(2);
    assert!(it.is_ready());
}

#[test]
fn who_refuses_is_silent_or_leaves_is_not_waited_for() {
    type Way = fn(&mut Stage, Vec<(u64, HashRequest)>);
    let refuse: Way = |it, asked| {
        for (_, request) in asked {
            it.report(1, Report::HashesRejected(request));
        }
    };
    let wait: Way = |it, _| it.pass(11);
    let leave: Way = |it, _| it.swarm.handle_closed(it.now, ConnId(1), &CloseReason::Remote);
    let ways = [refuse, wait, leave];
    for way in ways {
        let mut it = Stage::new(true);
        it.fetch();
        let asked = it.asked();
        it.connect(2);
        way(&mut it, asked);
        it.answer_all(2);
        assert!(it.is_ready());
    }
}

#[test]
fn who_had_no_hashes_is_asked_again_later() {
    let mut it = Stage::new(true);
    it.fetch();
    for (conn, request) in it.asked() {
        it.report(conn, Report::HashesRejected(request));
    }
    it.pass(15);
    assert_eq!(it.asked(), []);
    it.pass(6);
    it.answer_all(1);
    assert!(it.is_ready());
}

#[test]
fn what_needs_no_layer_is_not_waited_for() {
    let mut it = Stage::new(true);
    it.swarm.fetch_layers(it.now, &BTreeSet::from([Sha256Digest([7; 32]), Sha256Digest([8; 32])]));
    assert!(it.is_ready());
    assert_eq!(it.asked(), []);
}

#[test]
fn what_is_waited_for_comes_first() {
    let mut it = Stage::new(true);
    it.swarm.fetch_layers(it.now, &BTreeSet::from([root(3)]));
    let asked = it.asked();
    assert_eq!(asked.len(), 4);
    let (first, others): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|(_, request)| request.root == root(3));
    it.answer(1, first[0].1);
    assert!(it.is_ready(), "the other file does not matter");
    it.swarm.fetch_layers(it.now, &roots());
    for (_, request) in others {
        it.answer(1, request);
    }
    assert!(it.is_ready());
}
