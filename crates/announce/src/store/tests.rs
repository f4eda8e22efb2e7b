mod model;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hash::Sha1Digest;
use stdx::{Duration, Instant, Rng};

use super::{Store, StoreAnnounce, StoreConfig, swarm};
use crate::{AnnounceReply, Event, ScrapeEntry};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const SECRET: &[u8; 16] = b"0123456789abcdef";

fn store(config: StoreConfig) -> Store {
    Store::new(config, SECRET, Instant::ZERO)
}

fn swarm(n: u8) -> Sha1Digest {
    Sha1Digest([n; 20])
}

fn peer(n: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(0x0b00_0000 + n), 6881))
}

fn announce(peer: SocketAddr, left: u64, event: Event, numwant: usize) -> StoreAnnounce {
    StoreAnnounce { info_hash: swarm(1), peer, local: LOCAL, left, event, numwant }
}

fn join(store: &mut Store, n: u32, left: u64) -> AnnounceReply {
    store.announce(Instant::ZERO, &announce(peer(n), left, Event::Started, 50))
}

#[test]
fn asker_is_listed_for_others_and_not_for_itself() {
    let mut store = store(StoreConfig::default());
    assert_eq!(join(&mut store, 1, 9).peers, []);
    assert_eq!(join(&mut store, 1, 9).peers, []);
    let reply = join(&mut store, 2, 0);
    assert_eq!((reply.peers, reply.seeders, reply.leechers), (vec![peer(1)], 1, 1));
}

#[test]
fn seeders_get_leechers_only() {
    let mut store = store(StoreConfig::default());
    for n in 0..40 {
        join(&mut store, n, u64::from(n % 2));
    }
    let mut peers = join(&mut store, 0, 0).peers;
    peers.sort_unstable();
    assert_eq!(peers, (0..40).filter(|n| n % 2 == 1).map(peer).collect::<Vec<_>>());
    assert_eq!(join(&mut store, 1, 1).peers.len(), 39);
}

#[test]
fn families_are_apart() {
    let mut store = store(StoreConfig::default());
    join(&mut store, 1, 0);
    let v6: SocketAddr = "[2001:db8::1]:6881".parse().unwrap();
    let reply = store.announce(Instant::ZERO, &announce(v6, 5, Event::Started, 50));
    assert_eq!((reply.peers, reply.seeders, reply.leechers), (vec![], 0, 1));
    let mapped: SocketAddr = "[::ffff:11.0.0.9]:6881".parse().unwrap();
    let reply = store.announce(Instant::ZERO, &announce(mapped, 5, Event::Started, 50));
    assert_eq!(reply.peers, [peer(1)]);
    let stats = store.stats();
    assert_eq!((stats.torrents, stats.peers_v4, stats.peers_v6), (1, 2, 1));
}

#[test]
fn downloads_count_once_per_peer() {
    let mut store = store(StoreConfig::default());
    join(&mut store, 1, 5);
    for _ in 0..3 {
        store.announce(Instant::ZERO, &announce(peer(1), 0, Event::Completed, 0));
    }
    store.announce(Instant::ZERO, &announce(peer(2), 7, Event::Completed, 0));
    let expected = ScrapeEntry { seeders: 1, completed: 1, leechers: 1 };
    assert_eq!(store.scrape(&swarm(1), LOCAL), expected);
    assert_eq!(store.stats().completed, 1);
    assert_eq!(store.scrape(&swarm(2), LOCAL), ScrapeEntry::default());
}

#[test]
fn stopped_leaves_and_history_stays() {
    let mut store = store(StoreConfig::default());
    join(&mut store, 1, 5);
    let reply = store.announce(Instant::ZERO, &announce(peer(1), 5, Event::Stopped, 50));
    assert_eq!((reply.leechers, store.stats().torrents), (0, 0));
    // Nobody who is unknown can leave.
    store.announce(Instant::ZERO, &announce(peer(2), 5, Event::Stopped, 50));
    assert_eq!((store.stats().torrents, store.stats().memory), (0, 0));
    join(&mut store, 1, 5);
    store.announce(Instant::ZERO, &announce(peer(1), 0, Event::Completed, 50));
    store.announce(Instant::ZERO, &announce(peer(1), 0, Event::Stopped, 50));
    assert_eq!(store.scrape(&swarm(1), LOCAL).completed, 1);
}

#[test]
fn port_zero_asks_without_being_listed() {
    let mut store = store(StoreConfig::default());
    join(&mut store, 1, 5);
    let mut nobody = peer(2);
    nobody.set_port(0);
    let reply = store.announce(Instant::ZERO, &announce(nobody, 5, Event::None, 50));
    assert_eq!((reply.peers, reply.leechers), (vec![peer(1)], 1));
}

