use std::collections::VecDeque;
use std::io::IoSliceMut;

use crate::Seq;

/// Packets that may wait for a missing one, at most: as many as the longest selective ack can speak
/// of, whose mask has 255 bytes (BEP 29).
const AHEAD_MAX: usize = 2_040;
/// Of these, our own selective acks speak of as many, the nearest: a mask of 128 bytes, for as many
/// packets as libutp keeps out of order.
const TOLD_MAX: usize = 1_024;
/// Buffers kept for packets out of order.
const SPARE_MAX: usize = 64;

/// What became of a packet that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next one; nothing was missing.
    Next,
    /// Something is, or was, missing.
    OutOfOrder,
    /// It was here before.
    Again,
    /// There is no room for it, or it cannot be.
    Refused,
}

/// The stream that comes in: what is in order waits for its reader, what is not for the missing.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// The number of the next packet in order.
    next: Seq,
    ready: VecDeque<u8>,
    /// Packet `next + 1 + n`, where it has come.
    ahead: VecDeque<Option<Vec<u8>>>,
    ahead_bytes: usize,
    spare: Vec<Vec<u8>>,
    /// The number of the last packet, once known.
    fin: Option<Seq>,
    capacity: usize,
    capacity_max: usize,
    /// Bytes that were taken since the capacity was looked at last.
    taken: usize,
    /// Bytes that ever came in order.
    total: u64,
}

impl Receiver {
    pub(crate) fn new(next: Seq, capacity: usize, capacity_max: usize) -> Self {
        Self {
            next,
            ready: VecDeque::new(),
            ahead: VecDeque::new(),
            ahead_bytes: 0,
            spare: Vec::new(),
            fin: None,
            capacity,
            capacity_max,
            taken: 0,
            total: 0,
        }
    }

    /// The last number up to which everything is here.
    pub(crate) fn ack(&self) -> Seq {
        self.next.minus(1)
    }

    /// Bytes that the other side may have under way.
    pub(crate) fn window(&self) -> usize {
        self.capacity.saturating_sub(self.ready.len())
    }

    /// Where in the stream the room for it ends.
    pub(crate) fn edge(&self) -> u64 {
        self.total + self.window() as u64
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether packets wait for a missing one.
    pub(crate) fn has_gap(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Whether the reader would be given something: bytes, or the end.
    pub(crate) fn is_readable(&self) -> bool {
        !self.ready.is_empty() || self.has_ended()
    }

    /// Whether the other side's last packet and all before it are here.
    pub(crate) fn has_ended(&self) -> bool {
        self.fin.is_some_and(|fin| self.next.since(fin) == 1)
    }

    pub(crate) fn insert(&mut self, seq: Seq, payload: &[u8], is_fin: bool) -> Arrival {
        let distance = usize::from(seq.since(self.next));
        if distance > usize::from(u16::MAX / 2) {
            return Arrival::Again;
        }
        let waiting = self.ready.len() + self.ahead_bytes;
        let beyond = self.fin.is_some_and(|fin| seq.since(self.next) > fin.since(self.next));
        let ends_early = is_fin && self.fin != Some(seq) && distance < self.ahead.len();
        if self.has_ended() || beyond || ends_early || distance > AHEAD_MAX {
            return Arrival::Refused;
        }
        if distance == 0 {
            // What waits for this one had its room already.
            if self.ready.len() + payload.len() > self.capacity {
                return Arrival::Refused;
            }
            return self.insert_next(payload, is_fin);
        }
        if waiting + payload.len() > self.capacity {
            return Arrival::Refused;
        }
        let place = distance - 1;
        if self.ahead.get(place).is_some_and(Option::is_some) {
            return Arrival::Again;
        }
        if is_fin {
            self.fin = Some(seq);
        }
        if self.ahead.len() <= place {
            self.ahead.resize_with(place + 1, || None);
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.extend_from_slice(payload);
        self.ahead_bytes += buffer.len();
        self.ahead[place] = Some(buffer);
        Arrival::OutOfOrder
    }

    fn insert_next(&mut self, payload: &[u8], is_fin: bool) -> Arrival {
        if is_fin {
            self.fin = Some(self.next);
        }
        let had_gap = self.has_gap();
        let before = self.ready.len();
        self.ready.extend(payload);
        self.next = self.next.plus(1);
        // The place in front is that of the packet after the one that was missing.
        while let Some(place) = self.ahead.pop_front() {
            let Some(mut buffer) = place else {
                break;
            };
            self.ahead_bytes -= buffer.len();
            self.ready.extend(&buffer);
            self.next = self.next.plus(1);
            if self.spare.len() < SPARE_MAX {
                buffer.clear();
                self.spare.push(buffer);
            }
        }
        self.total += (self.ready.len() - before) as u64;
        if had_gap { Arrival::OutOfOrder } else { Arrival::Next }
    }

    /// Moves bytes out, in order; how many.
    pub(crate) fn read(&mut self, out: &mut [IoSliceMut<'_>]) -> usize {
        let mut total = 0;
        for slice in out {
            let n = slice.len().min(self.ready.len());
            let (front, back) = self.ready.as_slices();
            let first = n.min(front.len());
            slice[..first].copy_from_slice(&front[..first]);
            slice[first..n].copy_from_slice(&back[..n - first]);
            self.ready.drain(..n);
            total += n;
        }
        self.taken += total;
        total
    }

    /// Throws away what nobody will read.
    pub(crate) fn discard(&mut self) {
        self.ready.clear();
    }

    /// Gives memory back that is not in use.
    pub(crate) fn shrink(&mut self) {
        self.ready.shrink_to_fit();
        self.ahead.shrink_to_fit();
        self.spare = Vec::new();
    }

    /// A round trip has passed. A reader that took half of what there is room for in that time
    /// would take more.
    pub(crate) fn tune(&mut self) {
        if self.taken * 2 >= self.capacity {
            self.capacity = (self.capacity * 2).min(self.capacity_max);
        }
        self.taken = 0;
    }

    /// What has come beyond the missing packet, as a mask (BEP 29, "selective ack"); empty when
    /// nothing has.
    pub(crate) fn selective_ack(&self, out: &mut Vec<u8>) {
        out.clear();
        let told = self.ahead.len().min(TOLD_MAX);
        out.resize(told.div_ceil(32) * 4, 0);
        for (n, place) in self.ahead.iter().take(told).enumerate() {
            out[n / 8] |= u8::from(place.is_some()) << (n % 8);
        }
    }
}

#[cfg(test)]
mod tests;
