//! What the other side says.

use std::net::IpAddr;

use stdx::{Duration, Instant};

use super::path::micros;
use super::{Connection, State, told};
use crate::ledbat;
use crate::packet::HEADER_LENGTH;
use crate::receive::{Arrival, Receiver};
use crate::send::Judgement;
use crate::{CloseReason, Kind, Packet};

/// Packets that are acknowledged together, at most (RFC 5681 §4.2), and how long one may wait.
const ACK_EVERY: u32 = 2;
const ACK_WITHIN: Duration = Duration::from_millis(50);

impl Connection {
    /// Takes a packet that carries one of our ids and comes from the right address.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        local: Option<IpAddr>,
        packet: &Packet<'_>,
    ) {
        let header = &packet.header;
        self.local = self.local.or(local);
        match (header.kind, self.state) {
            (_, State::Closed) => {}
            (Kind::Reset, _) => self.handle_reset(packet),
            // Our answer got lost.
            (Kind::Syn, State::SynReceived) if header.seq == self.receiver.ack() => {
                self.acks.now = true;
            }
            (Kind::State, State::SynSent) => self.handle_answer(now, packet),
            (Kind::Syn, _) | (_, State::SynSent) => {}
            _ => self.handle_stream(now, packet),
        }
    }

    /// The answer to our first packet: it acknowledges that one, and its number is that of the
    /// first packet with data.
    fn handle_answer(&mut self, now: Instant, packet: &Packet<'_>) {
        let header = &packet.header;
        if header.ack != self.sender.next().minus(1) {
            return;
        }
        let (capacity, capacity_max) = self.limits.receive;
        self.receiver = Receiver::new(header.seq, capacity, capacity_max);
        self.path.measure(now, header);
        if self.timeouts == 0 {
            self.rtt.sample(now.since(self.sent_at));
        }
        self.stats.packets_received += 1;
        self.their_window = header.window.into();
        self.state = State::Open;
        (self.retransmit_at, self.timeouts, self.syn_due) = (None, 0, false);
        // It proves to the other side that we are where we say.
        self.acks.now = true;
        self.tidings |= told::CONNECTED;
        self.writer_waits = false;
    }

    /// Believed from somebody who knows about which packets we sent last: who only guesses must
    /// guess 16 bits more.
    fn handle_reset(&mut self, packet: &Packet<'_>) {
        let first = self.sender.next().minus(self.sender.packets() as u16 + 1);
        let ahead = usize::from(packet.header.ack.since(first));
        let most = if self.state == State::SynSent { 0 } else { self.sender.packets() + 1 };
        if ahead <= most {
            self.close(Some(CloseReason::Reset));
        }
    }

    fn handle_stream(&mut self, now: Instant, packet: &Packet<'_>) {
        let header = &packet.header;
        let judgement = self.sender.judge(header.ack);
        if judgement == Judgement::Impossible {
            return;
        }
        if self.state == State::SynReceived {
            if judgement != Judgement::Current {
                return;
            }
            // It knows the number that only our answer told.
            self.state = State::Open;
            self.retransmit_at = None;
            self.tidings |= told::INCOMING;
        }
        self.stats.packets_received += 1;
        self.path.measure(now, header);
        if judgement == Judgement::Current {
            let was_shut = self.is_shut();
            self.their_window = header.window.into();
            self.acknowledged(now, packet);
            if was_shut && !self.is_shut() {
                self.opened(now);
            }
        }
        if matches!(header.kind, Kind::Data | Kind::Fin) {
            self.received(now, packet);
        }
        self.rest_in_peace(now);
    }

    fn acknowledged(&mut self, now: Instant, packet: &Packet<'_>) {
        let flight = self.sender.flight();
        let bare = packet.header.kind == Kind::State;
        let acked = self.sender.acknowledge(now, packet.header.ack, packet.selective_ack, bare);
        if let Some(took) = acked.round_trip {
            self.rtt.sample(took);
            self.path.round_trip(now, took);
        }
        if let Some(size) = acked.probe {
            self.mtu.probe_arrived(now, size);
            self.ledbat.set_packet(self.mtu.current() - HEADER_LENGTH);
        }
        if acked.largest > 0 {
            self.mtu.arrived(acked.largest + HEADER_LENGTH);
        }
        if acked.packets > 0 {
            self.rtt.forgive();
            (self.timeouts, self.forced) = (0, false);
            let acked = ledbat::Acked {
                bytes: acked.bytes,
                flight,
                queueing: self.path.queueing(),
                round_trip: self.rtt.smoothed(),
            };
            self.ledbat.acked(now, acked);
            self.retransmit_at = self.sender.is_waiting().then(|| now + self.rtt.timeout());
        }
        if let Some(sent) = acked.lost {
            self.ledbat.lost(now, sent);
        }
        if let Some(size) = acked.probe_lost {
            self.mtu.probe_lost(now, size);
        }
        if self.writer_waits && self.room() >= self.limits.unsent / 2 {
            self.writer_waits = false;
            self.tidings |= told::WRITABLE;
        }
    }

    fn received(&mut self, now: Instant, packet: &Packet<'_>) {
        let is_fin = packet.header.kind == Kind::Fin;
        match self.receiver.insert(packet.header.seq, packet.payload, is_fin) {
            Arrival::Next if !is_fin => {
                self.acks.packets += 1;
                self.acks.now |= self.acks.packets >= ACK_EVERY;
                self.acks.due = self.acks.due.or(Some(now + ACK_WITHIN));
            }
            Arrival::Next | Arrival::OutOfOrder | Arrival::Again | Arrival::Refused => {
                self.acks.now = true;
            }
        }
        if self.orphaned.is_some() {
            // Nobody will read it. Once our side is delivered, the other side may know.
            self.receiver.discard();
            self.reset_due |= self.sender.is_finished() && !packet.payload.is_empty();
        } else if self.reader_waits && self.receiver.is_readable() {
            self.reader_waits = false;
            self.tidings |= told::READABLE;
        }
    }

    /// Both sides have said all and heard that the other knows. The last acknowledgement may have
    /// got lost: whoever asks for it is answered for one more time-out.
    fn rest_in_peace(&mut self, now: Instant) {
        if let Some(until) = self.orphaned
            && self.sender.is_finished()
            && self.receiver.has_ended()
        {
            self.orphaned = Some(until.min(now + self.rtt.timeout()));
        }
    }

    /// The time stamp of what is sent now.
    pub(super) fn stamp(now: Instant) -> u32 {
        micros(now)
    }
}
