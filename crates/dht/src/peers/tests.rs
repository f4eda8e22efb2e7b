use super::*;

fn address(n: u16) -> SocketAddr {
    ([7, 7, (n >> 8) as u8, n as u8], 6_881).into()
}

fn torrent(first: u8) -> Id {
    Id([first; 20])
}

#[test]
fn peers_are_one_for_each_address_and_expire() {
    let (mut rng, mut peers) = (Rng::new(1), Peers::new(Id::default(), 10, 3));
    let now = Instant::from_secs(1);
    for port in [1, 2, 3] {
        let address = SocketAddr::new([7, 7, 7, 7].into(), port);
        assert!(peers.announce(now, torrent(1), address, port == 3, &mut rng));
    }
    assert_eq!(peers.some(now, torrent(1), false, 9, &mut rng), ["7.7.7.7:3".parse().unwrap()]);
    assert!(peers.some(now, torrent(1), true, 9, &mut rng).is_empty(), "it is a seed");
    for n in 0..20 {
        assert!(peers.announce(now, torrent(1), address(n), false, &mut rng));
    }
    assert_eq!(peers.len(), (1, 3));
    assert_eq!(peers.some(now, torrent(1), false, 2, &mut rng).len(), 2);
    let late = now + EXPIRY;
    assert!(peers.some(late, torrent(1), false, 9, &mut rng).is_empty());
    assert_eq!(peers.scrape(late, torrent(1)), None);
    peers.sweep(late);
    assert_eq!(peers.len(), (0, 0));
}

#[test]
fn the_farthest_torrents_make_room() {
    let (mut rng, now) = (Rng::new(1), Instant::ZERO);
    let mut peers = Peers::new(Id::default(), 3, 3);
    let kept: Vec<bool> = [9, 8, 7, 6, 200, 1]
        .map(|first| peers.announce(now, torrent(first), address(1), false, &mut rng))
        .into();
    assert_eq!(kept, [true, true, true, true, false, true]);
    peers.rename(torrent(6));
    assert_eq!(peers.some(now, torrent(6), false, 9, &mut rng), [address(1)]);
    let mut left = peers.sample(now, &mut rng).hashes.clone();
    left.sort_unstable();
    assert_eq!(left, [torrent(1), torrent(6), torrent(7)]);
}

#[test]
fn scrapes_tell_seeds_from_others() {
    let (mut rng, now) = (Rng::new(1), Instant::ZERO);
    let mut peers = Peers::new(Id::default(), 3, 500);
    for n in 0..300 {
        peers.announce(now, torrent(1), address(n), n % 3 == 0, &mut rng);
    }
    let (seeds, others) = peers.scrape(now, torrent(1)).unwrap();
    assert!((90.0..110.0).contains(&seeds.estimate()), "{seeds:?}");
    assert!((185.0..215.0).contains(&others.estimate()), "{others:?}");
}

#[test]
fn samples_are_drawn_anew_once_an_hour() {
    let mut rng = Rng::new(1);
    let mut peers = Peers::new(Id::default(), 3_000, 1);
    for n in 0..1_000 {
        let now = Instant::ZERO;
        peers.announce(now, Id::random(&mut rng), address(n), false, &mut rng);
    }
    let first = peers.sample(Instant::ZERO, &mut rng).clone();
    assert_eq!((first.hashes.len(), first.total, first.interval), (20, 1_000, 3_600));
    let later = peers.sample(Instant::from_secs(600), &mut rng).clone();
    assert_eq!((&later.hashes, later.interval), (&first.hashes, 3_000));
    assert_ne!(peers.sample(Instant::from_secs(3_600), &mut rng).hashes, first.hashes);
}
