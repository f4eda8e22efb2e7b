//! A hostile world, seed after seed: `cargo run --release -p sim --example hostile`. `RUNS` in the
//! environment says over how many seeds (200), `FIRST` from which on (0), `TWICE=1` that each is to
//! leave the same trace a second time.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example meets the world, the crate does not"
)]

use std::process::ExitCode;

use sim::{Outcome, PeerOutcome, Scenario};

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).ok().map_or(or, |text| text.parse().expect("a number"))
}

#[derive(Debug, Default)]
struct Sums {
    broken: u64,
    left_out: u64,
    wanted: u64,
    completed: u64,
    gone: u64,
    lied: u64,
    liars: u64,
    banned: u64,
    bans: u64,
    pieces_failed: u64,
    power_cuts: u64,
    longest: f64,
}

impl Sums {
    fn add(&mut self, scenario: &Scenario, outcome: &Outcome) {
        let count = |holds: &dyn Fn(&PeerOutcome) -> bool| {
            outcome.peers.iter().filter(|peer| holds(peer)).count() as u64
        };
        let sum = |of: fn(&PeerOutcome) -> u32| -> u64 {
            outcome.peers.iter().map(|peer| u64::from(of(peer))).sum()
        };
        self.left_out += outcome.left_out().len() as u64;
        self.wanted += u64::from(scenario.leechers());
        self.completed += u64::from(outcome.completed);
        self.gone += count(&|peer| !peer.liar && !peer.present);
        self.liars += count(&|peer| peer.liar);
        self.banned += count(&|peer| peer.bans > 0);
        self.lied += sum(|peer| peer.lied);
        self.bans += sum(|peer| peer.bans);
        self.pieces_failed += sum(|peer| peer.pieces_failed);
        self.power_cuts += sum(|peer| peer.power_cuts);
        self.longest = self.longest.max(outcome.last.as_secs_f64());
    }
}

fn main() -> ExitCode {
    let (first, runs, twice) = (number("FIRST", 0), number("RUNS", 200), number("TWICE", 0) == 1);
    let mut sums = Sums::default();
    for seed in first..first + runs {
        let mut scenario = Scenario::named("hostile").expect("a scenario of the project");
        scenario.seed = seed;
        let outcome = match scenario.run(|_| ()) {
            Ok(outcome) if outcome.left_out().is_empty() => outcome,
            Ok(outcome) => {
                println!("left out: {:?}\nreplay: {}", outcome.left_out(), replay(seed));
                sums.add(&scenario, &outcome);
                continue;
            }
            Err(failure) => {
                println!("{failure}\nreplay: {}", replay(seed));
                sums.broken += 1;
                continue;
            }
        };
        if twice && scenario.run(|_| ()).map(|again| again.trace) != Ok(outcome.trace) {
            println!("another trace the second time\nreplay: {}", replay(seed));
            sums.broken += 1;
        }
        sums.add(&scenario, &outcome);
    }
    println!("{runs} seeds: {sums:#?}");
    if sums.broken + sums.left_out == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(seed: u64) -> String {
    format!("cargo run --release -p fluvial -- lab swarm hostile --seed {seed}")
}
