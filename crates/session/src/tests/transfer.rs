use metainfo::{InfoHashes, PieceLayers, Version};
use stdx::{FileIndex, PieceIndex};
use swarm::{Origin, Priority};

use super::harness::{Source, World};
use crate::{AddTorrent, Event, State};

fn named(source: &Source) -> AddTorrent {
    AddTorrent::magnet(source.meta.hashes)
}

#[test]
fn metadata_and_content_come_from_a_magnet() {
    let check = |version: Version, sizes: &[u64], pick: fn(InfoHashes) -> InfoHashes| {
        let source = Source::new(version, sizes, 32 * 1024);
        let mut world = World::new();
        let (a, b) = (world.node(), world.node());
        world.seed(a, &source, source.torrent());
        let hashes = pick(source.meta.hashes);
        let peers = vec![(world.nodes[a].addr, Origin::Magnet)];
        let id = world.leech(b, AddTorrent { peers, ..AddTorrent::magnet(hashes) });
        world.run(60, |world| world.is_whole(b, id, &source));
        let status = world.nodes[b].session.status(world.now, id).unwrap();
        assert_eq!(status.state, State::Seeding);
        assert_eq!(Some(status.done), status.total);
        assert_eq!(status.total, Some(sizes.iter().sum()));
        assert_eq!(status.wasted, 0, "one peer sends nothing twice");
        let sources = world.nodes[b].session.sources(id);
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].received, status.downloaded);
        assert_eq!(sources[0].address, world.nodes[a].addr.to_string());
        assert_eq!(sources[0].client.as_deref(), Some("Fluvial test"));
    };
    let all = |hashes| hashes;
    let v1 = |hashes| InfoHashes { v2: None, ..hashes };
    let v2 = |hashes| InfoHashes { v1: None, ..hashes };
    check(Version::V1, &[1_000_000], all);
    check(Version::V1, &[1], all);
    check(Version::V1, &[100_000, 0, 70_000, 5], all);
    check(Version::V2, &[1_000_000], all);
    check(Version::V2, &[100_000, 0, 70_000, 5], all);
    for pick in [all, v1, v2] {
        check(Version::Hybrid, &[500_000, 3, 40_000], pick);
    }
}

#[test]
fn piece_hashes_come_before_the_files_are_judged() {
    let source = Source::new(Version::V2, &[1_000_000, 5, 70_000], 32 * 1024);
    let mut world = World::new();
    let (first, getter) = (world.node(), world.node());
    world.seed(first, &source, source.torrent());
    world.nodes[getter].puzzled = true;
    let tracker = vec![vec!["http://tracker.example/announce".parse().unwrap()]];
    let peers = vec![(world.nodes[first].addr, Origin::Magnet)];
    let id = world.leech(getter, AddTorrent { peers, trackers: tracker, ..named(&source) });
    let ready = |event: &Event| matches!(event, Event::LayersReady { torrent } if *torrent == id);
    let mut waited = false;
    world.run(60, |world| {
        let status = world.nodes[getter].session.status(world.now, id).unwrap();
        waited |= status.state == State::Layers && status.total.is_none();
        world.nodes[getter].events.iter().any(ready)
    });
    assert!(waited, "it says what it waits for");
    let session = &world.nodes[getter].session;
    assert_eq!(session.layers(id), Some(&source.meta.piece_layers));
    assert_eq!(session.status(world.now, id).unwrap().state, State::Checking);
    let info = std::sync::Arc::clone(&source.meta.info);
    let now = world.now;
    world.nodes[getter].begin(now, id, info);
    world.run(60, |world| world.is_whole(getter, id, &source));
}

#[test]
fn piece_hashes_are_looked_for_at_trackers_when_the_metadata_was_recorded() {
    let source = Source::new(Version::V2, &[400_000], 32 * 1024);
    let mut world = World::new();
    let (first, getter) = (world.node(), world.node());
    let trackers = vec![vec!["http://tracker.example/announce".parse().unwrap()]];
    world.seed(first, &source, AddTorrent { trackers: trackers.clone(), ..source.torrent() });
    let add = AddTorrent { trackers, layers: PieceLayers::default(), ..source.torrent() };
    let now = world.now;
    let session = &mut world.nodes[getter].session;
    let id = session.add_torrent(now, add).unwrap();
    let root = source.meta.info.layout().files()[0].root.unwrap();
    session.fetch_layers(now, id, &[root].into());
    session.fetch_layers(now, id, &[root].into());
    let ready = |event: &Event| matches!(event, Event::LayersReady { .. });
    world.run(60, |world| world.nodes[getter].events.iter().any(ready));
    let session = &mut world.nodes[getter].session;
    session.stop(world.now, id);
    let stopped = |event: &Event| matches!(event, Event::Stopped { .. });
    world.run(60, |world| world.nodes[getter].events.iter().any(stopped));
}

