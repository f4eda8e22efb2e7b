use std::collections::VecDeque;
use std::io::IoSlice;

use stdx::{Duration, Instant};

use crate::{SelectiveAck, Seq};

/// Packets that may be under way whatever the other side's window: libutp keeps 1,024 that are out
/// of order and drops the rest.
const SEGMENTS_FREE: usize = 1_000;
/// The most that may, where the window has room for more full ones: a quarter of all numbers, so
/// that old and new ones are never mixed up.
const SEGMENTS_MAX: usize = 16_000;
/// A packet is lost when this many that were sent later have arrived (RFC 9002 §6.1.1).
const REORDERING: u64 = 3;
/// Acknowledgements that repeat themselves and tell of a loss (RFC 5681 §3.2), where the other
/// side sends no selective ones.
const REPEATED: u32 = 3;
/// By how many packets an acknowledgement may be late without counting as a forgery: more than any
/// path reorders, and few of the 65,536 that a forger has to guess among.
const STALE_MAX: u16 = 1_024;
/// The first packets, which hold each other up in nothing: two sides that greet each other say
/// several short words in turn, and would wait for a delayed acknowledgement between any two.
const GREETING: u64 = 8;

/// Where a packet is, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Flying,
    Lost,
    Arrived,
}

/// A packet that was sent and is not behind the cumulative acknowledgement. It keeps its bytes for
/// ever: who has received it under one form must not be told another.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Where its bytes begin in the stream.
    offset: u64,
    length: usize,
    fin: bool,
    state: State,
    sent: Instant,
    /// How many packets had been sent, it included, when it was sent first: should it arrive, there
    /// is no telling which of its sendings did.
    order: u64,
    /// The same when it was sent last.
    latest: u64,
    sends: u32,
    /// The size of its datagram, if that was padded to find out whether it passes.
    probe: Option<usize>,
}

/// What an acknowledgement says of the numbers that were used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is of now.
    Current,
    /// It was overtaken by later ones.
    Stale,
    /// It acknowledges what was not sent, or what was long ago.
    Impossible,
}

/// What an acknowledgement brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Acked {
    /// Bytes of payload that arrived.
    pub(crate) bytes: u64,
    /// Packets that arrived.
    pub(crate) packets: u32,
    /// The least round trip of those that were sent once.
    pub(crate) round_trip: Option<Duration>,
    /// The largest payload among them that was not padded.
    pub(crate) largest: usize,
    /// A padded datagram of this size arrived.
    pub(crate) probe: Option<usize>,
    /// The latest sending of a packet that is lost, when congestion may be why.
    pub(crate) lost: Option<Instant>,
    /// A padded datagram of this size is lost.
    pub(crate) probe_lost: Option<usize>,
}

/// A packet that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) seq: Seq,
    offset: u64,
    pub(crate) length: usize,
    pub(crate) fin: bool,
}

/// The stream that goes out: bytes that are not acknowledged, and the packets that they went in.
#[derive(Debug)]
pub(crate) struct Sender {
    buffer: VecDeque<u8>,
    /// Where `buffer` begins in the stream.
    base: u64,
    /// Where what was never sent begins in the stream.
    unsent: u64,
    segments: VecDeque<Segment>,
    /// The number of the first of `segments`.
    first: Seq,
    /// Bytes in segments that fly.
    flight: u64,
    lost: usize,
    /// Packets sent so far.
    sent: u64,
    /// The highest order that has arrived.
    arrived: u64,
    repeated: u32,
    /// The end of the last packet that was not full, and flew when it was sent (Minshall).
    partial: Option<u64>,
    finish: Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finish {
    No,
    Wanted,
    Sent,
}

impl Sender {
    /// `first` is the number of the first packet.
    pub(crate) fn new(first: Seq) -> Self {
        Self {
            buffer: VecDeque::new(),
            base: 0,
            unsent: 0,
            segments: VecDeque::new(),
            first,
            flight: 0,
            lost: 0,
            sent: 0,
            arrived: 0,
            repeated: 0,
            partial: None,
            finish: Finish::No,
        }
    }

    /// The number of the next packet that is new.
    pub(crate) fn next(&self) -> Seq {
        self.first.plus(self.segments.len() as u16)
    }

    /// Bytes under way.
    pub(crate) fn flight(&self) -> u64 {
        self.flight
    }

