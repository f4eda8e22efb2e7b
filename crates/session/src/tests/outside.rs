use std::net::{IpAddr, SocketAddr};

use announce::AnnounceResponse;
use hash::sha1;
use metainfo::InfoHashes;
use peer::{Batch, ExtendedInfo, Report};
use stdx::{Instant, PeerId};

use super::hello;
use crate::{AddTorrent, Config, DhtOrder, Session};

const NOW: Instant = Instant::from_secs(1);
const OURS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

fn session() -> Session {
    let config = Config { dht: true, ..Config::new(PeerId([9; 20]), 6_881) };
    let mut session = Session::new(NOW, config, 1);
    let hashes = InfoHashes { v1: Some(sha1(b"info")), v2: None };
    let mut add = AddTorrent::magnet(hashes);
    add.trackers = vec![vec!["http://tracker.example/announce".parse().unwrap()]];
    session.add_torrent(NOW, add).unwrap();
    session
}

/// A peer comes in and says where it sees us.
fn meet(session: &mut Session, host: u8) {
    let conn = session.handle_incoming(NOW, SocketAddr::from(([203, host, 113, 1], 5))).unwrap();
    let hello = hello(sha1(b"info"), host);
    let extended = ExtendedInfo { your_ip: Some(OURS), ..ExtendedInfo::default() };
    let reports = vec![hello, Report::Extended(extended)];
    session.handle_batch(NOW, conn, Batch { reports, ..Batch::default() });
}

fn told(session: &mut Session) -> Vec<IpAddr> {
    let orders = std::iter::from_fn(|| session.poll_dht());
    orders.filter_map(|it| if let DhtOrder::Outside(ip) = it { Some(ip) } else { None }).collect()
}

#[test]
fn the_dht_hears_of_our_address_once_it_is_certain() {
    let mut session = session();
    let announce = session.poll_announce().expect("the tracker is asked");
    let answer = AnnounceResponse { external_ip: Some(OURS), ..AnnounceResponse::default() };
    session.handle_announce(NOW, announce.id, Ok(answer));
    (1..=2).for_each(|host| meet(&mut session, host));
    assert!(told(&mut session).is_empty());
    (3..=9).for_each(|host| meet(&mut session, host));
    assert_eq!(told(&mut session), [OURS]);
    session.set_router_address(false, Some(IpAddr::from([192, 168, 1, 1])));
    assert!(told(&mut session).is_empty());
    let router = IpAddr::from([198, 51, 100, 8]);
    session.set_router_address(false, Some(router));
    assert_eq!(told(&mut session), [router]);
}
