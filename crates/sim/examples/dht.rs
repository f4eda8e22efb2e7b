//! The distributed hash table in figures:
//! `cargo run --release -p sim --example dht [NODES [SEED]] [PART]…`
//!
//! Parts: `honest`, `liars`, `sharp` (liars that know of BEP 42), `sybils`, `cold`, `restart`; all
//! of them if none is named.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example meets the world, the crate does not"
)]

use std::time::Duration;

use sim::{DhtTrial, LookupsReport};

fn main() {
    let (numbers, parts): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|it| it.parse::<u64>().is_ok());
    let nodes = numbers.first().and_then(|it| it.parse().ok()).unwrap_or(10_000);
    let seed = numbers.get(1).and_then(|it| it.parse().ok()).unwrap_or(1);
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    let trial = DhtTrial::new(nodes, seed);
    if wanted("cold") || wanted("restart") || wanted("honest") {
        let mut world = trial.settled();
        if wanted("cold") {
            cold(&trial, &mut world);
        }
        if wanted("restart") {
            let report = trial.restart(&mut world, (nodes as usize / 10).min(1_000), 20);
            let after: Vec<String> = report.after.iter().map(|it| format!("{it:.0}")).collect();
            say(&format!(
                "restart of a tenth: {:.0} datagrams/s before; in each 5 s after: {}; \
                 back after {:?}",
                report.before,
                after.join(" "),
                report.back_after()
            ));
        }
        if wanted("honest") {
            show("honest, 25 % dead", &trial.look_up(&mut world));
        }
    }
    for (part, sharp) in [("liars", false), ("sharp", true)] {
        if !wanted(part) {
            continue;
        }
        let mut trial = DhtTrial::new(nodes, seed);
        (trial.world.liars, trial.world.sharp) = (0.2, sharp);
        let mut world = trial.settled();
        healthy(&world);
        show(&format!("20 % {part}, 25 % dead"), &trial.look_up(&mut world));
        healthy(&world);
    }
    if wanted("sybils") {
        let mut world = trial.settled();
        show("40 Sybils round each of 5 keys", &trial.attack(&mut world, 5, 40));
    }
}

fn healthy(world: &sim::DhtWorld) {
    let health = world.health();
    let [low, median, high] = health.sizes;
    say(&format!(
        "size of the network as nodes see it: {low:.0} / {median:.0} / {high:.0} (p10/p50/p90); \
         hostile in tables {:.1} %",
        health.hostile * 100.0,
    ));
}

fn cold(trial: &DhtTrial, world: &mut sim::DhtWorld) {
    let times: Vec<Option<Duration>> = (0..20).map(|_| trial.come_back(world, 0.5)).collect();
    let slowest = times.iter().flatten().max();
    let failed = times.iter().filter(|it| it.is_none()).count();
    say(&format!(
        "no router, half of the saved nodes dead: 100 good nodes after {slowest:?} at most, \
         {failed} of {} never",
        times.len()
    ));
}

fn show(what: &str, report: &LookupsReport) {
    let [median, p90, p99] = report.first.map(|it| it.as_millis());
    let [most, max] = report.most_queries;
    say(&format!(
        "{what}: {} of {} found ({:.2} %); first value after {median} / {p90} / {p99} ms \
         (p50/p90/p99), {:.1} questions until then ({most} / {max}, p99 and at most), \
         {:.1} in all; stored at {:.1}; {:.0} % of contacts dead; {} saw a crowd",
        report.found,
        report.lookups,
        report.success() * 100.0,
        report.queries,
        report.all_queries,
        report.stored,
        report.dead * 100.0,
        report.crowded,
    ));
}

fn say(line: &str) {
    println!("{line}");
}
