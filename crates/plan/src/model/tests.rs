use proptest::prelude::*;

use super::*;

const MB: u64 = 1_000_000;
/// A peer sends the content in one hour.
const UP: u64 = MB;
const SIZE: u64 = 3_600 * UP;

/// The textbook's example: `F/u` = 1 hour, `us` = 10u, no download is slower than the server.
fn textbook(peers: u64) -> Plan {
    let class = Class { count: peers, up: Some(UP), down: Some(10 * UP) };
    Plan::new(SIZE, Some(10 * UP), [class]).expect("a possible plan")
}

#[test]
fn the_textbook_example() {
    // (N, hours of client-server, hours of the swarm, what binds the swarm)
    let cases = [
        (1, 0.1, 0.1, Limit::Server),
        (5, 0.5, 1.0 / 3.0, Limit::Aggregate),
        (10, 1.0, 0.5, Limit::Aggregate),
        (30, 3.0, 0.75, Limit::Aggregate),
        (35, 3.5, 35.0 / 45.0, Limit::Aggregate),
        (PEERS_MAX, PEERS_MAX as f64 / 10.0, 1.0, Limit::Aggregate),
    ];
    for (peers, alone, swarm, limit) in cases {
        let plan = textbook(peers);
        let (alone_is, swarm_is) = (plan.client_server(), plan.peer_to_peer());
        assert!((alone_is.seconds() / 3_600.0 / alone - 1.0).abs() < 1e-12, "{peers} {alone_is:?}");
        assert!((swarm_is.seconds() / 3_600.0 / swarm - 1.0).abs() < 1e-8, "{peers} {swarm_is:?}");
        assert_eq!(alone_is.limit(), Some(Limit::Server), "{peers}");
        assert_eq!(swarm_is.limit(), Some(limit), "{peers}");
    }
    let all: Vec<f64> = (1..=35).map(|n| textbook(n).peer_to_peer().seconds()).collect();
    let endless = textbook(7).endless();
    assert_eq!(
        (endless.duration(), endless.limit()),
        (Duration::from_hours(1), Some(Limit::Aggregate))
    );
    assert!(all.is_sorted() && all.iter().all(|seconds| *seconds < 3_600.0), "never beyond F/u");
}

#[test]
fn the_tightest_of_source_slowest_and_sum_binds() {
    use Limit::{Aggregate, Download, Server};
    let some = |n, up, down| vec![Class { count: n, up, down }];
    let mixed = vec![
        Class { count: 2, up: Some(MB), down: None },
        Class { count: 8, up: Some(5 * MB), down: Some(4 * MB) },
    ];
    let riders = vec![Class { count: 9, up: Some(0), down: None }, Class::one(Some(MB), None)];
    // (size, source up, peers, seconds, what binds)
    let cases = [
        (256 << 20, Some(4 * MB), some(8, Some(4 * MB), None), 67.108_864, Some(Server)),
        (256 << 20, Some(16 * MB), some(8, Some(4 * MB), None), 44.739_243, Some(Aggregate)),
        (100 * MB, Some(50 * MB), some(4, Some(100 * MB), Some(10 * MB)), 10.0, Some(Download)),
        (100 * MB, Some(10 * MB), some(4, None, None), 10.0, Some(Server)),
        (100 * MB, None, some(4, Some(MB), Some(20 * MB)), 5.0, Some(Download)),
        (100 * MB, None, some(4, None, None), 0.0, None),
        (0, Some(1), some(4, None, None), 0.0, Some(Server)),
        (88 * MB, Some(2 * MB), mixed.clone(), 44.0, Some(Server)),
        (88 * MB, Some(11 * MB), mixed, 22.0, Some(Download)),
        (100 * MB, Some(9 * MB), riders, 100.0, Some(Aggregate)),
        (MB, Some(MB), some(3, None, Some(MB)), 1.0, Some(Server)),
    ];
    for (size, source, peers, seconds, limit) in cases {
        let plan = Plan::new(size, source, peers).expect("a possible plan");
        let bound = plan.peer_to_peer();
        assert!((bound.seconds() - seconds).abs() < 1e-6, "{plan:?}: {bound:?} not {seconds}");
        assert_eq!(bound.limit(), limit, "{plan:?}");
        let limits = plan.limits().map(|(_, bound)| bound.seconds());
        let longest = limits.into_iter().fold(0.0, f64::max);
        assert!((longest - seconds).abs() < 1e-6, "{plan:?}: {limits:?}");
    }
}

