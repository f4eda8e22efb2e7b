//! Rate limits: two token buckets that every connection of the process draws from.

use std::collections::BTreeMap;

use stdx::{BLOCK_LENGTH, ConnId, Duration, Instant, TokenBucket};

/// How many connections may wait for one direction; far above any sensible number of sockets.
pub const LIMITER_WAITING_MAX: usize = 1 << 16;

/// Requests up to this many bytes (interest, haves, requests: anything but payload) are granted
/// before the waiting bulk, so that a busy uplink does not slow the download's own requests.
const CONTROL_MAX: u64 = 512;

/// The least a bucket holds: one block with its header, several times over the least quantum.
const BURST_MIN: u64 = BLOCK_LENGTH as u64 + 1024;

/// Which way bytes go, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flow {
    /// To others.
    Up,
    /// From others.
    Down,
}

/// The limits themselves, in bytes per second; `None` is unlimited. Zero counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes per second to all others together.
    pub up: Option<u64>,
    /// Bytes per second from all others together.
    pub down: Option<u64>,
}

/// Shares two rate limits fairly among connections: protocol bytes of every transport.
///
/// A connection asks with [`request`](Self::request) before it writes or reads. What it was
/// granted it uses at once and returns the rest with [`give_back`](Self::give_back). Who got
/// nothing waits in line and appears exactly once in [`poll_grant`](Self::poll_grant); to go on
/// after a grant, it asks again, and so takes turns with the others, a quantum at a time.
///
/// Over any stretch of time, no more than `limit × time + burst` bytes are granted and kept;
/// the burst is a tenth of a second of the limit (at least one block).
///
/// Without a limit, every request is granted whole and nothing is stored.
#[derive(Debug)]
pub struct Limiter {
    up: Gate,
    down: Gate,
}

impl Limiter {
    /// A limiter whose buckets are full.
    pub fn new(now: Instant, limits: Limits) -> Self {
        let mut limiter = Self { up: Gate::default(), down: Gate::default() };
        limiter.up.bucket = limits.up.map(|rate| bucket(now, rate));
        limiter.down.bucket = limits.down.map(|rate| bucket(now, rate));
        limiter
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        let rate = |gate: &Gate| gate.bucket.as_ref().map(TokenBucket::rate);
        Limits { up: rate(&self.up), down: rate(&self.down) }
    }

    /// True when `flow` has a limit; when false, callers may skip the limiter altogether.
    pub fn is_limited(&self, flow: Flow) -> bool {
        self.gate(flow).bucket.is_some()
    }

    /// Changes the limits. A changed bucket starts empty, so that changing it again and again
    /// yields no extra burst; whoever waits keeps its place. Poll for grants afterwards.
    pub fn set_limits(&mut self, now: Instant, limits: Limits) {
        self.up.set_rate(now, limits.up);
        self.down.set_rate(now, limits.down);
    }

    /// Asks for `want` bytes. Returns how many may go now; 0 means that the connection waits in
    /// line for one grant (asking again while it waits only changes `want`), or that it wanted 0.
    pub fn request(&mut self, now: Instant, conn: ConnId, flow: Flow, want: u64) -> u64 {
        self.gate_mut(flow).request(now, conn, want)
    }

    /// Returns bytes that were granted and not used.
    pub fn give_back(&mut self, flow: Flow, bytes: u64) {
        if let Some(bucket) = &mut self.gate_mut(flow).bucket {
            bucket.give_back(bytes);
        }
    }

    /// Forgets what `conn` waits for, in both directions: it was closed.
    pub fn cancel(&mut self, conn: ConnId) {
        self.up.remove(conn);
        self.down.remove(conn);
    }

    /// The next connection in line whose turn has come, and how many bytes it may move.
    pub fn poll_grant(&mut self, now: Instant) -> Option<(ConnId, Flow, u64)> {
        for flow in [Flow::Up, Flow::Down] {
            if let Some((conn, bytes)) = self.gate_mut(flow).grant(now) {
                return Some((conn, flow, bytes));
            }
        }
        None
    }

    /// When [`poll_grant`](Self::poll_grant) has something next; `None` while nobody waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [&self.up, &self.down].into_iter().filter_map(Gate::ready_at).min()
    }

    fn gate(&self, flow: Flow) -> &Gate {
        match flow {
            Flow::Up => &self.up,
            Flow::Down => &self.down,
        }
    }

    fn gate_mut(&mut self, flow: Flow) -> &mut Gate {
        match flow {
            Flow::Up => &mut self.up,
            Flow::Down => &mut self.down,
        }
    }
}

