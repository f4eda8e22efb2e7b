use super::*;

#[test]
fn buckets_follow_each_other_and_are_narrow() {
    let mut values: Vec<u64> = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1]).collect();
    values.extend([u64::MAX, 1_000, 123_456_789]);
    values.sort_unstable();
    for pair in values.windows(2) {
        assert!(bucket(pair[0]) <= bucket(pair[1]), "{pair:?}");
    }
    for value in values {
        let last = last_of(bucket(value));
        assert!(last >= value && last - value <= value / 100, "{value}: {last}");
        assert_eq!(bucket(last), bucket(value));
    }
}

#[test]
fn quantiles_are_those_of_the_values() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.quantile(0.5), None);
    for micros in 1..=1_000 {
        histogram.add(Duration::from_micros(micros));
    }
    for (share, micros) in [(0.0, 1.0), (0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
        let found = histogram.quantile(share).unwrap().as_secs_f64() * 1e6;
        assert!((found / micros - 1.0).abs() <= 0.01, "{share}: {found}");
    }
    let (total, longest) = (histogram.total(), histogram.longest());
    assert_eq!((total, longest), (1_000, Duration::from_millis(1)));
}
