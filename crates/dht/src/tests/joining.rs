use stdx::Duration;

use super::net::{Net, config, v4, v6};
use crate::{Config, Event, Family, Id, is_secure};

#[test]
fn all_come_to_know_each_other_and_their_own_addresses() {
    let net = Net::settled(40);
    for n in 0..40 {
        assert!(net.good(n) >= 24, "{n} knows {}", net.good(n));
        assert!(net.nodes[n].is_ready(Family::V4));
        assert_eq!(net.nodes[n].external_ip(Family::V4), Some(v4(n).ip()));
        assert!(is_secure(net.nodes[n].id(Family::V4).unwrap(), v4(n).ip()));
        assert_eq!(net.nodes[n].id(Family::V6), None);
    }
}

#[test]
fn a_young_network_comes_together_within_half_a_minute() {
    let mut net = Net::new();
    for _ in 0..50 {
        net.add(config());
        net.run(Duration::from_millis(60));
    }
    net.run(Duration::from_secs(30));
    let good: Vec<usize> = (0..50).map(|n| net.good(n)).collect();
    assert!(good.iter().all(|it| *it >= 35), "{good:?}");
    let secure = |n: &usize| is_secure(net.nodes[*n].id(Family::V4).unwrap(), v4(*n).ip());
    assert_eq!((0..50).filter(secure).count(), 50, "everybody knows its address");
}

#[test]
fn the_nearest_of_all_are_found() {
    let mut net = Net::settled(60);
    for round in 0..10 {
        let target = Id([round * 25 + 3; 20]);
        let mut all: Vec<_> = (1..60).map(|n| net.nodes[n].id(Family::V4).unwrap()).collect();
        all.sort_by_key(|id| id.distance(target));
        let (_, outcome) = net.lookup(0, |node, now| node.find_nodes(now, target));
        let found: Vec<Id> = outcome.nodes.iter().map(|it| it.id).collect();
        assert_eq!(found, all[..8]);
        assert!(outcome.queries < 40, "{}", outcome.queries);
    }
}

#[test]
fn a_node_comes_back_by_the_nodes_that_it_saved() {
    let mut net = Net::settled(40);
    let saved = net.nodes[7].saved();
    let id = net.nodes[7].id(Family::V4);
    assert!(saved.len() >= 20);
    // Half of them are gone by then, and the first node, the only router, with them.
    (0..40).step_by(2).for_each(|n| net.dead[n] = true);
    let back = net.add_alone(Config { ids: [id, None], ..config() });
    let addresses: Vec<_> = saved.iter().map(|it| it.address).collect();
    net.at(back, |node, now| node.add_addresses(now, &addresses));
    net.run(Duration::from_secs(10));
    assert!(net.good(back) >= 15, "{}", net.good(back));
    assert!(net.events[back].contains(&Event::Ready(Family::V4)));
}

#[test]
fn the_ipv6_table_fills_by_way_of_ipv4() {
    let both = || Config { v6: true, ..config() };
    let mut net = Net::new();
    for _ in 0..20 {
        net.add(both());
        net.run(Duration::from_secs(1));
    }
    // Nobody was told an IPv6 address but one.
    net.at(5, |node, now| node.add_addresses(now, &[v6(6)]));
    net.run(Duration::from_mins(25));
    let new = net.add(both());
    net.run(Duration::from_mins(1));
    let stats = net.nodes[new].stats();
    assert!(stats.good[0] >= 15 && stats.good[1] >= 10, "{:?}", stats.good);
    let id = Id([9; 20]);
    net.at(3, |node, now| node.announce(now, id, Some(1_234), false)).unwrap();
    net.run(Duration::from_secs(20));
    let (events, _) = net.lookup(new, |node, now| node.find_peers(now, id, false));
    let mut peers: Vec<_> = events
        .iter()
        .flat_map(|event| if let Event::Peers { peers, .. } = event { &peers[..] } else { &[] })
        .map(ToString::to_string)
        .collect();
    peers.sort_unstable();
    assert_eq!(peers, ["5.0.3.1:1234", "[2001:db8:3::1]:1234"]);
}

#[test]
fn read_only_nodes_ask_and_are_not_asked() {
    let mut net = Net::settled(20);
    let quiet = net.add(Config { read_only: true, ..config() });
    net.run(Duration::from_mins(20));
    assert!(net.good(quiet) >= 15);
    for n in 0..20 {
        assert!(net.nodes[n].table(Family::V4).iter().all(|it| it.address != v4(quiet)));
    }
    let asked = net.nodes[quiet].stats().counters;
    assert_eq!(asked.answered, 0);
}

#[test]
fn who_knows_nobody_says_so_now_and_then() {
    let mut net = Net::new();
    net.add_alone(config());
    net.at(0, |node, now| node.add_addresses(now, &[v4(77)]));
    net.run(Duration::from_secs(100));
    let told = net.events[0].iter().filter(|it| **it == Event::Stranded(Family::V4)).count();
    assert!((2..=5).contains(&told), "{told}");
    let before = net.nodes[0].stats().counters.asked;
    assert!(before < 10, "{before}");
    net.add_alone(config());
    net.at(0, |node, now| node.add_addresses(now, &[v4(1)]));
    net.run(Duration::from_secs(5));
    assert_eq!(net.good(0), 1);
}

#[test]
fn the_dead_are_forgotten_and_upkeep_is_cheap() {
    let mut net = Net::settled(40);
    (20..40).for_each(|n| net.dead[n] = true);
    net.run(Duration::from_mins(25));
    for n in 0..20 {
        let known = net.nodes[n].table(Family::V4);
        let dead = known.iter().filter(|it| (20..40).any(|n| v4(n) == it.address)).count();
        assert!(dead <= 2 && net.good(n) >= 15, "{n}: {dead} dead of {}", known.len());
    }
    let sent = |net: &Net| net.nodes[0].stats().counters.asked;
    let before = sent(&net);
    net.run(Duration::from_mins(10));
    let each_second = (sent(&net) - before) as f64 / 600.0;
    assert!(each_second < 0.5, "{each_second}");
}

#[test]
fn nodes_of_one_program_are_far_apart() {
    let id = |sibling| {
        let config = Config { sibling, ids: [None; 2], ..config() };
        crate::Dht::new(stdx::Instant::ZERO, config, [5; 16]).id(Family::V4).unwrap()
    };
    let bits: Vec<u32> = (1..5).map(|it| id(0).common_bits(id(it))).collect();
    assert_eq!(bits, [0, 1, 0, 2]);
}
