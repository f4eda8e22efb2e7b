use stdx::{Duration, Instant};

use super::world::{Clock, World, link};
use crate::Config;

/// Megabytes that get through in two minutes between hosts with such clocks.
fn carried(near: Clock, far: Clock) -> f64 {
    let path = link(500_000, 25, 500);
    let mut world = World::new(&path, &path, 11);
    let from = world.host(0, Config::default(), near);
    let to = world.host(1, Config::default(), far);
    world.connect(from, to, 1 << 30);
    world.run_for(Duration::from_mins(2));
    world.hosts[to].stream().read as f64 / 1e6
}

fn clock(seconds: u64, pace: f64) -> Clock {
    Clock { shows: Instant::from_secs(seconds), pace }
}

#[test]
fn clocks_may_differ_drift_and_wrap() {
    let same = carried(Clock::default(), Clock::default());
    let check = |name: &str, near, far| {
        let carried = carried(near, far);
        assert!(carried > 0.9 * same, "{name}: {carried:.1} MB of {same:.1}");
    };
    check("skew", clock(0, 1.0), clock(2_000, 1.0));
    check("skew back", clock(2_000, 1.0), clock(0, 1.0));
    // 2^32 microseconds are 4,294.97 s.
    check("both wrap", clock(4_240, 1.0), clock(4_250, 1.0));
    check("one wraps", clock(4_240, 1.0), clock(7, 1.0));
    check("drift", clock(0, 1.0), clock(9, 1.000_5));
    check("drift back", clock(0, 1.000_5), clock(9, 1.0));
}
