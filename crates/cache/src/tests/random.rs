use std::sync::Arc;

use metainfo::{Item, Layout, Version};

use super::{BLOCK, file, layout};
use crate::fuzzing::World;

/// Steps with faults before the disk heals.
const TROUBLE: u32 = 400;
/// Steps within which everything must then be finished.
const ENOUGH: u32 = 40_000;

fn layouts() -> Vec<Arc<Layout>> {
    let files = || [file("a", 9 * BLOCK + 100), file("b", 2 * BLOCK), file("c", 30 * BLOCK + 1)];
    let mut padded = files().to_vec();
    padded.insert(1, Item::Padding(2 * BLOCK));
    padded.push(Item::Padding(5 * BLOCK));
    let items = [
        layout(Version::V1, 4, files()),
        layout(Version::V2, 4, files()),
        layout(Version::Hybrid, 8, files()),
        layout(Version::V1, 4, padded),
    ];
    items.into_iter().map(Arc::new).collect()
}

/// Returns how many bad pieces there were whose blocks were looked at.
fn check(seed: u64, layout: &Arc<Layout>, cuts: bool, faults: bool) -> u32 {
    let budget = [4, 8, 16, 200][seed as usize % 4] * BLOCK;
    let mut world = World::new(seed, layout, budget);
    world.lie_rate = 0.02;
    world.fault_rate = if faults { 0.1 } else { 0.0 };
    for _ in 0..TROUBLE {
        if cuts && world.choices.chance(0.01) {
            world.power_cut();
        }
        world.act();
    }
    (world.lie_rate, world.fault_rate) = (0.0, 0.0);
    for _ in 0..ENOUGH {
        if world.is_finished() {
            world.power_cut();
            assert!(world.is_finished(), "seed {seed}: what was finished stays so");
            return world.examined;
        }
        world.act();
    }
    panic!("seed {seed}: not finished: {world:?}");
}

fn check_all(cuts: bool, faults: bool) {
    let mut examined = 0;
    for layout in layouts() {
        for seed in 0..40 {
            examined += check(seed, &layout, cuts, faults);
        }
    }
    assert!(examined > 100, "{examined}");
}

#[test]
fn everything_finishes_within_the_budget() {
    check_all(false, false);
}

#[test]
fn a_power_cut_never_leaves_a_claim_in_vain() {
    check_all(true, false);
}

#[test]
fn failures_of_the_disk_never_leave_a_claim_in_vain() {
    check_all(true, true);
}
