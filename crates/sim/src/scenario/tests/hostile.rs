//! A world in which whatever can go wrong does: who is honest and stays gets everything all the
//! same. `cargo run --release -p sim --example hostile` tries two hundred seeds.

use crate::{Outcome, PeerOutcome, Scenario};

fn run(seed: u64) -> Outcome {
    let mut scenario = Scenario::named("hostile").expect("a scenario of the project");
    scenario.seed = seed;
    let replay = format!("cargo run --release -p fluvial -- lab swarm hostile --seed {seed}");
    let outcome = scenario.run(|_| ());
    let outcome = outcome.unwrap_or_else(|failure| panic!("{failure}\nreplay: {replay}"));
    let left_out = outcome.left_out();
    assert!(left_out.is_empty(), "seed {seed}: {left_out:?} were left out\nreplay: {replay}");
    outcome
}

#[test]
fn who_is_honest_and_stays_is_served_in_a_hostile_world() {
    let outcomes: Vec<Outcome> = (0..4).map(run).collect();
    let sum = |of: fn(&PeerOutcome) -> u32| -> u32 {
        outcomes.iter().flat_map(|outcome| &outcome.peers).map(of).sum()
    };
    let bad = |of: fn(&PeerOutcome) -> u32, least: u32, what: &str| {
        let seen = sum(of);
        assert!(seen >= least, "{what}: {seen} only, so the world is not hostile");
    };
    bad(|peer| peer.lied, 20, "lies");
    bad(|peer| peer.bans, 4, "bans");
    bad(|peer| peer.pieces_failed, 4, "bad pieces");
    bad(|peer| peer.power_cuts, 10, "power cuts");
    bad(|peer| u32::from(!peer.present), 2, "peers that quit");
}

#[test]
fn a_hostile_world_replays_exactly() {
    assert_eq!(run(5), run(5));
}
