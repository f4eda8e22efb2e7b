use super::*;

const FIRST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

#[test]
fn peers_are_known_again_by_their_addresses() {
    let crowd = Crowd::new(1_000, 30, (FIRST, 7), 0.25).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..1_000 {
        let peer = crowd.peer(n);
        let address = SocketAddrV4::new(crowd.address(peer.host), peer.port);
        assert!(seen.insert(address), "{address} is there twice");
        assert_eq!(crowd.number(address), Some(n));
        assert!(crowd.is_member(address.into(), peer.torrent));
        assert!(!crowd.is_member(address.into(), peer.torrent + 1));
    }
    let stranger = SocketAddr::from((crowd.address(7), 1_024));
    assert!((0..30).all(|torrent| !crowd.is_member(stranger, torrent)));
}

#[test]
fn shares_are_about_as_asked() {
    let crowd = Crowd::new(100_000, 100, (FIRST, 1_000), 0.25).unwrap();
    let seeders = (0..100_000).filter(|&n| crowd.peer(n).seeding).count();
    assert!((24_000..26_000).contains(&seeders), "{seeders}");
    let first = (0..100_000).filter(|&n| crowd.peer(n).torrent == 0).count();
    assert!((850..1_150).contains(&first), "{first}");
}

#[test]
fn impossible_crowds_are_refused() {
    let cases = [
        (0, 1, FIRST, 1),
        (1, 0, FIRST, 1),
        (1, 1, FIRST, 0),
        (64_513, 1, FIRST, 1),
        (10, 1, Ipv4Addr::BROADCAST, 2),
    ];
    for (peers, torrents, first, hosts) in cases {
        assert!(Crowd::new(peers, torrents, (first, hosts), 0.5).is_none(), "{peers} {hosts}");
    }
    assert!(Crowd::new(64_512, 1, (FIRST, 1), 0.5).is_some());
}
