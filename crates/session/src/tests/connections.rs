use std::net::SocketAddr;

use hash::sha1;
use metainfo::InfoHashes;
use peer::{Batch, CloseReason, ExtendedInfo, Order, Report};
use stdx::{ConnId, Instant, PeerId};
use swarm::Origin;

use super::hello;
use crate::{AddTorrent, Config, Session};

const NOW: Instant = Instant::from_secs(1);

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 1], port))
}

/// Somebody comes in, offers metadata that is wrong, and is banned.
fn lie(session: &mut Session, hashes: InfoHashes) -> ConnId {
    let conn = session.handle_incoming(NOW, addr(2_000)).unwrap();
    let size = Some(3);
    let offer =
        ExtendedInfo { metadata_size: size, supports_metadata: true, ..ExtendedInfo::default() };
    let hello = hello(hashes.v1.unwrap(), 1);
    let metadata = Report::Metadata { piece: 0, data: b"lie".to_vec() };
    for reports in [vec![hello, Report::Extended(offer)], vec![metadata]] {
        session.handle_batch(NOW, conn, Batch { reports, ..Batch::default() });
    }
    let closes = std::iter::from_fn(|| session.poll_order())
        .filter(|(_, order)| matches!(order, Order::Close(CloseReason::Banned)));
    assert_eq!(closes.map(|(conn, _)| conn).collect::<Vec<_>>(), [conn]);
    conn
}

#[test]
fn an_attempt_to_connect_to_who_is_banned_meanwhile_ends() {
    for opens in [true, false] {
        let config = Config { max_peers: 2, ..Config::new(PeerId([9; 20]), 6_881) };
        let mut session = Session::new(NOW, config, 1);
        let hashes = InfoHashes { v1: Some(sha1(b"info")), v2: None };
        let id = session.add_torrent(NOW, AddTorrent::magnet(hashes)).unwrap();
        session.add_peers(NOW, id, [addr(1_000)], Origin::User);
        let connect = session.poll_connect().unwrap();
        let liar = lie(&mut session, hashes);
        session.handle_closed(NOW, liar, &CloseReason::Banned);
        if opens {
            assert!(!session.handle_connected(NOW, connect.conn), "it is not wanted");
        } else {
            session.handle_connect_failed(NOW, connect.conn);
        }
        let places = (0..9).filter_map(|port| session.handle_incoming(NOW, addr(port))).count();
        assert_eq!(places, 2, "opens: {opens}");
    }
}
