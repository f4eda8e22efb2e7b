use crate::Instant;

/// Bytes per second over the last seconds: a sliding window of one-second buckets.
#[derive(Clone, Debug)]
pub struct RateMeter<const SECONDS: usize = 10> {
    buckets: [u64; SECONDS],
    /// The second that `buckets[second % SECONDS]` counts.
    second: u64,
    started: Option<u64>,
    total: u64,
}

impl<const SECONDS: usize> Default for RateMeter<SECONDS> {
    fn default() -> Self {
        Self { buckets: [0; SECONDS], second: 0, started: None, total: 0 }
    }
}

impl<const SECONDS: usize> RateMeter<SECONDS> {
    /// Counts `bytes` at `now`.
    pub fn add(&mut self, now: Instant, bytes: u64) {
        self.advance(now);
        self.started.get_or_insert(self.second);
        self.buckets[self.second as usize % SECONDS] += bytes;
        self.total += bytes;
    }

    /// Mean rate over the window (or since the first byte, when that is later), bytes per second.
    pub fn rate(&mut self, now: Instant) -> u64 {
        self.advance(now);
        let Some(started) = self.started else {
            return 0;
        };
        let seconds = (self.second - started + 1).min(SECONDS as u64);
        self.buckets.iter().sum::<u64>() / seconds
    }

    /// Every byte ever counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    fn advance(&mut self, now: Instant) {
        let second = now.as_nanos() / 1_000_000_000;
        let steps = second.saturating_sub(self.second).min(SECONDS as u64);
        for step in 0..steps {
            self.buckets[(second - step) as usize % SECONDS] = 0;
        }
        self.second = self.second.max(second);
    }
}