/// A place in line: control before bulk, then first come, first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    bulk: bool,
    number: u64,
}

/// One direction.
#[derive(Debug, Default)]
struct Gate {
    bucket: Option<TokenBucket>,
    line: BTreeMap<Ticket, (ConnId, u64)>,
    tickets: BTreeMap<ConnId, Ticket>,
    issued: u64,
}

impl Gate {
    fn request(&mut self, now: Instant, conn: ConnId, want: u64) -> u64 {
        if want == 0 {
            self.remove(conn);
            return 0;
        }
        let waiting = self.tickets.contains_key(&conn);
        if !waiting {
            let share = self.share(want);
            let first =
                self.line.keys().next().is_none_or(|front| want <= CONTROL_MAX && front.bulk);
            match &mut self.bucket {
                None => return want,
                Some(bucket) if first && bucket.ready_at(share) <= now => {
                    return bucket.take(now, share);
                }
                Some(_) => {}
            }
        }
        self.enqueue(conn, want);
        0
    }

    fn enqueue(&mut self, conn: ConnId, want: u64) {
        let bulk = want > CONTROL_MAX;
        if let Some(ticket) = self.tickets.get(&conn).filter(|ticket| ticket.bulk == bulk) {
            self.line.insert(*ticket, (conn, want));
            return;
        }
        self.remove(conn);
        if self.line.len() == LIMITER_WAITING_MAX {
            // Not reached with a bounded number of connections; the last in line gives way and
            // asks again with its next bytes.
            if let Some((_, (last, _))) = self.line.pop_last() {
                self.tickets.remove(&last);
            }
        }
        let ticket = Ticket { bulk, number: self.issued };
        self.issued += 1;
        self.line.insert(ticket, (conn, want));
        self.tickets.insert(conn, ticket);
    }

    fn remove(&mut self, conn: ConnId) {
        if let Some(ticket) = self.tickets.remove(&conn) {
            self.line.remove(&ticket);
        }
    }

    fn grant(&mut self, now: Instant) -> Option<(ConnId, u64)> {
        let (_, &(conn, want)) = self.line.first_key_value()?;
        let share = self.share(want);
        let granted = match &mut self.bucket {
            None => want,
            Some(bucket) if bucket.ready_at(share) <= now => bucket.take(now, share),
            Some(_) => return None,
        };
        self.remove(conn);
        Some((conn, granted))
    }

    fn ready_at(&self) -> Option<Instant> {
        let (_, &(_, want)) = self.line.first_key_value()?;
        let share = self.share(want);
        Some(self.bucket.as_ref().map_or(Instant::ZERO, |bucket| bucket.ready_at(share)))
    }

    /// What one turn gives to somebody who wants `want`.
    fn share(&self, want: u64) -> u64 {
        self.bucket.as_ref().map_or(want, |bucket| want.min(quantum(bucket.rate())))
    }

    fn set_rate(&mut self, now: Instant, rate: Option<u64>) {
        if self.bucket.as_ref().map(TokenBucket::rate) == rate {
            return;
        }
        self.bucket = rate.map(|rate| {
            let mut bucket = bucket(now, rate);
            bucket.take(now, u64::MAX);
            bucket
        });
    }
}

/// A tenth of a second rides out a driver that is late by some scheduling slices without losing
/// rate, and is too short to be seen as a burst.
fn bucket(now: Instant, rate: u64) -> TokenBucket {
    let rate = rate.max(1);
    TokenBucket::new(rate, (rate / 10).max(BURST_MIN), now)
}

/// One turn: five milliseconds of the rate, so that a round among 20 connections takes a tenth
/// of a second; not so little that system calls dominate, nor more than a socket buffer takes.
fn quantum(rate: u64) -> u64 {
    (rate / (1_000 / QUANTUM_TIME.as_millis() as u64)).clamp(QUANTUM_MIN, QUANTUM_MAX)
}

const QUANTUM_TIME: Duration = Duration::from_millis(5);
const QUANTUM_MIN: u64 = 2 * 1024;
const QUANTUM_MAX: u64 = 256 * 1024;

#[cfg(test)]
mod tests;
