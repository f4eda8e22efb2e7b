use std::time::Duration;

use crate::Instant;

/// A token bucket over bytes: refills at `rate` per second up to `burst`.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: u64,
    burst: u64,
    /// Tokens in billionths of a byte, so that slow rates lose nothing to rounding.
    nano_tokens: u128,
    updated: Instant,
}

const NANO: u128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket. `rate` is in bytes per second, `burst` in bytes; both must be positive.
    ///
    /// # Panics
    /// When `rate` or `burst` is zero.
    pub fn new(rate: u64, burst: u64, now: Instant) -> Self {
        assert!(rate > 0 && burst > 0, "a bucket needs a rate and a burst");
        Self { rate, burst, nano_tokens: u128::from(burst) * NANO, updated: now }
    }

    /// Bytes per second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// Takes up to `want` bytes; returns how many were there.
    pub fn take(&mut self, now: Instant, want: u64) -> u64 {
        self.refill(now);
        let granted = want.min((self.nano_tokens / NANO) as u64);
        self.nano_tokens -= u128::from(granted) * NANO;
        granted
    }

    /// Gives back bytes that were taken and not used.
    pub fn give_back(&mut self, bytes: u64) {
        self.nano_tokens = (self.nano_tokens + u128::from(bytes) * NANO).min(self.cap());
    }

    /// How long until `want` bytes (at most the burst) are there; zero when they are.
    pub fn wait_for(&mut self, now: Instant, want: u64) -> Duration {
        self.refill(now);
        let need = u128::from(want.min(self.burst)) * NANO;
        let missing = need.saturating_sub(self.nano_tokens);
        let nanos = missing.div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// When `want` bytes (at most the burst) are there, if none are taken before; a moment that
    /// has passed means that they are there.
    pub fn ready_at(&self, want: u64) -> Instant {
        let need = u128::from(want.min(self.burst)) * NANO;
        let nanos = need.saturating_sub(self.nano_tokens).div_ceil(u128::from(self.rate));
        self.updated + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.since(self.updated).as_nanos();
        self.updated = self.updated.max(now);
        self.nano_tokens = (self.nano_tokens + elapsed * u128::from(self.rate)).min(self.cap());
    }

    fn cap(&self) -> u128 {
        u128::from(self.burst) * NANO
    }
}
