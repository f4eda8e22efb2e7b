//! Chord's Table II (ToN 2003) and its ½·log2 N; the whole measure comes out of `fluvial lab ring`.

use stdx::Rng;

use crate::world::{Stats, Still};
use crate::{Published, Space, TABLE_II};

fn run(nodes: usize, successors: usize, share: f64, lookups: u64, seed: u64) -> Stats {
    let mut rng = Rng::new(seed);
    let mut ring = Still::random(Space::FULL, nodes, successors, &mut rng);
    ring.fail(share, &mut rng);
    let alive: Vec<_> = ring.members().iter().copied().filter(|id| ring.is_alive(*id)).collect();
    let mut stats = Stats::default();
    for _ in 0..lookups {
        let (from, key) = (alive[rng.index(alive.len())], Space::FULL.random(&mut rng));
        let route = ring.route(from, key, true);
        stats.found(&route, route.owner == ring.owner(key));
    }
    stats
}

#[test]
fn simultaneous_failures_cost_what_was_published() {
    for Published { at: share, path: published, .. } in TABLE_II {
        let mut stats = Stats::default();
        (0..20).for_each(|seed| stats.merge(&run(1_000, 20, share, 150, seed)));
        let (path, timeouts) = (stats.mean_path(), stats.mean_timeouts());
        assert!((path / published - 1.0).abs() < 0.05, "{share}: {path}, not {published}");
        let expected = path * share / (1.0 - share);
        assert!((timeouts - expected).abs() <= 0.1 * expected, "{share}: {timeouts}, {expected}");
        assert_eq!(stats.failed, 0, "{share}");
    }
}

#[test]
fn messages_grow_with_half_the_logarithm() {
    for power in [6, 8, 10, 12] {
        let (nodes, half) = (1 << power, power as f64 / 2.0);
        let path = run(nodes, 1, 0.0, 2_000, power).mean_path();
        assert!((path - half).abs() < 0.35, "{nodes} peers: {path}, not {half}");
    }
}
