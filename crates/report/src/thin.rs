//! No more points than can be seen.

/// Pixels that are told apart: a curve keeps at most four points in each such column.
const COLUMN: f64 = 0.5;

/// Of a curve's points (in pixels, x never decreasing) those that decide how it looks: in each
/// column the first, the lowest, the highest and the last.
pub(crate) fn curve(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let column = |point: &(f64, f64)| (point.0 / COLUMN).floor() as i64;
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let [first, .., last] = group else {
            kept.extend(group);
            continue;
        };
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let least = group.iter().min_by(by_height).unwrap_or(first);
        let most = group.iter().max_by(by_height).unwrap_or(first);
        let (near, far) = if least.0 <= most.0 { (least, most) } else { (most, least) };
        for point in [first, near, far, last] {
            if kept.last() != Some(point) {
                kept.push(*point);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_curves_stay_and_long_ones_keep_their_peaks() {
        let short = [(0.0, 1.0), (10.0, 5.0), (20.0, 2.0)];
        assert_eq!(curve(&short), short);
        let mut long: Vec<_> = (0..100_000u32).map(|i| (f64::from(i) / 1_000.0, 3.0)).collect();
        long[50_123].1 = 90.0;
        let thin = curve(&long);
        assert!(thin.len() <= 4 * 201, "{}", thin.len());
        assert!(thin.contains(&long[50_123]) && thin.last() == long.last());
    }
}
