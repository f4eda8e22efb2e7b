//! Liars are found and banned, and nobody else is: that the world checks at each ban.

use metainfo::Version;
use stdx::Duration;

use crate::{NodeIndex, NodeSpec, Place, Report, Source, World, WorldConfig};

/// One honest seed, one that lies in every third block, five leechers.
fn run(version: Version, place: Place, seed: u64) -> Report {
    let source = Source::new(version, &[1_500_000], 65_536, 2);
    let config = WorldConfig { place, ..WorldConfig::default() };
    let mut world = World::with_config(seed, source, config);
    world.add(NodeSpec::seed().access(Some(100_000), None));
    world.add(NodeSpec::seed().access(Some(300_000), None).lies(0.3));
    world.add_many(5, &NodeSpec::leecher().access(Some(200_000), None));
    world.run(Duration::from_mins(10)).unwrap_or_else(|failure| panic!("{version}: {failure}"))
}

#[test]
fn who_sends_bad_data_is_banned_and_nobody_else_is() {
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        for place in [Place::World, Place::OneMachine] {
            for seed in 0..4 {
                let report = run(version, place, seed);
                assert_eq!(report.completed, 5);
                let liar = &report.nodes[1];
                assert!(liar.bans >= 1, "{version}, seed {seed}: {liar:?}");
            }
        }
    }
}

/// Twenty seeds of a world with three honest seeds, these liars, and eight leechers. Everybody
/// completes, and who was told a lie has banned somebody by then.
fn check(name: &str, liars: &[NodeSpec]) {
    let versions = [Version::V1, Version::V2, Version::Hybrid];
    let (mut lies, mut failed, mut bans) = (0, 0, 0);
    for seed in 0..20 {
        let version = versions[seed as usize % 3];
        let source = Source::new(version, &[2_000_000, 700_000], 131_072, seed);
        let place = if seed % 2 == 0 { Place::World } else { Place::OneMachine };
        let config = WorldConfig { place, ..WorldConfig::default() };
        let mut world = World::with_config(seed, source, config);
        world.add_many(3, &NodeSpec::seed().access(Some(150_000), None));
        let liars: Vec<NodeIndex> = liars.iter().map(|spec| world.add(spec.clone())).collect();
        let honest = NodeSpec::leecher().access(Some(150_000), None);
        world.add_many(7, &honest);
        // One has to spill what it has, and reads it back.
        world.add(NodeSpec { cache_budget: Some(200_000), ..honest });
        let report = world.run(Duration::from_mins(20));
        let report = report.unwrap_or_else(|failure| panic!("{name}: {failure}"));
        for node in &report.nodes {
            let told = node.pieces_failed > 0;
            assert_eq!(told, node.banned > 0, "{name}, seed {seed}: {node:?}");
            failed += node.pieces_failed;
        }
        for liar in &liars {
            let liar = &report.nodes[liar.get()];
            lies += liar.lied;
            bans += liar.bans;
        }
    }
    let figures = format!("{lies} lies, {failed} bad pieces, {bans} bans");
    assert!(lies >= failed && failed >= 20 && bans >= 20, "{name}: {figures}");
}

fn liar(lies: f64) -> NodeSpec {
    NodeSpec::seed().access(Some(150_000), None).lies(lies)
}

#[test]
fn a_seed_that_lies_in_every_twentieth_block() {
    check("one in twenty", &[liar(0.05)]);
}

#[test]
fn several_liars() {
    check("several", &[liar(0.05), liar(0.3), liar(0.01), liar(1.0)]);
}

#[test]
fn a_liar_that_lies_only_once() {
    check("once", &[NodeSpec { lies_max: 1, ..liar(0.05) }]);
}

#[test]
fn liars_among_leechers() {
    let leecher = NodeSpec::leecher().access(Some(300_000), None).lies(0.2);
    check("leechers", &[leecher.clone(), leecher]);
}
