//! Peers that are brought together by a third (BEP 55), and thirds.

use std::net::SocketAddr;

use peer::{Batch, Carrier, CloseReason, ExtendedInfo, Order, Report, Totals};
use stdx::{Bitfield, ConnId, Duration, Instant, Rng};
use wire::{Holepunch, HolepunchError, Pex, PexPeer};

use super::world::{hello, info, peer_id, torrent};
use crate::{Config, Direction, Origin, Refusal, Swarm};

struct Stage {
    swarm: Swarm,
    now: Instant,
}

fn addr(node: u64) -> SocketAddr {
    SocketAddr::from(([80, 0, 0, node as u8], 6881))
}

/// Where a peer's address translator has it.
fn mapped(node: u64) -> SocketAddr {
    SocketAddr::new(addr(node).ip(), 20_000)
}

impl Stage {
    fn new() -> Self {
        let info = info(100_000, 16_384);
        let now = Instant::from_secs(1);
        let mut swarm = Swarm::new(now, Config::new(peer_id(200)), torrent(&info), Rng::new(1));
        swarm.start(now, &Bitfield::new(info.layout().pieces()), Vec::new());
        Self { swarm, now }
    }

    fn say(&mut self, conn: u64, reports: Vec<Report>) {
        let batch = Batch { reports, want: 0, taken: 0, totals: Totals::default() };
        self.swarm.handle_batch(self.now, ConnId(conn), batch);
    }

    /// A peer connects to us over uTP, from behind its address translator.
    fn meet(&mut self, node: u64, supports_holepunch: bool) {
        self.swarm.admit(self.now, ConnId(node), mapped(node), Direction::Incoming).unwrap();
        let info = ExtendedInfo {
            listen_port: Some(6881),
            supports_pex: true,
            supports_holepunch,
            ..ExtendedInfo::default()
        };
        let carried = Report::Carried(Carrier { utp: true, encrypted: false });
        self.say(node, vec![hello(node as usize), carried, Report::Extended(info)]);
    }

    fn hear(&mut self, conn: u64, message: Holepunch) -> Vec<(u64, Holepunch)> {
        self.said();
        self.say(conn, vec![Report::Holepunch(message)]);
        self.said()
    }

    fn said(&mut self) -> Vec<(u64, Holepunch)> {
        let orders = std::iter::from_fn(|| self.swarm.poll_order());
        let said = orders.filter_map(|(conn, order)| match order {
            Order::Holepunch(message) => Some((conn.0, message)),
            _ => None,
        });
        said.collect()
    }

    fn give(&mut self, conn: u64, node: u64) {
        let added = vec![PexPeer { address: addr(node), flags: PexPeer::HOLEPUNCH }];
        self.say(conn, vec![Report::Pex(Pex { added, dropped: Vec::new() })]);
    }

    /// Tries the one that there is to try, in vain.
    fn fail(&mut self, node: u64) {
        self.now += Duration::from_mins(10);
        assert_eq!(self.swarm.poll_connect(self.now), Some(addr(node)));
        assert!(!self.swarm.is_punch(addr(node)));
        let conn = ConnId(100 + node);
        self.swarm.admit(self.now, conn, addr(node), Direction::Outgoing).unwrap();
        self.swarm.handle_connect_failed(self.now, addr(node));
    }
}

#[test]
fn a_third_tells_both_where_the_other_is_reached() {
    let mut it = Stage::new();
    it.meet(1, true);
    it.meet(2, true);
    for target in [addr(2), mapped(2)] {
        let expected = [(1, Holepunch::Connect(mapped(2))), (2, Holepunch::Connect(mapped(1)))];
        assert_eq!(it.hear(1, Holepunch::Rendezvous(target)), expected, "{target}");
    }
}

#[test]
fn a_third_says_why_not() {
    let check = |target: SocketAddr, expected: HolepunchError| {
        let mut it = Stage::new();
        it.meet(1, true);
        it.meet(2, false);
        let said = it.hear(1, Holepunch::Rendezvous(target));
        assert_eq!(said, [(1, Holepunch::Error(target, expected))]);
    };
    check(addr(2), HolepunchError::NoSupport);
    check(addr(3), HolepunchError::NotConnected);
    check(addr(1), HolepunchError::NoSelf);
    check(SocketAddr::from(([80, 0, 0, 2], 0)), HolepunchError::NoSuchPeer);
    check("0.0.0.0:6881".parse().unwrap(), HolepunchError::NoSuchPeer);
}

