//! Peers that tell each other of others (BEP 11).

use std::net::SocketAddr;
use std::sync::Arc;

use stdx::{Bitfield, Duration};
use wire::{Pex, PexPeer};

use super::pair::{Link, Pair, config};
use crate::fuzzing::{PIECES, torrent};
use crate::{Config, Misbehaviour, Order, Peer, PeerError, Report, Torrent};

const SECOND: Duration = Duration::from_secs(1);

fn exchanging(name: u8, pex: bool) -> Config {
    Config { pex, ..config(name) }
}

fn list(peers: u16) -> Pex {
    let peer = |port| PexPeer { address: SocketAddr::from(([80, 1, 1, 1], 1 + port)), flags: 0 };
    Pex { added: (0..peers).map(peer).collect(), dropped: Vec::new() }
}

fn pair(pex: [bool; 2], private: bool) -> Pair {
    let torrent = || Arc::new(Torrent { private, ..(*torrent(true)).clone() });
    let haves = [Bitfield::new(PIECES), Bitfield::new(PIECES)];
    let configs = [exchanging(1, pex[0]), exchanging(2, pex[1])];
    let mut pair = Pair::new(Link::default(), [torrent(), torrent()], haves, configs);
    pair.run(SECOND);
    pair
}

fn supported(pair: &Pair, side: usize) -> bool {
    pair.sides[side].has(|report| matches!(report, Report::Extended(it) if it.supports_pex))
}

fn lists(pair: &Pair, side: usize) -> usize {
    let reports = pair.sides[side].reports.iter();
    reports.filter(|report| matches!(report, Report::Pex(_))).count()
}

#[test]
fn lists_go_where_both_want_them_and_never_on_private_torrents() {
    for (pex, private, expected) in [
        ([true, true], false, true),
        ([true, false], false, false),
        ([false, true], false, false),
        ([true, true], true, false),
    ] {
        let mut pair = pair(pex, private);
        let can = [supported(&pair, 0), supported(&pair, 1)];
        assert_eq!(can, [expected; 2], "{pex:?} {private}");
        pair.order(0, Order::Pex(list(3)));
        pair.run(SECOND);
        let got = pair.sides[1].has(|it| matches!(it, Report::Pex(pex) if *pex == list(3)));
        assert_eq!(got, expected, "{pex:?} {private}");
    }
}

#[test]
fn lists_that_come_too_soon_are_ignored_and_in_the_end_not_borne() {
    let mut pair = pair([true, true], false);
    for _ in 0..11 {
        pair.order(0, Order::Pex(list(1)));
    }
    pair.run(SECOND);
    assert_eq!(lists(&pair, 1), 1);
    assert!(pair.sides[1].closed.is_none());
    pair.order(0, Order::Pex(list(1)));
    pair.run(SECOND);
    let dropped = PeerError::Misbehaved(Misbehaviour::PeerLists(11));
    assert_eq!(pair.sides[1].closed, Some(dropped.into()));
}

#[test]
fn lists_in_time_make_up_for_faults() {
    let mut pair = pair([true, true], false);
    for _ in 0..40 {
        pair.order(0, Order::Pex(list(1)));
        pair.order(0, Order::Pex(list(1)));
        pair.run(SECOND * 60);
    }
    assert_eq!(lists(&pair, 1), 40);
    assert!(pair.sides[1].closed.is_none());
}

#[test]
fn long_lists_are_borne_once_and_a_few_times_more() {
    let mut pair = pair([true, true], false);
    for _ in 0..11 {
        pair.order(0, Order::Pex(list(150)));
        pair.run(SECOND * 60);
    }
    assert!(pair.sides[1].closed.is_none());
    pair.order(0, Order::Pex(list(150)));
    pair.run(SECOND);
    let dropped = PeerError::Misbehaved(Misbehaviour::PeerLists(11));
    assert_eq!(pair.sides[1].closed, Some(dropped.into()));
}

#[test]
fn what_carries_a_connection_is_told_when_it_opens() {
    let carrier = crate::Carrier { utp: true, encrypted: false };
    let now = stdx::Instant::from_secs(5);
    let address = SocketAddr::from(([203, 0, 113, 7], 6881));
    let have = Bitfield::new(PIECES);
    let mut peer = Peer::connect(now, Arc::new(config(1)), torrent(true), have, false, address);
    peer.set_carrier(carrier);
    let answer = wire::Handshake {
        reserved: wire::Reserved::NONE,
        info_hash: crate::fuzzing::hashes().v1.expect("it has one"),
        peer_id: stdx::PeerId([2; 20]),
    };
    peer.handle_received(now, &answer.encode(), &stdx::Pool::new(1)).unwrap();
    let reports: Vec<_> = std::iter::from_fn(|| peer.poll_report()).collect();
    assert!(
        matches!(reports[..], [Report::Handshake { .. }, Report::Carried(it)] if it == carrier)
    );
}
