use stdx::{Duration, Instant};

/// Round trips below this are not paced: the window bounds a burst, and timers are no finer.
const PACED_FROM: Duration = Duration::from_millis(2);
/// A burst lasts this long at the connection's rate: several ticks of a driver's timer, so that
/// a late wake-up costs no throughput.
const BURST: Duration = Duration::from_millis(4);
/// Packets in a burst, at least and at most.
const LEAST: u64 = 8;
const MOST: u64 = 128;

/// Spreads a window over its round trip: a bucket that fills at 1.25 times window ÷ round trip
/// (twice that in slow start), so that it is the window that limits and not the pacing.
#[derive(Debug)]
pub(crate) struct Pacer {
    tokens: f64,
    filled: Instant,
}

/// What pacing follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) window: u64,
    pub(crate) packet: u64,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) slow_start: bool,
}

impl Pacer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { tokens: f64::MAX, filled: now }
    }

    /// When so many more bytes may go: `None` for now.
    pub(crate) fn blocked(&mut self, now: Instant, pace: Pace, bytes: u64) -> Option<Instant> {
        let Some(round_trip) = pace.round_trip.filter(|it| *it >= PACED_FROM) else {
            self.tokens = f64::MAX;
            return None;
        };
        let factor = if pace.slow_start { 2.0 } else { 1.25 };
        let rate = factor * pace.window as f64 / round_trip.as_secs_f64();
        let burst = (rate * BURST.as_secs_f64())
            .clamp((LEAST * pace.packet) as f64, (MOST * pace.packet) as f64);
        let passed = now.since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + passed * rate).min(burst);
        if self.tokens >= bytes as f64 {
            return None;
        }
        // Half a burst at a time, not a timer for each packet.
        let wait = ((burst / 2.0).max(bytes as f64) - self.tokens) / rate;
        Some(now + Duration::from_secs_f64(wait.min(1.0)) + Duration::from_nanos(1))
    }

    /// So many bytes went.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.tokens -= bytes as f64;
    }
}
