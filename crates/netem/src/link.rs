use std::collections::{BTreeMap, VecDeque};

use stdx::{Duration, Instant, Rng};

use crate::loss::{Loss, Losses};
use crate::wire_time::WireTime;

/// What a [`Link`] is made of. The default is unlimited, immediate and faultless.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// Bytes per second, positive; `None` is unlimited.
    pub rate: Option<u64>,
    /// Propagation delay, one way.
    pub delay: Duration,
    /// How many bytes may wait for the transmitter, the packet in it included. An idle link takes
    /// one packet of any size.
    pub queue_bytes: u64,
    /// The most that is added to the delay of a packet, uniformly at random. Order stays: a packet
    /// waits for those before it.
    pub jitter: Duration,
    /// What gets lost on the way, behind the transmitter.
    pub loss: Loss,
    /// The share of packets that are held back by `reorder_by`, and overtaken meanwhile.
    pub reorder: f64,
    /// For how long.
    pub reorder_by: Duration,
    /// The share of packets that arrive twice.
    pub duplicate: f64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            rate: None,
            delay: Duration::ZERO,
            queue_bytes: u64::MAX,
            jitter: Duration::ZERO,
            loss: Loss::None,
            reorder: 0.0,
            reorder_by: Duration::ZERO,
            duplicate: 0.0,
        }
    }
}

/// The packet found no room in the queue and is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped;

/// What became of the packets of a link, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Were sent.
    pub sent: u64,
    /// Of these, found the queue full.
    pub dropped: u64,
    /// Of the others, got lost on the way.
    pub lost: u64,
    /// Were held back.
    pub reordered: u64,
    /// Arrive twice.
    pub duplicated: u64,
}

/// A one-way link for datagrams: a transmitter with a queue that drops what comes last when it is
/// full, and a way with faults.
///
/// After [`send`](Self::send), drain [`poll_deliver`](Self::poll_deliver), then read
/// [`poll_timeout`](Self::poll_timeout). Same calls and seed, same deliveries; each kind of fault
/// draws from a stream of its own, so that one more kind does not change the others.
#[derive(Debug)]
pub struct Link<T> {
    config: LinkConfig,
    wire: WireTime,
    /// Packets whose last byte is not out yet: when it will be, and the size.
    queue: VecDeque<(Instant, u64)>,
    queued: u64,
    /// Every packet on its way, by its arrival; ties in order of sending.
    arrivals: BTreeMap<(Instant, u64), T>,
    next: u64,
    /// The latest arrival of a packet in order.
    last: Instant,
    losses: Losses,
    jitter: Rng,
    reorder: Rng,
    duplicate: Rng,
    stats: LinkStats,
}

impl<T: Clone> Link<T> {
    /// An idle link, whose faults all follow from `rng`.
    ///
    /// # Panics
    /// When the rate is zero.
    pub fn new(config: &LinkConfig, mut rng: Rng) -> Self {
        Self {
            wire: WireTime::new(config.rate),
            queue: VecDeque::new(),
            queued: 0,
            arrivals: BTreeMap::new(),
            next: 0,
            last: Instant::ZERO,
            losses: Losses::new(config.loss, rng.fork()),
            jitter: rng.fork(),
            reorder: rng.fork(),
            duplicate: rng.fork(),
            stats: LinkStats::default(),
            config: config.clone(),
        }
    }

    /// Puts a packet of `size` bytes on the link. That it gets lost on the way is not seen here.
    pub fn send(&mut self, now: Instant, size: u64, packet: T) -> Result<(), Dropped> {
        self.expire(now);
        self.stats.sent += 1;
        if self.queued > 0 && self.queued.saturating_add(size) > self.config.queue_bytes {
            self.stats.dropped += 1;
            return Err(Dropped);
        }
        let done = self.wire.transmit(now, size);
        self.queue.push_back((done, size));
        self.queued += size;
        if self.losses.next() {
            self.stats.lost += 1;
            return Ok(());
        }
        if self.duplicate.chance(self.config.duplicate) {
            self.stats.duplicated += 1;
            self.arrive(done, packet.clone());
        }
        self.arrive(done, packet);
        Ok(())
    }

    /// Sends a packet whose last byte is out at `done` on its way.
    fn arrive(&mut self, done: Instant, packet: T) {
        let mut at = done + self.config.delay;
        if !self.config.jitter.is_zero() {
            at += self.config.jitter.mul_f64(self.jitter.unit());
        }
        at = at.max(self.last);
        if self.reorder.chance(self.config.reorder) {
            self.stats.reordered += 1;
            at += self.config.reorder_by;
        } else {
            self.last = at;
        }
        self.arrivals.insert((at, self.next), packet);
        self.next += 1;
    }

    /// The next packet that has arrived by `now`.
    pub fn poll_deliver(&mut self, now: Instant) -> Option<T> {
        self.expire(now);
        let first = self.arrivals.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next packet arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.arrivals.first_key_value().map(|((at, _), _)| *at)
    }

    /// Bytes that wait for the transmitter at `now`, the packet in it included.
    pub fn queued(&mut self, now: Instant) -> u64 {
        self.expire(now);
        self.queued
    }

    /// What became of the packets so far.
    pub fn stats(&self) -> LinkStats {
        self.stats
    }

    fn expire(&mut self, now: Instant) {
        while let Some((_, size)) = self.queue.pop_front_if(|(done, _)| *done <= now) {
            self.queued -= size;
        }
    }
}
