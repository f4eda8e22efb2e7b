//! Mirrors as sources: alone and beside peers, honest and not. The world checks that nobody is left
//! out who neither lied nor was slow.

use metainfo::Version;
use stdx::Duration;

use crate::{Deed, MirrorIndex, MirrorSpec, NodeIndex, NodeSpec, Report, Source, World};

const MINUTE: Duration = Duration::from_mins(1);
const MEGABYTE: u64 = 1_000_000;

fn run(world: &mut World, name: &str) -> Report {
    world.run(10 * MINUTE).unwrap_or_else(|failure| panic!("{name}: {failure}"))
}

/// The mirrors that a node leaves out.
fn left_out(world: &World, node: NodeIndex) -> Vec<MirrorIndex> {
    let failures = world.mirror_failures(node).iter().filter(|failure| failure.left_out);
    failures.map(|failure| failure.mirror).collect()
}

#[test]
fn a_mirror_alone_brings_everything_once_and_at_its_rate() {
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        for sizes in [&[8 * MEGABYTE][..], &[3_000_000, 0, 100, 70_000, 4_900_000]] {
            let mut world = World::new(1, Source::new(version, sizes, 65_536, 1));
            let mirror = world.add_mirror(MirrorSpec::new(MEGABYTE));
            let node = world.add(NodeSpec::leecher());
            let report = run(&mut world, &format!("{version}"));
            let copies = world.from_mirror(node, mirror) as f64 / report.size as f64;
            // What blocks hold of padding counts as well.
            assert!((1.0..1.02).contains(&copies), "{version}: {copies}");
            let least = report.size as f64 / MEGABYTE as f64;
            let took = report.last.as_secs_f64() / least;
            assert!((1.0..1.15).contains(&took), "{version}, {sizes:?}: {took} of the least time");
            assert_eq!(world.mirror_failures(node), []);
        }
    }
}

#[test]
fn all_that_happens_follows_from_the_seed() {
    let trace = |seed| {
        let mut world = World::new(seed, Source::single(2_000_000, 65_536, 1));
        world.add_mirror(MirrorSpec { lies: 0.1, ..MirrorSpec::new(MEGABYTE) });
        world.add(NodeSpec::seed().access(Some(300_000), None));
        world.add_many(3, &NodeSpec::leecher().access(Some(300_000), None));
        run(&mut world, "twice").trace
    };
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}

#[test]
fn peers_are_preferred_where_they_bring_it_soon() {
    for seed in 0..5 {
        let mut world = World::new(seed, Source::single(20 * MEGABYTE, 65_536, seed));
        let mirror = world.add_mirror(MirrorSpec::new(MEGABYTE));
        world.add_many(2, &NodeSpec::seed().access(Some(10 * MEGABYTE), None));
        let node = world.add(NodeSpec::leecher());
        let report = run(&mut world, "fast peers");
        let share = world.from_mirror(node, mirror) as f64 / report.size as f64;
        assert!(share < 0.2, "seed {seed}: {share} from the mirror");
    }
}

#[test]
fn a_mirror_helps_where_peers_are_slow() {
    for seed in 0..5 {
        let mut world = World::new(seed, Source::single(12 * MEGABYTE, 65_536, seed));
        let mirror = world.add_mirror(MirrorSpec::new(MEGABYTE));
        world.add(NodeSpec::seed().access(Some(200_000), None));
        let node = world.add(NodeSpec::leecher());
        let report = run(&mut world, "a slow peer");
        let (least, took) = (12.0 / 1.2, report.last.as_secs_f64());
        assert!(took < least * 1.25, "seed {seed}: {took} s instead of {least} s");
        let share = world.from_mirror(node, mirror) as f64 / report.size as f64;
        assert!((0.7..0.95).contains(&share), "seed {seed}: {share} from the mirror");
    }
}

#[test]
fn a_swarm_takes_from_a_mirror_what_it_lacks() {
    let mut world = World::new(3, Source::single(8 * MEGABYTE, 65_536, 3));
    let mirror = world.add_mirror(MirrorSpec::new(MEGABYTE));
    let nodes = world.add_many(8, &NodeSpec::leecher().access(Some(MEGABYTE), None));
    let report = run(&mut world, "no seed");
    let taken: u64 = nodes.iter().map(|node| world.from_mirror(*node, mirror)).sum();
    let copies = taken as f64 / report.size as f64;
    assert!((1.0..4.0).contains(&copies), "{copies} copies for eight nodes");
}

