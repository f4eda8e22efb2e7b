use super::*;

#[test]
fn places_are_limited_and_given_back() {
    let gate = Arc::new(Gate::default());
    let address = |n: u8| IpAddr::from([192, 0, 2, n]);
    let mut passes = Vec::new();
    for n in 0..5 {
        while let Some(pass) = Gate::enter(&gate, address(n)) {
            passes.push(pass);
        }
        assert_eq!(passes.len(), (MAX_PER_ADDRESS * (usize::from(n) + 1)).min(MAX_CONNECTIONS));
    }
    assert_eq!(gate.total(), MAX_CONNECTIONS);
    passes.truncate(10);
    assert_eq!(gate.total(), 10);
    assert!(Gate::enter(&gate, address(9)).is_some());
}
