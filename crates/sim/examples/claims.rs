//! What the textbooks claim of swarms, tried: `cargo run --release -p sim --example claims`, or
//! with one of `survival`, `reciprocity`, `riders`, `partners`, `churn`, `selfish`, `scale` behind
//! `--`. `RUNS` in the environment says over how many seeds (20).

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example meets the world, the crate does not"
)]

use sim::{NodeIndex, Outcome, Scenario};
use stdx::Duration;
use swarm::PieceOrder;

fn runs() -> u64 {
    std::env::var("RUNS").ok().map_or(20, |text| text.parse().expect("a number"))
}

fn named(name: &str) -> Scenario {
    Scenario::named(name).expect("a scenario of the project")
}

fn seeded(name: &str, seed: u64) -> Scenario {
    Scenario { seed, ..named(name) }
}

fn run(scenario: &Scenario) -> Outcome {
    scenario.run(|_| ()).unwrap_or_else(|failure| panic!("{failure}"))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn seconds(times: impl Iterator<Item = Duration>) -> f64 {
    mean(&times.map(|time| time.as_secs_f64()).collect::<Vec<_>>())
}

fn main() {
    let only = std::env::args().nth(1);
    let all: [(&str, fn()); 7] = [
        ("survival", survival),
        ("reciprocity", reciprocity),
        ("riders", riders),
        ("partners", partners),
        ("churn", churn),
        ("selfish", selfish),
        ("scale", scale),
    ];
    for (name, experiment) in all {
        if only.as_ref().is_none_or(|only| only == name) {
            println!("== {name}");
            experiment();
        }
    }
}

/// Why rarest first: a plain seed leaves after so many copies.
fn survival() {
    println!(
        "copies  rarest-first  random  sequential   (share of runs in which the file survives)"
    );
    for copies in [1.0, 1.25, 1.5, 2.0, 3.0, 4.0] {
        let share = |order| {
            let lives = (1..=runs()).filter(|&seed| {
                let mut scenario = seeded("survival", seed);
                scenario.tactics.order = order;
                scenario.seeds[0].copies = Some(copies);
                run(&scenario).completed == scenario.leechers()
            });
            lives.count() as f64 / runs() as f64
        };
        let (rarest, random) = (share(PieceOrder::RarestFirst), share(PieceOrder::Random));
        println!("{copies:6} {rarest:13.2} {random:7.2} {:11.2}", share(PieceOrder::Sequential));
    }
}

/// Two fast peers find each other.
fn reciprocity() {
    let mut times = Vec::new();
    for seed in 1..=runs() {
        let outcome = run(&seeded("reciprocity", seed));
        times.push(outcome.paired(NodeIndex(21), NodeIndex(22)));
    }
    let paired: Vec<Duration> = times.iter().flatten().copied().collect();
    println!(
        "paired in {} of {} runs, after {:.1} s in the mean: {times:?}",
        paired.len(),
        runs(),
        seconds(paired.iter().copied())
    );
}

/// Contributors against free riders.
fn riders() {
    let (mut contributors, mut riders) = (Vec::new(), Vec::new());
    for seed in 1..=runs() {
        let outcome = run(&seeded("free-riders", seed));
        contributors.push(outcome.mean_of(1).0);
        riders.push(outcome.mean_of(2).0);
    }
    let (a, b) = (seconds(contributors.into_iter()), seconds(riders.into_iter()));
    println!("contributors {a:.1} s, free riders {b:.1} s: {:.2}", b / a);
}

/// Higher upload finds better partners.
fn partners() {
    let outcomes: Vec<Outcome> = (1..=runs()).map(|seed| run(&seeded("partners", seed))).collect();
    let all: Vec<f64> = outcomes.iter().map(Outcome::correlation).collect();
    println!("correlation {:.3}, least {:.3}", mean(&all), all.iter().copied().fold(1.0, f64::min));
    for group in 1..6 {
        println!(
            "  group {group}: mean {:.1} s",
            seconds(outcomes.iter().map(|it| it.mean_of(group).0))
        );
    }
}

/// Half of the peers quit.
fn churn() {
    let mut over = Vec::new();
    for seed in 1..=runs() {
        let outcome = run(&seeded("churn", seed));
        assert!(!outcome.dead, "a seed stays");
        over.push(outcome.over_bound());
    }
    println!(
        "last ÷ bound of a swarm that all stay in: mean {:.3}, worst {:.3}",
        mean(&over),
        over.iter().copied().fold(0.0, f64::max)
    );
}

/// What it costs when everybody goes as soon as it is done.
fn selfish() {
    let run = |selfish: bool| {
        let outcomes: Vec<Outcome> = (1..=runs())
            .map(|seed| {
                let mut scenario = seeded("selfish", seed);
                for group in scenario.peers.iter_mut().filter(|_| !selfish) {
                    group.stay = None;
                }
                run(&scenario)
            })
            .collect();
        (
            seconds(outcomes.iter().map(|it| it.mean_of(2).0)),
            seconds(outcomes.iter().map(|it| it.last)),
        )
    };
    let ((selfish, last), (kind, kind_last)) = (run(true), run(false));
    let slower = selfish / kind;
    println!("slow peers: {selfish:.1} s when all leave, {kind:.1} s when all stay: {slower:.3}");
    println!("last: {last:.1} and {kind_last:.1} s");
}

/// Self-scalability: what all together receive, against how many they are.
fn scale() {
    println!("peers  received MB/s  of what the uplinks carry");
    for peers in [1, 2, 5, 10, 20, 40, 80] {
        let mut scenario = named("bound");
        (scenario.size, scenario.peers[0].count) = (64 << 20, peers);
        let rate = run(&scenario).throughput(scenario.size);
        let capacity = 12.5e6_f64.min(f64::from(peers) * 12.5e6);
        println!(
            "{peers:5} {:14.2} {:.3}",
            rate / 1e6,
            rate / (capacity + f64::from(peers) * 1.25e6)
        );
    }
}