#[test]
fn a_liar_is_left_out_and_the_rest_goes_on() {
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        for seed in 0..5 {
            let source = Source::new(version, &[6 * MEGABYTE], 65_536, seed);
            let mut world = World::new(seed, source);
            let liar = world.add_mirror(MirrorSpec { lies: 1.0, ..MirrorSpec::new(2 * MEGABYTE) });
            let honest = world.add_mirror(MirrorSpec::new(MEGABYTE));
            let peer = NodeSpec::seed().access(Some(200_000), None);
            if seed % 2 == 0 {
                world.add(peer);
            }
            let node = world.add(NodeSpec::leecher());
            run(&mut world, &format!("{version}, seed {seed}"));
            assert_eq!(left_out(&world, node), [liar], "{version}, seed {seed}");
            assert!(world.from_mirror(node, honest) > MEGABYTE);
        }
    }
}

#[test]
fn a_slow_mirror_does_not_hold_up_the_others() {
    for seed in 0..5 {
        let mut world = World::new(seed, Source::single(20 * MEGABYTE, 65_536, seed));
        let slow = world.add_mirror(MirrorSpec::new(10_000));
        world.add_mirror(MirrorSpec::new(MEGABYTE));
        let node = world.add(NodeSpec::leecher());
        let report = run(&mut world, "slow");
        assert_eq!(left_out(&world, node), [slow], "seed {seed}");
        let took = report.last.as_secs_f64();
        assert!(took < 25.0, "seed {seed}: {took} s instead of 20 s");
    }
}

#[test]
fn a_mirror_that_was_down_or_busy_is_asked_again() {
    let down = Duration::from_secs(2)..Duration::from_secs(20);
    let rows = [
        ("down for a while", MirrorSpec { down, ..MirrorSpec::new(MEGABYTE) }, 30..60),
        ("one answer at a time", MirrorSpec { answers_max: 1, ..MirrorSpec::new(MEGABYTE) }, 8..20),
    ];
    for (name, spec, took) in rows {
        let mut world = World::new(1, Source::single(8 * MEGABYTE, 65_536, 1));
        world.add_mirror(spec);
        let node = world.add(NodeSpec::leecher());
        let report = run(&mut world, name);
        assert!(took.contains(&report.last.as_secs()), "{name}: {:?}", report.last);
        assert_eq!(left_out(&world, node), [], "{name}");
    }
}

#[test]
fn what_was_durable_is_not_asked_of_a_mirror_again() {
    for deed in [Deed::Kill, Deed::PowerCut, Deed::Stop] {
        let mut world = World::new(3, Source::single(10 * MEGABYTE, 65_536, 3));
        let mirror = world.add_mirror(MirrorSpec::new(MEGABYTE));
        let node = world.add(NodeSpec::leecher());
        world.at(Duration::from_secs(6), node, deed);
        world.at(Duration::from_secs(20), node, Deed::Start);
        let report = run(&mut world, &format!("{deed:?}"));
        // At most what came within a second or two of the end.
        let copies = world.from_mirror(node, mirror) as f64 / report.size as f64;
        assert!(copies < if deed == Deed::Stop { 1.05 } else { 1.25 }, "{deed:?}: {copies}");
    }
}

/// A server that reads files out from their beginnings, whatever is asked for.
fn old(rate: u64) -> MirrorSpec {
    MirrorSpec { whole_files: true, ..MirrorSpec::new(rate) }
}

/// What a mirror sent for each byte that there is.
fn sent(world: &World, mirror: MirrorIndex, report: &Report) -> f64 {
    world.sent_by_mirror(mirror) as f64 / report.size as f64
}

