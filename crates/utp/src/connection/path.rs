use stdx::{Duration, Instant};

use crate::Header;
use crate::delay::DelayHistory;
use crate::seq::is_before;

/// The most that one correction takes clocks to have moved apart, in microseconds, as in libutp.
const STEP_MAX: u32 = 10_000;
/// How fast two clocks may move apart: a thousandth, ten times what quartz does.
const DRIFT_MAX: u32 = 1_000;

/// What the time stamps of both directions say of the path (BEP 29, "timestamp" fields).
#[derive(Debug)]
pub(super) struct Path {
    /// Of our packets, as the other side measures them.
    ours: Option<DelayHistory>,
    /// Of theirs.
    theirs: Option<DelayHistory>,
    /// By our clock alone.
    round_trips: Option<DelayHistory>,
    /// How long their last packet took, for them to know.
    pub(super) reply: u32,
    corrected: Instant,
}

impl Path {
    pub(super) fn new(now: Instant) -> Self {
        Self { ours: None, theirs: None, round_trips: None, reply: 0, corrected: now }
    }

    /// The time stamps of a packet that has just come.
    pub(super) fn measure(&mut self, now: Instant, header: &Header) {
        let took = micros(now).wrapping_sub(header.timestamp);
        self.reply = took;
        if let Some(theirs) = &mut self.theirs {
            let before = theirs.base();
            theirs.add(now, took);
            let after = theirs.base();
            if is_before(after, before) {
                self.correct(now, before.wrapping_sub(after));
            }
        } else {
            self.theirs = Some(DelayHistory::new(now, took));
        }
        if header.timestamp_difference != 0 {
            add(&mut self.ours, now, header.timestamp_difference);
        }
    }

    /// Their packets take less than ever before. If that is because their clock is faster than
    /// ours, ours seem to take more by the same.
    fn correct(&mut self, now: Instant, less: u32) {
        let Some(ours) = &mut self.ours else {
            return;
        };
        let seconds = now.since(self.corrected).as_secs_f64();
        let possible = (seconds * f64::from(DRIFT_MAX)) as u32;
        let by = less.min(STEP_MAX).min(possible);
        if by > 0 {
            ours.shift(by);
            self.corrected = now;
        }
    }

    /// A packet of ours was answered after this time.
    pub(super) fn round_trip(&mut self, now: Instant, took: Duration) {
        add(&mut self.round_trips, now, took.as_micros() as u32);
    }

    /// How long our packets wait in queues, once known. It cannot be more than what is added to
    /// the round trip, whatever the clocks say: one that was set anew does no harm.
    pub(super) fn queueing(&self) -> Option<Duration> {
        let one_way = self.ours.as_ref()?.queueing();
        let both = self.round_trips.as_ref().map(DelayHistory::queueing);
        Some(both.map_or(one_way, |both| both.min(one_way)))
    }
}

fn add(history: &mut Option<DelayHistory>, now: Instant, sample: u32) {
    match history {
        Some(history) => history.add(now, sample),
        None => *history = Some(DelayHistory::new(now, sample)),
    }
}

/// A moment as a time stamp, which wraps after 71 minutes.
pub(super) fn micros(now: Instant) -> u32 {
    (now.as_nanos() / 1_000) as u32
}
