//! How near a swarm of N comes to the physical bound:
//! `cargo run --release -p sim --example bound -- 1 5 10 20 35`.
//!
//! The scenario `bound` (256 MiB in pieces of 256 KiB, uplinks of 10 Mbit/s, the seed's ten times
//! that, 40 ms of round trip, peer sets of 50, all together) with so many peers. `MIB` in the
//! environment changes the size, `SEEDS` says how often it is run, `BLOCKS` that it is simulated
//! block by block.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "an example meets the world, the crate does not"
)]

use std::time::Instant;

use sim::{Fidelity, Outcome, Scenario};
use stdx::Duration;

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).ok().map_or(or, |text| text.parse().expect("a number"))
}

fn main() {
    let counts = std::env::args().skip(1).map(|arg| arg.parse().expect("a number of peers"));
    println!("peers seed   bound    last    mean  last/bound mean/bound copies wasted  wall trace");
    for peers in counts {
        for seed in 1..=number("SEEDS", 1) {
            let mut scenario = Scenario::named("bound").expect("a scenario of the project");
            scenario.size = number("MIB", 256) << 20;
            scenario.seed = seed;
            scenario.peers[0].count = peers;
            if std::env::var_os("BLOCKS").is_some() {
                scenario.fidelity = Fidelity::Blocks;
            }
            let begun = Instant::now();
            let outcome = scenario.run(|_| ()).unwrap_or_else(|failure| panic!("{failure}"));
            show(&scenario, &outcome, begun.elapsed());
        }
    }
}

fn show(scenario: &Scenario, outcome: &Outcome, wall: Duration) {
    assert_eq!(outcome.completed, scenario.leechers(), "everybody has everything");
    let bound = outcome.bound.as_secs_f64();
    let (last, mean) = (outcome.last.as_secs_f64(), outcome.mean.as_secs_f64());
    println!(
        "{:5} {:4} {bound:7.2} {last:7.2} {mean:7.2} {:11.4} {:10.4} {:6.2} {:6.4} {:5.1} {:016x}",
        scenario.leechers(),
        scenario.seed,
        last / bound,
        mean / bound,
        outcome.peers[0].sent as f64 / scenario.size as f64,
        outcome.wasted(scenario.size),
        wall.as_secs_f64(),
        outcome.trace,
    );
}
