//! What time brings.

use stdx::{Duration, Instant};

use super::{Connection, State, TIMEOUTS_MAX};
use crate::CloseReason;
use crate::packet::HEADER_LENGTH;

/// How long to wait for the answer to a first packet; doubles each time.
pub(super) const SYN_TIMEOUT: Duration = Duration::from_secs(1);
/// Times that a first packet is sent.
const SYN_TRIES: u32 = 3;
/// Something is sent that often, so that address translators remember us, as in libutp.
const KEEP_ALIVE: Duration = Duration::from_secs(29);

impl Connection {
    /// When [`Self::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.is_closed() || self.reset_due {
            return None;
        }
        let keep_alive = (self.state == State::Open).then(|| self.sent_at + KEEP_ALIVE);
        [self.retransmit_at, self.acks.due, self.paced_until, self.orphaned, keep_alive]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.is_closed() {
            return;
        }
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.retransmit_at) {
            self.retransmit_at = None;
            self.timed_out(now);
        }
        if self.state != State::Open {
            return;
        }
        if is_due(self.acks.due) {
            self.acks.due = None;
            self.acks.now = true;
        }
        if is_due(self.paced_until) {
            self.paced_until = None;
        }
        if is_due(self.orphaned) {
            // What has not been delivered by now will not be.
            self.reset_due = !self.sender.is_finished();
            if !self.reset_due {
                self.close(None);
            }
        } else if now >= self.sent_at + KEEP_ALIVE {
            // Once for each silence, however late the packet goes.
            self.sent_at = now;
            self.acks.now = true;
            self.sender.shrink();
            self.receiver.shrink();
        }
    }

    fn timed_out(&mut self, now: Instant) {
        self.timeouts += 1;
        self.stats.timeouts += 1;
        match self.state {
            State::SynSent if self.timeouts < SYN_TRIES => {
                self.syn_due = true;
                self.retransmit_at = Some(now + SYN_TIMEOUT * (1 << self.timeouts));
            }
            State::SynSent => self.close(Some(CloseReason::NoAnswer)),
            State::SynReceived => self.close(None),
            State::Open => self.unanswered(now),
            State::Closed => {}
        }
    }

    fn unanswered(&mut self, now: Instant) {
        let is_shut = self.is_shut();
        if !is_shut && self.timeouts > TIMEOUTS_MAX {
            self.close(Some(CloseReason::TimedOut));
            return;
        }
        let (largest, probe) = self.sender.lose_all();
        if let Some(size) = probe {
            self.mtu.probe_lost(now, size);
        }
        if largest > 0 && !is_shut {
            self.mtu.timed_out(now, largest + HEADER_LENGTH);
            self.ledbat.set_packet(self.mtu.current() - HEADER_LENGTH);
            self.ledbat.timed_out(now, self.timeouts > 1);
        }
        self.rtt.back_off();
        self.forced = true;
    }

    /// Whether the other side has no room for a full packet.
    pub(super) fn is_shut(&self) -> bool {
        self.their_window < (self.mtu.current() - HEADER_LENGTH) as u64
    }

    /// The other side has room again. What it refused goes at once, and that it had to refuse it
    /// is no sign of a bad path.
    pub(super) fn opened(&mut self, now: Instant) {
        if self.timeouts == 0 {
            return;
        }
        let (_, probe) = self.sender.lose_all();
        if let Some(size) = probe {
            self.mtu.probe_lost(now, size);
        }
        self.rtt.forgive();
        (self.timeouts, self.forced) = (0, false);
        self.retransmit_at = self.sender.is_waiting().then(|| now + self.rtt.timeout());
    }

    /// What can be known only when nothing more can be sent: whether a shut window is to be tried
    /// later.
    pub(crate) fn settle(&mut self, now: Instant) {
        let waits = self.state == State::Open
            && !self.sender.is_waiting()
            && self.paced_until.is_none()
            && self.sender.unsent() > 0;
        if waits && self.retransmit_at.is_none() {
            self.retransmit_at = Some(now + self.rtt.timeout());
        }
    }
}
