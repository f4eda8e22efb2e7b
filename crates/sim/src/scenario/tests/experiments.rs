//! What textbooks claim of swarms. `cargo run --release -p sim --example claims` tries the same
//! over more seeds.

use stdx::Duration;
use swarm::PieceOrder;

use crate::{NodeIndex, Outcome, Scenario};

const MIB: u64 = 1 << 20;

fn named(name: &str, size: u64) -> Scenario {
    let scenario = Scenario::named(name).expect("a scenario of the project");
    Scenario { size, ..scenario }
}

fn run(scenario: &Scenario) -> Outcome {
    scenario.run(|_| ()).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn the_last_peer_is_done_soon_after_the_bound() {
    for (peers, most) in [(1, 1.08), (5, 1.06), (10, 1.07)] {
        let mut scenario = named("bound", 64 * MIB);
        scenario.peers[0].count = peers;
        let outcome = run(&scenario);
        assert_eq!(outcome.completed, peers);
        let (over, wasted) = (outcome.over_bound(), outcome.wasted(scenario.size));
        assert!(over <= most, "{peers} peers: {over} × the bound");
        assert!(wasted <= 0.03, "{peers} peers: {wasted} in vain");
    }
}

#[test]
fn a_server_alone_takes_twice_as_long_for_twice_as_many() {
    let last = |peers: u32| {
        let mut scenario = named("bound", 16 * MIB);
        scenario.peers[0].count = peers;
        scenario.peers[0].free_riders = true;
        let outcome = run(&scenario);
        assert_eq!(outcome.completed, peers);
        let over = outcome.over_bound();
        assert!((1.0..1.1).contains(&over), "{peers} peers: {over} × the bound");
        outcome.last.as_secs_f64()
    };
    let twice = last(16) / last(8);
    assert!((1.9..2.1).contains(&twice), "{twice}");
}

/// In how many of three runs the file outlives a seed that leaves after so many copies.
fn survives(order: PieceOrder, copies: f64) -> usize {
    let lives = |seed: &u64| {
        let mut scenario = Scenario { seed: *seed, ..named("survival", 16 * MIB) };
        scenario.tactics.order = order;
        scenario.seeds[0].copies = Some(copies);
        run(&scenario).completed == scenario.leechers()
    };
    [1, 2, 3].iter().filter(|seed| lives(seed)).count()
}

#[test]
fn rarest_first_saves_the_file_when_the_seed_leaves() {
    let (rarest, random) =
        (survives(PieceOrder::RarestFirst, 2.0), survives(PieceOrder::Random, 2.0));
    assert!(rarest > random, "rarest first {rarest}, random {random} of 3");
    let sequential = survives(PieceOrder::Sequential, 2.5);
    assert!(survives(PieceOrder::RarestFirst, 2.5) >= sequential + 2, "{sequential} of 3");
}

#[test]
fn two_fast_peers_that_come_late_find_each_other() {
    let mut scenario = named("reciprocity", 64 * MIB);
    scenario.limit = Duration::from_secs(200);
    let paired = run(&scenario).paired(NodeIndex(21), NodeIndex(22));
    let paired = paired.map(|at| at.as_secs_f64() - scenario.peers[1].at.as_secs_f64());
    // Newcomers are served first, the two by each other, too; then a round or two shows who gives.
    assert!(paired.is_some_and(|after| (10.0..80.0).contains(&after)), "{paired:?}");
}

#[test]
fn contributors_are_done_before_free_riders() {
    let outcome = run(&named("free-riders", 16 * MIB));
    let ((contributors, done), (riders, _)) = (outcome.mean_of(1), outcome.mean_of(2));
    assert_eq!(done, 20);
    assert!(riders > contributors.mul_f64(1.2), "{contributors:?}, free riders {riders:?}");
}

#[test]
fn who_can_give_more_gets_more() {
    let correlation = run(&named("partners", 32 * MIB)).correlation();
    assert!(correlation >= 0.5, "{correlation}");
}

#[test]
fn half_of_the_peers_quit_and_the_others_go_on() {
    let mut scenario = named("churn", 16 * MIB);
    scenario.peers[0].quit = Some((0.5, Duration::from_secs(10)));
    let outcome = run(&scenario);
    assert!((15..=28).contains(&outcome.completed), "{} stayed", outcome.completed);
    let over = outcome.over_bound();
    assert!(over <= 1.6, "{over} × the bound of a swarm that all stay in");
}

#[test]
fn leaving_at_once_costs_the_slow_peers() {
    let selfish = named("selfish", 64 * MIB);
    let mut kind = selfish.clone();
    kind.peers.iter_mut().for_each(|group| group.stay = None);
    let slow = |scenario: &Scenario| run(scenario).mean_of(2).0.as_secs_f64();
    let cost = slow(&selfish) / slow(&kind);
    assert!((1.05..1.6).contains(&cost), "{cost} × the time");
}

#[test]
fn what_all_receive_grows_with_how_many_they_are() {
    let rate = |peers: u32| {
        let mut scenario = named("bound", 16 * MIB);
        scenario.peers[0].count = peers;
        run(&scenario).throughput(scenario.size)
    };
    let capacity = |peers: u32| 12.5e6 + 1.25e6 * f64::from(peers);
    for peers in [5, 20] {
        let share = rate(peers) / capacity(peers);
        assert!(share >= 0.7, "{peers} peers: {share} of what the uplinks carry");
    }
}
