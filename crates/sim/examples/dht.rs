//! The distributed hash table in figures:
//! `cargo run --release -p sim --example dht [NODES] [PART]…`
//!
//! Parts: `honest`, `liars`, `sybils`, `cold`, `restart`; all of them if none is named.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example meets the world, the crate does not"
)]

use std::time::Duration;

use sim::{DhtTrial, LookupsReport};

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let nodes = arguments.first().and_then(|it| it.parse().ok());
    if nodes.is_some() {
        arguments.remove(0);
    }
    let nodes = nodes.unwrap_or(10_000);
    let wanted = |part: &str| arguments.is_empty() || arguments.iter().any(|it| it == part);
    let trial = DhtTrial::new(nodes, 1);
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
    if wanted("liars") {
        let mut trial = DhtTrial::new(nodes, 1);
        trial.world.liars = 0.2;
        let mut world = trial.settled();
        show("20 % liars, 25 % dead", &trial.look_up(&mut world));
    }
    if wanted("sybils") {
        let mut world = trial.settled();
        show("40 Sybils round each of 5 keys", &trial.attack(&mut world, 5, 40));
    }
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
    say(&format!(
        "{what}: {} of {} found ({:.2} %); first value after {median} / {p90} / {p99} ms \
         (p50/p90/p99), {:.1} questions until then (at most {}), {:.1} in all; stored at {:.1}; \
         {:.0} % of contacts dead; {} saw a crowd",
        report.found,
        report.lookups,
        report.success() * 100.0,
        report.queries.0,
        report.queries.1,
        report.all_queries,
        report.stored,
        report.dead * 100.0,
        report.crowded,
    ));
}

fn say(line: &str) {
    println!("{line}");
}
