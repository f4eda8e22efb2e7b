use metainfo::Version;
use stdx::Duration;

use crate::{Deed, NodeSpec, Source, World};

const MINUTE: Duration = Duration::from_mins(1);

fn check(version: Version, leecher: NodeSpec) {
    let source = Source::new(version, &[500_000, 0, 100, 70_000], 32_768, 1);
    let mut world = World::new(1, source);
    world.add(NodeSpec::seed());
    let start = leecher.start;
    world.add(leecher);
    match world.run(MINUTE) {
        Ok(report) => {
            assert_eq!(report.completed, 1);
            // What was sent has padding in it.
            let copies = report.nodes[1].totals.down_payload as f64 / report.size as f64;
            assert!((copies - 1.0).abs() < 0.01, "{report:?}");
        }
        Err(failure) => panic!("{version}, {start:?}: {failure}"),
    }
}

#[test]
fn v1_from_the_torrent() {
    check(Version::V1, NodeSpec::leecher());
}

#[test]
fn v1_from_a_magnet() {
    check(Version::V1, NodeSpec::magnet());
}

#[test]
fn v2_from_the_torrent() {
    check(Version::V2, NodeSpec::leecher());
}

#[test]
fn v2_from_a_magnet() {
    check(Version::V2, NodeSpec::magnet());
}

#[test]
fn hybrid_from_the_torrent() {
    check(Version::Hybrid, NodeSpec::leecher());
}

#[test]
fn hybrid_from_a_magnet() {
    check(Version::Hybrid, NodeSpec::magnet());
}

/// A pair whose transfer takes about ten seconds.
fn slow_pair(deeds: &[(u64, Deed)]) -> World {
    let mut world = World::new(3, Source::single(4_000_000, 65_536, 3));
    world.add(NodeSpec::seed().up_limit(400_000));
    let leecher = world.add(NodeSpec::leecher());
    for &(second, deed) in deeds {
        world.at(Duration::from_secs(second), leecher, deed);
    }
    world
}

#[test]
fn what_was_durable_is_not_fetched_again() {
    for deed in [Deed::Kill, Deed::PowerCut, Deed::Stop] {
        let mut world = slow_pair(&[(6, deed), (20, Deed::Start)]);
        let report = world.run(5 * MINUTE).unwrap_or_else(|failure| panic!("{deed:?}: {failure}"));
        // At most what came within a second of the end, which is a tenth.
        let copies = report.copies_from_seeds;
        assert!(copies < if deed == Deed::Stop { 1.04 } else { 1.25 }, "{deed:?}: {copies}");
    }
}

#[test]
fn a_full_disk_is_overcome_once_there_is_space() {
    let mut world = slow_pair(&[(3, Deed::FillDisk), (30, Deed::FreeDisk)]);
    let report = world.run(5 * MINUTE).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(report.last > Duration::from_secs(30));
}

#[test]
fn a_tiny_cache_slows_and_never_stalls() {
    let mut world = World::new(4, Source::single(3_000_000, 262_144, 4));
    world.add(NodeSpec::seed());
    let mut leecher = NodeSpec::leecher();
    leecher.cache_budget = Some(200_000);
    world.add(leecher);
    world.run(MINUTE).unwrap_or_else(|failure| panic!("{failure}"));
}
