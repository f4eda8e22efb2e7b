//! Many look-ups in random rings.

use ring::world::{Moving, Setting, Stats, Still};
use ring::{Config, Id};
use stdx::{Duration, Rng};

use super::page;
use crate::args::RingLab;
use crate::events::Event;
use crate::output::Output;
use crate::units::{count, show_number};

/// Rings of up to this many are checked every second, larger ones seldom: a check looks at all.
const SMALL: u32 = 100;
const CHECK_SMALL: Duration = Duration::from_secs(1);
const CHECK_LARGE: Duration = Duration::from_mins(1);

/// Look-ups a second where peers come and go: as often as Chord's authors had them, or in a tenth
/// of the time, which they do not notice.
const LOOKUPS_PER_SECOND: f64 = 10.0;

/// Look-ups in a ring of each size, at most.
pub(super) const LOOKUPS_OF_SIZE: u32 = 10_000;

/// A ring of this size, and what a look-up in it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) peers: u64,
    pub(super) mean: f64,
    pub(super) half_log2: f64,
}

pub(super) fn run(args: &RingLab, output: &Output) -> anyhow::Result<()> {
    if args.sweep {
        let sizes = sweep(args, output);
        return match &args.html {
            Some(path) => page::of_sizes(args, &sizes, path, output),
            None => Ok(()),
        };
    }
    let stats = measure(args, args.config(), args.churn, args.lookups(), output);
    let (mean_messages, mean_timeouts) = (stats.mean_path(), stats.mean_timeouts());
    let (failed_lookups, lookups) = (stats.failed, stats.lookups);
    output.event(&Event::RingResult { mean_messages, mean_timeouts, failed_lookups, lookups });
    tell(args, &stats, output);
    match &args.html {
        Some(path) => page::of_many(args, &stats, path, output),
        None => Ok(()),
    }
}

/// What look-ups took in all the rings.
pub(super) fn measure(
    args: &RingLab,
    config: Config,
    churn: Option<f64>,
    lookups: u32,
    output: &Output,
) -> Stats {
    let rings = u64::from(args.rings.unwrap_or(1));
    let seed = args.seed.unwrap_or(1);
    let bar = output.live_bar();
    bar.set_length(rings * u64::from(lookups));
    let mut stats = Stats::default();
    for number in 0..rings {
        let seed = seed.wrapping_add(number);
        let before = number * u64::from(lookups);
        let mut progress = |done: u64| {
            bar.set_position(before + done);
            bar.set_message(format!("{} look-ups", show_number(before + done)));
        };
        stats.merge(&match churn {
            Some(churn) => moving(args, config, churn, lookups, seed, &mut progress),
            None => still(args, (args.nodes(), args.successors()), lookups, seed, &mut progress),
        });
    }
    bar.finish_and_clear();
    stats
}

fn moving(
    args: &RingLab,
    config: Config,
    churn: f64,
    lookups: u32,
    seed: u64,
    progress: &mut dyn FnMut(u64),
) -> Stats {
    let check = if args.nodes() <= SMALL { CHECK_SMALL } else { CHECK_LARGE };
    let setting = Setting {
        churn,
        lookups: lookups.into(),
        lookups_per_second: LOOKUPS_PER_SECOND,
        check_every: Some(check),
        shortcuts: !args.no_shortcuts,
        ..Setting::new(config, args.nodes() as usize, seed)
    };
    Moving::new(setting).expect("the flags were checked").run(progress)
}

fn still(
    args: &RingLab,
    (nodes, successors): (u32, usize),
    lookups: u32,
    seed: u64,
    progress: &mut dyn FnMut(u64),
) -> Stats {
    let (mut rng, space) = (Rng::new(seed), args.space());
    let mut ring = Still::random(space, nodes as usize, successors, &mut rng);
    ring.fail(args.fail.unwrap_or(0.0), &mut rng);
    let alive: Vec<Id> = ring.members().iter().copied().filter(|id| ring.is_alive(*id)).collect();
    let mut stats = Stats::default();
    for done in 1..=lookups {
        let (from, key) = (alive[rng.index(alive.len())], space.random(&mut rng));
        let route = ring.route(from, key, !args.no_shortcuts);
        stats.found(&route, route.owner.is_some() && route.owner == ring.owner(key));
        if done % 256 == 0 {
            progress(done.into());
        }
    }
    stats
}

/// Successors that a peer keeps where the number of peers is what matters: unless somebody says
/// otherwise one, which leaves all the work to the shortcuts.
pub(super) fn successors_of_sweep(args: &RingLab) -> usize {
    args.successors.unwrap_or(1)
}

/// Messages against the number of peers, doubled from 8 up to all.
pub(super) fn sweep(args: &RingLab, output: &Output) -> Vec<Size> {
    let mut peers: Vec<u32> = (3..=20).map(|power| 1 << power).collect();
    peers.retain(|peers| *peers < args.nodes());
    peers.push(args.nodes());
    let rings = u64::from(args.rings.unwrap_or(1));
    let lookups = args.lookups().min(LOOKUPS_OF_SIZE);
    output.line("     peers   messages   ½·log2 N");
    let mut sizes = Vec::new();
    for peers in peers {
        let mut stats = Stats::default();
        for number in 0..rings {
            let seed = args.seed.unwrap_or(1).wrapping_add(number);
            stats.merge(&still(
                args,
                (peers, successors_of_sweep(args)),
                lookups,
                seed,
                &mut |_| {},
            ));
        }
        let (mean, half_log2) = (stats.mean_path(), f64::from(peers).log2() / 2.0);
        let peers = u64::from(peers);
        output.event(&Event::RingSize { peers, mean_messages: mean, half_log2 });
        output.line(format!("{:>10}   {mean:>8.2}   {half_log2:>8.2}", show_number(peers)));
        sizes.push(Size { peers, mean, half_log2 });
    }
    sizes
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
