//! Connections that say nothing, and who makes room for whom.

use std::net::SocketAddr;

use metainfo::Version;
use peer::{CloseReason, Misbehaviour, Order, PeerError};
use stdx::{ConnId, Duration, Instant, TorrentId};
use swarm::Origin;

use super::harness::{Source, World};
use crate::{AddTorrent, Event, MAX_PENDING_PER_ADDRESS, Session};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A seed that takes so many connections.
fn seed(max_peers: usize) -> (World, usize) {
    let source = Source::new(Version::V1, &[100_000], 32 * 1024);
    let mut world = World::new();
    let node = world.node_with(|config| config.max_peers = max_peers);
    world.seed(node, &source, source.torrent());
    while world.nodes[node].session.poll_order().is_some() {}
    (world, node)
}

fn closed(session: &mut Session) -> Vec<(ConnId, CloseReason)> {
    let orders = std::iter::from_fn(|| session.poll_order());
    let close = |(conn, order)| match order {
        Order::Close(reason) => Some((conn, reason)),
        _ => None,
    };
    orders.filter_map(close).collect()
}

fn dropped(session: &mut Session) -> Vec<(String, String, u64)> {
    let events = std::iter::from_fn(|| session.poll_event());
    let dropped = |event| match event {
        Event::PeerDropped { addr, reason, times, .. } => Some((addr.to_string(), reason, times)),
        _ => None,
    };
    events.filter_map(dropped).collect()
}

#[test]
fn one_address_holds_few_silent_connections() {
    for (first, other, same) in [
        ("127.0.0.1", "127.0.0.2", "127.0.0.1"),
        ("203.0.113.1", "203.0.113.2", "[::ffff:203.0.113.1]"),
        ("[2001:db8::1]", "[2001:db8:1::1]", "[2001:db8::ffff]"),
    ] {
        let (mut world, node) = seed(100);
        let (now, session) = (world.now, &mut world.nodes[node].session);
        let come = |session: &mut Session, ip: &str, port: usize| {
            session.handle_incoming(now, at(&format!("{ip}:{port}")))
        };
        let taken: Vec<_> = (1..100).filter_map(|port| come(session, first, port)).collect();
        assert_eq!(taken.len(), MAX_PENDING_PER_ADDRESS, "{first}");
        assert_eq!(come(session, same, 1), None);
        assert!(come(session, other, 1).is_some());
        let told = dropped(session);
        assert_eq!(told.iter().map(|it| it.2).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64]);
        assert!(told[0].1.contains("silent connections"), "{told:?}");
        session.handle_closed(now, taken[0], &CloseReason::Remote);
        assert!(come(session, first, 1).is_some());
    }
}

#[test]
fn who_says_nothing_makes_room_for_newcomers() {
    let (mut world, node) = seed(4);
    let (now, session) = (world.now, &mut world.nodes[node].session);
    let come = |session: &mut Session, now: Instant, host: u8| {
        session.handle_incoming(now, SocketAddr::from(([203, 0, 113, host], 1)))
    };
    let old: Vec<_> = (0..4).map(|host| come(session, now, host).unwrap()).collect();
    let soon = now + Duration::from_secs(1);
    assert_eq!(come(session, soon, 9), None);
    assert_eq!(closed(session), [], "they have hardly had time to speak");
    let later = now + Duration::from_secs(2);
    assert_eq!(come(session, later, 9), None, "no place is given twice");
    for (host, old) in (10..).zip(old) {
        assert_eq!(closed(session), [(old, CloseReason::Replaced)], "one goes at a time");
        assert_eq!(come(session, later, 9), None);
        session.handle_closed(later, old, &CloseReason::Replaced);
        assert!(come(session, later, host).is_some());
    }
    assert_eq!(closed(session), [], "the newcomers have their time, too");
    assert_eq!(dropped(session), [], "that is nobody's fault");
}

#[test]
fn who_has_been_of_no_use_for_long_makes_room_for_newcomers() {
    let source = Source::new(Version::V1, &[100_000], 32 * 1024);
    let mut world = World::new();
    let node = world.node_with(|config| config.max_peers = 1);
    let torrent = world.seed(node, &source, source.torrent());
    let idler = world.node();
    let peers = vec![(world.nodes[node].addr, Origin::User)];
    // It never starts, so that it asks for nothing.
    let add = AddTorrent { peers, ..AddTorrent::magnet(source.meta.hashes) };
    let now = world.now;
    world.nodes[idler].session.add_torrent(now, add).unwrap();
    let peers = |world: &World, torrent: TorrentId| {
        world.nodes[node].session.status(world.now, torrent).unwrap().peers
    };
    world.run(30, |world| peers(world, torrent) == 1);
    let (now, newcomer) = (world.now, at("203.0.113.1:1"));
    let session = &mut world.nodes[node].session;
    assert_eq!(session.handle_incoming(now + Duration::from_secs(50), newcomer), None);
    assert_eq!(closed(session), []);
    assert_eq!(session.handle_incoming(now + Duration::from_secs(90), newcomer), None);
    assert!(matches!(closed(session)[..], [(_, CloseReason::Replaced)]));
}

#[test]
fn only_the_peer_s_own_doing_is_told() {
    let error = |error: PeerError| CloseReason::Peer(error);
    for (reason, told) in [
        (error(PeerError::HandshakeTimeout), true),
        (error(PeerError::Inactive), true),
        (error(Misbehaviour::TooEarly.into()), true),
        (CloseReason::UnknownTorrent, true),
        (error(PeerError::SelfConnection), false),
        (CloseReason::Remote, false),
        (CloseReason::Transport("reset".to_owned()), false),
        (CloseReason::Duplicate, false),
        (CloseReason::Stopped, false),
        (CloseReason::Limit, false),
    ] {
        let (mut world, node) = seed(4);
        let (now, session) = (world.now, &mut world.nodes[node].session);
        let conn = session.handle_incoming(now, at("203.0.113.1:7")).unwrap();
        session.handle_closed(now, conn, &reason);
        let line = ("203.0.113.1:7".to_owned(), reason.to_string(), 1);
        let expected = if told { vec![line] } else { Vec::new() };
        assert_eq!(dropped(session), expected, "{reason}");
    }
}
