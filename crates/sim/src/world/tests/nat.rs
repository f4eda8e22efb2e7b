//! Peers behind NAT boxes: who reaches whom, and who is brought together by a third (BEP 55).

use netem::{NatConfig, NatKind};
use stdx::{Duration, Instant};

use super::utp::bad_wire;
use crate::world::peer_id;
use crate::{Deed, Meeting, NodeIndex, NodeSpec, Source, Transport, World, WorldConfig};

const MINUTE: Duration = Duration::from_mins(1);
const SIZE: u64 = 2_000_000;
const SEED: NodeIndex = NodeIndex(0);
const FIRST: NodeIndex = NodeIndex(1);
const SECOND: NodeIndex = NodeIndex(2);

/// Two leechers behind these boxes, who know but the seed, which everybody reaches and which gives
/// little.
fn meeting(config: &WorldConfig, boxes: [NatConfig; 2]) -> World {
    meeting_over(Transport::Utp, config, boxes)
}

fn meeting_over(transport: Transport, config: &WorldConfig, boxes: [NatConfig; 2]) -> World {
    let config = WorldConfig { meeting: Meeting::Acquaintances, ..config.clone() };
    let mut world = World::with_config(1, Source::single(SIZE, 32_768, 9), config);
    let seed = NodeSpec::seed().access(Some(15_000), None);
    world.add(NodeSpec { transport, ..seed });
    for config in boxes {
        let leecher = NodeSpec::leecher().access(Some(100_000), Some(1_000_000));
        world.add(NodeSpec { transport, nat: Some(config), ..leecher });
    }
    world
}

/// Bytes of the content that went from one node to another.
fn gave(world: &World, from: NodeIndex, to: NodeIndex) -> u64 {
    let report = world.report();
    report.nodes[to.get()].from.iter().filter(|(node, _)| *node == from).map(|(_, n)| n).sum()
}

/// Whether boxes of these kinds let holes be punched through them. Behind a symmetric one, one
/// appears at another address to the other than to the third; the other must be open to anybody
/// at least from there.
fn can_meet(first: NatKind, second: NatKind) -> bool {
    let strict = |kind| matches!(kind, NatKind::PortRestricted | NatKind::Symmetric);
    let is_symmetric = [first, second].contains(&NatKind::Symmetric);
    !(is_symmetric && strict(first) && strict(second))
}

fn check(config: &WorldConfig, first: NatKind, second: NatKind) {
    let pair = format!("{first:?} and {second:?}");
    let mut world = meeting(config, [first, second].map(NatConfig::new));
    let report = world.run(10 * MINUTE).unwrap_or_else(|failure| panic!("{pair}: {failure}"));
    assert_eq!(report.completed, 2, "{pair}");
    let given = [gave(&world, FIRST, SECOND), gave(&world, SECOND, FIRST)];
    if can_meet(first, second) {
        // Much of what each has came from the other, once they had met.
        assert!(given.iter().all(|it| *it > SIZE / 5), "{pair}: {given:?}, {report:?}");
    } else {
        assert_eq!(given, [0, 0], "{pair}");
    }
}

fn check_with_all(config: &WorldConfig, first: NatKind) {
    for second in NatKind::ALL {
        check(config, first, second);
    }
}

#[test]
fn behind_a_full_cone_one_meets_everybody() {
    check_with_all(&WorldConfig::default(), NatKind::FullCone);
}

#[test]
fn behind_an_address_restricted_box_one_meets_everybody() {
    check_with_all(&WorldConfig::default(), NatKind::AddressRestricted);
}

#[test]
fn behind_a_port_restricted_box_one_meets_all_but_symmetric_ones() {
    check_with_all(&WorldConfig::default(), NatKind::PortRestricted);
}

#[test]
fn behind_a_symmetric_box_one_meets_cones_that_are_open_enough() {
    check_with_all(&WorldConfig::default(), NatKind::Symmetric);
}

#[test]
fn holes_are_punched_over_a_bad_wire() {
    for kind in NatKind::ALL {
        check(&bad_wire(), kind, NatKind::PortRestricted);
        check(&bad_wire(), NatKind::AddressRestricted, kind);
    }
}

/// When the third is gone, those whom it brought together go on without it; and when they have
/// nothing more for each other, uTP says something often enough for a box that soon forgets.
fn check_without_the_third(timeout: Duration) {
    let config = NatConfig { timeout, ..NatConfig::new(NatKind::PortRestricted) };
    let mut world = meeting(&WorldConfig::default(), [config; 2]);
    let met = |world: &World| gave(world, FIRST, SECOND) > 0 && gave(world, SECOND, FIRST) > 0;
    world.run_until(5 * MINUTE, met).unwrap_or_else(|failure| panic!("{failure}"));
    let gone = world.now();
    world.at(gone.since(Instant::ZERO), SEED, Deed::Kill);
    world.run_for(20 * MINUTE).unwrap_or_else(|failure| panic!("{failure}"));
    for (node, other) in [(FIRST, SECOND), (SECOND, FIRST)] {
        let peers = world.peers(node);
        let still = peers.iter().any(|it| it.peer_id == Some(peer_id(other)) && it.since < gone);
        assert!(still, "a box of {timeout:?}: {node} has {peers:?}");
    }
    let pieces = [FIRST, SECOND].map(|node| world.copies.of(node));
    assert!(pieces[0] == pieces[1] && pieces[0] > 0, "{pieces:?}");
}

#[test]
fn who_has_met_needs_the_third_no_more() {
    check_without_the_third(Duration::from_mins(2));
    check_without_the_third(Duration::from_secs(30));
}

/// A box that keeps the port makes its peer reachable at the address where it says that it is.
#[test]
fn behind_a_full_cone_that_keeps_the_port_nobody_is_needed() {
    let config = NatConfig { preserves_ports: true, ..NatConfig::new(NatKind::FullCone) };
    let mut world = meeting(&WorldConfig::default(), [config; 2]);
    let met = |world: &World| gave(world, FIRST, SECOND) > 0;
    // An attempt without an answer takes seven seconds, and only then is a third asked.
    let soon = Duration::from_secs(14);
    world.run_until(soon, met).unwrap_or_else(|failure| panic!("{failure}"));
}

/// TCP is there first where it works, as between all and the third, which then knows no more of
/// where uTP reaches them than they say themselves. That is right where boxes keep the port.
#[test]
fn who_speaks_tcp_to_the_third_meets_behind_boxes_that_keep_the_port() {
    let check = |kind, preserves_ports, meets: bool| {
        let config = NatConfig { preserves_ports, ..NatConfig::new(kind) };
        let config = [config; 2];
        let mut world = meeting_over(Transport::Both, &WorldConfig::default(), config);
        world.run(10 * MINUTE).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(gave(&world, FIRST, SECOND) > SIZE / 5, meets, "{config:?}");
    };
    for kind in [NatKind::FullCone, NatKind::AddressRestricted, NatKind::PortRestricted] {
        check(kind, true, true);
        check(kind, false, false);
    }
}

#[test]
fn without_datagrams_nobody_gets_in_and_everybody_out() {
    let mut world = World::new(1, Source::single(SIZE, 32_768, 9));
    world.add(NodeSpec::leecher());
    world.add(NodeSpec::seed().behind(NatKind::FullCone).joins(Duration::from_secs(1)));
    let hidden = NodeSpec::leecher().behind(NatKind::FullCone).joins(Duration::from_secs(2));
    let hidden = world.add(hidden);
    let report = world.run(5 * MINUTE).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(report.completed, 2);
    assert_eq!(gave(&world, NodeIndex(0), hidden), SIZE);
}
