use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use stdx::{Duration, Instant, Rng};

use crate::epoch::Epoch;
use crate::mapper::Transmit;
use crate::mapping::{Mapped, Mapping, Methods, Protocol};
use crate::natpmp::{self, Body};
use crate::pcp::{self, MapRequest, MapResponse, Nonce, Response};

/// Where routers listen for both protocols (RFC 6886 §3, RFC 6887 §19.5).
pub(crate) const PORT: u16 = 5_351;

/// PCP's first wait for an answer, doubled each time (RFC 6887 §8.1.1).
const PCP_WAIT: Duration = Duration::from_secs(3);
/// Its longest.
const PCP_WAIT_MAX: Duration = Duration::from_secs(1_024);
/// Requests without an answer after which the router is taken not to know PCP.
const PCP_TRIES: u32 = 2;
/// The same of NAT-PMP: nine times, from 250 ms on (RFC 6886 §3.1).
const NATPMP_WAIT: Duration = Duration::from_millis(250);
const NATPMP_TRIES: u32 = 9;

/// When a silent router is tried again: it may have been off, or another one now.
const SILENCE: Duration = Duration::from_mins(10);
/// The least time between two renewals (RFC 6887 §11.2.1).
const RENEW_MIN: Duration = Duration::from_secs(4);
/// Bounds of what an error is said to last.
const REFUSAL_MIN: Duration = Duration::from_secs(30);
const REFUSAL_MAX: Duration = Duration::from_mins(30);
/// No lease is believed to be longer (RFC 6887 §15).
const LEASE_MAX: Duration = Duration::from_hours(24);

/// What the router is asked by, for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Pcp,
    NatPmp,
    /// It said nothing; until then nothing is asked.
    Silent(Instant),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// So often asked, and when to ask again.
    Asking(u32, Instant),
    /// When to renew it, and when it ends.
    Held {
        renew: Instant,
        ends: Instant,
    },
    /// Not to be had before then.
    Refused(Instant),
    /// So often asked for its end, and when to ask again.
    Ending(u32, Instant),
    Gone,
}

#[derive(Clone, Debug)]
struct Entry {
    mapping: Mapping,
    nonce: Nonce,
    state: State,
    /// What was had last, and is wished for again.
    external: Option<SocketAddr>,
}

/// The part of a mapper that speaks PCP or NAT-PMP with the router.
#[derive(Debug)]
pub(crate) struct Gateway {
    address: SocketAddr,
    local: IpAddr,
    lease: Duration,
    methods: Methods,
    dialect: Dialect,
    epoch: Option<Epoch>,
    /// NAT-PMP's question for the address outside: so often asked, and when again.
    question: (u32, Option<Instant>),
    outside: Option<IpAddr>,
    entries: Vec<Entry>,
    out: VecDeque<Transmit>,
    rng: Rng,
}

impl Gateway {
    pub(crate) fn new(
        now: Instant,
        (router, local): (SocketAddr, IpAddr),
        (methods, lease): (Methods, Duration),
        mappings: &[Mapping],
        mut rng: Rng,
    ) -> Self {
        let mut address = router;
        address.set_port(PORT);
        let mut entry = |mapping: &Mapping| {
            let mut nonce = Nonce::default();
            rng.fill(&mut nonce);
            Entry { mapping: *mapping, nonce, state: State::Asking(0, now), external: None }
        };
        let entries = mappings.iter().map(&mut entry).collect();
        let mut gateway = Self {
            address,
            local,
            lease: lease.clamp(Duration::from_secs(1), LEASE_MAX),
            methods,
            dialect: Dialect::Pcp,
            epoch: None,
            question: (0, None),
            outside: None,
            entries,
            out: VecDeque::new(),
            rng,
        };
        if !methods.pcp {
            gateway.give_up_pcp(now);
        }
        gateway.handle_timeout(now);
        gateway
    }

    /// Where a mapping is, if it is held.
    pub(crate) fn mapped(&self, mapping: Mapping) -> Option<Mapped> {
        let entry = self.entries.iter().find(|entry| entry.mapping == mapping)?;
        // One that is asked for anew after a restart is not lost before it is refused.
        let is_held = matches!(entry.state, State::Held { .. } | State::Asking(..));
        let mut external = entry.external.filter(|_| is_held)?;
        let by = if self.dialect == Dialect::NatPmp { Protocol::NatPmp } else { Protocol::Pcp };
        if by == Protocol::NatPmp {
            external.set_ip(self.outside?);
        }
        Some(Mapped { external, by })
    }

