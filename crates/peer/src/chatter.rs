//! How much a remote may say that is of no use to anybody.

use stdx::{Instant, TokenBucket};

use crate::Misbehaviour;

/// Messages of no use at once: what a long queue that is cancelled or refused can come to.
const BURST: u64 = 20_000;
/// Messages of no use per second in the long run.
const RATE: u64 = 200;

/// Counts what changes nothing or can be turned round at will: keep-alives, chokes and interests,
/// cancels, refused requests, answers that nobody asked for, messages that are unknown. Each is
/// legitimate; only without end they are a flood.
#[derive(Debug)]
pub(crate) struct Chatter(TokenBucket);

impl Chatter {
    pub(crate) fn new(now: Instant) -> Self {
        Self(TokenBucket::new(RATE, BURST, now))
    }

    /// Counts `messages` more.
    pub(crate) fn add(&mut self, now: Instant, messages: u64) -> Result<(), Misbehaviour> {
        if self.0.take(now, messages) == messages {
            return Ok(());
        }
        Err(Misbehaviour::Flood)
    }
}
