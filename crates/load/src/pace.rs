use stdx::{Duration, Instant};

/// So many requests a second, at even distances from the start.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start: Instant,
    per_second: u64,
}

impl Pace {
    /// From `start` on; `per_second` of zero counts as one.
    pub fn new(start: Instant, per_second: u64) -> Self {
        Self { start, per_second: per_second.max(1) }
    }

    /// How many are due by `now`.
    pub fn due(&self, now: Instant) -> u64 {
        let nanos = (now - self.start).as_nanos();
        let due = nanos * u128::from(self.per_second) / 1_000_000_000;
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// When number `n`, from 1, is due.
    pub fn at(&self, n: u64) -> Instant {
        let nanos = (u128::from(n) * 1_000_000_000).div_ceil(u128::from(self.per_second));
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
