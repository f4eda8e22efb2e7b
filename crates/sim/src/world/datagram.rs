//! Datagrams between nodes: out through a NAT box, up one access link, down another, and in through
//! a NAT box again. Nobody is told of those that do not arrive.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use netem::{Link, LinkConfig, Nat, NatConfig, NatKind};
use stdx::{Duration, Instant, Rng};

use super::{Event, NodeIndex, NodeSpec, Scheduled, World, WorldConfig, node_of};

/// What IP and UDP put before a datagram, in bytes.
const HEADERS: u64 = 28;
/// A queue holds some packets, however slow its link is.
const QUEUE_MIN: u64 = 10 * 1_500;
/// Who is behind a NAT box has this address; every box has a network of its own behind it.
const INSIDE: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 2);

/// What befalls datagrams on their way between two nodes, besides getting lost. Streams that are
/// not made of datagrams see nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Faults {
    /// The most that is added to the delay of each, at random.
    pub jitter: Duration,
    /// The share that is held back, and overtaken meanwhile.
    pub reorder: f64,
    /// For how long.
    pub reorder_by: Duration,
    /// The share that arrives twice.
    pub duplicate: f64,
}

/// One direction of an access link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    /// From a node to the middle of the network.
    Up,
    /// From there to a node.
    Down,
}

/// What links carry.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// A node's access link for datagrams, and the box at the node's end of it. It has the rates of
/// [`NodeSpec::access`] for itself: what pipes carry is not in its way.
#[derive(Debug)]
pub(crate) struct Line {
    legs: [Link<Datagram>; 2],
    timers: [Option<Instant>; 2],
    rate: Option<u64>,
    address: SocketAddr,
    nat: Option<Nat>,
}

impl Line {
    pub(crate) fn new(
        config: &WorldConfig,
        spec: &NodeSpec,
        address: SocketAddr,
        rng: &mut Rng,
    ) -> Self {
        let leg = |rate: Option<u64>| LinkConfig {
            rate,
            delay: spec.delay,
            queue_bytes: rate.map_or(u64::MAX, |rate| config.queue_for(rate).max(QUEUE_MIN)),
            ..LinkConfig::default()
        };
        // What goes wrong on the way from one node to another does so once.
        let Faults { jitter, reorder, reorder_by, duplicate } = config.faults;
        let loss = config.loss;
        let up = LinkConfig { jitter, loss, reorder, reorder_by, duplicate, ..leg(spec.access.up) };
        // A firewall lets in answers, and translates nothing.
        let firewall =
            NatConfig { preserves_ports: true, ..NatConfig::new(NatKind::PortRestricted) };
        let nat = spec.nat.or((!spec.reachable).then_some(firewall));
        Self {
            legs: [Link::new(&up, rng.fork()), Link::new(&leg(spec.access.down), rng.fork())],
            timers: [None; 2],
            rate: spec.access.up,
            address,
            nat: nat.map(|config| Nat::new(config, address.ip())),
        }
    }

    /// Where what the node sends to `to` seems to come from; `None` when it is dropped.
    fn outbound(&mut self, now: Instant, to: SocketAddr) -> Option<SocketAddr> {
        let inside = SocketAddr::new(IpAddr::V4(INSIDE), self.address.port());
        match &mut self.nat {
            Some(nat) => nat.outbound(now, inside, to),
            None => Some(self.address),
        }
    }

    /// Whether what comes for `to` reaches the node.
    fn lets_in(&mut self, now: Instant, from: SocketAddr, to: SocketAddr) -> bool {
        match &mut self.nat {
            Some(nat) => nat.inbound(now, from, to.port()).is_some(),
            None => to == self.address,
        }
    }
}

impl World {
    /// Sends a datagram from a node on its way.
    pub(super) fn send_datagram(&mut self, from: NodeIndex, to: SocketAddr, bytes: Vec<u8>) {
        let now = self.now;
        let Some(line) = &mut self.nodes[from.get()].line else {
            return;
        };
        if let Some(source) = line.outbound(now, to) {
            self.put(from, Leg::Up, Datagram { from: source, to, bytes });
        }
    }

    /// What has come to the end of a leg goes on.
    pub(super) fn handle_line(&mut self, node: NodeIndex, leg: Leg, at: Instant) {
        let now = self.now;
        match self.nodes[node.get()].line.as_mut().map(|line| &mut line.timers[leg as usize]) {
            Some(timer) if *timer == Some(at) => *timer = None,
            _ => return,
        }
        loop {
            let line = self.nodes[node.get()].line.as_mut();
            let Some(it) = line.and_then(|line| line.legs[leg as usize].poll_deliver(now)) else {
                break;
            };
            match (leg, self.home_of(it.to)) {
                (Leg::Up, Some(to)) => self.put(to, Leg::Down, it),
                // There is nobody at this address.
                (Leg::Up, None) => {}
                (Leg::Down, _) => self.arrive(node, &it),
            }
        }
        self.arm_leg(node, leg);
    }

    /// Puts a datagram on a leg.
    fn put(&mut self, node: NodeIndex, leg: Leg, datagram: Datagram) {
        let size = datagram.bytes.len() as u64 + HEADERS;
        if let Some(line) = &mut self.nodes[node.get()].line {
            // Where the queue is full, it is lost.
            let _full = line.legs[leg as usize].send(self.now, size, datagram);
            self.arm_leg(node, leg);
        }
    }

    fn arm_leg(&mut self, node: NodeIndex, leg: Leg) {
        let Some(line) = &mut self.nodes[node.get()].line else {
            return;
        };
        let Some(at) = line.legs[leg as usize].poll_timeout() else {
            return;
        };
        let timer = &mut line.timers[leg as usize];
        if timer.is_none_or(|armed| at < armed) {
            *timer = Some(at);
            let event = Event::Line { leg, at };
            self.queue.schedule(at, Scheduled { node, life: 0, event });
        }
    }

    /// A datagram comes down to a node.
    fn arrive(&mut self, node: NodeIndex, datagram: &Datagram) {
        let now = self.now;
        let state = &mut self.nodes[node.get()];
        let Some(line) = &mut state.line else {
            return;
        };
        if !line.lets_in(now, datagram.from, datagram.to) || !state.powered {
            return;
        }
        let numbers = [u64::from(node.0), u64::from(datagram.from.port())];
        self.trace.record(now, b'u', &numbers, &datagram.bytes);
        self.handle_datagram(node, datagram.from, &datagram.bytes);
    }

    /// The node at whose access link an address is: its own, or that of its NAT box.
    pub(super) fn home_of(&self, address: SocketAddr) -> Option<NodeIndex> {
        let node = node_of(self.config.place, address)?;
        (self.nodes.get(node.get())?.address.ip() == address.ip()).then_some(node)
    }

    /// How long what a node sends over uTP now waits before its uplink sends it; zero where that
    /// has no limit.
    pub fn uplink_wait(&mut self, node: NodeIndex) -> Duration {
        let now = self.now;
        let Some(line) = &mut self.nodes[node.get()].line else {
            return Duration::ZERO;
        };
        let queued = line.legs[Leg::Up as usize].queued(now);
        line.rate
            .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(queued as f64 / rate as f64))
    }
}