#[test]
fn content_that_changes_is_taken_back_and_the_rest_goes_on() {
    let source = Source::new(Version::Hybrid, &[500_000, 300_000], 32 * 1024);
    let mut world = World::new();
    let (a, b) = (world.node(), world.node());
    let at_a = world.seed(a, &source, source.torrent());
    let peers = vec![(world.nodes[a].addr, Origin::Magnet)];
    let at_b = world.leech(b, AddTorrent { peers, ..named(&source) });
    let have = |world: &World| world.nodes[b].session.have(at_b).unwrap_or_default();
    world.run(60, |world| have(world).ones() > 2);
    let (file, message) = (FileIndex(0), "it changed".to_owned());
    let changed: Vec<_> = source.meta.info.layout().file_pieces(file).collect();
    world.nodes[a].session.handle_changed(world.now, at_a, &[file], message.clone());
    let offered = world.nodes[a].session.have(at_a).unwrap();
    assert_eq!(offered.len() - offered.ones(), changed.len() as u32);
    world.run(60, |world| {
        let have = have(world);
        offered.iter_ones().all(|piece| have.get(piece))
    });
    let end = world.now + stdx::Duration::from_secs(20);
    world.run(30, |world| world.now >= end);
    assert!(!world.is_whole(b, at_b, &source));
    assert_eq!(world.nodes[b].session.peers(world.now, at_b).len(), 1, "nobody was dropped");
    assert_eq!(world.nodes[a].session.status(world.now, at_a).unwrap().state, State::Seeding);

    let good: Vec<_> = changed.into_iter().map(PieceIndex).collect();
    world.nodes[a].session.handle_verified(world.now, at_a, &good, message);
    world.run(60, |world| world.is_whole(b, at_b, &source));
    assert_eq!(world.nodes[b].session.status(world.now, at_b).unwrap().wasted, 0);
    let told = |event: &Event| {
        matches!(event, Event::ContentChanged { .. } | Event::ContentVerified { .. })
    };
    assert_eq!(world.nodes[a].events.iter().filter(|event| told(event)).count(), 2);
}

#[test]
fn many_take_from_each_other() {
    let source = Source::new(Version::Hybrid, &[4_000_000], 64 * 1024);
    let mut world = World::new();
    let first = world.node();
    world.seed(first, &source, source.torrent());
    let peers = vec![(world.nodes[first].addr, Origin::Magnet)];
    let tracker = vec![vec!["http://tracker.example/announce".parse().unwrap()]];
    let mut getters = Vec::new();
    for _ in 0..6 {
        let at = world.node();
        let add = AddTorrent { peers: peers.clone(), trackers: tracker.clone(), ..named(&source) };
        getters.push((at, world.leech(at, add)));
    }
    world.run(120, |world| getters.iter().all(|(at, id)| world.is_whole(*at, *id, &source)));
    let sent: u64 = getters
        .iter()
        .map(|(at, id)| world.nodes[*at].session.status(world.now, *id).unwrap().uploaded)
        .sum();
    assert!(sent > 4_000_000, "getters give {sent} bytes to each other");
}

#[test]
fn only_the_selection_is_fetched() {
    let source = Source::new(Version::V2, &[200_000, 300_000, 100_000], 32 * 1024);
    let mut world = World::new();
    let (a, b) = (world.node(), world.node());
    world.seed(a, &source, source.torrent());
    let peers = vec![(world.nodes[a].addr, Origin::User)];
    let priorities = vec![Priority::Normal, Priority::Skip, Priority::Normal];
    let id = world.leech(b, AddTorrent { peers, priorities, ..source.torrent() });
    let complete = |world: &mut World| {
        world.nodes[b].session.status(world.now, id).unwrap().state == State::Seeding
    };
    world.run(60, complete);
    let status = world.nodes[b].session.status(world.now, id).unwrap();
    assert_eq!((status.done, status.total), (300_000, Some(300_000)));
    assert!(status.downloaded < 310_000);
    world.nodes[b].session.select(world.now, id, &[]);
    world.run(60, |world| world.is_whole(b, id, &source));
}