#[test]
fn a_server_without_ranges_alone_is_read_once() {
    for version in [Version::V1, Version::V2, Version::Hybrid] {
        for sizes in [&[8 * MEGABYTE][..], &[3_000_000, 0, 100, 70_000, 4_900_000]] {
            let mut world = World::new(1, Source::new(version, sizes, 65_536, 1));
            let mirror = world.add_mirror(old(MEGABYTE));
            let node = world.add(NodeSpec::leecher());
            let report = run(&mut world, &format!("{version}"));
            let name = format!("{version}, {sizes:?}");
            let copies = world.from_mirror(node, mirror) as f64 / report.size as f64;
            assert!((1.0..1.02).contains(&copies), "{name}: {copies}");
            // In vain: what comes until it is known that it does not come as asked.
            let sent = sent(&world, mirror, &report);
            assert!(sent < 1.1, "{name}: {sent}");
            let took = report.last.as_secs_f64() * MEGABYTE as f64 / report.size as f64;
            assert!(took < 1.25, "{name}: {took} of the least time");
            assert_eq!(world.mirror_failures(node), [], "{name}");
        }
    }
}

#[test]
fn a_server_without_ranges_goes_on_where_it_was_left() {
    for deed in [Deed::Kill, Deed::Stop] {
        let mut world = World::new(3, Source::single(10 * MEGABYTE, 65_536, 3));
        let mirror = world.add_mirror(old(MEGABYTE));
        let node = world.add(NodeSpec::leecher());
        world.at(Duration::from_secs(6), node, deed);
        world.at(Duration::from_secs(20), node, Deed::Start);
        let report = run(&mut world, &format!("{deed:?}"));
        let copies = world.from_mirror(node, mirror) as f64 / report.size as f64;
        assert!(copies < 1.25, "{deed:?}: {copies}");
        let sent = sent(&world, mirror, &report);
        assert!(sent < 1.8, "{deed:?}: what was here is read past once: {sent}");
    }
}

/// Puts another source into a world.
type Add = fn(&mut World);

#[test]
fn beside_others_a_server_without_ranges_is_not_read_twice() {
    let slow_peer = |world: &mut World| {
        world.add(NodeSpec::seed().access(Some(200_000), None));
    };
    let like_peer = |world: &mut World| {
        world.add(NodeSpec::seed().access(Some(MEGABYTE), None));
    };
    let ranged = |world: &mut World| {
        world.add_mirror(MirrorSpec::new(MEGABYTE));
    };
    let same = |world: &mut World| {
        world.add_mirror(old(MEGABYTE));
    };
    let rows: [(&str, Add, f64); 4] = [
        ("a slow peer", slow_peer, 13.0),
        ("a peer like it", like_peer, 13.0),
        ("a server with ranges", ranged, 13.0),
        ("another without", same, 14.0),
    ];
    for (name, add, within) in rows {
        for seed in 0..5 {
            let mut world = World::new(seed, Source::single(12 * MEGABYTE, 65_536, seed));
            let mirror = world.add_mirror(old(MEGABYTE));
            add(&mut world);
            let node = world.add(NodeSpec::leecher());
            let report = run(&mut world, name);
            let (took, sent) = (report.last.as_secs_f64(), sent(&world, mirror, &report));
            assert!(took < within, "{name}, seed {seed}: {took} s, {sent} sent");
            assert!(sent < 1.25, "{name}, seed {seed}: {sent} sent in {took} s");
            assert_eq!(left_out(&world, node), [], "{name}, seed {seed}");
        }
    }
}

#[test]
fn fast_peers_spare_a_server_without_ranges() {
    for seed in 0..5 {
        let mut world = World::new(seed, Source::single(20 * MEGABYTE, 65_536, seed));
        let mirror = world.add_mirror(old(MEGABYTE));
        world.add_many(2, &NodeSpec::seed().access(Some(10 * MEGABYTE), None));
        world.add(NodeSpec::leecher());
        let report = run(&mut world, "fast peers");
        let sent = sent(&world, mirror, &report);
        assert!(sent < 0.3, "seed {seed}: {sent}");
    }
}

#[test]
fn a_liar_without_ranges_is_left_out_too() {
    let mut world = World::new(2, Source::single(6 * MEGABYTE, 65_536, 2));
    let liar = world.add_mirror(MirrorSpec { lies: 1.0, ..old(2 * MEGABYTE) });
    world.add_mirror(old(MEGABYTE));
    let node = world.add(NodeSpec::leecher());
    run(&mut world, "a liar");
    assert_eq!(left_out(&world, node), [liar]);
}
