use std::net::SocketAddr;

use hash::sha1;
use ipfilter::{FilterReader, IpFilter};
use metainfo::InfoHashes;
use peer::{Batch, CloseReason, Order};
use stdx::{ConnId, Instant, PeerId, TorrentId};
use swarm::Origin;

use super::hello;
use crate::{AddTorrent, Config, Session};

const NOW: Instant = Instant::from_secs(1);

fn addr(host: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, host], 6_881))
}

fn filter(list: &str) -> IpFilter {
    let mut reader = FilterReader::default();
    reader.read(list.as_bytes()).unwrap();
    reader.end_list().unwrap();
    reader.finish()
}

fn session(list: &str) -> (Session, TorrentId) {
    let mut session = Session::new(NOW, Config::new(PeerId([9; 20]), 6_881), 1);
    session.set_filter(NOW, filter(list));
    let hashes = InfoHashes { v1: Some(sha1(b"info")), v2: None };
    let id = session.add_torrent(NOW, AddTorrent::magnet(hashes)).unwrap();
    (session, id)
}

/// Says hello on a connection.
fn greet(session: &mut Session, conn: ConnId, host: u8) {
    let hello = hello(sha1(b"info"), host);
    session.handle_batch(NOW, conn, Batch { reports: vec![hello], ..Batch::default() });
}

fn closed(session: &mut Session) -> Vec<ConnId> {
    let orders = std::iter::from_fn(|| session.poll_order());
    let close = |(_, order): &(_, Order)| matches!(order, Order::Close(CloseReason::Filtered));
    orders.filter(close).map(|(conn, _)| conn).collect()
}

#[test]
fn who_is_forbidden_is_neither_called_nor_let_in_until_it_is_allowed() {
    let (mut session, id) = session("203.0.113.0-203.0.113.4");
    for origin in [Origin::User, Origin::Tracker, Origin::Dht, Origin::Lsd] {
        session.add_peers(NOW, id, (1..=5).map(addr), origin);
    }
    let called: Vec<_> = std::iter::from_fn(|| session.poll_connect()).map(|it| it.addr).collect();
    assert_eq!(called, [addr(5)]);
    assert_eq!(session.handle_incoming(NOW, addr(4)), None);
    assert!(session.handle_incoming(NOW, addr(6)).is_some());
    session.set_filter(NOW, filter("203.0.113.2"));
    let mut called: Vec<_> = std::iter::from_fn(|| session.poll_connect()).collect();
    called.sort_by_key(|it| it.addr);
    assert_eq!(called.iter().map(|it| it.addr).collect::<Vec<_>>(), [1, 3, 4].map(addr));
}

#[test]
fn connections_end_that_another_filter_forbids() {
    let (mut session, id) = session("");
    session.add_peers(NOW, id, [addr(1), addr(2)], Origin::Tracker);
    let mut called: Vec<_> = std::iter::from_fn(|| session.poll_connect()).collect();
    called.sort_by_key(|it| it.addr);
    let [opening, opened] = [0, 1].map(|n: usize| called[n].conn);
    assert!(session.handle_connected(NOW, opened));
    greet(&mut session, opened, 2);
    let [nameless, named, other] = [3, 4, 5].map(|host| {
        let conn = session.handle_incoming(NOW, addr(host)).unwrap();
        if host > 3 {
            greet(&mut session, conn, host);
        }
        conn
    });
    assert_eq!(closed(&mut session), []);
    for _ in 0..2 {
        session.set_filter(NOW, filter("203.0.113.1-203.0.113.4\n"));
        let mut ended = closed(&mut session);
        ended.sort();
        // Said again, it does no harm to those that are on their way out.
        ended.retain(|conn| *conn != nameless);
        assert_eq!(ended, [opened, named]);
    }
    assert!(!session.handle_connected(NOW, opening), "it is not wanted");
    for conn in [nameless, opened, named] {
        session.handle_closed(NOW, conn, &CloseReason::Filtered);
    }
    assert_eq!(session.status(NOW, id).unwrap().peers, 1);
    session.handle_closed(NOW, other, &CloseReason::Remote);
    assert!(session.poll_connect().is_none());
}
