//! Small swarms whose peers leave and return, run out of disk, and may meet a liar: whoever stays
//! completes.
//!
//! A failure names its seed; `FLUVIAL_SEED=17 cargo test -p sim replay` runs that one again.

use metainfo::Version;
use netem::{NatConfig, NatKind};
use stdx::{Duration, Rng};

use super::utp::bad_wire;
use crate::{Deed, NodeIndex, NodeSpec, Place, Source, Transport, World, WorldConfig};

/// How long a world may live: many times what the slowest needs.
const LIMIT: Duration = Duration::from_mins(40);

/// Seeds per test, so that tests share the processors.
const SEEDS: u64 = 20;

/// Where uTP may carry them, datagrams suffer what they may, and some are behind NAT boxes.
fn world(seed: u64, transport: Transport) -> World {
    let mut rng = Rng::new(seed);
    let versions = [Version::V1, Version::V2, Version::Hybrid];
    let version = versions[rng.index(3)];
    let piece_length = [16_384, 32_768, 65_536][rng.index(3)];
    let size = 300_000 + rng.below(700_000);
    let sizes = if rng.chance(0.5) { vec![size] } else { vec![size / 3, 0, 77, size / 2] };
    let source = Source::new(version, &sizes, piece_length, seed);
    let config = WorldConfig {
        place: if rng.chance(0.2) { Place::OneMachine } else { Place::World },
        boundary: Duration::from_micros([1, 500, 100_000][rng.index(3)]),
        fragmentation: rng.unit(),
        ..if transport.has_utp() { bad_wire() } else { WorldConfig::default() }
    };
    let boxes = transport.has_utp() && config.place == Place::World;
    let mut boxed = 0;
    let mut carried = |spec: NodeSpec| {
        boxed += 1;
        let kind = NatKind::ALL[boxed % 4];
        let hidden = boxes && boxed.is_multiple_of(3);
        NodeSpec { transport, nat: hidden.then(|| NatConfig::new(kind)), ..spec }
    };
    let mut world = World::with_config(seed, source, config);
    let first = world.add(carried(spec(&mut rng, NodeSpec::seed())));
    if rng.chance(0.3) {
        leave_and_return(&mut world, &mut rng, first, true);
    }
    if rng.chance(0.2) {
        world.add(carried(spec(&mut rng, NodeSpec::seed()).lies(0.1)));
    }
    for _ in 0..8 + rng.below(5) {
        let start = if rng.chance(0.3) { NodeSpec::magnet() } else { NodeSpec::leecher() };
        let node = spec(&mut rng, start).joins(Duration::from_millis(rng.below(5_000)));
        let node = world.add(carried(node));
        if rng.chance(0.5) {
            let returns = rng.chance(0.7);
            leave_and_return(&mut world, &mut rng, node, returns);
        } else if rng.chance(0.2) {
            let at = Duration::from_millis(rng.below(15_000));
            world.at(at, node, Deed::FillDisk);
            world.at(at + Duration::from_millis(rng.below(20_000)), node, Deed::FreeDisk);
        }
    }
    world
}

fn spec(rng: &mut Rng, base: NodeSpec) -> NodeSpec {
    let mut spec = base
        .access(Some(50_000 + rng.below(400_000)), Some(100_000 + rng.below(2_000_000)))
        .delay(Duration::from_millis(1 + rng.below(80)));
    spec.reachable = spec.start == crate::Start::Seed || rng.chance(0.8);
    if rng.chance(0.2) {
        spec.cache_budget = Some(150_000);
    }
    spec
}

fn leave_and_return(world: &mut World, rng: &mut Rng, node: NodeIndex, returns: bool) {
    let deeds = [Deed::Kill, Deed::PowerCut, Deed::Stop];
    let mut at = Duration::from_millis(5_000 + rng.below(15_000));
    for _ in 0..=rng.below(2) {
        world.at(at, node, deeds[rng.index(3)]);
        at += Duration::from_millis(1 + rng.below(60_000));
        if !returns {
            return;
        }
        world.at(at, node, Deed::Start);
        at += Duration::from_millis(1 + rng.below(20_000));
    }
}

fn check(seed: u64) {
    check_over(seed, Transport::Tcp);
}

fn check_over(seed: u64, transport: Transport) {
    let mut world = world(seed, transport);
    if let Err(failure) = world.run(LIMIT) {
        panic!(
            "{transport:?}: {failure}\n\
             replay: FLUVIAL_SEED={seed} cargo test -p sim replay -- --nocapture"
        );
    }
}

/// The worlds of one test out of ten.
fn check_all(of_ten: u64) {
    (of_ten * SEEDS..(of_ten + 1) * SEEDS).for_each(check);
}

#[test]
fn replay_one_seed() {
    #[expect(clippy::disallowed_methods, reason = "what to replay is for the person to say")]
    let named = std::env::var("FLUVIAL_SEED").ok();
    let seed = named.map_or(0, |seed| seed.parse().expect("FLUVIAL_SEED is a number"));
    check_over(seed, Transport::Tcp);
    check_over(seed, Transport::Utp);
    check_over(seed, Transport::Both);
}

#[test]
fn whoever_stays_completes_over_utp_seeds_0_to_19() {
    (0..SEEDS).for_each(|seed| check_over(seed, Transport::Utp));
}

#[test]
fn whoever_stays_completes_over_both_transports_seeds_20_to_39() {
    (SEEDS..2 * SEEDS).for_each(|seed| check_over(seed, Transport::Both));
}

macro_rules! seeds {
    ($($name:ident $of_ten:literal),*) => {
        $(#[test]
        fn $name() {
            check_all($of_ten);
        })*
    };
}

seeds!(
    whoever_stays_completes_seeds_0_to_19 0,
    whoever_stays_completes_seeds_20_to_39 1,
    whoever_stays_completes_seeds_40_to_59 2,
    whoever_stays_completes_seeds_60_to_79 3,
    whoever_stays_completes_seeds_80_to_99 4,
    whoever_stays_completes_seeds_100_to_119 5,
    whoever_stays_completes_seeds_120_to_139 6,
    whoever_stays_completes_seeds_140_to_159 7,
    whoever_stays_completes_seeds_160_to_179 8,
    whoever_stays_completes_seeds_180_to_199 9
);
