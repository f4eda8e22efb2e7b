use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use stdx::{Duration, Instant, Rng};

use crate::igd::{self, Action, Answer, Kind, Request, Service};
use crate::mapper::Transmit;
use crate::mapping::{Mapped, Mapping, Protocol};
use crate::ssdp::{self, Location};

/// Searches, and the time between them: datagrams may be lost.
const SEARCHES: u32 = 4;
const SEARCH_WAIT: Duration = Duration::from_secs(2);
/// When all is tried again after nobody was found, or nobody would.
const PAUSE: Duration = Duration::from_mins(10);
/// When a device that broke off is looked for again.
const RETURN: Duration = Duration::from_mins(1);
/// Devices that are asked.
const DEVICES_MAX: usize = 4;
/// Ports outside that are tried for one mapping.
const TRIES_MAX: u32 = 5;
/// Ports that nobody needs rights for.
const PORT_MIN: u16 = 1_024;
/// How often a mapping without an end is asked for again: the router may have been restarted.
const LASTING: Duration = Duration::from_mins(20);

/// UPnP's numbers of errors (Internet Gateway Device, WANIPConnection §2.5).
const CONFLICT: u16 = 718;
const ONLY_PERMANENT: u16 = 725;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Wanted,
    Held { renew: Instant },
    Refused(Instant),
    Gone,
}

#[derive(Clone, Debug)]
struct Entry {
    mapping: Mapping,
    external: u16,
    tries: u32,
    state: State,
}

/// What an answer is awaited to.
#[derive(Clone, Debug)]
enum Ask {
    Description(Location),
    Address,
    Add(usize),
    Delete(usize),
}

/// The part of a mapper that speaks UPnP, with one device at a time and one question at a time.
#[derive(Debug)]
pub(crate) struct Device {
    router: IpAddr,
    local: Ipv4Addr,
    lease: Duration,
    /// So often searched, and when to search again.
    search: (u32, Instant),
    found: VecDeque<Location>,
    /// Those that were asked already, this time.
    asked: Vec<Location>,
    services: VecDeque<Service>,
    service: Option<Service>,
    outside: Option<Ipv4Addr>,
    /// Until when that counts: providers give out other addresses.
    outside_until: Instant,
    permanent: bool,
    entries: Vec<Entry>,
    awaited: Option<(u64, Ask)>,
    next_id: u64,
    out: VecDeque<Transmit>,
    request: Option<Request>,
    ending: bool,
    rng: Rng,
}

impl Device {
    pub(crate) fn new(
        now: Instant,
        (router, local): (IpAddr, Ipv4Addr),
        lease: Duration,
        mappings: &[Mapping],
        rng: Rng,
    ) -> Self {
        let entry = |&mapping: &Mapping| Entry {
            mapping,
            external: mapping.port,
            tries: 0,
            state: State::Wanted,
        };
        Self {
            router,
            local,
            lease,
            search: (0, now),
            found: VecDeque::new(),
            asked: Vec::new(),
            services: VecDeque::new(),
            service: None,
            outside: None,
            outside_until: now,
            permanent: false,
            entries: mappings.iter().map(entry).collect(),
            awaited: None,
            next_id: 0,
            out: VecDeque::new(),
            request: None,
            ending: false,
            rng,
        }
    }

    /// Where a mapping is, if it is held.
    pub(crate) fn mapped(&self, mapping: Mapping) -> Option<Mapped> {
        let entry = self.entries.iter().find(|entry| entry.mapping == mapping)?;
        let State::Held { .. } = entry.state else { return None };
        let external = SocketAddr::new(self.outside?.into(), entry.external);
        Some(Mapped { external, by: Protocol::Upnp })
    }

