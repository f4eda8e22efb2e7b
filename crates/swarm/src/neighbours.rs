//! The addresses that are known, and which of them to connect to next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use ipfilter::IpFilter;
use stdx::{ConnId, Duration, Instant, Rng, TokenBucket, is_local, may_name};
use wire::PexPeer;

pub use identity::Identity;
pub use priority::canonical_priority;

mod identity;
mod priority;

/// Addresses remembered per torrent.
pub const KNOWN_MAX: usize = 3_000;
/// Identities banned per torrent; the oldest ban ends when there are more.
pub const BANS_MAX: usize = 10_000;
/// Failures in a row after which an address is forgotten, unless the user named it.
const FAILURES_MAX: u8 = 8;
/// Wait after a failed or closed connection: this times the failures so far, plus one.
const RETRY: Duration = Duration::from_secs(30);
/// Wait after a peer broke the protocol: this times how often it did.
const OFFENCE_RETRY: Duration = Duration::from_mins(2);
/// Addresses known at a time on one peer's word (BEP 11): one liar fills a tenth of the table.
pub(crate) const GIVEN_MAX: usize = 300;
/// Addresses of one identity that are taken on peers' word: nobody is to be knocked at on many
/// ports because somebody said so.
const PORTS_MAX: usize = 4;
/// Those who named an address lately, as far as they are remembered.
const GIVERS_MAX: usize = 4;
/// Offences after which an address is forgotten, unless the user named it.
const OFFENCES_MAX: u8 = 3;
/// The first wait after a failed connection: the other side may be about to start.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// A connection attempt without a word for so long has failed.
const ATTEMPT_MAX: Duration = Duration::from_mins(1);

/// Where an address came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Origin {
    User,
    Magnet,
    Tracker,
    Pex,
    Dht,
    Lsd,
    /// It connected to us, or a peer stated it as its listening address.
    Incoming,
}

impl Origin {
    /// Whether it came from whoever said so, and not from the torrent's own trackers or the user.
    fn is_hearsay(self) -> bool {
        matches!(self, Self::Pex | Self::Dht | Self::Lsd)
    }
}

/// Limits of the connections that this torrent makes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most connections at once, both directions.
    pub connections: usize,
    /// Most attempts under way.
    pub half_open: usize,
    /// Attempts per second, in the long run.
    pub connect_rate: u64,
    /// Attempts at once, at the start.
    pub connect_burst: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 200, half_open: 40, connect_rate: 20, connect_burst: 30 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Attempt(Instant),
    Connected(ConnId),
}

#[derive(Clone, Debug)]
struct Known {
    origin: Origin,
    state: State,
    failures: u8,
    /// How often its peer broke the protocol; a handshake that works does not make up for it.
    offences: u8,
    /// Not before this.
    next: Instant,
    /// It has everything, as far as is known.
    seed: bool,
    /// It is this process.
    is_self: bool,
    /// On whose word it is here, if on a peer's.
    giver: Option<Identity>,
    /// The connections over which it was named, the latest last.
    givers: Vec<ConnId>,
    /// What they said of it: the flags of [`wire::PexPeer`].
    flags: u8,
}

impl Known {
    fn new(now: Instant, origin: Origin) -> Self {
        Self {
            origin,
            state: State::Idle,
            failures: 0,
            offences: 0,
            next: now,
            seed: false,
            is_self: false,
            giver: None,
            givers: Vec::new(),
            flags: 0,
        }
    }
}

/// The known addresses of one torrent, bounded.
#[derive(Clone, Debug)]
pub struct Neighbours {
    limits: Limits,
    known: BTreeMap<SocketAddr, Known>,
    attempts: BTreeSet<SocketAddr>,
    banned: BTreeSet<Identity>,
    ban_order: VecDeque<Identity>,
    tokens: TokenBucket,
    /// Our own addresses as peers see them, once known, by family and nearness (BEP 40).
    own: [[Option<IpAddr>; 2]; 2],
    /// Addresses that are not connected to.
    filter: IpFilter,
    /// The torrent is private (BEP 27).
    shuns_hearsay: bool,
    rng: Rng,
}