#[test]
fn interval_varies_by_a_tenth() {
    let mut store = store(StoreConfig::default());
    let seen: Vec<u64> = (0..500).map(|_| join(&mut store, 1, 5).interval.as_secs()).collect();
    assert!(seen.iter().all(|secs| (1620..=1980).contains(secs)));
    assert!(seen.iter().max() > Some(&1950) && seen.iter().min() < Some(&1650));
}

#[test]
fn silent_peers_expire_in_small_steps() {
    let mut store = store(StoreConfig::default());
    for n in 0..10_000 {
        join(&mut store, n, 5);
    }
    let renewed = Instant::from_secs(2_000);
    store.announce(renewed, &announce(peer(7), 5, Event::None, 0));
    for second in 2_001..2_700 {
        store.handle_timeout(Instant::from_secs(second));
    }
    assert_eq!(store.stats().peers_v4, 10_000);
    let mut largest = 0;
    for second in 2_700..2_830 {
        let before = store.stats().peers_v4;
        store.handle_timeout(Instant::from_secs(second));
        largest = largest.max(before - store.stats().peers_v4);
    }
    assert_eq!((store.stats().peers_v4, store.stats().expired), (1, 9_999));
    assert!(largest < 400, "{largest} peers in one step");
    for second in 2_830..4_900 {
        store.handle_timeout(Instant::from_secs(second));
    }
    assert_eq!((store.stats().torrents, store.stats().memory), (0, 0));
}

#[test]
fn timeouts_come_more_often_when_there_is_more_to_do() {
    let mut store = store(StoreConfig::default());
    assert_eq!(store.poll_timeout(), Instant::from_secs(1));
    for n in 0..500_000 {
        store.announce(Instant::ZERO, &announce(peer(n), 5, Event::Started, 0));
    }
    let (mut now, mut largest, mut before) = (Instant::from_secs(2_500), 0, 500_000);
    while before > 0 {
        assert!(now < Instant::from_secs(2_830), "{before} peers are still there");
        now = store.poll_timeout();
        store.handle_timeout(now);
        largest = largest.max(before - store.stats().peers_v4);
        before = store.stats().peers_v4;
    }
    assert!(largest <= 4_096, "{largest} peers in one step");
}

#[test]
fn long_abandoned_store_is_empty() {
    let mut store = store(StoreConfig::default());
    join(&mut store, 1, 5);
    let late = Instant::from_secs(36 * 3600 + 4);
    let reply = store.announce(late, &announce(peer(2), 5, Event::Started, 50));
    assert_eq!((reply.peers, store.stats().peers_v4), (vec![], 1));
}

#[test]
fn hosted_torrent_is_listed_under_the_address_that_was_reached() {
    let mut store = store(StoreConfig::default());
    store.host(swarm(1), 7000, true);
    let us = SocketAddr::new(LOCAL, 7000);
    let reply = join(&mut store, 1, 5);
    assert_eq!((reply.peers, reply.seeders, reply.leechers), (vec![us], 1, 1));
    assert_eq!(join(&mut store, 2, 0).peers, [peer(1)]);
    for n in 3..20 {
        join(&mut store, n, 5);
    }
    let few = store.announce(Instant::ZERO, &announce(peer(3), 5, Event::None, 4));
    assert_eq!((few.peers.len(), few.peers[0]), (4, us));
    // The process itself asks: it knows where it is.
    let own = store.announce(Instant::ZERO, &announce(us, 0, Event::None, 50));
    assert!(!own.peers.contains(&us));
    let others = store.announce(Instant::ZERO, &announce(peer(4), 5, Event::None, 50)).peers;
    assert_eq!(others.iter().filter(|peer| **peer == us).count(), 1);
    let v6: SocketAddr = "[2001:db8::1]:6881".parse().unwrap();
    assert_eq!(store.announce(Instant::ZERO, &announce(v6, 5, Event::None, 9)).peers, []);
    store.unhost(&swarm(1));
    assert!(store.scrape(&swarm(2), LOCAL) == ScrapeEntry::default());
}

/// The chance that a chi-square variable of `degrees` is larger than this is below 1 in 10,000
/// (Wilson and Hilferty's approximation at z = 3.72).
fn chi_square_limit(degrees: f64) -> f64 {
    let term = 2.0 / (9.0 * degrees);
    degrees * (1.0 - term + 3.72 * term.sqrt()).powi(3)
}

