//! The distributed hash table: its messages, and whole nodes.

use std::net::SocketAddr;

use bencode::{Limits, Mode};
use dht::{
    Config, DATAGRAM_OUT_MAX, Dht, Event, Family, Id, Item, LookupId, Message, Mutable, SecretKey,
};
use stdx::{Duration, Instant};

use crate::input::Input;

/// Nodes that are simulated, and addresses that are spoken of.
const NODES: u8 = 4;
/// Datagrams on their way.
const OPEN_MAX: usize = 64;
/// Datagrams that one input may make, and steps of one run.
const OUT_MAX: usize = 1_200;
const STEPS_MAX: usize = 600;

/// A datagram: what is read is written and read again as the same.
pub fn fuzz_dht_message(data: &[u8]) {
    let Ok(message) = Message::parse(data) else {
        return;
    };
    let mut out = Vec::new();
    message.write(&mut out);
    // Values are sent on as they came, so they alone may not be canonical.
    let limits = Limits { depth: 64, ..Limits::MESSAGE };
    assert!(bencode::decode(&out, Mode::Lenient, limits).is_ok());
    if out.len() > dht::DATAGRAM_IN_MAX {
        return;
    }
    let again = Message::parse(&out).expect("what was written is read");
    let mut once_more = Vec::new();
    again.write(&mut once_more);
    assert_eq!(out, once_more);
}

/// A few nodes, to which anything happens: datagrams that are lost, doubled, late, changed or made
/// up, time, and verbs.
pub fn fuzz_dht(data: &[u8]) {
    let mut world = World::new();
    let mut input = Input(data);
    for _ in 0..STEPS_MAX {
        let (Some(op), Some(who)) = (input.byte(), input.byte()) else {
            return;
        };
        world.step(op, who, &mut input);
    }
}

struct World {
    now: Instant,
    nodes: Vec<Dht>,
    /// From, to, what.
    open: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    lookups: Vec<LookupId>,
}

/// Every other one in the same network.
fn address(n: u8) -> SocketAddr {
    match n % 8 {
        n @ 0..4 => ([7, 7, n / 2, n + 1], 6_881).into(),
        n @ 4..6 => ([127, 0, 0, 1], 6_000 + u16::from(n)).into(),
        n => ([0x2001, 0xdb8, n.into(), 0, 0, 0, 0, 1], 6_881).into(),
    }
}

impl World {
    fn new() -> Self {
        let node = |n| {
            let config = Config {
                read_only: n == 3,
                torrents_max: 3,
                peers_max: 3,
                items_max: 3,
                guard_cells: 16,
                ..Config::default()
            };
            Dht::new(Instant::ZERO, config, [n; 16])
        };
        let (open, lookups) = (Vec::new(), Vec::new());
        Self { now: Instant::ZERO, nodes: (0..NODES).map(node).collect(), open, lookups }
    }

    fn step(&mut self, op: u8, who: u8, input: &mut Input<'_>) {
        let number = who % NODES;
        let (now, node) = (self.now, &mut self.nodes[usize::from(number)]);
        match op % 16 {
            0..=5 if !self.open.is_empty() => {
                let place = usize::from(who) % self.open.len();
                let (from, to, mut payload) = match op % 16 {
                    0..=2 => self.open.remove(0),
                    3 => self.open.remove(place),
                    _ => self.open[place].clone(),
                };
                if op % 16 == 5 {
                    let at = usize::from(input.short()) % payload.len();
                    payload[at] = input.byte().unwrap_or(0);
                }
                let number = (0..NODES).find(|n| address(*n) == to);
                let Some(number) = number else { return };
                self.nodes[usize::from(number)].handle_datagram(now, from, &payload);
                self.drain(number);
                return;
            }
            0..=6 => node.handle_datagram(now, address(input.byte().unwrap_or(0)), input.slice()),
            7 => {
                let all: Vec<SocketAddr> = input.slice().iter().map(|it| address(*it)).collect();
                node.add_addresses(now, &all);
            }
            8 => {
                let _full = node.announce(now, id(input), input.byte().map(u16::from), who > 9);
            }
            9 => {
                let target = id(input);
                let begun = match who / NODES % 6 {
                    0 => node.find_nodes(now, target),
                    1 => node.find_peers(now, target, true),
                    2 => node.scrape(now, target),
                    3 => node.sample(now, target),
                    4 => node.get(now, target),
                    _ => node.get_mutable(now, &secret(1).public(), b"s"),
                };
                self.lookups.extend(begun);
            }
            10 => {
                let value = format!("i{who}e").into_bytes();
                let item = match input.byte() {
                    Some(seq) if seq < 200 => {
                        let signed = Mutable::sign(&secret(1), b"s", seq.into(), &value);
                        Item::Mutable(signed.expect("it is within bounds"))
                    }
                    _ => Item::Immutable(value),
                };
                self.lookups.extend(node.put(now, item, input.byte().map(i64::from)));
            }
            11 => node.withdraw(id(input)),
            12 if !self.lookups.is_empty() => {
                node.cancel(self.lookups[usize::from(who) % self.lookups.len()]);
            }
            13 => node.set_external_ip(now, address(input.byte().unwrap_or(0)).ip()),
            _ => {
                let unit = if who > 128 { 1_000 } else { 10 };
                self.pass(Duration::from_millis(u64::from(input.short()) * unit));
                return;
            }
        }
        self.drain(number);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for number in 0..NODES {
            let node = &mut self.nodes[usize::from(number)];
            node.handle_timeout(self.now);
            self.drain(number);
        }
    }

    fn drain(&mut self, number: u8) {
        let node = &mut self.nodes[usize::from(number)];
        let mut said = 0;
        while let Some(transmit) = node.poll_transmit() {
            said += 1;
            assert!(transmit.payload.len() <= DATAGRAM_OUT_MAX, "{}", transmit.payload.len());
            assert!(Message::parse(&transmit.payload).is_ok(), "what is sent makes sense");
            self.open.push((address(number), transmit.to, transmit.payload));
        }
        assert!(said <= OUT_MAX, "{said} datagrams at once");
        let more = self.open.len().saturating_sub(OPEN_MAX);
        self.open.drain(..more);
        while let Some(event) = node.poll_event() {
            if let Event::Item { item, .. } = event {
                assert!(item.verify().is_ok(), "items are verified");
            }
        }
        let stats = node.stats();
        assert!(stats.torrents <= 6 && stats.peers <= 18 && stats.items <= 6, "{stats:?}");
        assert!(stats.lookups <= dht::LOOKUPS_MAX + 16 && stats.questions <= 4_096, "{stats:?}");
        for family in Family::ALL {
            let mut all: Vec<_> = node.table(family).iter().map(|it| it.id).collect();
            assert!(!all.contains(&node.id(family).expect("it has both")));
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert!(all.len() == count && count <= 12, "nobody is there twice");
        }
    }
}

fn secret(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

fn id(input: &mut Input<'_>) -> Id {
    Id([input.byte().unwrap_or(0) % 8; 20])
}
