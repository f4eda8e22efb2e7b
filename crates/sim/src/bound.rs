use stdx::Duration;

/// One peer's share in [`distribution_bound`]: its capacity, in bytes per second; `None` is
/// unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Capacity {
    /// Out of the peer.
    pub up: Option<u64>,
    /// Into the peer.
    pub down: Option<u64>,
}

/// The least time in which one source can give `size` bytes to all of `peers`, whatever the
/// protocol: `max{F/us, F/dmin, NF/(us + Σu)}` (Kumar and Ross 2006).
///
/// Zero when nothing limits it. Protocol overhead, delays and hashing come on top.
pub fn distribution_bound(size: u64, source_up: Option<u64>, peers: &[Capacity]) -> Duration {
    let seconds = |bytes: f64, rate: Option<f64>| rate.map_or(0.0, |rate| bytes / rate);
    let slowest = peers.iter().filter_map(|peer| peer.down).min();
    // One unlimited uplink makes the sum unlimited.
    let sum = peers
        .iter()
        .try_fold(source_up.map(u128::from), |sum, peer| Some(Some(sum? + u128::from(peer.up?))))
        .flatten();
    let size = size as f64;
    let bounds = [
        seconds(size, source_up.map(|rate| rate as f64)),
        seconds(size, slowest.map(|rate| rate as f64)),
        seconds(size * peers.len() as f64, sum.map(|rate| rate as f64)),
    ];
    Duration::from_secs_f64(bounds.into_iter().fold(0.0, f64::max))
}

#[cfg(test)]
mod tests;
