//! Steps in any order, with what must hold checked after each.

use std::collections::BTreeMap;

use ring::world::{Machine, Original, Perfect, Tally};
use ring::{Config, Node, Repair, Space};

use crate::args::RingLab;
use crate::events::Event;
use crate::output::Output;
use crate::units::{count, show_number};

/// Steps of one ring before the next begins.
const STEPS_OF_ONE: u64 = 20_000;

/// Bits, successors and the most members of the rings that are tried: small ones, in which
/// everything that can meet does.
const RINGS: [(u8, usize, usize); 8] =
    [(4, 1, 5), (4, 2, 6), (5, 2, 9), (6, 3, 12), (4, 3, 7), (5, 3, 16), (8, 4, 16), (16, 5, 24)];

pub(super) fn run(args: &RingLab, steps: u64, output: &Output) {
    let bar = output.live_bar();
    bar.set_length(steps);
    let (mut all, mut worlds) = (Tally::default(), 0);
    let mut broken: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seed = args.seed.unwrap_or(1);
    while all.steps < steps {
        let most = STEPS_OF_ONE.min(steps - all.steps);
        let (tally, why) = if args.original {
            one::<Original>(args, seed, most)
        } else {
            one::<Node>(args, seed, most)
        };
        if let Some(why) = why {
            *broken.entry(why).or_default() += 1;
        }
        all.steps += tally.steps;
        all.joins += tally.joins;
        all.failures += tally.failures;
        worlds += 1;
        seed = seed.wrapping_add(1);
        bar.set_position(all.steps);
        bar.set_message(format!("{} steps", show_number(all.steps)));
    }
    bar.finish_and_clear();
    let (joins, failures) = (all.joins, all.failures);
    let times = broken.values().sum();
    output.event(&Event::StepsResult { steps: all.steps, worlds, broken: times, joins, failures });
    output.row("Steps", format!("{} in {}", show_number(all.steps), count(worlds, "ring")));
    let gone = format!("{} joined, {} left", show_number(joins), show_number(failures));
    output.row("Peers", gone);
    match (times, args.original) {
        (0, _) => output.good("Whole", "what must hold held after every step"),
        (_, true) => output.good("Caught", format!("{} are broken", count(times, "ring"))),
        _ => output.bad("Broken", count(times, "ring")),
    }
    for (why, times) in &broken {
        output.line(format!("  {why}: {}", count(*times, "time")));
    }
}

/// One ring, until something breaks.
fn one<M: Machine>(args: &RingLab, seed: u64, steps: u64) -> (Tally, Option<&'static str>) {
    let (bits, successors, most) = RINGS[(seed / 2) as usize % RINGS.len()];
    let successors = args.successors.unwrap_or(successors);
    let most = most.max(2 * (successors + 1));
    // Room for as many again as there are at most.
    let bits = bits.max((2 * most).ilog2() as u8);
    let space = Space::new(bits).expect("each of them is possible");
    let repair = match args.repair {
        Some(_) => args.config().repair,
        None if seed.is_multiple_of(2) => Repair::Rounds,
        None => Repair::Prompt,
    };
    let config = Config { repair, ..Config::new(space, successors) };
    let mut world = Perfect::<M>::new(config, most, seed).expect("each of them is possible");
    for _ in 0..steps {
        if let Err(broken) = world.step() {
            return (world.tally(), Some(broken.kind()));
        }
    }
    (world.tally(), None)
}