    /// Bytes that were sent at least once and are not acknowledged in order: they take up the
    /// other side's window.
    pub(crate) fn outstanding(&self) -> u64 {
        self.unsent - self.base
    }

    /// Bytes that were never sent.
    pub(crate) fn unsent(&self) -> usize {
        self.buffer.len() - self.outstanding() as usize
    }

    /// Bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Packets that were sent and are not acknowledged in order.
    pub(crate) fn packets(&self) -> usize {
        self.segments.len()
    }

    /// Whether packets wait for their acknowledgement.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.segments.is_empty()
    }

    /// Whether the last packet has been acknowledged, and so all before it.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish == Finish::Sent && self.segments.is_empty()
    }

    /// Whether nothing can be written any more.
    pub(crate) fn is_closing(&self) -> bool {
        self.finish != Finish::No
    }

    /// Gives memory back that is not in use.
    pub(crate) fn shrink(&mut self) {
        self.buffer.shrink_to_fit();
        self.segments.shrink_to_fit();
    }

    /// Forgets everything: nobody will take it.
    pub(crate) fn clear(&mut self) {
        *self = Self { finish: Finish::Sent, ..Self::new(self.next()) };
    }

    /// Nothing more will be written.
    pub(crate) fn finish(&mut self) {
        if self.finish == Finish::No {
            self.finish = Finish::Wanted;
        }
    }

    /// Takes up to `room` bytes of `slices`; how many.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>], room: usize) -> usize {
        let before = self.buffer.len();
        for slice in slices {
            let left = room - (self.buffer.len() - before);
            self.buffer.extend(&slice[..slice.len().min(left)]);
        }
        self.buffer.len() - before
    }

    pub(crate) fn judge(&self, ack: Seq) -> Judgement {
        // The one before the first stands for "nothing new".
        let ahead = ack.since(self.first.minus(1));
        if usize::from(ahead) <= self.segments.len() {
            return Judgement::Current;
        }
        if ahead.wrapping_neg() <= STALE_MAX { Judgement::Stale } else { Judgement::Impossible }
    }

    /// Takes an acknowledgement that is [`Judgement::Current`]. `bare` says that its packet had no
    /// other purpose.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        ack: Seq,
        selective: Option<SelectiveAck<'_>>,
        bare: bool,
    ) -> Acked {
        let mut acked = Acked::default();
        let count = usize::from(ack.since(self.first.minus(1)));
        let was_waiting = self.is_waiting();
        for n in 0..count {
            self.arrive(now, n, &mut acked);
        }
        if let Some(mask) = selective {
            let behind = self.segments.len().saturating_sub(count + 1);
            for bit in (0..mask.bits().min(behind)).filter(|&bit| mask.contains(bit)) {
                self.arrive(now, count + 1 + bit, &mut acked);
            }
        }
        self.forget(count);
        self.find_lost(&mut acked);
        let repeats = count == 0 && bare && was_waiting && selective.is_none();
        self.repeated = if repeats { self.repeated + 1 } else { 0 };
        if self.repeated == REPEATED
            && let Some(first) = self.segments.front()
            && first.state == State::Flying
        {
            self.lose(0, &mut acked);
        }
        acked
    }

    fn arrive(&mut self, now: Instant, n: usize, acked: &mut Acked) {
        let segment = &mut self.segments[n];
        let was = std::mem::replace(&mut segment.state, State::Arrived);
        match was {
            State::Arrived => return,
            State::Flying => self.flight -= segment.length as u64,
            State::Lost => self.lost -= 1,
        }
        acked.bytes += segment.length as u64;
        acked.packets += 1;
        self.arrived = self.arrived.max(segment.order);
        match segment.probe {
            Some(size) => acked.probe = Some(size),
            None => acked.largest = acked.largest.max(segment.length),
        }
        // What was given up and had arrived after all was beyond the reach of selective ones: it is
        // told long after the fact.
        if segment.sends == 1 && was == State::Flying {
            let took = now.since(segment.sent);
            acked.round_trip = Some(acked.round_trip.map_or(took, |least| least.min(took)));
        }
    }

    /// Drops the first `count` packets and their bytes.
    fn forget(&mut self, count: usize) {
        self.segments.drain(..count);
        self.first = self.first.plus(count as u16);
        let base = self.segments.front().map_or(self.unsent, |first| first.offset);
        self.buffer.drain(..(base - self.base) as usize);
        self.base = base;
    }

    fn find_lost(&mut self, acked: &mut Acked) {
        for n in 0..self.segments.len() {
            let Segment { state, order, latest, .. } = self.segments[n];
            if order + REORDERING > self.arrived {
                // Those behind it were sent later still.
                break;
            }
            if state == State::Flying && latest + REORDERING <= self.arrived {
                self.lose(n, acked);
            }
        }
    }

    fn lose(&mut self, n: usize, acked: &mut Acked) {
        let segment = &mut self.segments[n];
        segment.state = State::Lost;
        self.flight -= segment.length as u64;
        self.lost += 1;
        match segment.probe.take() {
            Some(size) => acked.probe_lost = Some(size),
            None => acked.lost = acked.lost.max(Some(segment.sent)),
        }
    }

    /// Takes everything that flies for lost; the largest payload among it, and the size of a
    /// padded datagram.
    pub(crate) fn lose_all(&mut self) -> (usize, Option<usize>) {
        let mut acked = Acked::default();
        let mut largest = 0;
        for n in 0..self.segments.len() {
            if self.segments[n].state == State::Flying {
                if self.segments[n].probe.is_none() {
                    largest = largest.max(self.segments[n].length);
                }
                self.lose(n, &mut acked);
            }
        }
        self.repeated = 0;
        (largest, acked.probe_lost)
    }

    /// The first packet that has to be sent again.
    pub(crate) fn next_again(&self) -> Option<Outgoing> {
        if self.lost == 0 {
            return None;
        }
        let n = self.segments.iter().position(|it| it.state == State::Lost)?;
        let Segment { offset, length, fin, .. } = self.segments[n];
        Some(Outgoing { seq: self.first.plus(n as u16), offset, length, fin })
    }

    /// The next packet that is new, with at most `most` bytes of payload; `window` is the other
    /// side's, in bytes.
    pub(crate) fn next_new(&self, most: usize, window: u64) -> Option<Outgoing> {
        let full = (window / most.max(1) as u64) as usize;
        if self.segments.len() >= full.clamp(SEGMENTS_FREE, SEGMENTS_MAX) {
            return None;
        }
        let length = self.unsent().min(most);
        let fin = length == 0 && self.finish == Finish::Wanted;
        if length == 0 && !fin {
            return None;
        }
        // Small packets one at a time, but never behind full ones (Minshall's kind of Nagle's
        // algorithm): trains of small messages are put together, single ones do not wait.
        let is_small = length < most && !fin && self.finish == Finish::No;
        let waits = is_small && self.sent >= GREETING;
        if waits && self.partial.is_some_and(|end| end > self.base) {
            return None;
        }
        Some(Outgoing { seq: self.next(), offset: self.unsent, length, fin })
    }

    /// Appends the payload of a packet to `out`.
    pub(crate) fn payload(&self, of: Outgoing, out: &mut Vec<u8>) {
        let start = (of.offset - self.base) as usize;
        let (front, back) = self.buffer.as_slices();
        let first = front.get(start..).unwrap_or_default();
        let first = &first[..first.len().min(of.length)];
        out.extend_from_slice(first);
        let start = start.saturating_sub(front.len());
        out.extend_from_slice(&back[start..start + of.length - first.len()]);
    }

    /// Takes note that a packet was sent; `most` is the size of a full one, `probe` that of a
    /// padded datagram.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        packet: Outgoing,
        most: usize,
        probe: Option<usize>,
    ) {
        self.sent += 1;
        self.flight += packet.length as u64;
        let n = usize::from(packet.seq.since(self.first));
        if let Some(segment) = self.segments.get_mut(n) {
            self.lost -= 1;
            segment.state = State::Flying;
            segment.sent = now;
            segment.latest = self.sent;
            segment.sends += 1;
            return;
        }
        let Outgoing { offset, length, fin, .. } = packet;
        self.unsent += length as u64;
        if fin {
            self.finish = Finish::Sent;
        } else if length < most {
            self.partial = Some(self.unsent);
        }
        self.segments.push_back(Segment {
            offset,
            length,
            fin,
            state: State::Flying,
            sent: now,
            order: self.sent,
            latest: self.sent,
            sends: 1,
            probe,
        });
    }
}

#[cfg(test)]
mod tests;
