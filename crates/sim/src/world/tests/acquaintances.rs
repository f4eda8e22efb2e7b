//! Swarms without a tracker: who knows one of them finds the others (BEP 11).

use stdx::Duration;

use crate::{Meeting, NodeSpec, Source, World, WorldConfig};

const NODES: u32 = 30;

fn world(seed: u64) -> World {
    let config = WorldConfig { meeting: Meeting::Acquaintances, ..WorldConfig::default() };
    let mut world = World::with_config(seed, Source::single(4_000_000, 32_768, 9), config);
    world.add(NodeSpec::seed().access(Some(100_000), None));
    world.add_many(NODES - 6, &NodeSpec::leecher().access(Some(200_000), Some(1_000_000)));
    world.add_many(5, &NodeSpec::magnet().access(Some(200_000), Some(1_000_000)));
    world
}

#[test]
fn who_knows_the_seed_alone_finds_the_whole_swarm() {
    let mut world = world(1);
    world.run_for(Duration::from_secs(20)).unwrap_or_else(|failure| panic!("{failure}"));
    for (at, node) in world.nodes.iter().enumerate() {
        let mind = node.mind.as_ref().expect("it stays");
        let peers = mind.session.peers(world.now, mind.torrent).len();
        assert_eq!(peers, NODES as usize - 1, "node {at}");
    }
    let report = world.run(Duration::from_mins(10)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(report.completed, NODES - 1);
}
