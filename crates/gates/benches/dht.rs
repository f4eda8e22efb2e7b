//! The distributed hash table: nodes come together, look for peers, and are asked by strangers.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "so the macros have it")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use gungraun::{library_benchmark, library_benchmark_group, main};

use dht::{Body, Config, Dht, Event, Family, Id, Message, Method, Query, Want, secure_id};
use gates::at_most;
use stdx::{Duration, Instant, Rng};

const JOIN_MAX: u64 = 199_000_000;
const ANSWER_MAX: u64 = 35_500_000;
const LOOK_UP_MAX: u64 = 107_000_000;

const NODES: usize = 20;
/// Nodes that each knows at first.
const CONTACTS: usize = 8;
/// Of each of which some node is a peer, and for which each node looks.
const TORRENTS: usize = 5;
/// After so long each knows each.
const JOIN: Duration = Duration::from_secs(3);
/// More than a look-up takes.
const LOOKUP: Duration = Duration::from_secs(2);
/// From one node to another.
const DELAY: Duration = Duration::from_millis(40);

const QUERIES: usize = 1_000;
/// Between two of them: more at once would be cut short, since strangers ask them.
const APART: Duration = Duration::from_millis(10);

struct Datagram {
    due: Instant,
    from: usize,
    to: SocketAddr,
    payload: Vec<u8>,
}

struct Network {
    now: Instant,
    nodes: Vec<Dht>,
    /// In the order in which they arrive.
    datagrams: VecDeque<Datagram>,
    places: BTreeMap<SocketAddr, usize>,
    /// How many peers were found.
    found: usize,
}

/// A network of its own for each.
fn address(place: usize) -> SocketAddr {
    SocketAddr::from(([20 + (place >> 8) as u8, place as u8, 1, 1], 6_881))
}

/// Each knows some of the others.
fn network() -> Network {
    let (now, mut rng) = (Instant::from_secs(1), Rng::new(1));
    let mut node = |place| {
        let id = secure_id(address(place).ip(), place as u8, &mut rng);
        let config = Config { v6: false, ids: [Some(id), None], ..Config::default() };
        let mut node = Dht::new(now, config, [place as u8; 16]);
        let contacts: Vec<_> = (0..CONTACTS).map(|_| address(rng.index(NODES))).collect();
        node.add_addresses(now, &contacts);
        node
    };
    Network {
        now,
        nodes: (0..NODES).map(&mut node).collect(),
        datagrams: VecDeque::new(),
        places: (0..NODES).map(|place| (address(place), place)).collect(),
        found: 0,
    }
}

/// Each knows each, and the torrents were announced.
fn joined() -> Network {
    let mut network = network();
    network.run_for(JOIN);
    for (node, n) in network.nodes.iter_mut().zip(0..TORRENTS) {
        let announced = node.announce(network.now, torrent(n), Some(6_881), false);
        announced.expect("it has nothing else to do");
    }
    network.run_for(LOOKUP);
    network
}

fn torrent(n: usize) -> Id {
    Id::random(&mut Rng::new(n as u64))
}

impl Network {
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        (0..NODES).for_each(|place| self.drain(place));
        while self.now < end {
            let timers = self.nodes.iter().filter_map(Dht::poll_timeout);
            let next = timers.chain(self.datagrams.front().map(|it| it.due)).min();
            self.now = next.map_or(end, |next| next.clamp(self.now, end));
            while let Some(datagram) = self.datagrams.pop_front_if(|it| it.due <= self.now) {
                self.deliver(&datagram);
            }
            for place in 0..NODES {
                if self.nodes[place].poll_timeout().is_some_and(|due| due <= self.now) {
                    self.nodes[place].handle_timeout(self.now);
                    self.drain(place);
                }
            }
        }
    }

    fn deliver(&mut self, datagram: &Datagram) {
        if let Some(&place) = self.places.get(&datagram.to) {
            let from = address(datagram.from);
            self.nodes[place].handle_datagram(self.now, from, &datagram.payload);
            self.drain(place);
        }
    }

    fn drain(&mut self, from: usize) {
        let (node, due) = (&mut self.nodes[from], self.now + DELAY);
        while let Some(transmit) = node.poll_transmit() {
            let (to, payload) = (transmit.to, transmit.payload);
            self.datagrams.push_back(Datagram { due, from, to, payload });
        }
        while let Some(event) = node.poll_event() {
            if let Event::Peers { peers, .. } = event {
                self.found += peers.len();
            }
        }
    }
}

/// What strangers ask: half of them for nodes, half for peers.
fn queries() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(2);
    let query = |n: usize| {
        let method = if n.is_multiple_of(2) {
            Method::FindNode { target: Id::random(&mut rng) }
        } else {
            let info_hash = torrent(n / 2 % TORRENTS);
            Method::GetPeers { info_hash, noseed: false, scrape: false }
        };
        let query = Query { id: Id::random(&mut rng), want: Want::DEFAULT, method };
        let (body, transaction) = (Body::Query(query), &n.to_be_bytes()[..]);
        let mut out = Vec::new();
        Message { transaction, body, read_only: false, ip: None }.write(&mut out);
        out
    };
    (0..QUERIES).map(query).collect()
}

#[library_benchmark(config = at_most(JOIN_MAX))]
#[bench::of_20_nodes(network())]
fn join(mut network: Network) -> Network {
    network.run_for(JOIN);
    let known = |node: &Dht| node.table(Family::V4).len() + 1 == NODES;
    assert!(network.nodes.iter().all(known));
    network
}

#[library_benchmark(config = at_most(ANSWER_MAX))]
#[bench::of_1000_queries(joined(), queries())]
fn answer(mut network: Network, queries: Vec<Vec<u8>>) -> (Network, Vec<Vec<u8>>) {
    for (place, query) in (NODES..).zip(&queries) {
        network.now += APART;
        let node = &mut network.nodes[0];
        node.handle_datagram(network.now, address(place), query);
        assert!(node.poll_transmit().is_some());
    }
    (network, queries)
}

#[library_benchmark(config = at_most(LOOK_UP_MAX))]
#[bench::of_5_torrents(joined())]
fn look_up(mut network: Network) -> Network {
    for node in &mut network.nodes {
        for n in 0..TORRENTS {
            let begun = node.find_peers(network.now, torrent(n), false);
            begun.expect("it has nothing else to do");
        }
    }
    network.run_for(LOOKUP);
    assert!(network.found >= NODES * TORRENTS);
    network
}

library_benchmark_group!(name = nodes, benchmarks = [join, answer, look_up]);

main!(library_benchmark_groups = nodes);