#[test]
fn impossible_plans_are_refused() {
    let check = |server, classes: &[Class], error: Error| {
        assert_eq!(Plan::new(MB, server, classes.iter().copied()), Err(error));
    };
    let many = Class { count: PEERS_MAX, up: None, down: None };
    check(Some(MB), &[], Error::NoPeers);
    check(Some(MB), &[Class { count: 0, up: Some(1), down: Some(0) }], Error::NoPeers);
    check(Some(MB), &[many, Class::one(None, None)], Error::TooManyPeers);
    check(Some(MB), &[many, Class { count: u64::MAX, ..many }], Error::TooManyPeers);
    check(Some(0), &[Class::one(None, None)], Error::ZeroRate("server's upload"));
    check(None, &[Class::one(None, Some(0))], Error::ZeroRate("download of a peer"));
    let huge = Plan::new(u64::MAX, Some(1), [many]).expect("a possible plan");
    assert_eq!(huge.with_overhead(1), Err(Error::TooLarge));
    assert_eq!(huge.with_server(Some(0)), Err(Error::ZeroRate("server's upload")));
}

#[test]
fn overhead_makes_every_copy_larger() {
    let plan = textbook(10).with_overhead(60_000).expect("it fits");
    assert!((plan.peer_to_peer().seconds() - 1_800.0 * 1.06).abs() < 1e-6);
    let tiny = Plan::new(1, Some(1), [Class::one(None, None)]).and_then(|p| p.with_overhead(1));
    assert!(
        tiny.is_ok_and(|plan| plan.client_server().duration().as_secs() == 2),
        "a whole byte more"
    );
}

#[test]
fn the_largest_numbers_are_counted() {
    let rates = [Some(1), Some(u64::MAX), None];
    for (up, down, server) in rates.into_iter().flat_map(|up| {
        rates.into_iter().flat_map(move |down| rates.into_iter().map(move |s| (up, down, s)))
    }) {
        let class = Class { count: PEERS_MAX, up, down };
        let plan = Plan::new(u64::MAX, server, [class]).expect("a possible plan");
        let (swarm, alone) = (plan.peer_to_peer(), plan.client_server());
        assert!(swarm.seconds() <= alone.seconds() && alone.seconds().is_finite(), "{plan:?}");
        assert!(swarm.duration() <= alone.duration());
    }
}

prop_compose! {
    pub(crate) fn any_plan()(
        size in 1..1u64 << 40,
        server in proptest::option::weighted(0.9, 1..1u64 << 30),
        classes in proptest::collection::vec((
            1..500u64,
            proptest::option::weighted(0.9, 0..1u64 << 30),
            proptest::option::weighted(0.7, 1..1u64 << 30),
        ), 1..5),
    ) -> Plan {
        let classes = classes.into_iter().map(|(count, up, down)| Class { count, up, down });
        Plan::new(size, server, classes).expect("a possible plan")
    }
}

proptest! {
    #[test]
    fn it_is_the_formula(
        size in 1..1u64 << 40,
        server in 1..1u64 << 30,
        ups in proptest::collection::vec((0..1u64 << 30, 1..1u64 << 30), 1..50),
    ) {
        let classes = ups.iter().map(|(up, down)| Class::one(Some(*up), Some(*down)));
        let plan = Plan::new(size, Some(server), classes).expect("a possible plan");
        let (f, us, n) = (size as f64, server as f64, ups.len() as f64);
        let sum: f64 = ups.iter().map(|(up, _)| *up as f64).sum();
        let slowest = ups.iter().map(|(_, down)| *down as f64).fold(f64::MAX, f64::min);
        let alone = (n * f / us).max(f / slowest);
        let swarm = (f / us).max(f / slowest).max(n * f / (us + sum));
        prop_assert!((plan.client_server().seconds() / alone - 1.0).abs() < 1e-12);
        prop_assert!((plan.peer_to_peer().seconds() / swarm - 1.0).abs() < 1e-12);
    }

    #[test]
    fn passing_on_never_costs_time_and_more_upload_never_does(plan in any_plan()) {
        prop_assert!(plan.peer_to_peer().seconds() <= plan.client_server().seconds());
        prop_assert!(plan.peer_to_peer().seconds() <= plan.endless().seconds());
        let faster = plan.server_up.map(|up| up * 2);
        let faster = plan.with_server(faster).expect("a possible plan");
        prop_assert!(faster.peer_to_peer().seconds() <= plan.peer_to_peer().seconds());
    }
}
