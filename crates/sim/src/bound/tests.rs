use super::{Capacity, distribution_bound};

const MB: u64 = 1_000_000;

#[test]
fn the_tightest_of_source_slowest_and_sum_binds() {
    let peers = |n, up, down| vec![Capacity { up, down }; n];
    // (size, source up, peers, seconds)
    let cases = [
        // The acceptance criteria: 256 MiB to eight.
        (256 << 20, Some(4 * MB), peers(8, Some(4 * MB), None), 67.108_864),
        (256 << 20, Some(16 * MB), peers(8, Some(4 * MB), None), 44.739_243),
        (100 * MB, Some(50 * MB), peers(4, Some(100 * MB), Some(10 * MB)), 10.0),
        (100 * MB, Some(10 * MB), peers(4, None, None), 10.0),
        (100 * MB, None, peers(4, Some(MB), Some(20 * MB)), 5.0),
        (100 * MB, None, peers(4, None, None), 0.0),
        (100 * MB, Some(10 * MB), peers(0, None, None), 10.0),
    ];
    for (size, source, peers, seconds) in cases {
        let bound = distribution_bound(size, source, &peers).as_secs_f64();
        assert!((bound - seconds).abs() < 1e-3, "{source:?} {peers:?}: {bound} not {seconds}");
    }
}
