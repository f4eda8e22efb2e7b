//! A swarm on lines as bad as they are at some homes: behind NAT boxes of every kind, with packets
//! lost, doubled and overtaken, and modems that hold back almost half a second of them.

use netem::{Loss, NatKind};
use stdx::{Duration, Instant};

use crate::{Faults, Meeting, NodeIndex, NodeSpec, Report, Source, World, WorldConfig};

const LIMIT: Duration = Duration::from_mins(20);
const SEED: NodeIndex = NodeIndex(0);
const LEECHERS: u32 = 20;

/// What a modem holds back, at most.
const QUEUE: Duration = Duration::from_millis(400);

/// Modems that hold back much, and nothing else wrong.
fn deep_queues() -> WorldConfig {
    let meeting = Meeting::Acquaintances;
    WorldConfig { meeting, queueing: QUEUE, ..WorldConfig::default() }
}

fn hostile() -> WorldConfig {
    let faults = Faults {
        jitter: Duration::from_millis(3),
        reorder: 0.02,
        reorder_by: Duration::from_millis(10),
        duplicate: 0.01,
    };
    WorldConfig { loss: Loss::Random(0.01), faults, ..deep_queues() }
}

fn world(config: WorldConfig) -> World {
    let mut world = World::with_config(1, Source::single(3_000_000, 32_768, 9), config);
    world.add(NodeSpec::seed().access(Some(400_000), None).utp());
    for kind in NatKind::ALL.into_iter().cycle().take(LEECHERS as usize) {
        let leecher = NodeSpec::leecher().access(Some(200_000), Some(2_000_000));
        world.add(leecher.utp().behind(kind));
    }
    world
}

/// Runs it to the end, and how long what the seed sent waited at its uplink, every 10 ms that
/// something did.
fn run(config: WorldConfig) -> (Report, Vec<Duration>) {
    let (mut world, mut waits) = (world(config), Vec::new());
    while !world.is_finished() && world.now() < Instant::ZERO + LIMIT {
        let step = world.run_for(Duration::from_millis(10));
        step.unwrap_or_else(|failure| panic!("{failure}"));
        waits.extend(Some(world.uplink_wait(SEED)).filter(|wait| !wait.is_zero()));
    }
    let report = world.run(LIMIT).unwrap_or_else(|failure| panic!("{failure}"));
    waits.sort();
    (report, waits)
}

/// All complete, mostly from each other, and the seed's line stays free for others: half of the
/// time it holds back no more than what LEDBAT aims at, and hardly ever much more, though several
/// connections share it and begin anew whenever somebody else is let download.
fn check(config: WorldConfig) {
    let (report, waits) = run(config);
    assert_eq!(report.completed, LEECHERS);
    assert!(report.peer_share > 0.5, "they hardly met: {}", report.peer_share);
    assert!(waits.len() > 500, "the uplink was hardly used: {}", waits.len());
    let of = |share: usize| waits[waits.len() * share / 100];
    let (half, most) = (Duration::from_millis(120), Duration::from_millis(175));
    assert!(of(50) <= half && of(95) <= most, "p50 {:?}, p95 {:?}", of(50), of(95));
}

#[test]
fn all_complete_and_the_seeds_line_stays_free_for_others() {
    check(hostile());
}

/// Where nothing else is lost, who goes by losses alone learns of a queue when it is full.
#[test]
fn a_queue_is_left_alone_though_nothing_is_lost() {
    check(deep_queues());
}
