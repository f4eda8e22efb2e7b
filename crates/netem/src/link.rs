use std::collections::VecDeque;

use stdx::{Duration, Instant};

use crate::wire_time::WireTime;

/// What a [`Link`] is made of.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Bytes per second, positive; `None` is unlimited.
    pub rate: Option<u64>,
    /// Propagation delay, one way.
    pub delay: Duration,
    /// How many bytes may wait for the transmitter, the packet in it included. An idle link takes
    /// one packet of any size.
    pub queue_bytes: u64,
}

/// The packet found no room in the queue and is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped;

/// A one-way link for datagrams: first in, first out; a full queue drops what comes last.
///
/// After [`send`](Self::send), drain [`poll_deliver`](Self::poll_deliver), then read
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Link<T> {
    delay: Duration,
    queue_bytes: u64,
    wire: WireTime,
    /// Packets whose last byte is not out yet: when it will be, and the size.
    queue: VecDeque<(Instant, u64)>,
    queued: u64,
    /// Every accepted packet and its arrival, in order.
    arrivals: VecDeque<(Instant, T)>,
}

impl<T> Link<T> {
    /// An idle link.
    ///
    /// # Panics
    /// When the rate is zero.
    pub fn new(config: &LinkConfig) -> Self {
        Self {
            delay: config.delay,
            queue_bytes: config.queue_bytes,
            wire: WireTime::new(config.rate),
            queue: VecDeque::new(),
            queued: 0,
            arrivals: VecDeque::new(),
        }
    }

    /// Puts a packet of `size` bytes on the link.
    pub fn send(&mut self, now: Instant, size: u64, packet: T) -> Result<(), Dropped> {
        self.expire(now);
        if self.queued > 0 && self.queued.saturating_add(size) > self.queue_bytes {
            return Err(Dropped);
        }
        let done = self.wire.transmit(now, size);
        self.queue.push_back((done, size));
        self.queued += size;
        self.arrivals.push_back((done + self.delay, packet));
        Ok(())
    }

    /// The next packet that has arrived by `now`.
    pub fn poll_deliver(&mut self, now: Instant) -> Option<T> {
        self.expire(now);
        self.arrivals.pop_front_if(|(at, _)| *at <= now).map(|(_, packet)| packet)
    }

    /// When the next packet arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.arrivals.front().map(|(at, _)| *at)
    }

    /// Bytes that wait for the transmitter at `now`, the packet in it included.
    pub fn queued(&mut self, now: Instant) -> u64 {
        self.expire(now);
        self.queued
    }

    fn expire(&mut self, now: Instant) {
        while let Some((_, size)) = self.queue.pop_front_if(|(done, _)| *done <= now) {
            self.queued -= size;
        }
    }
}
