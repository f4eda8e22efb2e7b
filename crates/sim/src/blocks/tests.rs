use stdx::Duration;

use crate::scenario::Staged as _;
use crate::{Arrival, Fidelity, Outcome, Scenario};

const MIB: u64 = 1 << 20;

/// A scenario of the project, block by block.
fn named(name: &str, size: u64) -> Scenario {
    let scenario = Scenario::named(name).expect("a scenario of the project");
    Scenario { size, fidelity: Fidelity::Blocks, ..scenario }
}

fn run(scenario: &Scenario) -> Outcome {
    scenario.run(|_| ()).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn blocks_and_messages_come_to_the_same_result() {
    for (peers, size) in [(10, 32 * MIB), (35, 16 * MIB)] {
        let mut scenario = named("bound", size);
        scenario.peers[0].count = peers;
        let blocks = run(&scenario);
        let messages = run(&Scenario { fidelity: Fidelity::Messages, ..scenario.clone() });
        assert_eq!((blocks.completed, messages.completed), (peers, peers));
        let ratio = blocks.last.as_secs_f64() / messages.last.as_secs_f64();
        assert!((0.92..1.09).contains(&ratio), "{peers} peers: {ratio} of the time");
        assert_eq!(blocks.bound, messages.bound);
    }
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let scenario = named("churn", 4 * MIB);
    let (first, second) = (run(&scenario), run(&scenario));
    assert_eq!(first, second);
    assert_ne!(first.trace, run(&Scenario { seed: 2, ..scenario }).trace);
}

#[test]
fn it_does_not_matter_how_many_threads_there_are() {
    let scenario = named("churn", 4 * MIB);
    let reports = [1, 2, 7].map(|threads| {
        let mut world = scenario.build_of_blocks();
        world.threads = Some(threads);
        world.go_on(Duration::from_mins(20)).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(world.shards.len(), threads);
        world.report()
    });
    assert!(reports[0].nodes.iter().filter(|node| node.whole).count() > 1);
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0], reports[2]);
}

#[test]
fn every_scenario_can_be_run_block_by_block() {
    for (name, _) in crate::SCENARIOS {
        let mut scenario = named(name, 4 * MIB);
        for group in &mut scenario.peers {
            group.count = group.count.min(30);
        }
        let outcome = run(&scenario);
        let stays = scenario.peers.iter().all(|group| group.quit.is_none());
        if stays && scenario.seeds[0].copies.is_none() {
            assert_eq!(outcome.completed, scenario.leechers(), "{name}");
        }
        let received: u64 = outcome.peers.iter().map(|peer| peer.received).sum();
        let sent: u64 = outcome.peers.iter().map(|peer| peer.sent).sum();
        assert!(received <= sent, "{name}: {received} of {sent} received");
        assert!(outcome.wasted(scenario.size) <= 0.1, "{name}: {outcome:?}");
        assert!(!outcome.history.unchokes.is_empty(), "{name}");
    }
}

#[test]
fn a_seed_that_leaves_too_soon_takes_the_content_along() {
    let mut scenario = named("survival", 4 * MIB);
    scenario.seeds[0].copies = Some(0.5);
    let outcome = run(&scenario);
    assert!(outcome.dead && outcome.completed == 0, "{outcome:?}");
}

#[test]
fn downlinks_bind() {
    let mut scenario = named("bound", 4 * MIB);
    scenario.peers[0].count = 5;
    scenario.peers[0].down = Some(250_000);
    let outcome = run(&scenario);
    let over = outcome.over_bound();
    assert!((1.0..1.2).contains(&over), "{over} × the bound of {:?}", outcome.bound);
}

#[test]
fn who_comes_later_is_served_too() {
    let mut scenario = named("bound", 4 * MIB);
    scenario.peers[0].arrival = Arrival::Within(Duration::from_mins(5));
    let outcome = run(&scenario);
    assert_eq!(outcome.completed, 20);
    assert!(outcome.ended > Duration::from_secs(200), "{:?}", outcome.ended);
}
