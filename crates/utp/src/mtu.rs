use std::net::SocketAddr;

use stdx::{Duration, Instant};

use crate::DATAGRAM_MAX;
use crate::packet::PADDING_LEAST;

/// Where data starts, in bytes of UDP payload: IPv6 carries 1,280 bytes everywhere (RFC 8200 §5),
/// and IPv4 nearly so.
const START: usize = 1_232;
/// What IPv4 must carry: 576 bytes with headers (RFC 791).
const FLOOR_V4: usize = 548;
/// The largest over IPv6 on Ethernet.
const CEILING_V6: usize = 1_452;

/// A search that is this near its end has ended: half of it is the least that padding adds.
const PRECISION: usize = 2 * PADDING_LEAST;
/// Times a size is tried before it counts as too large: packets get lost for other reasons.
const TRIES: u8 = 3;
/// Pause between probes, at least.
const PAUSE: Duration = Duration::from_millis(50);
/// When a search that has ended begins again: routes change.
const AGAIN_AFTER: Duration = Duration::from_mins(10);
/// The same after a black hole.
const RECOVER_AFTER: Duration = Duration::from_mins(1);
/// Time-outs in a row after which large packets are suspected.
const BLACK_HOLE: u8 = 2;

/// Searches for the largest datagram that a path carries, the likeliest first: the ceiling, then
/// by halves.
#[derive(Debug)]
pub(crate) struct MtuSearch {
    floor: usize,
    ceiling: usize,
    /// What data is sent in; known to pass, or believed.
    current: usize,
    /// The least that does not pass; one above the ceiling when nothing is known.
    too_large: usize,
    /// The size of the probe that is under way, or next.
    probe: usize,
    tries: u8,
    flying: bool,
    next_at: Instant,
    timeouts: u8,
}

impl MtuSearch {
    pub(crate) fn new(now: Instant, remote: SocketAddr) -> Self {
        let (floor, ceiling) = match remote {
            SocketAddr::V4(_) => (FLOOR_V4, DATAGRAM_MAX),
            SocketAddr::V6(_) => (START, CEILING_V6),
        };
        Self {
            floor,
            ceiling,
            current: START,
            too_large: ceiling + 1,
            probe: ceiling,
            tries: 0,
            flying: false,
            next_at: now,
            timeouts: 0,
        }
    }

    /// The size that datagrams with data have now.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// The size of the probe that is due.
    pub(crate) fn probe(&self, now: Instant) -> Option<usize> {
        let due = !self.flying && now >= self.next_at && self.probe > self.current;
        due.then_some(self.probe)
    }

    pub(crate) fn probe_sent(&mut self) {
        self.flying = true;
    }

    pub(crate) fn probe_arrived(&mut self, now: Instant, size: usize) {
        (self.flying, self.tries) = (false, 0);
        self.current = self.current.max(size).min(self.ceiling);
        self.go_on(now);
    }

    pub(crate) fn probe_lost(&mut self, now: Instant, size: usize) {
        self.flying = false;
        self.next_at = now + PAUSE;
        self.tries += 1;
        if self.tries >= TRIES {
            self.tries = 0;
            self.too_large = self.too_large.min(size).max(self.current + 1);
            self.go_on(now);
        }
    }

    fn go_on(&mut self, now: Instant) {
        self.next_at = now + PAUSE;
        if self.too_large - self.current > PRECISION {
            self.probe = usize::midpoint(self.current, self.too_large);
            return;
        }
        self.too_large = self.ceiling + 1;
        self.probe = self.ceiling;
        self.next_at = now + AGAIN_AFTER;
    }

    /// A datagram of ordinary make and this size has arrived.
    pub(crate) fn arrived(&mut self, size: usize) {
        if size > self.floor {
            self.timeouts = 0;
        }
    }

    /// Nothing was answered for long, and this was the largest that was under way: when that goes
    /// on, the path may have changed to one that swallows large packets.
    pub(crate) fn timed_out(&mut self, now: Instant, largest: usize) {
        if largest <= self.floor || self.current == self.floor {
            return;
        }
        self.timeouts += 1;
        if self.timeouts >= BLACK_HOLE {
            self.timeouts = 0;
            self.too_large = self.ceiling + 1;
            self.current = self.floor;
            self.probe = START.max(self.floor + 1);
            self.flying = false;
            self.next_at = now + RECOVER_AFTER;
        }
    }
}