impl Neighbours {
    /// Nobody known.
    pub fn new(now: Instant, limits: Limits, rng: Rng) -> Self {
        let tokens = TokenBucket::new(limits.connect_rate.max(1), limits.connect_burst.max(1), now);
        Self {
            limits,
            known: BTreeMap::new(),
            attempts: BTreeSet::new(),
            banned: BTreeSet::new(),
            ban_order: VecDeque::new(),
            tokens,
            own: [[None; 2]; 2],
            filter: IpFilter::default(),
            shuns_hearsay: false,
            rng,
        }
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many addresses are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True when no address is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Addresses that could be connected to, now or later.
    pub fn candidates(&self) -> usize {
        let idle = |known: &&Known| known.state == State::Idle && !known.is_self && !known.seed;
        self.known.values().filter(idle).count()
    }

    /// Attempts under way.
    pub fn half_open(&self) -> usize {
        self.attempts.len()
    }

    /// Our address as others see it, for BEP 40: neighbours see another one than the world does.
    pub fn set_own_address(&mut self, own: IpAddr) {
        self.own[usize::from(own.is_ipv6())][usize::from(is_local(own))] = Some(own);
    }

    /// Takes another filter of addresses. Those that it forbids stay known, for another may not.
    pub fn set_filter(&mut self, filter: IpFilter) {
        self.filter = filter;
    }

    /// Notes an address. A user's word makes an address that failed before be tried at once.
    pub fn add(&mut self, now: Instant, addr: SocketAddr, origin: Origin) {
        if !identity::is_connectable(addr) || self.is_banned(addr) {
            return;
        }
        if self.shuns_hearsay && origin.is_hearsay() {
            return;
        }
        if let Some(known) = self.known.get_mut(&addr) {
            if origin < known.origin {
                known.origin = origin;
            }
            if origin == Origin::User {
                known.next = known.next.min(now);
            }
            return;
        }
        // Whoever made them up may mean the machine that is there.
        if origin.is_hearsay() && self.ports(addr) >= PORTS_MAX {
            return;
        }
        if self.known.len() >= KNOWN_MAX && !self.make_room() {
            return;
        }
        self.known.insert(addr, Known::new(now, origin));
    }

    /// Notes addresses that a peer named over this connection (BEP 11): at most so many as one
    /// may, of such as it can mean.
    pub fn add_given(
        &mut self,
        now: Instant,
        giver: SocketAddr,
        conn: ConnId,
        peers: impl Iterator<Item = PexPeer>,
    ) {
        let identity = Identity::of(giver);
        let given = |known: &&Known| known.giver == Some(identity);
        let mut room = GIVEN_MAX.saturating_sub(self.known.values().filter(given).count());
        for PexPeer { address, flags } in peers {
            if !may_name(giver.ip(), address.ip()) {
                continue;
            }
            if !self.known.contains_key(&address) && room > 0 {
                self.add(now, address, Origin::Pex);
                if let Some(known) = self.known.get_mut(&address) {
                    known.giver = Some(identity);
                    known.seed = flags & PexPeer::UPLOADS != 0;
                    room -= 1;
                }
            }
            if let Some(known) = self.known.get_mut(&address) {
                known.flags |= flags;
                known.givers.retain(|it| *it != conn);
                if known.givers.len() >= GIVERS_MAX {
                    known.givers.remove(0);
                }
                known.givers.push(conn);
            }
        }
    }

    /// What peers said of an address: the flags of [`wire::PexPeer`].
    pub fn flags(&self, addr: SocketAddr) -> u8 {
        self.known.get(&addr).map_or(0, |known| known.flags)
    }

    /// The connections over which an address was named, the latest first.
    pub fn givers(&self, addr: SocketAddr) -> impl Iterator<Item = ConnId> + '_ {
        self.known.get(&addr).into_iter().flat_map(|known| known.givers.iter().rev().copied())
    }

