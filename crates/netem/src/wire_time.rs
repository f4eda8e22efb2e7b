use stdx::{Duration, Instant};

const NANOS_PER_SEC: u128 = 1_000_000_000;

/// The clock of one transmitter: one packet at a time, `size / rate` each.
///
/// What a division leaves over is carried into the next packet of a busy period, so a million
/// packets take exactly as long as one packet of their total size.
#[derive(Clone, Debug)]
pub struct WireTime {
    /// Bytes per second; `None` takes no time at all.
    rate: Option<u64>,
    /// When the last packet's last byte is out, rounded down to the nanosecond.
    free_at: Instant,
    /// The rounded-off part of `free_at`, in units of 1/rate nanoseconds.
    remainder: u64,
}

impl WireTime {
    /// A transmitter that is idle, at so many bytes per second; `None` takes no time at all.
    ///
    /// # Panics
    /// When the rate is zero.
    pub fn new(rate: Option<u64>) -> Self {
        assert!(rate != Some(0), "a link's rate is positive, or None for unlimited");
        Self { rate, free_at: Instant::ZERO, remainder: 0 }
    }

    /// Changes the rate for packets not yet begun.
    ///
    /// # Panics
    /// When the rate is zero.
    pub fn set_rate(&mut self, rate: Option<u64>) {
        let free_at = self.free_at;
        *self = Self { free_at, ..Self::new(rate) };
    }

    /// Sends `size` bytes as soon as the packets before them are out; returns when the last byte
    /// is out.
    pub fn transmit(&mut self, now: Instant, size: u64) -> Instant {
        if now > self.free_at {
            self.free_at = now;
            self.remainder = 0;
        }
        let Some(rate) = self.rate.map(u128::from) else {
            return self.free_at;
        };
        let work = u128::from(size) * NANOS_PER_SEC + u128::from(self.remainder);
        let nanos = u64::try_from(work / rate).unwrap_or(u64::MAX);
        self.remainder = (work % rate) as u64;
        self.free_at += Duration::from_nanos(nanos);
        self.free_at + Duration::from_nanos(u64::from(self.remainder > 0))
    }
}
