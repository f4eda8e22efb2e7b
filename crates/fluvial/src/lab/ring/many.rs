//! Many look-ups in random rings.

use ring::Config;
use ring::world::Stats;

use super::page;
use super::rings::Rings;
use crate::args::RingLab;
use crate::events::Event;
use crate::output::Output;
use crate::units::{count, show_number};

/// Look-ups in a ring of each size, at most.
const LOOKUPS_OF_SIZE: u32 = 10_000;
/// Successors that a peer keeps where the number of peers is what matters, unless somebody says
/// otherwise: all the work is left to the shortcuts.
const SUCCESSORS_OF_SIZE: usize = 1;

/// A ring of this size, and what a look-up in it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) peers: u64,
    pub(super) mean: f64,
    pub(super) half_log2: f64,
}

pub(super) fn run(args: &RingLab, output: &Output) -> anyhow::Result<()> {
    let rings = Rings::of(args);
    let stats = rings.measure(output);
    let (mean_messages, mean_timeouts) = (stats.mean_path(), stats.mean_timeouts());
    let (failed_lookups, lookups) = (stats.failed, stats.lookups);
    output.event(&Event::RingResult { mean_messages, mean_timeouts, failed_lookups, lookups });
    tell(args, &stats, output);
    match &args.html {
        Some(path) => page::write(&page::of_many(args, &rings, &stats, output), path, output),
        None => Ok(()),
    }
}

/// Messages against the number of peers, doubled from 8 up to all.
pub(super) fn sweep(args: &RingLab, output: &Output) -> anyhow::Result<()> {
    let successors = args.successors.unwrap_or(SUCCESSORS_OF_SIZE);
    let config = Config { successors, ..args.config() };
    let lookups = args.lookups().min(LOOKUPS_OF_SIZE);
    let all = Rings { config, lookups, ..Rings::of(args) };
    let mut peers: Vec<u32> = (3..=20).map(|power| 1 << power).collect();
    peers.retain(|peers| *peers < args.nodes());
    peers.push(args.nodes());
    output.line("     peers   messages   ½·log2 N");
    let mut sizes = Vec::new();
    for nodes in peers {
        let mean = Rings { nodes, ..all }.measure(output).mean_path();
        let (peers, half_log2) = (u64::from(nodes), f64::from(nodes).log2() / 2.0);
        output.event(&Event::RingSize { peers, mean_messages: mean, half_log2 });
        output.line(format!("{:>10}   {mean:>8.2}   {half_log2:>8.2}", show_number(peers)));
        sizes.push(Size { peers, mean, half_log2 });
    }
    match &args.html {
        Some(path) => page::write(&page::of_sizes(&all, &sizes), path, output),
        None => Ok(()),
    }
}

fn tell(args: &RingLab, stats: &Stats, output: &Output) {
    let peers = count(args.nodes().into(), "peer");
    output.row("Ring", format!("{peers}, {} each", count(args.successors() as u64, "successor")));
    if let Some(churn) = args.churn {
        let (joins, failures) = (show_number(stats.joins), show_number(stats.failures));
        output.row("Churn", format!("{churn}/s: {joins} joined, {failures} left without a word"));
    }
    let (low, high) = stats.path_range();
    let mean = stats.mean_path();
    output.row("Messages", format!("{mean:.2} a look-up (98 of 100 within {low} to {high})"));
    let (low, high) = stats.timeout_range();
    let mean = stats.mean_timeouts();
    output.row("Timeouts", format!("{mean:.2} a look-up (98 of 100 within {low} to {high})"));
    let (failed, lookups) = (show_number(stats.failed), show_number(stats.lookups));
    output.row("Failed", format!("{failed} of {lookups} look-ups"));
    if args.churn.is_some() {
        let sent = stats.traffic(args.nodes());
        output.row("Traffic", format!("{sent:.0} messages of every kind a peer and minute"));
    }
    if stats.checks > 0 {
        let broken: u64 = stats.broken.values().sum();
        let (broken, checks) = (show_number(broken), show_number(stats.checks));
        let deaths = count(stats.false_deaths, "time");
        output.row("Whole", format!("what must hold was broken at {broken} of {checks} looks"));
        output.row("", format!("somebody who lives was taken for gone {deaths}"));
        for (what, times) in &stats.broken {
            output.line(format!("  {what}: {}", count(*times, "time")));
        }
    }
}
