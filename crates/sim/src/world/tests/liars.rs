use metainfo::Version;
use stdx::Duration;

use crate::{NodeSpec, Place, Report, Source, World, WorldConfig};

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
