use super::theory::{bits_by_hop, kademlia_hops, shortcuts, successors};
use super::*;

fn report(nodes: u32, lookups: u32, seed: u64) -> LookupTrialReport {
    LookupTrial { nodes, lookups, seed }.run(&mut |_, _, _| {})
}

#[test]
fn theory_says_what_the_papers_say() {
    let check = |ours: f64, published: f64| assert!((ours - published).abs() < 0.005, "{ours}");
    // Chord, figure 10: the mean path length of rings of 2^3 to 2^14 nodes.
    let figure = [(8, 1.5), (16, 2.0), (64, 3.0), (256, 4.0), (1_024, 5.0), (16_384, 7.0)];
    for (nodes, path) in figure {
        check(shortcuts(nodes), path);
    }
    check(successors(8), 3.5);
    // One node in each bucket: one bit that is sure, and half of those that follow.
    check(bits_by_hop(1), 2.0);
    check(bits_by_hop(2), 2.0 + 2.0 / 3.0);
    check(bits_by_hop(8), 4.42);
    check(kademlia_hops(5), 0.0);
    check(kademlia_hops(8), 0.0);
    check(kademlia_hops(8 << 10), 10.0 / bits_by_hop(8));
}

#[test]
fn a_look_up_takes_what_theory_says() {
    let (nodes, report) = (200, report(200, 400, 1));
    let LookupTrialReport { successors: bare, shortcuts: short, dht, whole, missed } = report;
    assert_eq!([bare.failed, short.failed, dht.failed], [0; 3], "{report:?}");
    assert!(missed < 20, "one in twenty: {report:?}");
    let near = |ours: f64, theory: f64, part: f64| {
        assert!((ours / theory - 1.0).abs() < part, "{ours} beside {theory}");
    };
    near(bare.messages.mean, successors(nodes), 0.10);
    near(short.messages.mean, shortcuts(nodes), 0.10);
    assert!(dht.hops.mean <= kademlia_hops(nodes), "{report:?}");
    assert!(dht.hops.mean < short.hops.mean && dht.messages.mean > dht.hops.mean, "{report:?}");
    assert!(whole.mean > dht.messages.mean && whole.mean < 40.0, "{report:?}");
    assert!(dht.seconds.median < short.seconds.median, "{report:?}");
    // One after the other, with 80 ms of median round trip each, and one more for the owner.
    assert!(short.seconds.mean > 0.08 * (short.messages.mean + 1.0), "{report:?}");
}

#[test]
fn the_smallest_networks_work() {
    for nodes in [2, 3, 9] {
        let report = report(nodes, 50, 1);
        assert_eq!((report.dht.failed, report.missed), (0, 0), "{nodes}: {report:?}");
        assert_eq!(report.shortcuts.failed, 0, "{nodes}: {report:?}");
        assert!(report.dht.hops.p95 < 1.0, "everybody knows everybody: {report:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_report() {
    assert_eq!(report(30, 40, 3), report(30, 40, 3));
    assert_ne!(report(30, 40, 3), report(30, 40, 4));
}

#[test]
fn a_spread_has_a_mean_a_median_and_a_tail() {
    let check = |values: Vec<f64>, mean: f64, median: f64, p95: f64| {
        assert_eq!(Spread::of(values), Spread { mean, median, p95 });
    };
    check(Vec::new(), 0.0, 0.0, 0.0);
    check(vec![3.0], 3.0, 3.0, 3.0);
    check((1..=100).rev().map(f64::from).collect(), 50.5, 51.0, 96.0);
}
