use stdx::{Duration, Instant};

/// The delay in queues that a connection aims for, as libutp does.
pub const TARGET: Duration = Duration::from_millis(100);

/// Bytes by which the window grows in a round trip in which nothing waits, as in libutp.
const GAIN: f64 = 3_000.0;
/// Slow start ends when this share of the target waits: what is under way will add to it
/// (LEDBAT++, draft-irtf-iccrg-ledbat-plus-plus §4.3).
const SLOW_START_ENDS: f64 = 0.75;
/// Packets in the window, to begin with and at least (RFC 6817 §2.4.2 has two for both).
const FIRST: u64 = 4;
const LEAST: u64 = 2;
/// Round trips for which a window rests at its least, to see the path without its own queue
/// (LEDBAT++ §4.4), and how many times as long it then works before the next rest.
const REST: u32 = 2;
const WORK: u32 = 9;
/// Where nothing waited above this share of the target, no rest is needed.
const REST_FROM: f64 = 0.25;
/// How long a rest takes at least and at most, so that odd round trips do no harm.
const REST_LEAST: Duration = Duration::from_millis(20);
const REST_MOST: Duration = Duration::from_secs(2);

/// How far the window is from where it wants to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Doubles each round trip up to the threshold.
    SlowStart,
    /// Follows the delay.
    Steady,
    /// At its least until then.
    Rest(Instant),
}

/// The congestion window of LEDBAT (RFC 6817), in bytes: grows while less than [`TARGET`] waits in
/// queues, by at most 3,000 bytes per round trip, and shrinks while more does.
///
/// Two things are as in LEDBAT++: the window shrinks in proportion to itself, up to half in a
/// round trip, so that connections come to equal shares; and it rests from time to time, so that
/// the queue drains and those who came late see the path as it is. Without that, they take their
/// predecessors' queue for a part of the path and push them out.
#[derive(Debug)]
pub(crate) struct Ledbat {
    window: f64,
    threshold: f64,
    packet: f64,
    phase: Phase,
    rest_at: Option<Instant>,
    rested_from: Instant,
    /// The most that waited since the last rest, as a share of the target.
    most: f64,
    /// What was sent until then has had its loss answered.
    cut_at: Option<Instant>,
}

/// One acknowledgement of something new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    /// Bytes that are acknowledged.
    pub(crate) bytes: u64,
    /// Bytes that were under way before.
    pub(crate) flight: u64,
    /// Time spent in queues, once known.
    pub(crate) queueing: Option<Duration>,
    /// The smoothed round trip, once known.
    pub(crate) round_trip: Option<Duration>,
}

impl Ledbat {
    /// A window for packets with so many bytes of payload.
    pub(crate) fn new(packet: usize) -> Self {
        let packet = packet as f64;
        Self {
            window: FIRST as f64 * packet,
            threshold: f64::INFINITY,
            packet,
            phase: Phase::SlowStart,
            rest_at: None,
            rested_from: Instant::ZERO,
            most: 0.0,
            cut_at: None,
        }
    }

    /// Bytes that may be under way.
    pub(crate) fn window(&self) -> u64 {
        self.window as u64
    }

    pub(crate) fn in_slow_start(&self) -> bool {
        self.phase == Phase::SlowStart
    }

    /// Packets are of another size from now on.
    pub(crate) fn set_packet(&mut self, packet: usize) {
        self.packet = packet as f64;
        self.window = self.window.max(self.least());
    }

    fn least(&self) -> f64 {
        LEAST as f64 * self.packet
    }

    pub(crate) fn acked(&mut self, now: Instant, acked: Acked) {
        let waiting = acked.queueing.map_or(0.0, |it| it.as_secs_f64() / TARGET.as_secs_f64());
        self.most = self.most.max(waiting);
        let bytes = acked.bytes as f64;
        // A window that is not used up says nothing about the path.
        let used = acked.flight as f64 + 2.0 * self.packet >= self.window;
        match self.phase {
            Phase::Rest(until) if now < until => {}
            Phase::Rest(_) => {
                self.phase = Phase::SlowStart;
                self.most = 0.0;
            }
            Phase::SlowStart => {
                if waiting >= SLOW_START_ENDS || self.window >= self.threshold {
                    self.leave_slow_start(now, acked.round_trip);
                } else if used {
                    self.window += bytes;
                }
            }
            Phase::Steady => {
                if waiting > 1.0 {
                    let share = (waiting - 1.0).min(0.5);
                    self.window = (self.window - share * bytes).max(self.least());
                } else if used {
                    self.window += GAIN * (1.0 - waiting) * (bytes / self.window).min(1.0);
                }
                self.consider_rest(now, acked.round_trip);
            }
        }
    }

    fn leave_slow_start(&mut self, now: Instant, round_trip: Option<Duration>) {
        self.phase = Phase::Steady;
        let pause = rest(round_trip);
        let first = self.threshold.is_infinite();
        if first {
            // What waits is the work of the window of a round trip ago, which was half of this one.
            self.window = (self.window / 2.0).max(self.least());
        }
        self.threshold = self.threshold.min(self.window);
        // The first rest comes at once, for what slow start has put into the queue; the next ones
        // after a time in proportion to what the last one took.
        let work = if first { pause } else { WORK * (now.since(self.rested_from)).max(pause) };
        self.rest_at = Some(now + work);
    }

    fn consider_rest(&mut self, now: Instant, round_trip: Option<Duration>) {
        let Some(at) = self.rest_at else {
            self.rest_at = Some(now + WORK * rest(round_trip));
            return;
        };
        if now < at {
            return;
        }
        let needed = self.most >= REST_FROM && self.window > 2.0 * self.least();
        self.most = 0.0;
        if !needed {
            self.rest_at = Some(now + WORK * rest(round_trip));
            return;
        }
        self.threshold = self.window;
        self.window = self.least();
        self.phase = Phase::Rest(now + rest(round_trip));
        self.rested_from = now;
        self.rest_at = None;
    }

    /// Something that was sent at `sent` got lost.
    pub(crate) fn lost(&mut self, now: Instant, sent: Instant) {
        // One answer for all that were under way together.
        if self.cut_at.is_some_and(|at| sent <= at) {
            return;
        }
        self.cut_at = Some(now);
        if let Phase::Rest(_) = self.phase {
            self.threshold = (self.threshold / 2.0).max(self.least());
            return;
        }
        self.window = (self.window / 2.0).max(self.least());
        self.threshold = self.window;
        self.phase = Phase::Steady;
    }

    /// Nothing was answered for long; `again` says that nothing was since the last time either.
    pub(crate) fn timed_out(&mut self, now: Instant, again: bool) {
        self.cut_at = Some(now);
        // What the path bore is told by the window before the first time-out (RFC 5681 §3.1), and
        // by the one before a rest.
        if !again {
            let bore = match self.phase {
                Phase::Rest(_) => self.threshold,
                Phase::SlowStart | Phase::Steady => self.window,
            };
            self.threshold = (bore / 2.0).max(self.least());
        }
        self.window = self.least();
        self.phase = Phase::SlowStart;
    }

    /// Nothing was sent for long: what the window was says little about now (RFC 5681 §4.1).
    pub(crate) fn idled(&mut self) {
        let first = FIRST as f64 * self.packet;
        if self.window > first {
            self.threshold = self.window;
            self.window = first;
            self.phase = Phase::SlowStart;
        }
    }
}

fn rest(round_trip: Option<Duration>) -> Duration {
    (round_trip.unwrap_or(TARGET) * REST).clamp(REST_LEAST, REST_MOST)
}

#[cfg(test)]
mod tests;
