//! What is said to the other side.

use stdx::Instant;

use super::{Connection, State};
use crate::pacer::Pace;
use crate::packet::{HEADER_LENGTH, PADDING_LEAST};
use crate::send::Outgoing;
use crate::{DATAGRAM_MAX, Header, Kind, Seq};

/// Bytes handed out at once, at most: what one system call takes.
const BATCH_BYTES_MAX: usize = 65_000;

/// The next packet.
#[derive(Clone, Copy, Debug)]
enum Next {
    Syn,
    State,
    Reset,
    Data { packet: Outgoing, probe: Option<usize> },
}

/// Packets that were appended to a buffer: all of them `segment` bytes long, but that the last may
/// be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) segment: usize,
    /// It is one packet, which finds out whether its size passes undivided.
    pub(crate) probe: bool,
}

impl Connection {
    /// Appends up to `packets_max` packets of one size to `out`; `None` when there is nothing to
    /// be sent now.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        out: &mut Vec<u8>,
        packets_max: usize,
    ) -> Option<Batch> {
        let start = out.len();
        let mut batch: Option<Batch> = None;
        for _ in 0..packets_max {
            let Some(next) = self.next(now) else {
                break;
            };
            let length = self.length(next);
            let probe = matches!(next, Next::Data { probe: Some(_), .. });
            let is_last = match batch {
                None => {
                    batch = Some(Batch { segment: length, probe });
                    probe
                }
                Some(first) => {
                    let full = out.len() - start + length > BATCH_BYTES_MAX;
                    if probe || length > first.segment || full {
                        break;
                    }
                    length < first.segment
                }
            };
            self.emit(now, next, out);
            if is_last {
                break;
            }
        }
        if batch.is_some() && self.writer_waits {
            self.wake_writer();
        }
        batch
    }

    /// What was unsent is so no more: there may be room again.
    fn wake_writer(&mut self) {
        if self.state == State::Open && self.room() >= self.limits.unsent / 2 {
            self.writer_waits = false;
            self.tidings |= super::told::WRITABLE;
        }
    }

    fn next(&mut self, now: Instant) -> Option<Next> {
        if self.reset_due {
            return Some(Next::Reset);
        }
        match self.state {
            State::SynSent => self.syn_due.then_some(Next::Syn),
            State::SynReceived => self.acks.now.then_some(Next::State),
            State::Open => self.next_data(now).or_else(|| self.acks.now.then_some(Next::State)),
            State::Closed => None,
        }
    }

    fn next_data(&mut self, now: Instant) -> Option<Next> {
        let most = self.mtu.current() - HEADER_LENGTH;
        let again = self.sender.next_again();
        let packet = match again {
            Some(packet) => packet,
            None => self.next_new(most)?,
        };
        if !self.forced {
            let bytes = packet.length as u64;
            let flight = self.sender.flight();
            if flight > 0 && flight + bytes > self.ledbat.window() {
                return None;
            }
            // With nothing under way there is nothing to spread, and no answer to wait for.
            let spreads = flight > 0;
            let pace = Pace {
                window: self.ledbat.window(),
                packet: most as u64,
                round_trip: self.rtt.smoothed(),
                slow_start: self.ledbat.in_slow_start(),
            };
            let blocked = self.pacer.blocked(now, pace, bytes);
            self.paced_until = blocked.filter(|_| spreads);
            if self.paced_until.is_some() {
                return None;
            }
        }
        let is_full = again.is_none() && packet.length == most;
        let probe = is_full.then(|| self.mtu.probe(now)).flatten();
        Some(Next::Data { packet, probe })
    }

    /// The next new packet that fits the other side's window.
    fn next_new(&mut self, most: usize) -> Option<Outgoing> {
        let packet = self.sender.next_new(most, self.their_window)?;
        let room = self.their_window.saturating_sub(self.sender.outstanding());
        if packet.length as u64 <= room || self.forced {
            return Some(packet);
        }
        // Not the crumbs of a window, unless it never has more.
        if self.sender.outstanding() == 0 && room > 0 {
            return self.sender.next_new(room as usize, self.their_window);
        }
        None
    }

    fn length(&mut self, next: Next) -> usize {
        match next {
            Next::Syn | Next::Reset => HEADER_LENGTH,
            Next::State => {
                self.receiver.selective_ack(&mut self.scratch);
                let mask = self.scratch.len();
                HEADER_LENGTH + if mask > 0 { mask + 2 } else { 0 }
            }
            Next::Data { packet, probe } => probe.unwrap_or(HEADER_LENGTH + packet.length),
        }
    }

    fn emit(&mut self, now: Instant, next: Next, out: &mut Vec<u8>) {
        self.stats.packets_sent += 1;
        self.sent_at = now;
        match next {
            Next::Syn => {
                self.syn_due = false;
                let seq = self.sender.next().minus(1);
                let header = self.header(now, Kind::Syn, seq);
                let (connection, ack) = (self.receive_id, Seq(0));
                Header { connection, ack, ..header }.encode(&[], 0, out);
            }
            Next::Reset => {
                self.reset_due = false;
                let header = self.header(now, Kind::Reset, self.sender.next());
                header.encode(&[], 0, out);
                self.close(None);
            }
            Next::State => {
                let header = self.header(now, Kind::State, self.sender.next());
                self.receiver.selective_ack(&mut self.scratch);
                header.encode(&self.scratch, 0, out);
                self.acknowledge();
            }
            Next::Data { packet, probe } => self.emit_data(now, packet, probe, out),
        }
    }

    fn emit_data(
        &mut self,
        now: Instant,
        packet: Outgoing,
        probe: Option<usize>,
        out: &mut Vec<u8>,
    ) {
        let most = self.mtu.current() - HEADER_LENGTH;
        let kind = if packet.fin { Kind::Fin } else { Kind::Data };
        let padding = probe.map_or(0, |size| size - HEADER_LENGTH - packet.length);
        let probe = probe.filter(|_| padding >= PADDING_LEAST);
        let padding = if probe.is_some() { padding } else { 0 };
        self.header(now, kind, packet.seq).encode(&[], padding, out);
        self.sender.payload(packet, out);
        if packet.seq != self.sender.next() {
            self.stats.packets_resent += 1;
        }
        if probe.is_some() {
            self.mtu.probe_sent();
        }
        self.sender.sent(now, packet, most, probe);
        self.pacer.spend(packet.length as u64);
        self.forced = false;
        self.retransmit_at = self.retransmit_at.or(Some(now + self.rtt.timeout()));
        // A gap can only be told by a packet that has no other purpose.
        if !self.receiver.has_gap() {
            self.acknowledge();
        }
    }

    /// A header as it is sent now.
    fn header(&self, now: Instant, kind: Kind, seq: Seq) -> Header {
        let window = match self.receiver.window() {
            // A window of crumbs would be filled with crumbs.
            ..DATAGRAM_MAX => 0,
            window => u32::try_from(window).unwrap_or(u32::MAX),
        };
        Header {
            kind,
            connection: self.send_id,
            timestamp: Self::stamp(now),
            timestamp_difference: self.path.reply,
            window,
            seq,
            ack: self.receiver.ack(),
        }
    }

    /// The other side is being told of all that has come.
    fn acknowledge(&mut self) {
        (self.acks.packets, self.acks.now, self.acks.due) = (0, false, None);
        let window = self.receiver.window();
        let shown = if window < DATAGRAM_MAX { 0 } else { window };
        self.acks.edge = self.receiver.edge() - (window - shown) as u64;
    }
}