    /// Notes that one of these is of no help.
    pub fn forget_giver(&mut self, addr: SocketAddr, giver: ConnId) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.givers.retain(|it| *it != giver);
        }
    }

    /// Begins an attempt at this very address, known or not; false when one is under way, or it is
    /// out of the question.
    pub fn attempt(&mut self, now: Instant, addr: SocketAddr) -> bool {
        self.add(now, addr, Origin::Pex);
        let Some(known) = self.known.get_mut(&addr) else {
            return false;
        };
        if known.state != State::Idle || known.is_self || !self.filter.allows(addr.ip()) {
            return false;
        }
        known.state = State::Attempt(now);
        self.attempts.insert(addr);
        true
    }

    /// Whether the address is known for our own.
    pub fn is_self(&self, addr: SocketAddr) -> bool {
        self.known.get(&addr).is_some_and(|known| known.is_self)
    }

    /// Forgets what did not come from trackers or the user (BEP 27), what is in use as soon as it
    /// is not any more, and takes in no more of it.
    pub fn shun_hearsay(&mut self) {
        self.shuns_hearsay = true;
        self.known.retain(|_, known| known.state != State::Idle || !known.origin.is_hearsay());
    }

    /// How many addresses of one identity are known; 0 where every port is another's.
    fn ports(&self, addr: SocketAddr) -> usize {
        if Identity::of(addr).is_shared() {
            return 0;
        }
        let all = SocketAddr::new(addr.ip(), 0)..=SocketAddr::new(addr.ip(), u16::MAX);
        self.known.range(all).count()
    }

    /// Notes that a connection exists to or from `addr`, which others may connect to.
    pub fn connected(&mut self, now: Instant, addr: SocketAddr, conn: ConnId) {
        self.attempts.remove(&addr);
        self.add(now, addr, Origin::Incoming);
        if let Some(known) = self.known.get_mut(&addr) {
            known.state = State::Connected(conn);
        }
    }

    /// Notes that a connection worked: the peer spoke our protocol.
    pub fn succeeded(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.failures = 0;
        }
    }

    /// Notes that a connection closed. `useful` when data flowed: it is soon worth another try.
    pub fn closed(&mut self, now: Instant, addr: SocketAddr, conn: ConnId, useful: bool) {
        let Some(known) = self.known.get_mut(&addr) else {
            return;
        };
        if known.state == State::Connected(conn) {
            known.state = State::Idle;
            self.failed_once(now, addr, useful);
        }
    }

    /// Notes that the peer there broke the protocol: it is tried again after ever longer waits,
    /// and forgotten in the end. Comes after [`Self::closed`].
    pub fn offended(&mut self, now: Instant, addr: SocketAddr) {
        let Some(known) = self.known.get_mut(&addr) else {
            return;
        };
        known.offences = known.offences.saturating_add(1);
        known.next = known.next.max(now + OFFENCE_RETRY * known.offences.into());
        let named = matches!(known.origin, Origin::User | Origin::Magnet);
        if known.offences > OFFENCES_MAX && !named && known.state == State::Idle {
            self.known.remove(&addr);
        }
    }

    /// Notes that an attempt failed.
    pub fn failed(&mut self, now: Instant, addr: SocketAddr) {
        if !self.attempts.remove(&addr) {
            return;
        }
        if let Some(known) = self.known.get_mut(&addr) {
            known.state = State::Idle;
        }
        self.failed_once(now, addr, false);
    }

    fn failed_once(&mut self, now: Instant, addr: SocketAddr, useful: bool) {
        let Some(known) = self.known.get_mut(&addr) else {
            return;
        };
        if !useful {
            known.failures = known.failures.saturating_add(1);
        }
        let wait = if known.failures <= 1 { FIRST_RETRY } else { RETRY * known.failures.into() };
        known.next = now + wait;
        let named = matches!(known.origin, Origin::User | Origin::Magnet);
        let shunned = self.shuns_hearsay && known.origin.is_hearsay();
        if shunned || known.failures > FAILURES_MAX && !named {
            self.known.remove(&addr);
        }
    }

    /// Notes whether the peer there has everything.
    pub fn set_seed(&mut self, addr: SocketAddr, seed: bool) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.seed = seed;
        }
    }

    /// Notes that the address is our own.
    pub fn set_self(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.is_self = true;
        }
    }

    /// Shuts an identity out and forgets its addresses.
    pub fn ban(&mut self, addr: SocketAddr) {
        let identity = Identity::of(addr);
        if self.banned.insert(identity) {
            self.ban_order.push_back(identity);
        }
        if self.ban_order.len() > BANS_MAX
            && let Some(oldest) = self.ban_order.pop_front()
        {
            self.banned.remove(&oldest);
        }
        let gone = |addr: &SocketAddr| Identity::of(*addr) == identity;
        self.known.retain(|addr, _| !gone(addr));
        self.attempts.retain(|addr| !gone(addr));
    }

    /// Whether the address is shut out.
    pub fn is_banned(&self, addr: SocketAddr) -> bool {
        self.banned.contains(&Identity::of(addr))
    }

    /// The address to connect to next, if it is time for one: with `connections` open, and seeds
    /// of no use when `skip_seeds`. `is_taken` tells the identities that are connected.
    pub fn next(
        &mut self,
        now: Instant,
        connections: usize,
        skip_seeds: bool,
        is_taken: impl Fn(Identity) -> bool,
    ) -> Option<SocketAddr> {
        let open = connections + self.attempts.len();
        if open >= self.limits.connections || self.attempts.len() >= self.limits.half_open {
            return None;
        }
        let attempted: BTreeSet<Identity> =
            self.attempts.iter().map(|&addr| Identity::of(addr)).collect();
        let (own, filter) = (self.own, &self.filter);
        let usable = |(addr, known): &(&SocketAddr, &Known)| {
            let identity = Identity::of(**addr);
            known.state == State::Idle
                && !known.is_self
                && known.next <= now
                && (!skip_seeds || !known.seed)
                && filter.allows(addr.ip())
                && !attempted.contains(&identity)
                && !is_taken(identity)
        };
        // What the user named comes first; then the fewest failures; then BEP 40, or by lot.
        let rng = &mut self.rng;
        let rank = |(addr, known): &(&SocketAddr, &Known)| {
            let ip = addr.ip().to_canonical();
            let own = own[usize::from(ip.is_ipv6())][usize::from(is_local(ip))];
            let canonical = match own {
                Some(own) => canonical_priority(SocketAddr::new(own, 0), **addr),
                None => rng.next_u64() as u32,
            };
            (known.origin != Origin::User, known.failures, Reverse(canonical))
        };
        let addr = *self.known.iter().filter(usable).min_by_key(rank)?.0;
        if self.tokens.take(now, 1) == 0 {
            return None;
        }
        self.attempts.insert(addr);
        self.known.get_mut(&addr)?.state = State::Attempt(now);
        Some(addr)
    }

    /// Gives up attempts of which nothing was heard.
    pub fn expire(&mut self, now: Instant) {
        let late = |addr: &&SocketAddr| {
            let state = self.known.get(addr).map(|known| known.state);
            !matches!(state, Some(State::Attempt(since)) if now.since(since) < ATTEMPT_MAX)
        };
        let late: Vec<_> = self.attempts.iter().filter(late).copied().collect();
        for addr in late {
            self.failed(now, addr);
        }
    }

    /// Forgets the least promising address that is not in use.
    fn make_room(&mut self) -> bool {
        let idle = self.known.iter().filter(|(_, known)| {
            known.state == State::Idle && known.origin != Origin::User && !known.is_self
        });
        let rng = &mut self.rng;
        let worst = idle.max_by_key(|(_, known)| {
            (known.failures, known.seed, known.giver.is_some(), rng.next_u64())
        });
        let Some((&addr, _)) = worst else {
            return false;
        };
        self.known.remove(&addr);
        true
    }
}

#[cfg(test)]
mod tests;
