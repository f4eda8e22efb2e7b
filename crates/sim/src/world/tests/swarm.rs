use stdx::Duration;

use crate::{NodeSpec, Report, Source, World};

/// One seed and fifty leechers, some of which know only the info-hash.
fn fifty(seed: u64) -> Report {
    let mut world = World::new(seed, Source::single(2_000_000, 32_768, 9));
    world.add(NodeSpec::seed().access(Some(400_000), None));
    world.add_many(40, &NodeSpec::leecher().access(Some(200_000), Some(1_000_000)));
    world.add_many(10, &NodeSpec::magnet().access(Some(100_000), Some(1_000_000)));
    world.run(Duration::from_mins(10)).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn fifty_complete_and_the_same_seed_leaves_the_same_trace() {
    let (first, second) = (fifty(1), fifty(1));
    assert_eq!(first.completed, 50);
    assert_eq!(first.trace, second.trace);
    assert_eq!(first, second);
}

#[test]
fn another_seed_leaves_another_trace() {
    assert_ne!(fifty(1).trace, fifty(2).trace);
}