    /// Takes in an answer to a search.
    pub(crate) fn handle(&mut self, from: SocketAddr, bytes: &[u8]) {
        if self.service.is_some() || self.ending || !self.may_be_device(from.ip()) {
            return;
        }
        let Some(location) = ssdp::parse(from, bytes) else {
            return;
        };
        let is_known = self.found.contains(&location) || self.asked.contains(&location);
        if is_known || self.found.len() + self.asked.len() >= DEVICES_MAX {
            return;
        }
        // The router itself rather than another device that says it is one.
        if from.ip() == self.router {
            self.found.push_front(location);
        } else {
            self.found.push_back(location);
        }
    }

    /// The router, or somebody else of this network.
    fn may_be_device(&self, ip: IpAddr) -> bool {
        let is_inside = |ip: Ipv4Addr| ip.is_private() || ip.is_link_local();
        ip == self.router || matches!(ip, IpAddr::V4(ip) if is_inside(ip))
    }

    /// Takes in the answer to a request; `None` when there was none.
    pub(crate) fn handle_answer(&mut self, now: Instant, id: u64, answer: Option<&Answer>) {
        let Some((_, ask)) = self.awaited.take_if(|(awaited, _)| *awaited == id) else {
            return;
        };
        match (ask, answer) {
            (Ask::Description(at), Some(answer)) if answer.status == 200 => {
                self.services = igd::services(&answer.body, &at).into();
            }
            (Ask::Description(_), _) => {}
            (Ask::Address, answer) => {
                let told = answer.and_then(|it| igd::outcome(it, "NewExternalIPAddress").ok()?);
                let ip: Option<Ipv4Addr> = told.and_then(|ip| ip.parse().ok());
                match ip.filter(|ip| !ip.is_unspecified()) {
                    Some(ip) => {
                        self.outside = Some(ip);
                        // It is asked for again with each renewal.
                        self.outside_until = now + self.renewal() / 2;
                    }
                    // It had one a moment ago.
                    None if self.outside.is_some() => self.lose(now),
                    None => self.service = None,
                }
            }
            (Ask::Add(place), Some(answer)) => self.added(now, place, answer),
            (Ask::Delete(place), _) => self.entries[place].state = State::Gone,
            (Ask::Add(_), None) => self.lose(now),
        }
    }

    fn added(&mut self, now: Instant, place: usize, answer: &Answer) {
        let renewal = self.renewal();
        let entry = &mut self.entries[place];
        match igd::outcome(answer, "NewReservedPort") {
            Ok(reserved) => {
                if let Some(port) =
                    reserved.and_then(|port| port.parse().ok()).filter(|port| *port != 0)
                {
                    entry.external = port;
                }
                (entry.tries, entry.state) = (0, State::Held { renew: now + renewal });
            }
            Err(ONLY_PERMANENT) if !self.permanent => self.permanent = true,
            Err(CONFLICT) if entry.tries < TRIES_MAX => {
                entry.tries += 1;
                entry.external = PORT_MIN + self.rng.below(u64::from(u16::MAX - PORT_MIN)) as u16;
                entry.state = State::Wanted;
            }
            Err(_) => {
                entry.state = State::Refused(now + PAUSE);
                (entry.tries, entry.external) = (0, entry.mapping.port);
            }
        }
    }

    /// Time until what is held is asked for again.
    fn renewal(&self) -> Duration {
        if self.permanent { LASTING } else { self.lease / 2 }
    }

    /// The device is gone, and with it what it held.
    fn lose(&mut self, now: Instant) {
        (self.service, self.outside) = (None, None);
        self.services.clear();
        self.found.clear();
        self.asked.clear();
        self.search = (0, now + RETURN);
        for entry in &mut self.entries {
            entry.state = if self.ending { State::Gone } else { State::Wanted };
        }
    }

