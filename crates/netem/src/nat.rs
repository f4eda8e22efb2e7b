use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use stdx::{Duration, Instant};

/// The ports that mappings get (RFC 6335 §6).
const PORT_FIRST: u16 = 49_152;

/// Whom a mapping remembers to have sent to, at most; the one longest not sent to gives way.
const PERMITTED_MAX: usize = 1_024;

/// How a NAT box maps and filters. The names are those of RFC 3489 §5; RFC 4787 §4.1 and §5 tell
/// the two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatKind {
    /// Endpoint-independent mapping, endpoint-independent filtering: once somebody inside has sent
    /// anything to anybody, everybody reaches it.
    FullCone,
    /// Endpoint-independent mapping, address-dependent filtering: whom it has sent to reaches it,
    /// from any port.
    AddressRestricted,
    /// Endpoint-independent mapping, address and port-dependent filtering: only from where it has
    /// sent to.
    PortRestricted,
    /// Address and port-dependent mapping and filtering: it appears elsewhere to everybody whom it
    /// sends to.
    Symmetric,
}

impl NatKind {
    /// Every kind, the most open first.
    pub const ALL: [Self; 4] =
        [Self::FullCone, Self::AddressRestricted, Self::PortRestricted, Self::Symmetric];
}

/// What a [`Nat`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatConfig {
    /// How it maps and filters.
    pub kind: NatKind,
    /// A mapping has the port that it maps, where that is free (RFC 4787 §4.2.1, "port
    /// preservation"); else, and otherwise always, one after the other.
    pub preserves_ports: bool,
    /// A mapping ends when nothing has gone out by it for so long (§4.3 asks for two minutes at
    /// least; many boxes have 30 seconds). What comes in prolongs nothing.
    pub timeout: Duration,
    /// Mappings at a time, at most. With all in use, what would need another is dropped.
    pub mappings_max: usize,
}

impl NatConfig {
    /// A box of this kind that keeps to RFC 4787 otherwise, and has its own ports.
    pub fn new(kind: NatKind) -> Self {
        let timeout = Duration::from_mins(2);
        Self { kind, preserves_ports: false, timeout, mappings_max: 4_096 }
    }
}

/// An address translator for UDP: what lies between a home and the world. Pure: it is asked about
/// each datagram that passes, and keeps its table by the moments that it is told.
#[derive(Clone, Debug)]
pub struct Nat {
    config: NatConfig,
    outside: IpAddr,
    /// The ports of mappings: by who is inside and, where it matters, whom it sends to.
    ports: BTreeMap<Key, u16>,
    mappings: BTreeMap<u16, Mapping>,
    next: u16,
}

type Key = (SocketAddr, Option<SocketAddr>);

#[derive(Clone, Debug)]
struct Mapping {
    key: Key,
    used: Instant,
    /// Whom it has sent to, and when last.
    permitted: BTreeMap<SocketAddr, Instant>,
}

impl Nat {
    /// A box with an empty table, whose address in the world is `outside`.
    pub fn new(config: NatConfig, outside: IpAddr) -> Self {
        let (ports, mappings) = (BTreeMap::new(), BTreeMap::new());
        Self { config, outside, ports, mappings, next: PORT_FIRST }
    }

    /// How many mappings there are, of which some may be over.
    pub fn len(&self) -> usize {
        self.mappings.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }

    /// A datagram goes out: where it seems to come from. `None`: there is no mapping left for it,
    /// and it is dropped.
    pub fn outbound(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Option<SocketAddr> {
        let key = (from, (self.config.kind == NatKind::Symmetric).then_some(to));
        let known = self.ports.get(&key).copied().filter(|port| !self.forget_if_over(now, *port));
        let port = known.or_else(|| self.open(now, key))?;
        let mapping = self.mappings.get_mut(&port)?;
        mapping.used = now;
        mapping.permit(now, to);
        Some(SocketAddr::new(self.outside, port))
    }

    /// A datagram for one of our ports comes in: whom it is for. `None`: it is dropped.
    pub fn inbound(&mut self, now: Instant, from: SocketAddr, port: u16) -> Option<SocketAddr> {
        if self.forget_if_over(now, port) {
            return None;
        }
        let mapping = self.mappings.get(&port)?;
        let fresh = |at: &Instant| now.since(*at) < self.config.timeout;
        let may = match self.config.kind {
            NatKind::FullCone => true,
            NatKind::AddressRestricted => {
                let same = |(to, at): (&SocketAddr, &Instant)| to.ip() == from.ip() && fresh(at);
                mapping.permitted.iter().any(same)
            }
            NatKind::PortRestricted | NatKind::Symmetric => {
                mapping.permitted.get(&from).is_some_and(fresh)
            }
        };
        may.then_some(mapping.key.0)
    }

    fn open(&mut self, now: Instant, key: Key) -> Option<u16> {
        if self.mappings.len() >= self.config.mappings_max {
            let timeout = self.config.timeout;
            self.mappings.retain(|_, it| now.since(it.used) < timeout);
            self.ports.retain(|_, port| self.mappings.contains_key(port));
        }
        if self.mappings.len() >= self.config.mappings_max {
            return None;
        }
        let port = self.free_port(key.0.port())?;
        self.ports.insert(key, port);
        self.mappings.insert(port, Mapping { key, used: now, permitted: BTreeMap::new() });
        Some(port)
    }

    fn free_port(&mut self, own: u16) -> Option<u16> {
        if self.config.preserves_ports && !self.mappings.contains_key(&own) {
            return Some(own);
        }
        let ports = (self.next..=u16::MAX).chain(PORT_FIRST..self.next);
        let free = ports.into_iter().find(|port| !self.mappings.contains_key(port))?;
        self.next = free.checked_add(1).unwrap_or(PORT_FIRST);
        Some(free)
    }

    /// Ends a mapping whose time is over; whether there is none now.
    fn forget_if_over(&mut self, now: Instant, port: u16) -> bool {
        let Some(mapping) = self.mappings.get(&port) else {
            return true;
        };
        if now.since(mapping.used) < self.config.timeout {
            return false;
        }
        self.ports.remove(&mapping.key);
        self.mappings.remove(&port);
        true
    }
}

impl Mapping {
    fn permit(&mut self, now: Instant, to: SocketAddr) {
        if self.permitted.len() >= PERMITTED_MAX && !self.permitted.contains_key(&to) {
            let oldest = self.permitted.iter().min_by_key(|(_, at)| **at).map(|(to, _)| *to);
            oldest.map(|oldest| self.permitted.remove(&oldest));
        }
        self.permitted.insert(to, now);
    }
}
