use stdx::Duration;

use super::net::{Net, config, v4};
use crate::{Config, Event, Id};

const TORRENT: Id = Id([0x5a; 20]);

fn peers(events: &[Event]) -> Vec<String> {
    let peers = |event: &Event| match event {
        Event::Peers { peers, info_hash, .. } => {
            assert_eq!(*info_hash, TORRENT);
            peers.clone()
        }
        _ => Vec::new(),
    };
    let mut all: Vec<_> = events.iter().flat_map(peers).map(|it| it.to_string()).collect();
    all.sort_unstable();
    all
}

#[test]
fn peers_that_announced_are_found_and_each_is_told_once() {
    let mut net = Net::settled(40);
    for (n, port, seed) in [(1, Some(1_111), true), (2, None, false), (3, Some(3_333), false)] {
        net.at(n, |node, now| node.announce(now, TORRENT, port, seed)).unwrap();
    }
    net.run(Duration::from_secs(10));
    for (noseed, expected) in [
        (false, &["5.0.1.1:1111", "5.0.2.1:6881", "5.0.3.1:3333"][..]),
        (true, &["5.0.2.1:6881", "5.0.3.1:3333"][..]),
    ] {
        let (events, outcome) = net.lookup(20, |node, now| node.find_peers(now, TORRENT, noseed));
        assert_eq!(peers(&events), expected);
        assert!(outcome.queries <= 30 && !outcome.crowded, "{outcome:?}");
    }
    let (_, outcome) = net.lookup(21, |node, now| node.scrape(now, TORRENT));
    let (seeds, others) = outcome.scrape.unwrap();
    assert!((0.5..1.5).contains(&seeds) && (1.5..2.5).contains(&others), "{seeds} {others}");
    let (events, _) = net.lookup(22, |node, now| node.find_peers(now, Id([1; 20]), false));
    assert!(events.iter().all(|it| !matches!(it, Event::Peers { .. })));
}

#[test]
fn announces_are_repeated_until_they_are_withdrawn_and_then_expire() {
    let mut net = Net::settled(20);
    net.at(1, |node, now| node.announce(now, TORRENT, Some(1), false)).unwrap();
    let rounds = |net: &Net| {
        let over = |it: &&Event| match it {
            Event::Ended { outcome, .. } => outcome.target == TORRENT && outcome.stored >= 6,
            _ => false,
        };
        net.events[1].iter().filter(over).count()
    };
    net.run(Duration::from_mins(65));
    assert!((4..=6).contains(&rounds(&net)), "{}", rounds(&net));
    net.at(1, |node, _| node.withdraw(TORRENT));
    net.run(Duration::from_mins(44));
    let (events, _) = net.lookup(9, |node, now| node.find_peers(now, TORRENT, false));
    assert!(peers(&events).len() <= 1);
    net.run(Duration::from_mins(20));
    let (events, _) = net.lookup(9, |node, now| node.find_peers(now, TORRENT, false));
    assert!(peers(&events).is_empty());
    assert_eq!(net.nodes[9].stats().torrents, 0);
}

#[test]
fn what_was_announced_while_few_were_there_is_soon_known_to_more() {
    let mut net = Net::new();
    (0..2).for_each(|_| _ = net.add(config()));
    net.at(1, |node, now| node.announce(now, TORRENT, Some(1), false)).unwrap();
    net.run(Duration::from_secs(1));
    (0..30).for_each(|_| _ = net.add(config()));
    net.run(Duration::from_secs(90));
    // The only one that could be asked at first.
    net.dead[0] = true;
    let (events, _) = net.lookup(20, |node, now| node.find_peers(now, TORRENT, false));
    assert_eq!(peers(&events), ["5.0.1.1:1"]);
}

#[test]
fn many_torrents_are_announced_a_few_at_a_time() {
    let mut net = Net::settled(20);
    let before = net.nodes[1].stats().counters.asked;
    for n in 0..100 {
        let torrent = Id([n; 20]);
        net.at(1, |node, now| node.announce(now, torrent, Some(1), false)).unwrap();
        assert!(net.nodes[1].stats().lookups <= 8);
    }
    net.run(Duration::from_secs(1));
    let first = net.nodes[1].stats().counters.asked - before;
    net.run(Duration::from_secs(40));
    let over = net.events[1].iter().filter(|it| matches!(it, Event::Ended { .. })).count();
    assert!(first < 800 && over >= 95, "{first} questions at first, {over} announced");
}

#[test]
fn an_announce_waits_until_somebody_is_known() {
    let mut net = Net::settled(20);
    let new = net.add_alone(config());
    net.at(new, |node, now| node.announce(now, TORRENT, Some(7), false)).unwrap();
    net.run(Duration::from_secs(20));
    net.at(new, |node, now| node.add_addresses(now, &[v4(3)]));
    net.run(Duration::from_mins(2));
    let (events, _) = net.lookup(9, |node, now| node.find_peers(now, TORRENT, false));
    assert_eq!(peers(&events), ["5.0.20.1:7"]);
}

#[test]
fn samples_tell_what_is_known() {
    let mut net = Net::settled(20);
    net.at(1, |node, now| node.announce(now, TORRENT, Some(1), false)).unwrap();
    net.run(Duration::from_secs(5));
    let (events, _) = net.lookup(2, |node, now| node.sample(now, TORRENT));
    let told = events.iter().filter(|event| match event {
        Event::Samples { samples, .. } => samples.hashes == [TORRENT] && samples.total == 1,
        _ => false,
    });
    assert!(told.count() >= 6);
}

#[test]
fn loss_and_the_dead_do_not_keep_peers_from_being_found() {
    let mut net = Net::settled(60);
    net.loss = 0.05;
    (30..45).for_each(|n| net.dead[n] = true);
    net.at(1, |node, now| node.announce(now, TORRENT, Some(1), false)).unwrap();
    net.run(Duration::from_secs(10));
    for n in [2, 10, 20, 50] {
        let (events, _) = net.lookup(n, |node, now| node.find_peers(now, TORRENT, false));
        assert_eq!(peers(&events), ["5.0.1.1:1"], "{n}");
    }
}

#[test]
fn too_many_look_ups_are_refused() {
    let mut net = Net::settled(3);
    net.dead[0] = true;
    net.dead[1] = true;
    let begun = (0..200).filter(|n| {
        let target = Id([*n as u8; 20]);
        net.at(2, |node, now| node.find_peers(now, target, false)).is_ok()
    });
    assert!(begun.count() <= crate::LOOKUPS_MAX);
    let _unused = Config::default();
}