    /// Does what is due; `is_held` says which mappings need nothing here.
    pub(crate) fn advance(&mut self, now: Instant, is_held: &dyn Fn(Mapping) -> bool) {
        if self.awaited.is_some() {
            return;
        }
        if self.ending {
            return self.remove();
        }
        for entry in &mut self.entries {
            if matches!(entry.state, State::Refused(until) if until <= now) {
                entry.state = State::Wanted;
            }
        }
        let wanted = |it: &Entry| match it.state {
            State::Wanted => !is_held(it.mapping),
            State::Held { renew } => renew <= now,
            State::Refused(_) | State::Gone => false,
        };
        let Some(place) = self.entries.iter().position(wanted) else {
            return;
        };
        if self.service.is_none() {
            self.service = self.services.pop_front();
        }
        let Some(service) = &self.service else {
            return self.find(now);
        };
        let kind = service.kind;
        if self.outside.is_none() || self.outside_until <= now {
            return self.act(Action::ExternalAddress, Ask::Address);
        }
        let lease = if self.permanent { 0 } else { self.lease.as_secs() as u32 };
        let Entry { mapping, external, .. } = self.entries[place];
        let any = kind == Kind::Ip2 && !self.permanent;
        let action = Action::Add { mapping, external, client: self.local, lease, any };
        self.act(action, Ask::Add(place));
    }

    fn find(&mut self, now: Instant) {
        if let Some(location) = self.found.pop_front() {
            let (to, path) = (location.address, location.path.clone());
            self.asked.push(location.clone());
            return self.ask(Request { id: 0, to, path, soap: None }, Ask::Description(location));
        }
        let (searched, due) = self.search;
        if due > now {
            return;
        }
        if searched >= SEARCHES {
            self.asked.clear();
            self.search = (0, now + PAUSE);
            return;
        }
        self.search = (searched + 1, now + SEARCH_WAIT);
        let search = |target| Transmit { to: ssdp::GROUP, payload: ssdp::search(target) };
        self.out.extend(ssdp::TARGETS.map(search));
    }

    /// Asks for the end of one more mapping.
    fn remove(&mut self) {
        let held = |entry: &Entry| matches!(entry.state, State::Held { .. });
        let Some(place) = self.entries.iter().position(held) else {
            return;
        };
        let Entry { mapping, external, .. } = self.entries[place];
        self.act(Action::Delete { mapping, external }, Ask::Delete(place));
    }

    fn act(&mut self, action: Action, ask: Ask) {
        if let Some(Service { kind, control }) = &self.service {
            let (to, path) = (control.address, control.path.clone());
            let request = Request { id: 0, to, path, soap: Some(action.to_soap(*kind)) };
            self.ask(request, ask);
        }
    }

    fn ask(&mut self, mut request: Request, ask: Ask) {
        self.next_id += 1;
        request.id = self.next_id;
        self.awaited = Some((request.id, ask));
        self.request = Some(request);
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    pub(crate) fn poll_request(&mut self) -> Option<Request> {
        self.request.take()
    }

    pub(crate) fn poll_timeout(&self, is_held: &dyn Fn(Mapping) -> bool) -> Option<Instant> {
        if self.awaited.is_some() || self.ending {
            return None;
        }
        let due = |entry: &Entry| match entry.state {
            State::Held { renew } => Some(renew),
            State::Refused(until) => Some(until),
            State::Wanted if self.service.is_none() && !is_held(entry.mapping) => {
                Some(self.search.1)
            }
            State::Wanted | State::Gone => None,
        };
        self.entries.iter().filter_map(due).min()
    }

    /// Asks for the end of all that is held.
    pub(crate) fn end(&mut self) {
        self.ending = true;
        // What is being asked for may be granted in this moment.
        if let Some((_, Ask::Add(place))) = self.awaited.take()
            && self.outside.is_some()
        {
            self.entries[place].state = State::Held { renew: Instant::ZERO };
        }
        self.request = None;
        for entry in &mut self.entries {
            if !matches!(entry.state, State::Held { .. }) || self.service.is_none() {
                entry.state = State::Gone;
            }
        }
        self.remove();
    }

    /// Whether nothing is left to be ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.entries.iter().all(|entry| entry.state == State::Gone)
    }
}