#[test]
fn peers_are_chosen_uniformly() {
    for (peers, want) in [(12u32, 5usize), (50, 30), (400, 50)] {
        let mut store = store(StoreConfig::default());
        for n in 0..peers {
            join(&mut store, n, u64::from(n % 3));
        }
        let rounds = 20_000;
        let (mut chosen, mut first) = (vec![0f64; peers as usize], vec![0f64; peers as usize]);
        for _ in 0..rounds {
            let reply = store.announce(Instant::ZERO, &announce(peer(1), 5, Event::None, want));
            assert_eq!(reply.peers.len(), want);
            for (place, found) in reply.peers.iter().enumerate() {
                let n = (0..peers).find(|&n| peer(n) == *found).unwrap() as usize;
                chosen[n] += 1.0;
                first[n] += f64::from(u8::from(place == 0));
            }
        }
        let others = f64::from(peers - 1);
        let statistic = |counts: &[f64], expected: f64| -> f64 {
            assert!(counts[1] == 0.0, "the asker got itself");
            let others = counts.iter().enumerate().filter(|&(n, _)| n != 1);
            others.map(|(_, count)| (count - expected).powi(2) / expected).sum()
        };
        let share = want as f64 / others;
        // Counts of a sample without replacement vary less, by the part that is not sampled.
        let all = statistic(&chosen, f64::from(rounds) * share) / (1.0 - share)
            * ((others - 1.0) / others);
        let fronts = statistic(&first, f64::from(rounds) / others);
        let limit = chi_square_limit(others - 1.0);
        assert!(all < limit && fronts < limit, "{peers} peers: {all} and {fronts} over {limit}");
    }
}

/// What the least tables of all shards take.
const EMPTY: u64 = 70_000;

#[test]
fn memory_is_given_back_as_accounted() {
    for peers in [11u32, 17, 300, 20_000] {
        let mut store = store(StoreConfig::default());
        for n in 0..peers {
            join(&mut store, n, u64::from(n % 2));
        }
        for n in 0..peers {
            store.announce(Instant::ZERO, &announce(peer(n), 5, Event::Stopped, 0));
            if n % 97 == 0 || peers < 400 {
                let heap: usize = store.shards.iter().map(swarm::Shard::heap_bytes).sum();
                let accounted = store.stats().memory + EMPTY;
                assert!(heap as u64 <= accounted, "{n} of {peers} left: {heap} over {accounted}");
            }
        }
        assert_eq!(store.stats().memory, 0);
    }
}

#[test]
fn memory_per_peer_is_as_accounted() {
    for (swarms, peers) in [(1u32, 50_000u32), (20_000, 1), (2_000, 20)] {
        let mut store = store(StoreConfig::default());
        let mut rng = Rng::new(5);
        for s in 0..swarms {
            let mut info_hash = Sha1Digest::default();
            rng.fill(&mut info_hash.0);
            for n in 0..peers {
                let joined = announce(peer(s * 31 + n), 5, Event::Started, 0);
                store.announce(Instant::ZERO, &StoreAnnounce { info_hash, ..joined });
            }
        }
        let heap: usize = store.shards.iter().map(swarm::Shard::heap_bytes).sum();
        let accounted = store.stats().memory;
        assert!(heap as u64 <= accounted + EMPTY, "{swarms} x {peers}: {heap} over {accounted}");
        assert!(accounted <= heap as u64 * 2, "{swarms} x {peers}: {accounted} for {heap}");
        if peers > 1_000 {
            assert!(heap as u64 / u64::from(peers) < 24, "{heap} bytes for {peers} peers");
        }
    }
}

#[test]
fn budget_holds_and_a_flood_pays_for_itself() {
    let config = StoreConfig { memory: 400_000, ..StoreConfig::default() };
    let mut store = store(config);
    for n in 0..200 {
        // Honest peers, each of its own network.
        join(&mut store, n << 8, 5);
    }
    let mut rng = Rng::new(1);
    for n in 0..20_000u32 {
        // A flood from one network: new swarms, and new ports in the honest one.
        let mut info_hash = swarm(1);
        if n % 2 == 0 {
            rng.fill(&mut info_hash.0);
        }
        let flooder = SocketAddr::from((Ipv4Addr::new(66, 6, 6, (n % 250) as u8), 1 + n as u16));
        let flood = StoreAnnounce { info_hash, ..announce(flooder, 5, Event::Started, 0) };
        store.announce(Instant::ZERO, &flood);
        assert!(store.stats().memory <= 400_000);
    }
    assert!(store.stats().evicted > 5_000);
    let honest = (0..200).filter(|n| {
        let hash = store.keys.swarm(&swarm(1));
        let shard = &store.shards[super::shard_of(hash)];
        let at = shard.find(hash, &swarm(1)).unwrap();
        let ip = Ipv4Addr::from(0x0b00_0000 + (n << 8)).octets();
        shard.swarm(at).v4.find(&store.keys, ip, 6881).is_some()
    });
    let honest = honest.count();
    assert!(honest >= 199, "{honest} of 200 honest peers survived");
}

#[test]
fn least_budget_still_answers() {
    let mut store = store(StoreConfig { memory: 0, ..StoreConfig::default() });
    for n in 0..100 {
        assert!(join(&mut store, n, 5).interval > Duration::ZERO);
    }
    assert_eq!((store.stats().peers_v4, store.stats().torrents), (0, 0));
}
