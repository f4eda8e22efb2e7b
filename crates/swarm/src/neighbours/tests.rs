use std::net::SocketAddr;

use stdx::{ConnId, Duration, Instant, Rng};
use wire::PexPeer;

use super::{GIVEN_MAX, Identity, KNOWN_MAX, Limits, Neighbours, Origin, PORTS_MAX};

const NOW: Instant = Instant::from_secs(100);

fn addr(host: u32) -> SocketAddr {
    let [a, b, c, d] = (0x5000_0000 + host).to_be_bytes();
    SocketAddr::from(([a, b, c, d], 6881))
}

fn neighbours(limits: Limits) -> Neighbours {
    Neighbours::new(NOW, limits, Rng::new(1))
}

fn next(it: &mut Neighbours, now: Instant, connections: usize) -> Option<SocketAddr> {
    it.next(now, connections, false, |_| false)
}

#[test]
fn identities_have_a_port_only_where_addresses_are_shared() {
    let same =
        |a: &str, b: &str| Identity::of(a.parse().unwrap()) == Identity::of(b.parse().unwrap());
    for (a, b, expected) in [
        ("80.1.2.3:1", "80.1.2.3:2", true),
        ("80.1.2.3:1", "[::ffff:80.1.2.3]:2", true),
        ("80.1.2.3:1", "80.1.2.4:1", false),
        ("127.0.0.1:1", "127.0.0.1:2", false),
        ("10.1.1.1:1", "10.1.1.1:2", false),
        ("169.254.1.1:1", "169.254.1.1:2", false),
        ("[fe80::1]:1", "[fe80::1]:2", false),
        ("[fd00::1]:1", "[fd00::1]:2", false),
        ("[2001:db8::1]:1", "[2001:db8::1]:2", true),
    ] {
        assert_eq!(same(a, b), expected, "{a} {b}");
    }
}

#[test]
fn the_number_of_addresses_is_bounded_and_the_user_s_stay() {
    let mut it = neighbours(Limits::default());
    it.add(NOW, addr(0), Origin::User);
    for host in 1..KNOWN_MAX as u32 + 500 {
        it.add(NOW, addr(host), Origin::Tracker);
    }
    assert_eq!(it.len(), KNOWN_MAX);
    assert_eq!(next(&mut it, NOW, 0), Some(addr(0)));
}

#[test]
fn nonsense_addresses_are_not_kept() {
    let mut it = neighbours(Limits::default());
    for text in ["80.1.2.3:0", "0.0.0.0:1", "255.255.255.255:1", "224.0.0.1:1", "[ff02::1]:1"] {
        it.add(NOW, text.parse().unwrap(), Origin::Pex);
    }
    assert!(it.is_empty());
}

#[test]
fn attempts_are_limited_in_number_and_rate() {
    let limits = Limits { connections: 50, half_open: 10, connect_rate: 2, connect_burst: 4 };
    let mut it = neighbours(limits);
    (0..100).for_each(|host| it.add(NOW, addr(host), Origin::Tracker));
    let mut at_once = 0;
    while next(&mut it, NOW, 0).is_some() {
        at_once += 1;
    }
    assert_eq!(at_once, 4);
    let later = NOW + Duration::from_secs(100);
    while next(&mut it, later, 0).is_some() {
        at_once += 1;
    }
    assert_eq!(at_once, 4 + 4);
    let later = later + Duration::from_secs(100);
    while next(&mut it, later, 0).is_some() {}
    assert_eq!(it.half_open(), 10);
    it.expire(later + Duration::from_mins(2));
    assert_eq!(it.half_open(), 0);
    assert_eq!(next(&mut it, later, 50), None);
}

#[test]
fn failures_are_tried_again_later_and_later_and_then_forgotten() {
    let mut it = neighbours(Limits::default());
    it.add(NOW, addr(1), Origin::Tracker);
    let (mut now, mut waits) = (NOW, Vec::new());
    while !it.is_empty() {
        let start = now;
        while next(&mut it, now, 0).is_none() {
            now += Duration::from_secs(1);
        }
        waits.push(now.since(start).as_secs());
        it.failed(now, addr(1));
    }
    assert_eq!(waits, [0, 5, 60, 90, 120, 150, 180, 210, 240]);
}

#[test]
fn taken_banned_and_own_addresses_are_left_out_and_seeds_when_of_no_use() {
    let mut it = neighbours(Limits::default());
    (1..=4).for_each(|host| it.add(NOW, addr(host), Origin::Tracker));
    it.ban(addr(1));
    it.add(NOW, addr(1), Origin::Tracker);
    it.set_self(addr(2));
    it.set_seed(addr(3), true);
    assert_eq!(it.next(NOW, 0, true, |identity| identity == Identity::of(addr(4))), None);
    assert_eq!(it.next(NOW, 0, true, |_| false), Some(addr(4)));
    assert_eq!(it.next(NOW, 0, false, |_| false), Some(addr(3)));
    it.connected(NOW, addr(3), ConnId(1));
    it.closed(NOW, addr(3), ConnId(1), true);
    assert_eq!(it.next(NOW + Duration::from_secs(6), 0, false, |_| false), Some(addr(3)));
}

