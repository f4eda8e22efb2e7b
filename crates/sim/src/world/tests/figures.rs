use stdx::Duration;

use crate::{NodeSpec, Place, Report, Source, World, WorldConfig};

const MB: u64 = 1_000_000;

/// One seed and eight leechers that all begin at once, 256 MiB in 1,024 pieces, everybody limited
/// to 4 MB/s upwards, the seed to `seed_up`: as `share` and `get` run on one machine.
fn eight(seed: u64, seed_up: u64) -> Report {
    let source = Source::single(256 << 20, 256 << 10, seed);
    let config = WorldConfig { place: Place::OneMachine, ..WorldConfig::default() };
    let mut world = World::with_config(seed, source, config);
    let near = Duration::from_micros(50);
    world.add(NodeSpec::seed().up_limit(seed_up).delay(near));
    world.add_many(8, &NodeSpec::leecher().up_limit(4 * MB).delay(near));
    world.run(Duration::from_mins(10)).unwrap_or_else(|failure| panic!("{failure}"))
}

fn show(report: &Report) -> String {
    format!(
        "bound {:?}, last {:?}, copies from the seed {:.3}, from other leechers {:.3}",
        report.bound, report.last, report.copies_from_seeds, report.peer_share
    )
}

#[test]
fn equal_uplinks_come_near_the_bound_and_the_seed_sends_little_twice() {
    let report = eight(1, 4 * MB);
    assert_eq!(report.completed, 8);
    assert!(report.last <= report.bound.mul_f64(1.35), "{}", show(&report));
    assert!(report.copies_from_seeds <= 1.25, "{}", show(&report));
}

#[test]
fn a_fast_seed_comes_near_the_bound_and_leechers_carry_half() {
    let report = eight(1, 16 * MB);
    assert_eq!(report.completed, 8);
    assert!(report.last <= report.bound.mul_f64(1.35), "{}", show(&report));
    assert!(report.peer_share >= 0.5, "{}", show(&report));
}
