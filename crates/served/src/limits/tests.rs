use super::*;

fn address(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

#[test]
fn places_are_limited_and_given_back() {
    let gate = Gate::new(4_096);
    let mut passes = Vec::new();
    for n in 0..5 {
        while let Some(pass) = Gate::enter(&gate, address(n)) {
            passes.push(pass);
        }
        assert_eq!(passes.len(), (1_024 * (usize::from(n) + 1)).min(4_096));
    }
    assert_eq!(gate.total(), 4_096);
    passes.truncate(10);
    assert_eq!(gate.total(), 10);
    assert!(Gate::enter(&gate, address(9)).is_some());
}

#[test]
fn gate_is_crowded_in_all_or_by_address() {
    let gate = Gate::new(16);
    let mut passes = Vec::new();
    for n in 0..4 {
        for taken in 0..4 {
            assert_eq!(gate.is_crowded(address(n)), n == 3 && taken > 0, "{n} {taken}");
            passes.extend(Gate::enter(&gate, address(n)));
            let expected = taken == 3 || (n == 3);
            assert_eq!(gate.is_crowded(address(n)), expected, "{n} {taken}");
        }
    }
    assert_eq!(passes.len(), 16);
}

#[test]
fn system_allows_some_connections() {
    assert!((4..=MAX_CONNECTIONS).contains(&connections_allowed()));
}
