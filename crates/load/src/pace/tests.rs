use super::*;

#[test]
fn a_request_is_due_at_its_moment_and_not_before() {
    for per_second in [1, 3, 7_000, 333_333, 1_000_000_007] {
        let pace = Pace::new(Instant::from_secs(5), per_second);
        for n in [1, 2, 1_000, 123_456] {
            let at = pace.at(n);
            assert!(pace.due(at) >= n, "{n} of {per_second} at {at:?}");
            let before = Instant::from_nanos(at.as_nanos() - 1);
            assert!(pace.due(before) < n, "{n} of {per_second} before {at:?}");
        }
    }
    assert_eq!(Pace::new(Instant::from_secs(5), 10).due(Instant::ZERO), 0);
}
