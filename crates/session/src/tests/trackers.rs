use announce::{Event as Announced, TrackerUrl};
use metainfo::{InfoHashes, Version};
use stdx::Duration;
use swarm::Origin;

use super::harness::{Source, World};
use crate::{AddError, AddTorrent, Event, State};

fn tracker() -> Vec<Vec<TrackerUrl>> {
    vec![vec!["udp://tracker.example:6969/announce".parse().unwrap()]]
}

fn stopped(world: &World, at: usize) -> bool {
    world.nodes[at].events.iter().any(|event| matches!(event, Event::Stopped { .. }))
}

#[test]
fn peers_meet_through_the_tracker_and_say_goodbye() {
    let source = Source::new(Version::Hybrid, &[300_000], 32 * 1024);
    let mut world = World::new();
    let (a, b) = (world.node(), world.node());
    world.seed(a, &source, AddTorrent { trackers: tracker(), ..source.torrent() });
    // The magnet names one version only; the other is announced once the metadata tells of it.
    let hashes = InfoHashes { v2: None, ..source.meta.hashes };
    let id = world.leech(b, AddTorrent { trackers: tracker(), ..AddTorrent::magnet(hashes) });
    world.run(60, |world| world.is_whole(b, id, &source));
    world.run(60, |world| world.nodes[b].announced.len() >= 4);
    world.nodes[b].session.stop(world.now, id);
    world.run(10, |world| stopped(world, b));
    assert!(world.nodes[b].session.is_empty());
    for info_hash in source.meta.hashes.handshake_hashes() {
        let told = world.nodes[b].announced.iter().map(|announce| &announce.request);
        let told: Vec<_> = told.filter(|request| request.info_hash == info_hash).collect();
        let events: Vec<Announced> = told.iter().map(|request| request.event).collect();
        assert_eq!(events, [Announced::Started, Announced::Completed, Announced::Stopped]);
        assert!(told[0].left > 0);
        assert_eq!(told[2].left, 0);
        assert_eq!(told[2].downloaded, 300_000);
    }
    let seeds = world.nodes[a].announced.iter().map(|announce| announce.request.event);
    assert!(seeds.clone().all(|event| event == Announced::Started));
    assert_eq!(seeds.count(), 2, "one schedule for each info-hash");
}

#[test]
fn stop_keeps_what_came_and_does_not_wait_for_dead_trackers() {
    let source = Source::new(Version::V1, &[4_000_000], 1024 * 1024);
    let mut world = World::new();
    let (a, b) = (world.node(), world.node());
    world.seed(a, &source, source.torrent());
    let peers = vec![(world.nodes[a].addr, Origin::User)];
    let add = AddTorrent { peers, trackers: tracker(), ..source.torrent() };
    let id = world.leech(b, add);
    world.run(60, |world| {
        world.nodes[b].session.status(world.now, id).unwrap().downloaded > 1_500_000
    });
    world.tracker_down = true;
    let asked = world.now;
    world.nodes[b].session.shutdown(world.now);
    assert_eq!(world.nodes[b].session.status(world.now, id).unwrap().state, State::Stopping);
    world.run(10, |world| stopped(world, b));
    assert!(world.now.since(asked) < Duration::from_secs(4));
    assert!(world.nodes[b].session.is_empty());
    let again = world.nodes[b].session.add_torrent(world.now, source.torrent());
    assert_eq!(again, Err(AddError::Closing));
    world.run(10, |world| world.nodes[a].session.peers(world.now, id).is_empty());
}

#[test]
fn a_torrent_is_taken_in_once() {
    let source = Source::new(Version::Hybrid, &[100_000], 32 * 1024);
    let mut world = World::new();
    let a = world.node();
    let id = world.seed(a, &source, source.torrent());
    let session = &mut world.nodes[a].session;
    let by_v2 = InfoHashes { v1: None, ..source.meta.hashes };
    let again = session.add_torrent(world.now, AddTorrent::magnet(by_v2));
    assert_eq!(again, Err(AddError::Duplicate(id)));
    let nameless = session.add_torrent(world.now, AddTorrent::magnet(InfoHashes::default()));
    assert_eq!(nameless, Err(AddError::Nameless));
}

#[test]
fn trackers_that_fail_are_told_of_once() {
    for version in [Version::V1, Version::Hybrid] {
        let source = Source::new(version, &[100_000], 32 * 1024);
        let mut world = World::new();
        world.tracker_down = true;
        let a = world.node();
        world.seed(a, &source, AddTorrent { trackers: tracker(), ..source.torrent() });
        let told = |world: &World| {
            let failed = |event: &&Event| match event {
                Event::TrackerFailed { message, .. } => message == "down",
                _ => false,
            };
            world.nodes[a].events.iter().filter(failed).count()
        };
        world.run(10, |world| told(world) > 0);
        let late = world.now + Duration::from_mins(10);
        world.run(700, |world| world.now > late);
        assert_eq!(told(&world), 1, "{version:?}");
    }
}

#[test]
fn connections_are_limited_for_all_torrents_together() {
    let source = Source::new(Version::V1, &[100_000], 32 * 1024);
    let mut world = World::new();
    let a = world.node_with(|config| config.max_peers = 2);
    world.seed(a, &source, source.torrent());
    let now = world.now;
    let session = &mut world.nodes[a].session;
    let from = |port| std::net::SocketAddr::from(([10, 9, 9, 9], port));
    let first = session.handle_incoming(now, from(1)).unwrap();
    let second = session.handle_incoming(now, from(2)).unwrap();
    assert_ne!(first, second);
    assert_eq!(session.handle_incoming(now, from(3)), None);
    session.handle_closed(now, first, &peer::CloseReason::Remote);
    assert!(session.handle_incoming(now, from(3)).is_some());
}
