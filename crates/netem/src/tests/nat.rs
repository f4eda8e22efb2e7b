use std::net::{IpAddr, SocketAddr};

use stdx::{Duration, Instant};

use crate::{Nat, NatConfig, NatKind};

const START: Instant = Instant::ZERO;

fn outside() -> IpAddr {
    IpAddr::from([11, 0, 0, 1])
}

/// Somebody inside, with this port.
fn inside(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 168, 0, 2], port))
}

/// Somebody in the world.
fn host(number: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([80, 0, 0, number], port))
}

/// What reaches somebody inside who has sent to port 1 of host 1: from that port, from another
/// port of that host, and from another host.
#[test]
fn each_kind_lets_in_whom_its_name_says() {
    let check = |kind: NatKind, expected: [bool; 3]| {
        let mut nat = Nat::new(NatConfig::new(kind), outside());
        let mapped = nat.outbound(START, inside(5), host(1, 1)).unwrap();
        assert_eq!(mapped.ip(), outside());
        let comers = [host(1, 1), host(1, 2), host(2, 1)];
        let reached = comers.map(|from| nat.inbound(START, from, mapped.port()));
        assert_eq!(reached, expected.map(|is| is.then_some(inside(5))), "{kind:?}");
        let unmapped = nat.inbound(START, host(1, 1), mapped.port().wrapping_add(1));
        assert_eq!(unmapped, None, "{kind:?}");
    };
    check(NatKind::FullCone, [true, true, true]);
    check(NatKind::AddressRestricted, [true, true, false]);
    check(NatKind::PortRestricted, [true, false, false]);
    check(NatKind::Symmetric, [true, false, false]);
}

#[test]
fn only_a_symmetric_one_appears_elsewhere_to_everybody() {
    for kind in NatKind::ALL {
        let mut nat = Nat::new(NatConfig::new(kind), outside());
        let first = nat.outbound(START, inside(5), host(1, 1)).unwrap();
        let same = nat.outbound(START, inside(5), host(1, 1)).unwrap();
        let others = [host(1, 2), host(2, 1)].map(|to| nat.outbound(START, inside(5), to).unwrap());
        assert_eq!(first, same, "{kind:?}");
        let moves = others.iter().all(|it| *it != first) && others[0] != others[1];
        assert_eq!(moves, kind == NatKind::Symmetric, "{kind:?}");
        assert_ne!(nat.outbound(START, inside(6), host(1, 1)).unwrap(), first, "{kind:?}");
    }
}

#[test]
fn what_goes_out_keeps_a_mapping_and_what_comes_in_does_not() {
    let config =
        NatConfig { timeout: Duration::from_secs(30), ..NatConfig::new(NatKind::FullCone) };
    let mut nat = Nat::new(config, outside());
    let at = |seconds| START + Duration::from_secs(seconds);
    let mapped = nat.outbound(START, inside(5), host(1, 1)).unwrap();
    assert_eq!(nat.outbound(at(29), inside(5), host(1, 1)), Some(mapped));
    assert_eq!(nat.inbound(at(58), host(1, 1), mapped.port()), Some(inside(5)));
    assert_eq!(nat.inbound(at(59), host(1, 1), mapped.port()), None);
    assert!(nat.is_empty());
    // The next one has another port.
    assert_ne!(nat.outbound(at(60), inside(5), host(1, 1)), Some(mapped));
}

#[test]
fn a_filter_forgets_each_whom_it_let_in_by_itself() {
    let config = NatConfig::new(NatKind::PortRestricted);
    let mut nat = Nat::new(config, outside());
    let mapped = nat.outbound(START, inside(5), host(1, 1)).unwrap();
    let later = START + config.timeout / 2;
    assert_eq!(nat.outbound(later, inside(5), host(2, 1)), Some(mapped));
    let end = START + config.timeout;
    assert_eq!(nat.inbound(end, host(1, 1), mapped.port()), None);
    assert_eq!(nat.inbound(end, host(2, 1), mapped.port()), Some(inside(5)));
}

#[test]
fn ports_are_preserved_where_that_is_asked_for_and_they_are_free() {
    let config = NatConfig { preserves_ports: true, ..NatConfig::new(NatKind::PortRestricted) };
    let mut nat = Nat::new(config, outside());
    assert_eq!(nat.outbound(START, inside(6881), host(1, 1)).map(|it| it.port()), Some(6881));
    let other = SocketAddr::from(([192, 168, 0, 3], 6881));
    assert_ne!(nat.outbound(START, other, host(1, 1)).map(|it| it.port()), Some(6881));
}

#[test]
fn a_full_table_takes_nobody_until_a_mapping_is_over() {
    let config = NatConfig { mappings_max: 3, ..NatConfig::new(NatKind::Symmetric) };
    let mut nat = Nat::new(config, outside());
    for number in 1..=3 {
        assert!(nat.outbound(START, inside(5), host(number, 1)).is_some());
    }
    assert_eq!(nat.outbound(START, inside(5), host(4, 1)), None);
    assert_eq!(nat.len(), 3);
    assert!(nat.outbound(START + config.timeout, inside(5), host(4, 1)).is_some());
    assert_eq!(nat.len(), 1);
}

#[test]
fn who_sends_to_the_whole_world_is_remembered_for_a_part_of_it() {
    let mut nat = Nat::new(NatConfig::new(NatKind::PortRestricted), outside());
    let mut mapped = None;
    for port in 1..=5_000 {
        let at = START + Duration::from_millis(port.into());
        mapped = nat.outbound(at, inside(5), host(1, port));
    }
    let (now, port) = (START + Duration::from_secs(6), mapped.unwrap().port());
    let let_in = (1..=5_000).filter(|it| nat.inbound(now, host(1, *it), port).is_some()).count();
    assert_eq!(let_in, 1_024);
    assert!(nat.inbound(now, host(1, 5_000), port).is_some());
}
