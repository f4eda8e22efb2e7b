use std::net::SocketAddr;

use hash::Sha1Digest;
use metainfo::Version;
use stdx::{Duration, TorrentId};
use swarm::Origin;

use super::harness::{Source, World};
use crate::{AddTorrent, DhtOrder, State};

const KNOWN: &str = "198.51.100.7:6881";

/// What is asked of the DHT, but for addresses of nodes.
fn orders(world: &mut World, node: usize) -> Vec<DhtOrder> {
    let all = std::iter::from_fn(|| world.nodes[node].session.poll_dht());
    all.filter(|order| !matches!(order, DhtOrder::Nodes(_))).collect()
}

fn nodes(world: &mut World, node: usize) -> Vec<SocketAddr> {
    let all = std::iter::from_fn(|| world.nodes[node].session.poll_dht());
    all.flat_map(|order| if let DhtOrder::Nodes(nodes) = order { nodes } else { Vec::new() })
        .collect()
}

fn node(world: &mut World) -> usize {
    world.node_with(|config| config.dht = true)
}

fn announce(info_hash: Sha1Digest, seed: bool) -> DhtOrder {
    DhtOrder::Announce { info_hash, seed }
}

/// Lets time go by, and hears what is asked of the DHT meanwhile.
fn wait(world: &mut World, node: usize, seconds: u64) -> Vec<DhtOrder> {
    let end = world.now + Duration::from_secs(seconds);
    world.run(seconds + 10, |world| world.now >= end);
    orders(world, node)
}

fn known(world: &World, node: usize, id: TorrentId) -> u32 {
    world.nodes[node].session.status(world.now, id).unwrap().known
}

#[test]
fn a_magnet_is_looked_up_at_once_and_ever_more_seldom_and_not_announced() {
    let source = Source::new(Version::Hybrid, &[100_000], 32 * 1024);
    let mut world = World::new();
    let getter = node(&mut world);
    world.leech(getter, AddTorrent::magnet(source.meta.hashes));
    let find = |info_hash| DhtOrder::Find { info_hash };
    let both: Vec<DhtOrder> = source.meta.hashes.handshake_hashes().map(find).collect();
    assert_eq!(both.len(), 2);
    assert_eq!(orders(&mut world, getter), both, "under both its names");
    let soon = wait(&mut world, getter, 3);
    assert_eq!(soon[..2], both, "again");
    let later = wait(&mut world, getter, 3_600);
    assert!(later.iter().all(|it| both.contains(it)), "{later:?}");
    assert!((20..=44).contains(&later.len()), "every five minutes or so: {}", later.len());
}

#[test]
fn what_is_at_work_is_announced_until_it_stops() {
    let source = Source::new(Version::Hybrid, &[1_000_000], 32 * 1024);
    let mut world = World::new();
    let (seed, getter) = (node(&mut world), node(&mut world));
    let offered = world.seed(seed, &source, source.torrent());
    let all = |order: fn(Sha1Digest) -> DhtOrder| {
        source.meta.hashes.handshake_hashes().map(order).collect::<Vec<_>>()
    };
    // It is known to be whole one look after it begins.
    let told = orders(&mut world, seed);
    assert_eq!(told[told.len() - 2..], all(|hash| announce(hash, true)), "{told:?}");
    let id = world.leech(getter, source.torrent());
    assert_eq!(orders(&mut world, getter), all(|hash| announce(hash, false)));
    let found = [world.nodes[seed].addr];
    let [hash, _] = *source.meta.hashes.handshake_hashes().collect::<Vec<_>>() else {
        unreachable!("a hybrid has two")
    };
    let now = world.now;
    world.nodes[getter].session.handle_found(now, &hash, found, Origin::Dht);
    world.run(60, |world| world.is_whole(getter, id, &source));
    let told = orders(&mut world, getter);
    assert_eq!(told, all(|hash| announce(hash, true)), "a seed now");
    assert_eq!(wait(&mut world, getter, 3_600), [], "a seed looks for nobody");
    let now = world.now;
    world.nodes[seed].session.stop(now, offered);
    assert_eq!(orders(&mut world, seed), all(|info_hash| DhtOrder::Withdraw { info_hash }));
}

#[test]
fn private_torrents_never_reach_the_dht() {
    let source = Source::private(Version::V1, &[300_000], 32 * 1024);
    let hash = source.meta.hashes.handshake_hashes().next().unwrap();
    let mut world = World::new();
    let (seed, getter, late) = (node(&mut world), node(&mut world), node(&mut world));
    let tracker = vec![vec!["http://tracker.example/announce".parse().unwrap()]];
    world.seed(seed, &source, AddTorrent { trackers: tracker.clone(), ..source.torrent() });
    let id = world.leech(getter, AddTorrent { trackers: tracker.clone(), ..source.torrent() });
    let stranger: [SocketAddr; 1] = [KNOWN.parse().unwrap()];
    let now = world.now;
    world.nodes[getter].session.handle_found(now, &hash, stranger, Origin::Dht);
    world.run(60, |world| world.is_whole(getter, id, &source));
    assert!(known(&world, getter, id) <= 2, "those of the tracker alone");
    for node in [seed, getter] {
        assert_eq!(nodes(&mut world, node), [], "nor are its peers' nodes asked");
        assert_eq!(wait(&mut world, node, 3_600), []);
    }
    // Of a magnet nobody knows it until the metadata is there.
    let add = AddTorrent { trackers: tracker, ..AddTorrent::magnet(source.meta.hashes) };
    let id = world.leech(late, add);
    assert_eq!(orders(&mut world, late), [DhtOrder::Find { info_hash: hash }]);
    world.run(60, |world| {
        world.nodes[late].session.status(world.now, id).unwrap().state != State::Metadata
    });
    let told = wait(&mut world, late, 1);
    assert_eq!(told.last(), Some(&DhtOrder::Abandon { info_hash: hash }), "{told:?}");
    assert_eq!(wait(&mut world, late, 3_600), []);
}

#[test]
fn nodes_are_learned_from_trackers_and_peers() {
    let source = Source::new(Version::V1, &[300_000], 32 * 1024);
    let mut world = World::new();
    let (seed, getter) = (node(&mut world), node(&mut world));
    let tracker = vec![vec!["http://tracker.example/announce".parse().unwrap()]];
    world.seed(seed, &source, AddTorrent { trackers: tracker.clone(), ..source.torrent() });
    let id = world.leech(getter, AddTorrent { trackers: tracker, ..source.torrent() });
    world.run(60, |world| world.is_whole(getter, id, &source));
    let known = nodes(&mut world, getter);
    let of_seed = |port| SocketAddr::new(world.nodes[seed].addr.ip(), port);
    assert!(known.contains(&of_seed(6881)), "as a peer: {known:?}");
    assert!(known.contains(&of_seed(6_882)), "by its PORT: {known:?}");
}