#[test]
fn a_tight_cache_slows_and_does_not_stop() {
    let source = Source::new(Version::V1, &[3_000_000], 256 * 1024);
    let mut world = World::new();
    let a = world.node();
    let b = world.node_with(|config| config.cache = cache::Config::with_budget(600_000));
    world.seed(a, &source, source.torrent());
    let peers = vec![(world.nodes[a].addr, Origin::User)];
    let id = world.leech(b, AddTorrent { peers, ..source.torrent() });
    world.run(120, |world| world.is_whole(b, id, &source));
}

#[test]
fn a_liar_is_banned_and_the_content_comes_from_others() {
    let source = Source::new(Version::V1, &[500_000], 32 * 1024);
    let mut world = World::new();
    let (liar, honest, getter) = (world.node(), world.node(), world.node());
    world.nodes[liar].corrupt = true;
    for at in [liar, honest] {
        world.seed(at, &source, source.torrent());
    }
    let peers = [liar, honest].map(|at| (world.nodes[at].addr, Origin::User)).to_vec();
    let id = world.leech(getter, AddTorrent { peers, ..source.torrent() });
    world.run(120, |world| world.is_whole(getter, id, &source));
    let liar = world.nodes[liar].addr;
    let banned = |event: &Event| matches!(event, Event::PeerBanned { addr, .. } if *addr == liar);
    assert!(world.nodes[getter].events.iter().any(banned));
    let status = world.nodes[getter].session.status(world.now, id).unwrap();
    assert!(status.wasted > 0);
}

#[test]
fn what_the_disk_loses_after_all_was_there_is_fetched_again() {
    let source = Source::new(Version::V1, &[300_000], 32 * 1024);
    let mut world = World::new();
    let (a, b) = (world.node(), world.node());
    world.seed(a, &source, source.torrent());
    let peers = vec![(world.nodes[a].addr, Origin::User)];
    let id = world.leech(b, AddTorrent { peers, ..source.torrent() });
    world.nodes[b].broken = true;
    let failed = |event: &Event| matches!(event, Event::Failed { .. });
    world.run(60, |world| world.nodes[b].events.iter().any(failed));
    let complete = |event: &Event| matches!(event, Event::Complete { .. });
    assert!(world.nodes[b].events.iter().any(complete), "the disk failed after that");
    let state = |world: &World| world.nodes[b].session.status(world.now, id).unwrap().state;
    assert_eq!(state(&world), State::Failed);
    world.nodes[b].broken = false;
    world.nodes[b].session.retry(world.now, id);
    assert_eq!(state(&world), State::Downloading, "nothing of it is sure");
    world.run(60, |world| world.is_whole(b, id, &source));
    assert_eq!(state(&world), State::Seeding);
}

#[test]
fn two_torrents_go_over_one_listening_address() {
    let one = Source::new(Version::V1, &[300_000], 32 * 1024);
    let two = Source::new(Version::V2, &[400_000], 32 * 1024);
    let mut world = World::new();
    let (a, b) = (world.node(), world.node());
    world.seed(a, &one, one.torrent());
    world.seed(a, &two, two.torrent());
    let peers = vec![(world.nodes[a].addr, Origin::User)];
    let first = world.leech(b, AddTorrent { peers: peers.clone(), ..named(&one) });
    let second = world.leech(b, AddTorrent { peers, ..named(&two) });
    world.run(60, |world| world.is_whole(b, first, &one) && world.is_whole(b, second, &two));
}

#[test]
fn same_seed_same_course() {
    let course = || {
        let source = Source::new(Version::Hybrid, &[700_000], 32 * 1024);
        let mut world = World::new();
        let (a, b, c) = (world.node(), world.node(), world.node());
        world.seed(a, &source, source.torrent());
        let peers = [a, b, c].map(|at| (world.nodes[at].addr, Origin::User)).to_vec();
        let ids = [b, c].map(|at| {
            let add = AddTorrent { peers: peers.clone(), ..named(&source) };
            (at, world.leech(at, add))
        });
        world.run(60, |world| ids.iter().all(|(at, id)| world.is_whole(*at, *id, &source)));
        let events: Vec<String> =
            world.nodes.iter().map(|node| format!("{:?}", node.events)).collect();
        (world.now, events)
    };
    assert_eq!(course(), course());
}
