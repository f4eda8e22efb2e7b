//! Two peers that cannot reach each other are brought together by a third (BEP 55). We may be any
//! of the three.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use peer::Order;
use stdx::{ConnId, Duration, Instant, TokenBucket, may_name};
use wire::{Holepunch, HolepunchError};

use super::Swarm;
use crate::Identity;
use crate::conn::Conn;

/// A third is asked for the same peer again after this.
const ASK_AGAIN: Duration = Duration::from_mins(2);
/// Questions of ours to thirds: so many at once, and one a second in the long run.
const ASKED_BURST: u64 = 10;
/// Peers asked for that are remembered.
const ASKED_MAX: usize = 500;
/// Peers that are to be connected to by a third's word and wait for it.
const WAITING_MAX: usize = 32;

/// Where we are in bringing peers together.
#[derive(Debug)]
pub(super) struct Punches {
    /// When a third was asked for whom.
    asked: BTreeMap<SocketAddr, Instant>,
    budget: TokenBucket,
    /// To be connected to at once.
    waiting: VecDeque<SocketAddr>,
    /// Being connected to.
    under_way: BTreeSet<SocketAddr>,
}

impl Punches {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            asked: BTreeMap::new(),
            budget: TokenBucket::new(1, ASKED_BURST, now),
            waiting: VecDeque::new(),
            under_way: BTreeSet::new(),
        }
    }

    /// Whether a third may be asked for a peer now; notes that it is.
    fn ask(&mut self, now: Instant, addr: SocketAddr) -> bool {
        if self.asked.get(&addr).is_some_and(|at| now.since(*at) < ASK_AGAIN) {
            return false;
        }
        if self.asked.len() >= ASKED_MAX {
            self.asked.retain(|_, at| now.since(*at) < ASK_AGAIN);
        }
        let may = self.asked.len() < ASKED_MAX && self.budget.take(now, 1) == 1;
        if may {
            self.asked.insert(addr, now);
        }
        may
    }
}

impl Swarm {
    /// Whether the attempt at this address follows a third's word: over uTP alone, since the other
    /// side sends just that through its address translator at the same time.
    pub fn is_punch(&self, addr: SocketAddr) -> bool {
        self.punches.under_way.contains(&addr)
    }

    /// Whether [`Self::poll_connect`] should be asked soon: a third has given its word.
    pub fn has_punch(&self) -> bool {
        !self.punches.waiting.is_empty()
    }

    /// Asks whoever told of a peer to bring us together, since it cannot be reached.
    pub(super) fn ask_third(&mut self, now: Instant, addr: SocketAddr) {
        self.punches.under_way.remove(&addr);
        if self.is_private() || !self.is_open() {
            return;
        }
        let can = |conn: &ConnId| {
            self.conns.get(conn).is_some_and(|it| it.ready && it.info.supports_holepunch)
        };
        let third = self.neighbours.givers(addr).find(can);
        if let Some(third) = third.filter(|_| self.punches.ask(now, addr)) {
            self.order(third, Order::Holepunch(Holepunch::Rendezvous(addr)));
        }
    }

    pub(super) fn take_holepunch(&mut self, now: Instant, conn: ConnId, message: Holepunch) {
        let private = self.is_private();
        let Some(it) = self.conns.get_mut(&conn).filter(|it| it.ready && !private) else {
            return;
        };
        if !it.info.supports_holepunch || it.punches.take(now, 1) == 0 {
            return;
        }
        match message {
            Holepunch::Rendezvous(target) => self.bring_together(now, conn, target),
            Holepunch::Connect(addr) => self.follow(conn, addr),
            Holepunch::Error(addr, _) => self.neighbours.forget_giver(addr, conn),
        }
    }

    /// We are the third.
    fn bring_together(&mut self, now: Instant, conn: ConnId, target: SocketAddr) {
        match self.meeting(now, conn, target) {
            Ok(Some((other, [theirs, ours]))) => {
                self.order(conn, Order::Holepunch(Holepunch::Connect(theirs)));
                self.order(other, Order::Holepunch(Holepunch::Connect(ours)));
            }
            // Somebody asks for it too often.
            Ok(None) => {}
            Err(error) => self.order(conn, Order::Holepunch(Holepunch::Error(target, error))),
        }
    }

    /// Whom `conn` wants to meet, and where the other and it are reached.
    fn meeting(
        &mut self,
        now: Instant,
        conn: ConnId,
        target: SocketAddr,
    ) -> Result<Option<(ConnId, [SocketAddr; 2])>, HolepunchError> {
        if target.port() == 0 || target.ip().is_unspecified() || target.ip().is_multicast() {
            return Err(HolepunchError::NoSuchPeer);
        }
        if self.neighbours.is_self(target) {
            return Err(HolepunchError::NoSelf);
        }
        let is_there = |it: &Conn| it.addr == target || it.listen == Some(target);
        let asker = self.conns.get(&conn).ok_or(HolepunchError::NotConnected)?;
        if is_there(asker) {
            return Err(HolepunchError::NoSelf);
        }
        let ours = reached_at(asker).ok_or(HolepunchError::NoSupport)?;
        let other = self.conns.values_mut().find(|it| it.ready && is_there(it));
        let other = other.ok_or(HolepunchError::NotConnected)?;
        if !other.info.supports_holepunch || ours.is_ipv6() != target.is_ipv6() {
            return Err(HolepunchError::NoSupport);
        }
        let theirs = reached_at(other).ok_or(HolepunchError::NoSupport)?;
        let may = other.punches.take(now, 1) == 1;
        Ok(may.then_some((other.id, [theirs, ours])))
    }

    /// A third says that somebody connects to us while we do.
    fn follow(&mut self, conn: ConnId, addr: SocketAddr) {
        let Some(it) = self.conns.get(&conn) else {
            return;
        };
        let identity = Identity::of(addr);
        let is_here =
            |it: &Conn| it.ready && (Identity::of(it.addr) == identity || it.listen == Some(addr));
        let waiting = &mut self.punches.waiting;
        let sound = may_name(it.addr.ip(), addr.ip())
            && !self.neighbours.is_banned(addr)
            && !self.conns.values().any(is_here)
            && !waiting.contains(&addr);
        if sound && waiting.len() < WAITING_MAX {
            waiting.push_back(addr);
        }
    }

    /// Where to connect to by a third's word.
    pub(super) fn next_punch(&mut self, now: Instant) -> Option<SocketAddr> {
        while let Some(addr) = self.punches.waiting.pop_front() {
            if self.neighbours.attempt(now, addr) {
                self.punches.under_way.insert(addr);
                return Some(addr);
            }
        }
        None
    }

    /// An attempt came to its end, one way or the other.
    pub(super) fn end_punch(&mut self, addr: SocketAddr) {
        self.punches.under_way.remove(&addr);
    }
}

/// Where uTP reaches a peer: through its address translator, if it has one, at the address that it
/// speaks uTP from; else where it says that it listens.
fn reached_at(it: &Conn) -> Option<SocketAddr> {
    if it.carrier.utp { Some(it.addr) } else { it.listen }
}
