use stdx::Duration;

/// The time-out before anything was measured (RFC 6298 §2.1).
const FIRST: Duration = Duration::from_secs(1);
/// The least; acknowledgements may be held back for 100 ms, and more where machines are busy.
const LEAST: Duration = Duration::from_millis(500);
/// The most, after whatever many repetitions (RFC 6298 §2.5).
const MOST: Duration = Duration::from_mins(1);

/// How long answers take (RFC 6298), and how long to wait for one.
#[derive(Debug, Default)]
pub(crate) struct Rtt {
    smoothed: Option<Duration>,
    variation: Duration,
    /// How often the time-out has doubled.
    backoff: u32,
}

impl Rtt {
    /// One answer, to a packet that was sent once only (Karn's rule).
    pub(crate) fn sample(&mut self, rtt: Duration) {
        if let Some(smoothed) = self.smoothed {
            self.variation = (self.variation * 3 + smoothed.abs_diff(rtt)) / 4;
            self.smoothed = Some((smoothed * 7 + rtt) / 8);
        } else {
            self.smoothed = Some(rtt);
            self.variation = rtt / 2;
        }
    }

    /// The smoothed round trip, once known.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// How long to wait for an answer now.
    pub(crate) fn timeout(&self) -> Duration {
        let once = self.smoothed.map_or(FIRST, |it| (it + self.variation * 4).max(LEAST));
        (once * (1 << self.backoff)).min(MOST)
    }

    /// Nothing was answered: waits twice as long from now on.
    pub(crate) fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(6);
    }

    /// Something new was acknowledged.
    pub(crate) fn forgive(&mut self) {
        self.backoff = 0;
    }
}