#[test]
fn nobody_gets_a_third_to_knock_without_end() {
    let mut it = Stage::new();
    it.meet(1, true);
    it.meet(2, true);
    it.meet(3, true);
    let rounds = (0..50).map(|_| {
        let from_first = it.hear(1, Holepunch::Rendezvous(addr(2))).len();
        from_first + it.hear(3, Holepunch::Rendezvous(addr(2))).len()
    });
    // Ten times the second hears of somebody, and each time somebody hears of it.
    assert_eq!(rounds.sum::<usize>(), 20);
}

#[test]
fn who_told_of_a_peer_is_asked_when_it_cannot_be_reached() {
    let mut it = Stage::new();
    it.meet(1, true);
    it.give(1, 7);
    it.fail(7);
    assert_eq!(it.said(), [(1, Holepunch::Rendezvous(addr(7)))]);
    // It has no way to bring us together: another may have.
    it.hear(1, Holepunch::Error(addr(7), HolepunchError::NotConnected));
    it.fail(7);
    assert_eq!(it.said(), []);
    it.meet(2, true);
    it.give(2, 7);
    it.fail(7);
    assert_eq!(it.said(), [(2, Holepunch::Rendezvous(addr(7)))]);
}

#[test]
fn who_cannot_help_is_not_asked() {
    let mut it = Stage::new();
    it.meet(1, false);
    it.give(1, 7);
    it.fail(7);
    assert_eq!(it.said(), []);
    let mut it = Stage::new();
    it.meet(1, true);
    it.give(1, 7);
    it.swarm.handle_closed(it.now, ConnId(1), &CloseReason::Remote);
    while it.swarm.poll_connect(it.now).is_some_and(|at| at != addr(7)) {}
    it.swarm.handle_connect_failed(it.now, addr(7));
    assert_eq!(it.said(), []);
}

#[test]
fn a_third_s_word_is_followed_at_once_over_utp() {
    let mut it = Stage::new();
    it.meet(1, true);
    assert_eq!(it.hear(1, Holepunch::Connect(mapped(7))), []);
    assert!(it.swarm.has_punch());
    assert_eq!(it.swarm.poll_connect(it.now), Some(mapped(7)));
    assert!(it.swarm.is_punch(mapped(7)) && !it.swarm.has_punch());
    it.swarm.admit(it.now, ConnId(9), mapped(7), Direction::Outgoing).unwrap();
    it.swarm.handle_connect_failed(it.now, mapped(7));
    assert!(!it.swarm.is_punch(mapped(7)));
}

#[test]
fn not_every_word_is_followed() {
    let followed = |supports: bool, named: SocketAddr| {
        let mut it = Stage::new();
        it.meet(1, supports);
        it.meet(2, true);
        it.hear(1, Holepunch::Connect(named));
        it.swarm.has_punch()
    };
    assert!(followed(true, addr(7)));
    assert!(!followed(false, addr(7)));
    // We are connected to that one, and that is a machine of ours.
    assert!(!followed(true, addr(2)));
    assert!(!followed(true, "127.0.0.1:22".parse().unwrap()));
    assert!(!followed(true, "192.168.1.1:80".parse().unwrap()));
    let mut it = Stage::new();
    it.meet(1, true);
    for node in 10..100 {
        it.hear(1, Holepunch::Connect(addr(node)));
    }
    let tried = std::iter::from_fn(|| it.swarm.poll_connect(it.now));
    assert_eq!(tried.filter(|at| at.ip() != addr(1).ip()).count(), 10);
}

#[test]
fn a_third_s_word_does_not_wait_for_an_attempt_at_another_port() {
    let mut it = Stage::new();
    it.meet(1, true);
    it.swarm.add_candidates(it.now, std::iter::once(addr(7)), Origin::Tracker);
    while let Some(at) = it.swarm.poll_connect(it.now) {
        it.swarm.admit(it.now, ConnId(7), at, Direction::Outgoing).unwrap();
    }
    it.hear(1, Holepunch::Connect(mapped(7)));
    assert_eq!(it.swarm.poll_connect(it.now), Some(mapped(7)));
    it.swarm.admit(it.now, ConnId(8), mapped(7), Direction::Outgoing).unwrap();
}

#[test]
fn a_third_s_word_that_comes_too_late_leaves_nothing_behind() {
    let mut it = Stage::new();
    it.meet(1, true);
    let other = SocketAddr::new(addr(7).ip(), 9);
    it.hear(1, Holepunch::Connect(other));
    it.meet(7, true);
    while let Some(at) = it.swarm.poll_connect(it.now) {
        let admitted = it.swarm.admit(it.now, ConnId(100), at, Direction::Outgoing);
        assert_eq!(admitted, Err(Refusal::Duplicate));
    }
    assert!(!it.swarm.has_punch() && !it.swarm.is_punch(other));
}
