use std::collections::BTreeMap;

use crate::invariant::Broken;
use crate::world::{Machine, Original, Perfect};
use crate::{Config, Node, Repair, RingError, Space};

/// Steps of all seeds together; the full measure comes out of `fluvial lab ring --steps`.
const STEPS: u64 = 84_000;

fn config(bits: u8, successors: usize, repair: Repair) -> Config {
    let space = Space::new(bits).expect("a possible space");
    Config { repair, ..Config::new(space, successors) }
}

/// Steps until something breaks, if it does.
fn run<M: Machine>(
    config: Config,
    members_max: usize,
    seed: u64,
    steps: u64,
) -> Result<Perfect<M>, Broken> {
    let mut world = Perfect::<M>::new(config, members_max, seed).expect("a possible ring");
    for _ in 0..steps {
        world.step()?;
    }
    Ok(world)
}

#[test]
fn what_must_hold_holds_after_every_step() {
    let rings = [(4, 1, 5), (4, 2, 6), (5, 2, 9), (6, 3, 12), (4, 3, 7), (8, 4, 16)];
    let repairs = [Repair::Rounds, Repair::Prompt];
    let all = rings.iter().flat_map(|ring| repairs.map(|repair| (*ring, repair)));
    for (seed, ((bits, successors, most), repair)) in (0..).zip(all) {
        let steps = STEPS / 12;
        let world = run::<Node>(config(bits, successors, repair), most, seed, steps);
        let world = world.unwrap_or_else(|broken| panic!("seed {seed} r {successors}: {broken}"));
        let tally = world.tally();
        // With one successor each, hardly anybody can be spared.
        let changes = if successors == 1 { 0 } else { 30 };
        assert!(tally.joins.min(tally.failures) >= changes, "seed {seed}: {tally:?}");
    }
}

#[test]
fn a_ring_without_room_for_its_first_members_is_refused() {
    let check = |bits, successors, error| {
        let config = config(bits, successors, Repair::Rounds);
        assert_eq!(Perfect::<Node>::new(config, 9, 1).err(), Some(error), "{bits} {successors}");
    };
    check(4, 16, RingError::Crowded);
    check(1, 2, RingError::Crowded);
    check(4, 0, RingError::Successors);
    check(160, 65, RingError::Successors);
}

#[test]
fn what_is_left_alone_becomes_ideal() {
    for seed in 0..16 {
        let repair = if seed % 2 == 0 { Repair::Rounds } else { Repair::Prompt };
        let mut world = run::<Node>(config(6, 3, repair), 12, seed, 700).expect("it holds");
        world.calm(20).expect("it holds");
        assert!(world.is_ideal(), "seed {seed}: {world:#?}");
    }
}

#[test]
fn chord_as_first_published_is_caught() {
    let mut caught: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..40 {
        let config = config(5, 2, Repair::Rounds);
        if let Err(broken) = run::<Original>(config, 9, seed, 20_000) {
            *caught.entry(broken.kind()).or_default() += 1;
        }
    }
    assert_eq!(caught.values().sum::<u32>(), 40, "{caught:?}");
}
