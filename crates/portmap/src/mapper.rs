use std::net::{IpAddr, SocketAddr};

use stdx::{Duration, Instant, Rng};

use crate::device::Device;
use crate::gateway::{Gateway, PORT};
use crate::igd::{Answer, Request};
use crate::mapping::{Mapped, Mapping, Methods};

/// Mappings of one mapper; more are left out.
pub const MAPPINGS_MAX: usize = 16;

/// How long the removal may take before what is left is left to its lease.
pub const REMOVAL_MAX: Duration = Duration::from_secs(2);

/// How long PCP and NAT-PMP have the word before UPnP is asked for the same.
const HEAD_START: Duration = Duration::from_millis(1_500);

/// What a mapper is set up with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The router: the next hop of the default route, with its scope where it has one.
    pub router: SocketAddr,
    /// Our address that it sees.
    pub local: IpAddr,
    /// By what it is asked; IPv6 knows PCP alone.
    pub methods: Methods,
    /// How long mappings are to last when nobody renews them.
    pub lease: Duration,
}

/// A datagram to be sent from our address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The router, or the multicast group of SSDP.
    pub to: SocketAddr,
    /// What it is told.
    pub payload: Vec<u8>,
}

/// What happened to a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is reached there from now on.
    Mapped(Mapping, Mapped),
    /// It is not reached any more.
    Lost(Mapping),
}

/// Keeps ports open at one router: asks by PCP, then by NAT-PMP, and by UPnP beside; renews at half
/// the lifetime; and asks anew when the router has restarted or has another address. Only the
/// router that is asked is believed.
#[derive(Debug)]
pub struct Mapper {
    gateway: Option<Gateway>,
    device: Option<Device>,
    /// When UPnP may ask for what the others have not brought.
    patience: Instant,
    /// What was told last of each mapping.
    told: Vec<(Mapping, Option<Mapped>)>,
    ending: Option<Instant>,
}

impl Mapper {
    /// Begins to ask.
    pub fn new(now: Instant, config: &Config, mappings: &[Mapping], mut rng: Rng) -> Self {
        let mut wanted = mappings.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.truncate(MAPPINGS_MAX);
        let Config { router, local, methods, lease } = config;
        let by_gateway = methods.pcp || methods.nat_pmp;
        let (for_gateway, for_device) = (rng.fork(), rng.fork());
        let gateway = by_gateway.then(|| {
            Gateway::new(now, (*router, *local), (*methods, *lease), &wanted, for_gateway)
        });
        let device = match local {
            IpAddr::V4(local) if methods.upnp => {
                Some(Device::new(now, (router.ip(), *local), *lease, &wanted, for_device))
            }
            _ => None,
        };
        let patience = if by_gateway { now + HEAD_START } else { now };
        let told = wanted.into_iter().map(|mapping| (mapping, None)).collect();
        let mut mapper = Self { gateway, device, patience, told, ending: None };
        mapper.advance(now);
        mapper
    }

    /// Takes in a datagram.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if from.port() == PORT {
            if let Some(gateway) = &mut self.gateway {
                gateway.handle(now, from, bytes);
            }
        } else if let Some(device) = &mut self.device {
            device.handle(from, bytes);
        }
        self.advance(now);
    }

    /// Takes in the answer to a [`Request`]; `None` when there was none in time.
    pub fn handle_answer(&mut self, now: Instant, id: u64, answer: Option<&Answer>) {
        if let Some(device) = &mut self.device {
            device.handle_answer(now, id, answer);
        }
        self.advance(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(gateway) = &mut self.gateway {
            gateway.handle_timeout(now);
        }
        self.advance(now);
    }

    fn advance(&mut self, now: Instant) {
        let gateway = self.gateway.as_ref();
        let is_held = |mapping| gateway.is_some_and(|it| it.mapped(mapping).is_some());
        if let Some(device) = &mut self.device
            && (now >= self.patience || self.ending.is_some())
        {
            device.advance(now, &is_held);
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let first = self.gateway.as_mut().and_then(Gateway::poll_transmit);
        first.or_else(|| self.device.as_mut()?.poll_transmit())
    }

    /// The next request to make, whose answer goes to [`Self::handle_answer`].
    pub fn poll_request(&mut self) -> Option<Request> {
        self.device.as_mut()?.poll_request()
    }

    /// What is new of a mapping.
    pub fn poll_event(&mut self) -> Option<Event> {
        for place in 0..self.told.len() {
            let (mapping, told) = self.told[place];
            let mapped = self.mapped(mapping).filter(|_| self.ending.is_none());
            if mapped != told {
                self.told[place].1 = mapped;
                return Some(mapped.map_or(Event::Lost(mapping), |it| Event::Mapped(mapping, it)));
            }
        }
        None
    }

    /// Where a mapping is, if it is held.
    pub fn mapped(&self, mapping: Mapping) -> Option<Mapped> {
        let first = self.gateway.as_ref().and_then(|it| it.mapped(mapping));
        first.or_else(|| self.device.as_ref()?.mapped(mapping))
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let gateway = self.gateway.as_ref();
        let is_held = |mapping| gateway.is_some_and(|it| it.mapped(mapping).is_some());
        let device = self.device.as_ref().and_then(|it| it.poll_timeout(&is_held));
        let device = device.map(|due| due.max(self.patience));
        [gateway.and_then(Gateway::poll_timeout), device, self.ending].into_iter().flatten().min()
    }

    /// Asks for the removal of all that is held; see [`Self::is_ended`].
    pub fn shutdown(&mut self, now: Instant) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(now + REMOVAL_MAX);
        if let Some(gateway) = &mut self.gateway {
            gateway.end(now);
        }
        if let Some(device) = &mut self.device {
            device.end();
        }
    }

    /// Whether all is removed, or the time for it is over.
    pub fn is_ended(&self, now: Instant) -> bool {
        let gateway = self.gateway.as_ref().is_none_or(Gateway::is_ended);
        let device = self.device.as_ref().is_none_or(Device::is_ended);
        self.ending.is_some_and(|end| end <= now || (gateway && device))
    }
}
