use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};

use stdx::{Duration, Instant, Rng};

use crate::{Config, Dht, Event, Family, LookupId, Outcome};

/// A few nodes on a network where everything takes 30 to 50 ms one way.
pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) nodes: Vec<Dht>,
    pub(super) dead: Vec<bool>,
    pub(super) events: Vec<Vec<Event>>,
    /// Share of datagrams that are lost.
    pub(super) loss: f64,
    /// Datagrams that went to somebody, by receiver.
    pub(super) received: Vec<u64>,
    queue: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sequence: u64,
    rng: Rng,
}

pub(super) fn v4(n: usize) -> SocketAddr {
    ([5, (n >> 8) as u8, n as u8, 1], 6_881).into()
}

pub(super) fn v6(n: usize) -> SocketAddr {
    (Ipv6Addr::new(0x2001, 0xdb8, n as u16, 0, 0, 0, 0, 1), 6_881).into()
}

pub(super) fn config() -> Config {
    Config { v6: false, guard_cells: 256, ..Config::default() }
}

impl Net {
    pub(super) fn new() -> Self {
        Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            dead: Vec::new(),
            events: Vec::new(),
            loss: 0.0,
            received: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            rng: Rng::new(99),
        }
    }

    /// So many nodes that all know the first one, after a while.
    pub(super) fn settled(count: usize) -> Self {
        let mut net = Self::new();
        for _ in 0..count {
            net.add(config());
            net.run(Duration::from_millis(500));
        }
        net.run(Duration::from_mins(6));
        net
    }

    /// One more node, which knows the first.
    pub(super) fn add(&mut self, config: Config) -> usize {
        let n = self.add_alone(config);
        if n > 0 {
            self.nodes[n].add_addresses(self.now, &[v4(0)]);
            self.drain(n);
        }
        n
    }

    pub(super) fn add_alone(&mut self, config: Config) -> usize {
        let n = self.nodes.len();
        self.nodes.push(Dht::new(self.now, config, [n as u8 + 1; 16]));
        self.dead.push(false);
        self.events.push(Vec::new());
        self.received.push(0);
        n
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let living = self.nodes.iter().zip(&self.dead).filter(|(_, dead)| !**dead);
            let wake = living.filter_map(|(node, _)| node.poll_timeout()).min();
            let arrival = self.queue.first_key_value().map(|(key, _)| key.0);
            let Some(next) = wake.into_iter().chain(arrival).min().filter(|it| *it <= end) else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.queue.first_entry().filter(|it| it.key().0 <= self.now) {
                let (from, to, payload) = entry.remove();
                self.deliver(from, to, &payload);
            }
            for n in 0..self.nodes.len() {
                let due = self.nodes[n].poll_timeout().is_some_and(|at| at <= self.now);
                if due && !self.dead[n] {
                    self.nodes[n].handle_timeout(self.now);
                    self.drain(n);
                }
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let found = (0..self.nodes.len()).find(|n| v4(*n) == to || v6(*n) == to);
        let Some(n) = found.filter(|n| !self.dead[*n]) else {
            return;
        };
        self.received[n] += 1;
        self.nodes[n].handle_datagram(self.now, from, payload);
        self.drain(n);
    }

    pub(super) fn drain(&mut self, n: usize) {
        while let Some(transmit) = self.nodes[n].poll_transmit() {
            assert!(transmit.payload.len() <= crate::DATAGRAM_OUT_MAX);
            if self.rng.chance(self.loss) {
                continue;
            }
            let from = if transmit.to.is_ipv4() { v4(n) } else { v6(n) };
            let delay = Duration::from_millis(30 + self.rng.below(20));
            self.sequence += 1;
            let key = (self.now + delay, self.sequence);
            self.queue.insert(key, (from, transmit.to, transmit.payload));
        }
        while let Some(event) = self.nodes[n].poll_event() {
            self.events[n].push(event);
        }
    }

    /// Does something at a node.
    pub(super) fn at<T>(&mut self, n: usize, act: impl FnOnce(&mut Dht, Instant) -> T) -> T {
        let done = act(&mut self.nodes[n], self.now);
        self.drain(n);
        done
    }

    /// Begins a look-up at a node and waits for its end.
    pub(super) fn lookup(
        &mut self,
        n: usize,
        begin: impl FnOnce(&mut Dht, Instant) -> Result<LookupId, crate::Error>,
    ) -> (Vec<Event>, Outcome) {
        self.events[n].clear();
        let lookup = self.at(n, begin).unwrap();
        self.run(Duration::from_secs(20));
        let mut events = std::mem::take(&mut self.events[n]);
        let over = |it: &Event| matches!(it, Event::Ended { lookup: it, .. } if *it == lookup);
        let place = events.iter().position(over).expect("every look-up ends");
        let Event::Ended { outcome, .. } = events.remove(place) else {
            unreachable!("it was found as such")
        };
        (events, outcome)
    }

    pub(super) fn good(&self, n: usize) -> usize {
        self.nodes[n].stats().good[Family::V4 as usize]
    }
}
