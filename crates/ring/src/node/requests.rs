//! Questions that await their answers.

use std::time::Duration;

use stdx::Instant;

use super::Node;
use crate::id::Id;
use crate::message::{Ask, Message, Transmit};

/// A question that awaits its answer. There is at most one for each of the purposes that concern
/// the ring itself, one for each look-up, and one for each pointer to somebody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) token: u64,
    pub(super) to: Id,
    pub(super) deadline: Instant,
    pub(super) purpose: Purpose,
}

/// What the answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Stabilisation: what the first successor knows.
    Successor,
    /// Stabilisation: what somebody nearer knows.
    Closer,
    /// Joining: what the predecessor to be knows.
    Admission,
    /// Rectification: whether the predecessor is there.
    Predecessor { candidate: Id },
    /// A look-up goes on.
    Way { ticket: u64 },
    /// A look-up has found its owner.
    Owner { ticket: u64, is_second: bool },
    /// A round: whether somebody known is there.
    Acquaintance,
    /// The first successor is told of us.
    Notify,
    /// The predecessor is told of us.
    Nudge,
    /// Joining: the predecessor's shortcuts.
    Shortcuts,
}

impl Purpose {
    pub(super) fn changes_successors(self) -> bool {
        matches!(self, Self::Successor | Self::Closer | Self::Admission)
    }
}

impl Node {
    pub(super) fn request(&mut self, now: Instant, to: Id, ask: Ask, purpose: Purpose) {
        let token = self.next_token;
        self.next_token = token.wrapping_add(1);
        let deadline = now + self.config.timeout;
        self.requests.push(Request { token, to, deadline, purpose });
        self.out.push_back(Transmit { to, message: Message::Request { token, ask } });
    }

    pub(super) fn is_asking(&self, purpose: impl Fn(Purpose) -> bool) -> bool {
        self.requests.iter().any(|request| purpose(request.purpose))
    }

    /// Until the next round of stabilisation.
    pub(super) fn round(&mut self) -> Duration {
        let (min, max) = (self.config.round_min, self.config.round_max);
        min + max.saturating_sub(min).mul_f64(self.rng.unit())
    }

    /// Until the next attempt at what came at a bad moment: never the same for two peers, or they
    /// meet again.
    pub(super) fn pause(&mut self) -> Duration {
        self.config.retry.mul_f64(0.5 + self.rng.unit())
    }
}