    /// Takes in a datagram from the router's port.
    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if (from.ip(), from.port()) != (self.address.ip(), self.address.port()) {
            return;
        }
        match self.dialect {
            Dialect::Pcp => match pcp::parse(bytes) {
                Some(Response::Map(response)) => self.handle_pcp(now, &response),
                Some(Response::Unsupported) => self.give_up_pcp(now),
                None => {}
            },
            Dialect::NatPmp => {
                if let Some(response) = natpmp::parse(bytes) {
                    self.handle_natpmp(now, response);
                }
            }
            Dialect::Silent(_) => {}
        }
        self.handle_timeout(now);
    }

    fn handle_pcp(&mut self, now: Instant, response: &MapResponse) {
        let ours =
            |entry: &Entry| entry.mapping == response.mapping && entry.nonce == response.nonce;
        let Some(place) = self.entries.iter().position(ours) else {
            return;
        };
        // Another client's business, or a mistake of ours in this protocol: NAT-PMP may do.
        if matches!(response.result, 3 | 5 | 9 | 12) {
            return self.give_up_pcp(now);
        }
        self.hear_epoch(now, response.epoch);
        let lasts = Duration::from_secs(response.lifetime.into());
        if response.result == 0 {
            self.hold(now, place, response.external, lasts);
        } else {
            self.refuse(now, place, lasts);
        }
    }

    fn handle_natpmp(&mut self, now: Instant, response: natpmp::Response) {
        // An answer, maybe a late one, to what was said in PCP.
        if response.result == 1 {
            return;
        }
        match response.body {
            Body::Address(ip) => {
                self.hear_epoch(now, response.epoch);
                self.outside = Some(ip.into());
                self.question = (0, None);
            }
            Body::Mapping { mapping, external, lifetime } => {
                let Some(place) = self.entries.iter().position(|it| it.mapping == mapping) else {
                    return;
                };
                self.hear_epoch(now, response.epoch);
                if response.result != 0 {
                    return self.refuse(now, place, REFUSAL_MAX);
                }
                let external = SocketAddr::new(pcp::none_like(self.local), external);
                self.hold(now, place, external, Duration::from_secs(lifetime.into()));
            }
            Body::Refusal => {}
        }
    }

    /// Notes the router's clock; one that has restarted has forgotten everything.
    fn hear_epoch(&mut self, now: Instant, seconds: u32) {
        let before = self.epoch.replace(Epoch::new(now, seconds));
        if before.is_none_or(|epoch| epoch.goes_on(now, seconds)) {
            return;
        }
        for entry in &mut self.entries {
            if let State::Held { .. } = entry.state {
                entry.state = State::Asking(0, now);
            }
        }
        if self.dialect == Dialect::NatPmp {
            self.question = (0, Some(now));
        }
    }

    fn hold(&mut self, now: Instant, place: usize, external: SocketAddr, lasts: Duration) {
        let entry = &mut self.entries[place];
        if let State::Ending(..) | State::Gone = entry.state {
            // A late answer to what was asked before the end is not the end.
            if lasts.is_zero() {
                entry.state = State::Gone;
            }
            return;
        }
        if lasts.is_zero() || external.port() == 0 {
            return self.refuse(now, place, REFUSAL_MAX);
        }
        // Answers to several repetitions, or a word of the same again, change little.
        let lasts = lasts.min(LEASE_MAX);
        let renew = now + (lasts / 2).max(RENEW_MIN);
        entry.state = State::Held { renew, ends: now + lasts.max(RENEW_MIN) };
        let moved = entry.external.replace(external).is_some_and(|it| it.ip() != external.ip());
        if moved {
            // The router's address is another one now: of the others' mappings, too.
            for (other, entry) in self.entries.iter_mut().enumerate() {
                if other != place && matches!(entry.state, State::Held { .. }) {
                    let same = entry.external.is_some_and(|it| it.ip() == external.ip());
                    if !same {
                        entry.state = State::Asking(0, now);
                    }
                }
            }
        }
    }

    fn refuse(&mut self, now: Instant, place: usize, lasts: Duration) {
        let entry = &mut self.entries[place];
        entry.external = None;
        entry.state = match entry.state {
            State::Ending(..) | State::Gone => State::Gone,
            _ => State::Refused(now + lasts.clamp(REFUSAL_MIN, REFUSAL_MAX)),
        };
    }

    fn give_up_pcp(&mut self, now: Instant) {
        if !self.methods.nat_pmp || self.address.is_ipv6() {
            return self.fall_silent(now);
        }
        self.dialect = Dialect::NatPmp;
        self.epoch = None;
        self.question = (0, Some(now));
        self.begin_again(now);
    }

    fn fall_silent(&mut self, now: Instant) {
        self.dialect = Dialect::Silent(now + SILENCE);
        self.outside = None;
        self.question = (0, None);
        for entry in &mut self.entries {
            entry.external = None;
            entry.state = match entry.state {
                State::Ending(..) | State::Gone => State::Gone,
                _ => State::Asking(0, now),
            };
        }
    }

    fn begin_again(&mut self, now: Instant) {
        for entry in &mut self.entries {
            entry.state = match entry.state {
                State::Ending(..) if entry.external.is_some() => State::Ending(0, now),
                State::Ending(..) | State::Gone => State::Gone,
                _ => State::Asking(0, now),
            };
        }
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if let Dialect::Silent(until) = self.dialect
            && until <= now
        {
            self.dialect = Dialect::Pcp;
            self.begin_again(now);
            if !self.methods.pcp {
                self.give_up_pcp(now);
            }
        }
        if let (tried, Some(due)) = self.question
            && due <= now
            && self.dialect == Dialect::NatPmp
        {
            if tried >= NATPMP_TRIES {
                return self.fall_silent(now);
            }
            self.question = (tried + 1, Some(now + NATPMP_WAIT * (1 << tried)));
            self.send(natpmp::ADDRESS_REQUEST.to_vec());
        }
        for place in 0..self.entries.len() {
            self.attend(now, place);
        }
    }

    fn attend(&mut self, now: Instant, place: usize) {
        let entry = &mut self.entries[place];
        match entry.state {
            State::Held { ends, .. } if ends <= now => {
                entry.external = None;
                entry.state = State::Asking(0, now);
            }
            State::Refused(until) if until <= now => entry.state = State::Asking(0, now),
            _ => {}
        }
        match entry.state {
            State::Held { renew, ends } if renew <= now => {
                // Half of what is left, again and again (RFC 6887 §11.2.1).
                let renew = now + (ends.since(now) / 2).max(RENEW_MIN);
                entry.state = State::Held { renew, ends };
                if self.dialect == Dialect::NatPmp {
                    self.question = (0, Some(now + NATPMP_WAIT));
                    self.send(natpmp::ADDRESS_REQUEST.to_vec());
                }
                self.request(place, self.lease);
            }
            State::Asking(tried, due) if due <= now => {
                let Some(next) = self.next_try(now, tried) else { return };
                self.entries[place].state = State::Asking(tried + 1, next);
                self.request(place, self.lease);
            }
            State::Ending(tried, due) if due <= now => {
                // However slow the schedule: there is little time.
                let next = now + NATPMP_WAIT * (1 << tried.min(NATPMP_TRIES));
                entry.state = State::Ending(tried + 1, next);
                self.request(place, Duration::ZERO);
            }
            _ => {}
        }
    }

    /// When to ask again what is asked now; `None` when it is not to be asked.
    fn next_try(&mut self, now: Instant, tried: u32) -> Option<Instant> {
        match self.dialect {
            Dialect::Silent(_) => None,
            Dialect::NatPmp if tried >= NATPMP_TRIES => {
                self.fall_silent(now);
                None
            }
            Dialect::NatPmp => Some(now + NATPMP_WAIT * (1 << tried)),
            Dialect::Pcp if tried >= PCP_TRIES => {
                self.give_up_pcp(now);
                None
            }
            Dialect::Pcp => {
                let wait = (PCP_WAIT * (1 << tried)).min(PCP_WAIT_MAX);
                Some(now + wait.mul_f64(0.9 + 0.2 * self.rng.unit()))
            }
        }
    }

    fn request(&mut self, place: usize, lease: Duration) {
        let entry = &self.entries[place];
        let seconds = lease.as_secs() as u32;
        let wish = entry.external.filter(|_| seconds > 0);
        let payload = if self.dialect == Dialect::NatPmp {
            let port = if seconds == 0 { 0 } else { entry.mapping.port };
            natpmp::map_request(entry.mapping, wish.map_or(port, |it| it.port()), seconds).to_vec()
        } else {
            let none = SocketAddr::new(pcp::none_like(self.local), 0);
            let first = SocketAddr::new(none.ip(), entry.mapping.port);
            let suggested = wish.unwrap_or(if seconds == 0 { none } else { first });
            let (nonce, mapping, client) = (entry.nonce, entry.mapping, self.local);
            let request = MapRequest { client, nonce, mapping, suggested, lifetime: seconds };
            request.to_bytes().to_vec()
        };
        self.send(payload);
    }

    fn send(&mut self, payload: Vec<u8>) {
        self.out.push_back(Transmit { to: self.address, payload });
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let silence = match self.dialect {
            Dialect::Silent(until) => Some(until),
            _ => None,
        };
        let due = |entry: &Entry| match entry.state {
            State::Asking(..) if silence.is_some() => None,
            State::Asking(_, due) | State::Ending(_, due) | State::Refused(due) => Some(due),
            State::Held { renew, ends } => Some(renew.min(ends)),
            State::Gone => None,
        };
        self.entries.iter().filter_map(due).chain(silence).chain(self.question.1).min()
    }

    /// Asks for the end of all that is held.
    pub(crate) fn end(&mut self, now: Instant) {
        for entry in &mut self.entries {
            // What is being asked for may be granted in this moment.
            let may_be = entry.external.is_some() || matches!(entry.state, State::Asking(1.., _));
            let is_heard = !matches!(self.dialect, Dialect::Silent(_));
            let ending = may_be && is_heard;
            entry.state = if ending { State::Ending(0, now) } else { State::Gone };
        }
        self.question = (0, None);
        self.handle_timeout(now);
    }

    /// Whether nothing is left to be ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.entries.iter().all(|entry| matches!(entry.state, State::Gone))
    }
}
