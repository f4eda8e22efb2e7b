//! How long nothing may move, and when a person hears why.

use std::time::{Duration, Instant};

use session::Status;

/// How often a person hears why nothing moves.
pub(super) const WHY_EVERY: Duration = Duration::from_mins(1);
/// When a person hears it first, if nothing has come at all.
pub(super) const WHY_FIRST: Duration = Duration::from_secs(10);

/// Watches a download for standstill.
pub(super) struct Patience {
    give_up: Option<Duration>,
    /// Bytes verified, bytes taken and hashes taken, and when they last grew.
    seen: (u64, u64, u64),
    moved: Instant,
    /// When the next reason is due.
    tell: Instant,
}

/// What a standstill calls for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Nothing.
    Fine,
    /// Saying why.
    Asking,
    /// Ending, after this long.
    GivenUp(Duration),
}

impl Patience {
    /// Starts to wait; for ever, or for `give_up` at a time.
    pub(super) fn new(now: Instant, give_up: Option<Duration>) -> Self {
        Self { give_up, seen: (0, 0, 0), moved: now, tell: now + WHY_FIRST }
    }

    /// Something came that does not count in bytes.
    pub(super) fn restart(&mut self, now: Instant) {
        let nothing_yet = self.seen == (0, 0, 0);
        (self.moved, self.tell) = (now, now + if nothing_yet { WHY_FIRST } else { WHY_EVERY });
    }

    /// Judges a moment of the download.
    pub(super) fn judge(&mut self, now: Instant, status: &Status) -> Mood {
        let seen = (status.done, status.downloaded, status.hashes);
        if seen != self.seen {
            (self.seen, self.moved, self.tell) = (seen, now, now + WHY_EVERY);
            return Mood::Fine;
        }
        match self.give_up {
            Some(limit) if now.duration_since(self.moved) >= limit => Mood::GivenUp(limit),
            _ if now >= self.tell => {
                self.tell = now + WHY_EVERY;
                Mood::Asking
            }
            _ => Mood::Fine,
        }
    }
}

#[cfg(test)]
mod tests;
