use stdx::{Duration, Instant};

use crate::seq::is_before;

/// Minutes for which the least delay is remembered, as in libutp: a route may get longer.
const MINUTES: usize = 13;
const MINUTE: Duration = Duration::from_mins(1);

/// Samples of which the least counts as the present delay.
const RECENT: usize = 3;

/// Delays in microseconds with an unknown constant in them, the difference of two clocks, and what
/// is left of them without it: the time spent in queues (RFC 6817 §3.4).
#[derive(Clone, Debug)]
pub(crate) struct DelayHistory {
    /// The least of all that is remembered.
    base: u32,
    /// The least of each minute; the current one's is at `minute`.
    minutes: [u32; MINUTES],
    minute: usize,
    minute_ends: Instant,
    recent: [u32; RECENT],
    next: usize,
}

impl DelayHistory {
    /// A history that begins with one sample.
    pub(crate) fn new(now: Instant, sample: u32) -> Self {
        Self {
            base: sample,
            minutes: [sample; MINUTES],
            minute: 0,
            minute_ends: now + MINUTE,
            recent: [sample; RECENT],
            next: 0,
        }
    }

    pub(crate) fn add(&mut self, now: Instant, sample: u32) {
        if now >= self.minute_ends {
            self.minute = (self.minute + 1) % MINUTES;
            self.minutes[self.minute] = sample;
            self.minute_ends = now + MINUTE;
            self.base = self.minutes.iter().copied().fold(sample, least);
        }
        let minute = &mut self.minutes[self.minute];
        *minute = least(*minute, sample);
        self.base = least(self.base, sample);
        self.recent[self.next] = sample;
        self.next = (self.next + 1) % RECENT;
    }

    /// The least that is remembered.
    pub(crate) fn base(&self) -> u32 {
        self.base
    }

    /// The present delay above the least.
    pub(crate) fn queueing(&self) -> Duration {
        let now = self.recent.iter().copied().fold(self.recent[0], least);
        Duration::from_micros(u64::from(now.wrapping_sub(self.base)))
    }

    /// The clocks have moved apart: what was least is more by now.
    pub(crate) fn shift(&mut self, by: u32) {
        self.base = self.base.wrapping_add(by);
        for minute in &mut self.minutes {
            *minute = minute.wrapping_add(by);
        }
        // A sample below the base would look like a delay of an hour.
        for sample in &mut self.recent {
            *sample = if is_before(*sample, self.base) { self.base } else { *sample };
        }
    }
}

fn least(a: u32, b: u32) -> u32 {
    if is_before(b, a) { b } else { a }
}