#[test]
fn who_breaks_the_protocol_is_tried_seldom_and_then_forgotten() {
    let mut it = neighbours(Limits::default());
    it.add(NOW, addr(1), Origin::Tracker);
    it.add(NOW, addr(2), Origin::User);
    assert_eq!(next(&mut it, NOW, 0), Some(addr(2)));
    it.connected(NOW, addr(2), ConnId(2));
    let (mut now, mut waits) = (NOW, Vec::new());
    while it.len() == 2 {
        let start = now;
        while next(&mut it, now, 0).is_none() {
            now += Duration::from_secs(1);
        }
        waits.push(now.since(start).as_secs());
        it.connected(now, addr(1), ConnId(1));
        it.succeeded(addr(1));
        it.closed(now, addr(1), ConnId(1), true);
        it.offended(now, addr(1));
    }
    assert_eq!(waits, [0, 120, 240, 360]);
    (0..9).for_each(|_| it.offended(now, addr(2)));
    assert_eq!(it.len(), 1, "what the user named stays");
}

fn give(it: &mut Neighbours, giver: u32, addrs: impl Iterator<Item = SocketAddr>) {
    let peers = addrs.map(|address| PexPeer { address, flags: PexPeer::UTP });
    it.add_given(NOW, addr(giver), ConnId(giver.into()), peers);
}

#[test]
fn one_peer_s_word_fills_a_tenth_and_gives_way_first() {
    let mut it = neighbours(Limits::default());
    give(&mut it, 1, (1_000..9_000).map(addr));
    assert_eq!(it.len(), GIVEN_MAX);
    // From another port it is the same giver.
    it.add_given(
        NOW,
        SocketAddr::new(addr(1).ip(), 9),
        ConnId(77),
        std::iter::once(PexPeer { address: addr(20_000), flags: 0 }),
    );
    assert_eq!(it.len(), GIVEN_MAX);
    give(&mut it, 2, (1_000..9_000).map(addr));
    assert_eq!(it.len(), 2 * GIVEN_MAX);
    (10_000..10_000 + KNOWN_MAX as u32 - 1).for_each(|host| it.add(NOW, addr(host), Origin::Dht));
    assert_eq!(it.len(), KNOWN_MAX);
    it.shun_hearsay();
    assert!(it.is_empty());
}

#[test]
fn of_a_private_torrent_no_hearsay_stays_or_comes_back() {
    let mut it = neighbours(Limits::default());
    for (host, origin) in [(1, Origin::Dht), (2, Origin::Lsd), (3, Origin::Tracker)] {
        it.add(NOW, addr(host), origin);
        it.connected(NOW, addr(host), ConnId(u64::from(host)));
    }
    assert!(it.attempt(NOW, addr(4)));
    it.shun_hearsay();
    assert_eq!(it.len(), 4);
    (1..=3).for_each(|host| it.closed(NOW, addr(host), ConnId(u64::from(host)), true));
    it.failed(NOW, addr(4));
    it.add(NOW, addr(5), Origin::Dht);
    assert_eq!(it.len(), 1);
    assert!(it.known.contains_key(&addr(3)));
}

#[test]
fn nobody_is_knocked_at_on_many_ports_because_a_peer_said_so() {
    let mut it = neighbours(Limits::default());
    give(&mut it, 1, (1..500).map(|port| SocketAddr::new(addr(5).ip(), port)));
    assert_eq!(it.len(), PORTS_MAX);
    (1..500).for_each(|port| it.add(NOW, SocketAddr::new(addr(6).ip(), port), Origin::Dht));
    assert_eq!(it.len(), 2 * PORTS_MAX);
}

#[test]
fn a_peer_names_only_what_is_good_for_us() {
    let check = |giver: &str, named: &str, expected: bool| {
        let mut it = neighbours(Limits::default());
        let peer = PexPeer { address: named.parse().unwrap(), flags: 0 };
        it.add_given(NOW, giver.parse().unwrap(), ConnId(1), std::iter::once(peer));
        assert_eq!(!it.is_empty(), expected, "{giver} names {named}");
    };
    check("80.1.1.1:1", "81.1.1.1:2", true);
    check("80.1.1.1:1", "[2001:db8::1]:2", true);
    check("80.1.1.1:1", "192.168.1.1:2", false);
    check("80.1.1.1:1", "127.0.0.1:2", false);
    check("80.1.1.1:1", "[fe80::1]:2", false);
    check("80.1.1.1:1", "[::ffff:10.1.1.1]:2", false);
    check("10.1.1.1:1", "127.0.0.1:2", false);
    check("10.1.1.1:1", "192.168.1.1:2", true);
    check("10.1.1.1:1", "80.1.1.1:2", true);
    check("127.0.0.1:1", "127.0.0.1:2", true);
}
