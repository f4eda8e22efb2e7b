use std::net::SocketAddr;

use hash::{Sha1Digest, sha1};
use stdx::{Duration, Instant, Rng};

use super::{FOUND_MAX, FOUND_PER_IP_MAX, HEARD_BURST, INTERVAL, INTERVAL_MIN, Lsd, SENT_BURST};
use crate::{Announce, GROUP_V4, HASHES_MAX};

const NOW: Instant = Instant::from_secs(1_000);

fn hash(at: u32) -> Sha1Digest {
    sha1(&at.to_be_bytes())
}

fn lsd(torrents: u32) -> Lsd {
    let mut it = Lsd::new(NOW, Rng::new(1));
    (0..torrents).for_each(|at| it.add(NOW, hash(at)));
    it
}

fn source(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 168, 1, host], 6771))
}

fn datagram(port: u16, torrent: u32) -> Vec<u8> {
    Announce { port, hashes: vec![hash(torrent)], cookie: None }.encode(GROUP_V4)
}

/// When the next announce goes out, and of how many torrents it tells.
fn next(it: &mut Lsd) -> (Duration, usize) {
    let at = it.poll_timeout().unwrap().max(NOW);
    (at.since(NOW), it.poll_announce(at).unwrap().hashes.len())
}

#[test]
fn a_torrent_is_announced_at_once_and_every_five_minutes() {
    let mut it = lsd(1);
    assert_eq!(next(&mut it), (Duration::ZERO, 1));
    assert_eq!(it.poll_announce(NOW), None);
    assert_eq!(next(&mut it), (INTERVAL, 1));
    it.remove(&hash(0));
    assert_eq!(it.poll_timeout(), None);
}

#[test]
fn many_torrents_take_turns_in_bounded_datagrams() {
    let mut it = lsd(1_000);
    let (mut told, mut datagrams) = (0, 0);
    while told < 1_000 {
        let (after, hashes) = next(&mut it);
        assert!(hashes <= HASHES_MAX);
        (told, datagrams) = (told + hashes, datagrams + 1);
        assert!(datagrams <= SENT_BURST + after.as_secs(), "{datagrams} after {after:?}");
    }
    assert_eq!(datagrams, 50);
}

#[test]
fn a_newcomer_hears_of_us_soon_but_not_often() {
    let mut it = lsd(1);
    assert_eq!(next(&mut it).1, 1);
    let heard = NOW + Duration::from_secs(10);
    assert_eq!(it.handle_datagram(heard, source(2), &datagram(7, 0)).len(), 1);
    let (after, _) = next(&mut it);
    assert!(after >= INTERVAL_MIN && after <= INTERVAL_MIN + Duration::from_secs(5), "{after:?}");
    // Who was heard before is no newcomer.
    let again = NOW + after + Duration::from_secs(100);
    assert_eq!(it.handle_datagram(again, source(2), &datagram(7, 0)), []);
    assert!(next(&mut it).0 > INTERVAL);
}

#[test]
fn only_neighbours_with_our_torrents_are_believed() {
    let check = |source: &str, torrent: u32, expected: Option<&str>| {
        let found = lsd(1).handle_datagram(NOW, source.parse().unwrap(), &datagram(7, torrent));
        let found = found.first().map(|(_, peer)| *peer);
        assert_eq!(found, expected.map(|it| it.parse().unwrap()), "{source} {torrent}");
    };
    check("192.168.1.2:6771", 0, Some("192.168.1.2:7"));
    check("10.1.1.1:9", 0, Some("10.1.1.1:7"));
    check("169.254.1.1:9", 0, Some("169.254.1.1:7"));
    check("198.18.0.3:9", 0, Some("198.18.0.3:7"));
    check("[fe80::1%3]:9", 0, Some("[fe80::1%3]:7"));
    check("[fd00::1]:9", 0, Some("[fd00::1]:7"));
    check("192.168.1.2:6771", 1, None);
    check("80.1.1.1:6771", 0, None);
    check("127.0.0.1:6771", 0, None);
    check("[2001:db8::1]:9", 0, None);
}

#[test]
fn our_own_announces_are_ignored() {
    let (mut it, mut other) = (lsd(1), Lsd::new(NOW, Rng::new(2)));
    let said = it.poll_announce(NOW).unwrap();
    let bytes = Announce { port: 7, ..said }.encode(GROUP_V4);
    assert_eq!(it.handle_datagram(NOW, source(2), &bytes), []);
    other.add(NOW, hash(0));
    assert_eq!(other.handle_datagram(NOW, source(2), &bytes).len(), 1);
}

#[test]
fn a_flood_is_not_believed() {
    let mut it = lsd(1);
    let mut found = 0;
    for second in 0..200 {
        for at in 0..20u16 {
            let now = NOW + Duration::from_secs(second);
            let source = source((second % 100) as u8);
            found += it.handle_datagram(now, source, &datagram(1 + at, 0)).len();
        }
    }
    assert_eq!(found, FOUND_MAX);
    let mut it = lsd(1);
    let ports = 1..1_000;
    let found: usize =
        ports.map(|port| it.handle_datagram(NOW, source(2), &datagram(port, 0)).len()).sum();
    assert_eq!(found, FOUND_PER_IP_MAX);
    let mut it = lsd(1);
    let mut other = |host: u8| it.handle_datagram(NOW, source(host), &datagram(1, 0)).len();
    assert_eq!((0..=255).map(&mut other).sum::<usize>(), HEARD_BURST as usize);
}
