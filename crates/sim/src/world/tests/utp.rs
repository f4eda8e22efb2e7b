//! Swarms whose connections are carried by uTP, datagram by datagram.

use metainfo::Version;
use netem::Loss;
use stdx::Duration;

use crate::{Deed, Faults, NodeSpec, Report, Source, World, WorldConfig};

const MINUTE: Duration = Duration::from_mins(1);

/// A network in which all happens to datagrams that may.
pub(super) fn bad_wire() -> WorldConfig {
    let faults = Faults {
        jitter: Duration::from_millis(5),
        reorder: 0.02,
        reorder_by: Duration::from_millis(15),
        duplicate: 0.01,
    };
    WorldConfig { loss: Loss::Random(0.02), faults, ..WorldConfig::default() }
}

fn check(version: Version, leecher: NodeSpec, config: WorldConfig) {
    let source = Source::new(version, &[500_000, 0, 100, 70_000], 32_768, 1);
    let mut world = World::with_config(1, source, config);
    world.add(NodeSpec::seed().utp());
    world.add(leecher.utp());
    let report = world.run(MINUTE).unwrap_or_else(|failure| panic!("{version}: {failure}"));
    assert_eq!(report.completed, 1);
    let copies = report.nodes[1].totals.down_payload as f64 / report.size as f64;
    assert!((copies - 1.0).abs() < 0.01, "{report:?}");
}

#[test]
fn a_pair_gets_everything_once() {
    check(Version::V1, NodeSpec::leecher(), WorldConfig::default());
    check(Version::V2, NodeSpec::magnet(), WorldConfig::default());
}

#[test]
fn a_pair_gets_everything_once_over_a_bad_wire() {
    check(Version::Hybrid, NodeSpec::leecher(), bad_wire());
    check(Version::V1, NodeSpec::magnet(), bad_wire());
}

fn twelve(seed: u64) -> Report {
    let mut world = World::with_config(seed, Source::single(2_000_000, 32_768, 9), bad_wire());
    world.add(NodeSpec::seed().access(Some(400_000), None).utp());
    world.add_many(12, &NodeSpec::leecher().access(Some(200_000), Some(1_000_000)).utp());
    world.run(10 * MINUTE).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    let (first, second) = (twelve(1), twelve(1));
    assert_eq!(first.completed, 12);
    assert_eq!(first, second);
    assert_ne!(first.trace, twelve(2).trace);
}

/// Over uTP nobody is told when a process or a machine dies; who comes back is let in again.
#[test]
fn who_dies_without_a_word_and_comes_back_completes() {
    for deed in [Deed::Kill, Deed::PowerCut, Deed::Stop] {
        let mut world = World::new(3, Source::single(4_000_000, 65_536, 3));
        world.add(NodeSpec::seed().up_limit(400_000).utp());
        let leecher = world.add(NodeSpec::leecher().utp());
        world.at(Duration::from_secs(6), leecher, deed);
        world.at(Duration::from_secs(20), leecher, Deed::Start);
        let report = world.run(5 * MINUTE).unwrap_or_else(|failure| panic!("{deed:?}: {failure}"));
        let copies = report.copies_from_seeds;
        assert!(copies < if deed == Deed::Stop { 1.1 } else { 1.25 }, "{deed:?}: {copies}");
    }
}

/// Who tries both transports reaches everybody, once.
#[test]
fn over_both_transports_all_meet() {
    let seeds = [NodeSpec::seed(), NodeSpec::seed().utp(), NodeSpec::seed().both()];
    for (at, seed) in seeds.into_iter().enumerate() {
        let mut world = World::with_config(1, Source::single(500_000, 32_768, 1), bad_wire());
        world.add(seed);
        world.add_many(5, &NodeSpec::leecher().both());
        let report = world.run(MINUTE).unwrap_or_else(|failure| panic!("{at}: {failure}"));
        assert_eq!(report.completed, 5, "{at}");
        assert!(world.nodes.iter().flat_map(|node| &node.mind).all(|it| it.races.is_empty()));
    }
}

#[test]
fn who_speaks_another_transport_is_not_reached() {
    for (seed, leecher) in [
        (NodeSpec::seed().utp(), NodeSpec::leecher()),
        (NodeSpec::seed(), NodeSpec::leecher().utp()),
    ] {
        let mut world = World::new(1, Source::single(100_000, 32_768, 1));
        world.add(seed);
        let leecher = world.add(leecher);
        world.run_for(2 * MINUTE).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(world.report().nodes[leecher.get()].totals.down_payload, 0);
    }
}
