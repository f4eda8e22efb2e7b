use metainfo::Version;
use stdx::Duration;

use super::{NodeSpec, World};
use crate::Source;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn a_pair_in_every_format_and_from_a_magnet() {
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        for leecher in [NodeSpec::leecher(), NodeSpec::magnet()] {
            let source = Source::new(version, &[500_000, 0, 100, 70_000], 32_768, 1);
            let mut world = World::new(1, source);
            world.add(NodeSpec::seed());
            world.add(leecher.clone());
            let report = world.run(MINUTE).unwrap_or_else(|failure| {
                panic!("{version}, {:?}: {failure}", leecher.start);
            });
            assert_eq!(report.completed, 1);
        }
    }
}
