//! Thousands of nodes of the distributed hash table in virtual time: every honest one runs the
//! shipped [`dht::Dht`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use dht::{Config, Dht, Event, Id, LookupId};
use stdx::{Duration, Instant, Rng};

use crate::queue::Queue;
use crate::trace::Trace;

mod hostile;
mod trail;
mod trial;

use self::hostile::{Hostile, Part};
use self::trail::Tracker;

pub use self::trail::{Found, KEEPERS, Trail};
pub use self::trial::{DhtTrial, LookupsReport, RestartReport};

/// How much longer than its usual time a datagram takes at most, as a share of that.
const JITTER: f64 = 0.1;

/// What the world is made of.
#[derive(Clone, Debug)]
pub struct DhtWorldConfig {
    /// Nodes that are there from the beginning.
    pub nodes: u32,
    /// What everything random follows from.
    pub seed: u64,
    /// The share of nodes that lie: they name nodes that are not there, at addresses of their own
    /// kind, and peers that are not, and give ids that are not right for their addresses.
    pub liars: f64,
    /// The liars know of BEP 42: they name each other by ids that are right for their addresses,
    /// and go by them.
    pub sharp: bool,
    /// Median round-trip time of two nodes.
    pub rtt: Duration,
    /// How much round trips differ: the σ of the logarithm of a node's own part in it.
    pub spread: f64,
    /// The share of datagrams that are lost.
    pub loss: f64,
    /// Time over which nodes join.
    pub join_time: Duration,
    /// Nodes that each knows at first, chosen at random.
    pub contacts: usize,
}

impl DhtWorldConfig {
    /// So many nodes with a median round trip of 80 ms.
    pub fn new(nodes: u32, seed: u64) -> Self {
        Self {
            nodes,
            seed,
            liars: 0.0,
            sharp: false,
            rtt: Duration::from_millis(80),
            spread: 0.8,
            loss: 0.005,
            join_time: Duration::from_mins(1),
            contacts: 12,
        }
    }
}

#[derive(Debug)]
enum Happening {
    Arrives { from: u32, to: u32, payload: Box<[u8]> },
    Wake(u32),
}

#[derive(Debug)]
enum Core {
    Honest(Box<Dht>),
    Hostile(Box<Hostile>),
}

#[derive(Debug)]
struct Node {
    core: Core,
    address: SocketAddr,
    alive: bool,
    /// Its own part of every round trip, in seconds.
    access: f64,
    wake_at: Option<Instant>,
}

/// What a look-up for peers came to.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// Time to the first true peer.
    pub first: Option<Duration>,
    /// Questions until then.
    pub queries: u32,
    /// Questions in all, once it is over.
    pub all_queries: Option<u32>,
    /// It noticed that somebody sits round the key.
    pub crowded: bool,
    /// Nodes that took what was to be stored.
    pub stored: u32,
}

/// What honest nodes know.
#[derive(Clone, Debug)]
pub struct Health {
    /// The size of the network as nodes estimate it: of 10, of 50 and of 90 in 100 it is less.
    pub sizes: [f64; 3],
    /// The share of the hostile in their tables.
    pub hostile: f64,
}

#[derive(Debug)]
struct Watch {
    at: Instant,
    sought: Sought,
}

/// Nodes of the distributed hash table in virtual time. Everything follows from the seed and the
/// calls: same seed, same [`trace`](Self::trace).
#[derive(Debug)]
pub struct DhtWorld {
    config: DhtWorldConfig,
    rng: Rng,
    now: Instant,
    nodes: Vec<Node>,
    places: BTreeMap<SocketAddr, u32>,
    networks: BTreeSet<[u8; 3]>,
    queue: Queue<Happening>,
    trace: Trace,
    /// What makes the median round trip what it is to be.
    scale: f64,
    /// The true peers of each torrent.
    peers: BTreeMap<Id, BTreeSet<SocketAddr>>,
    watched: BTreeMap<(u32, LookupId), Watch>,
    /// Look-ups whose way is followed, and those that have ended.
    trackers: BTreeMap<(u32, LookupId), Tracker>,
    trails: BTreeMap<(u32, LookupId), Trail>,
    /// Ends of the announces of a torrent by a node, with the nodes that took it.
    announced: BTreeMap<(u32, Id), u32>,
    datagrams: u64,
}

impl DhtWorld {
    /// A world whose nodes join as time goes by.
    pub fn new(config: DhtWorldConfig) -> Self {
        let rng = Rng::new(config.seed);
        let mut world = Self {
            rng,
            now: Instant::ZERO,
            nodes: Vec::new(),
            places: BTreeMap::new(),
            networks: BTreeSet::new(),
            queue: Queue::new(),
            trace: Trace::new(),
            scale: 1.0,
            peers: BTreeMap::new(),
            watched: BTreeMap::new(),
            trackers: BTreeMap::new(),
            trails: BTreeMap::new(),
            announced: BTreeMap::new(),
            datagrams: 0,
            config,
        };
        for _ in 0..world.config.nodes {
            let address = world.fresh_address();
            let liar = world.rng.chance(world.config.liars);
            let part = if world.config.sharp { Part::Sharp } else { Part::Liar };
            world.add(address, liar.then_some(part));
        }
        world.scale = world.find_scale();
        let liars = 0..world.nodes.len() as u32;
        world.conspire(liars.filter(|it| world.is_hostile(*it)).collect());
        for number in 0..world.config.nodes {
            let joins = world.config.join_time.mul_f64(world.rng.unit());
            world.introduce(number, world.config.contacts);
            world.wake(number, Instant::ZERO + joins);
        }
        world
    }

    /// The time in this world.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Datagrams that were sent so far.
    pub fn datagrams(&self) -> u64 {
        self.datagrams
    }

    /// A hash of all that happened.
    pub fn trace(&self) -> u64 {
        self.trace.hash()
    }

    /// An honest node's core; `None` for others and for the dead.
    pub fn node(&self, number: u32) -> Option<&Dht> {
        match &self.nodes[number as usize] {
            Node { core: Core::Honest(dht), alive: true, .. } => Some(dht),
            _ => None,
        }
    }

    /// Honest nodes that are alive.
    pub fn living(&self) -> Vec<u32> {
        let all = 0..self.nodes.len() as u32;
        all.filter(|number| self.node(*number).is_some()).collect()
    }

    /// The share of dead nodes among those that living nodes' tables name.
    pub fn dead_share(&self) -> f64 {
        let (mut dead, mut all) = (0, 0);
        for number in self.living() {
            let table = self.node(number).map(|it| it.table(dht::Family::V4)).unwrap_or_default();
            for contact in table {
                all += 1;
                let place = self.places.get(&contact.address);
                dead += u32::from(place.is_none_or(|it| !self.nodes[*it as usize].alive));
            }
        }
        f64::from(dead) / f64::from(all.max(1))
    }

    /// What the living know.
    pub fn health(&self) -> Health {
        let living = self.living();
        let nodes: Vec<&Dht> = living.iter().filter_map(|it| self.node(*it)).collect();
        let mut sizes: Vec<f64> = nodes.iter().filter_map(|it| it.stats().size[0]).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let size = |tenths: usize| sizes.get(sizes.len() * tenths / 10).copied().unwrap_or(0.0);
        let is_hostile =
            |address: &SocketAddr| self.places.get(address).is_some_and(|it| self.is_hostile(*it));
        let (mut known, mut hostile) = (0, 0);
        for node in nodes {
            let table = node.table(dht::Family::V4);
            known += table.len();
            hostile += table.iter().filter(|it| is_hostile(&it.address)).count();
        }
        Health { sizes: [1, 5, 9].map(size), hostile: hostile as f64 / known.max(1) as f64 }
    }

    /// Lets time go by.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.queue.next_at().filter(|at| *at <= until) {
            self.now = at;
            if let Some(happening) = self.queue.pop(at) {
                self.happen(happening);
            }
        }
        self.now = until;
    }

    /// Kills so large a share of the honest, who tell nobody.
    pub fn kill(&mut self, share: f64) -> Vec<u32> {
        let mut living = self.living();
        self.rng.shuffle(&mut living);
        living.truncate((living.len() as f64 * share).round() as usize);
        for number in &living {
            self.nodes[*number as usize].alive = false;
        }
        living
    }

    /// Starts a node anew, with what it saved: its id and nodes. What it stored is gone.
    pub fn restart(&mut self, number: u32) {
        let Some(dht) = self.node(number) else {
            return;
        };
        let ids = dht::Family::ALL.map(|family| dht.id(family));
        let saved: Vec<SocketAddr> = dht.saved().iter().map(|it| it.address).collect();
        let fresh = self.honest(ids);
        self.nodes[number as usize].core = Core::Honest(Box::new(fresh));
        self.nodes[number as usize].wake_at = None;
        self.act(number, |dht, now| dht.add_addresses(now, &saved));
    }

    /// One more honest node, which knows `addresses` and nothing else.
    pub fn newcomer(&mut self, addresses: &[SocketAddr]) -> u32 {
        let address = self.fresh_address();
        let number = self.add(address, None);
        self.act(number, |dht, now| dht.add_addresses(now, addresses));
        number
    }

    /// What an honest node would save.
    pub fn saved(&self, number: u32) -> Vec<SocketAddr> {
        let saved = self.node(number).map(Dht::saved).unwrap_or_default();
        saved.iter().map(|it| it.address).collect()
    }

    /// An address where nobody is.
    pub fn fresh_address(&mut self) -> SocketAddr {
        loop {
            let [a, b, c, d] = (self.rng.next_u64() as u32).to_be_bytes();
            let local = matches!(a, 0 | 10 | 127 | 169 | 172 | 192 | 224..);
            if !local && d != 0 && self.networks.insert([a, b, c]) {
                return (Ipv4Addr::new(a, b, c, d), 6_881).into();
            }
        }
    }

    /// An honest node announces a torrent; whoever looks for it should find it.
    pub fn announce(&mut self, number: u32, torrent: Id) {
        let address = self.nodes[number as usize].address;
        self.peers.entry(torrent).or_default().insert(address);
        self.act(number, |dht, now| {
            dht.announce(now, torrent, Some(address.port()), false)
                .expect("a node has room for so few torrents");
        });
    }

    /// Nodes that took a node's announce, once it is over.
    pub fn announced(&self, number: u32, torrent: Id) -> Option<u32> {
        self.announced.get(&(number, torrent)).copied()
    }

    /// An honest node looks for peers of a torrent; `None` when it has too much to do.
    pub fn find_peers(&mut self, number: u32, torrent: Id) -> Option<(u32, LookupId)> {
        let now = self.now;
        let lookup = match &mut self.nodes[number as usize].core {
            Core::Honest(dht) => dht.find_peers(now, torrent, false).ok()?,
            Core::Hostile(_) => return None,
        };
        let watch = Watch { at: now, sought: Sought::default() };
        self.watched.insert((number, lookup), watch);
        self.drain(number);
        Some((number, lookup))
    }

    /// What a look-up has come to so far.
    pub fn sought(&self, lookup: (u32, LookupId)) -> Option<&Sought> {
        self.watched.get(&lookup).map(|it| &it.sought)
    }

    /// So many nodes come and sit round a key of their choice, which is returned: their ids are
    /// right for their addresses (BEP 42), and nearer to the key than any honest one's. They
    /// introduce themselves to everybody round there.
    pub fn crowd(&mut self, count: u32) -> Id {
        let (mut key, addresses) = hostile::sybil_addresses(count, &mut self.rng);
        let mut numbers = Vec::new();
        for address in addresses {
            let id = dht::secure_id(address.ip(), key.0[19], &mut self.rng);
            key.0[..2].copy_from_slice(&id.0[..2]);
            key.0[2] = id.0[2] & 0xf8 | key.0[2] & 0x07;
            numbers.push(self.add(address, Some(Part::Sybil)));
        }
        let mut near: Vec<(Id, SocketAddr)> = self
            .living()
            .into_iter()
            .filter_map(|number| {
                let id = self.node(number)?.id(dht::Family::V4)?;
                Some((id.distance(key), self.nodes[number as usize].address))
            })
            .collect();
        near.sort_unstable();
        near.truncate(400);
        let near: Vec<SocketAddr> = near.into_iter().map(|it| it.1).collect();
        for number in &numbers {
            let now = self.now;
            if let Core::Hostile(hostile) = &mut self.nodes[*number as usize].core {
                hostile.sit_round(key, &near);
            }
            self.wake(*number, now);
        }
        self.conspire(numbers);
        key
    }

    /// Hostile nodes come to know each other.
    fn conspire(&mut self, numbers: Vec<u32>) {
        let all: Rc<[SocketAddr]> =
            numbers.iter().map(|it| self.nodes[*it as usize].address).collect();
        let mut ids: Vec<dht::Contact> = all.iter().copied().flat_map(hostile::ids_of).collect();
        ids.sort_unstable();
        let ids = ids.into();
        for number in numbers {
            if let Core::Hostile(hostile) = &mut self.nodes[number as usize].core {
                hostile.meet(&all, &ids);
            }
        }
    }

    fn is_hostile(&self, number: u32) -> bool {
        matches!(self.nodes[number as usize].core, Core::Hostile(_))
    }

    fn honest(&mut self, ids: [Option<Id>; 2]) -> Dht {
        let config = Config { v6: false, ids, guard_cells: 128, ..Config::default() };
        let mut secret = [0; 16];
        self.rng.fill(&mut secret);
        Dht::new(self.now, config, secret)
    }

    fn add(&mut self, address: SocketAddr, part: Option<Part>) -> u32 {
        let number = self.nodes.len() as u32;
        let core = match part {
            None => {
                // A node that has been there before knows its address.
                let last = self.rng.next_u64() as u8;
                let id = dht::secure_id(address.ip(), last, &mut self.rng);
                Core::Honest(Box::new(self.honest([Some(id), None])))
            }
            Some(part) => Core::Hostile(Box::new(Hostile::new(part, address, self.rng.fork()))),
        };
        let access = log_normal(&mut self.rng, self.config.spread);
        self.nodes.push(Node { core, address, alive: true, access, wake_at: None });
        self.places.insert(address, number);
        number
    }

    fn introduce(&mut self, number: u32, count: usize) {
        let all = self.nodes.len();
        let known: Vec<SocketAddr> =
            (0..count).map(|_| self.nodes[self.rng.index(all)].address).collect();
        if let Core::Honest(dht) = &mut self.nodes[number as usize].core {
            dht.add_addresses(Instant::ZERO, &known);
        }
    }

    fn act(&mut self, number: u32, act: impl FnOnce(&mut Dht, Instant)) {
        if let Core::Honest(dht) = &mut self.nodes[number as usize].core {
            act(dht, self.now);
        }
        self.drain(number);
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now;
        match happening {
            Happening::Arrives { from, to, payload } => {
                self.trace.record(now, b'd', &[from.into(), to.into()], &payload);
                let from = self.nodes[from as usize].address;
                self.follow_answer(to, from, &payload);
                let node = &mut self.nodes[to as usize];
                if !node.alive {
                    return;
                }
                match &mut node.core {
                    Core::Honest(dht) => dht.handle_datagram(now, from, &payload),
                    Core::Hostile(hostile) => hostile.handle_datagram(from, &payload),
                }
                self.drain(to);
            }
            Happening::Wake(number) => {
                let node = &mut self.nodes[number as usize];
                if node.wake_at != Some(now) || !node.alive {
                    return;
                }
                node.wake_at = None;
                match &mut node.core {
                    Core::Honest(dht) => dht.handle_timeout(now),
                    Core::Hostile(hostile) => hostile.handle_timeout(now),
                }
                self.drain(number);
            }
        }
    }

    fn drain(&mut self, number: u32) {
        loop {
            let sent = match &mut self.nodes[number as usize].core {
                Core::Honest(dht) => dht.poll_transmit().map(|it| (it.to, it.payload)),
                Core::Hostile(hostile) => hostile.poll_transmit(),
            };
            let Some((to, payload)) = sent else {
                break;
            };
            self.send(number, to, payload.into());
        }
        while let Core::Honest(dht) = &mut self.nodes[number as usize].core
            && let Some(event) = dht.poll_event()
        {
            self.note(number, &event);
        }
        let due = match &self.nodes[number as usize].core {
            Core::Honest(dht) => dht.poll_timeout(),
            Core::Hostile(hostile) => hostile.poll_timeout(),
        };
        if let Some(due) = due {
            self.wake(number, due);
        }
    }

    fn wake(&mut self, number: u32, due: Instant) {
        let due = due.max(self.now);
        let node = &mut self.nodes[number as usize];
        if node.wake_at.is_none_or(|at| due < at) {
            node.wake_at = Some(due);
            self.queue.schedule(due, Happening::Wake(number));
        }
    }

    fn send(&mut self, from: u32, to: SocketAddr, payload: Box<[u8]>) {
        self.datagrams += 1;
        self.follow_question(from, to, &payload);
        let Some(to) = self.places.get(&to).copied() else {
            return;
        };
        if self.rng.chance(self.config.loss) {
            return;
        }
        let delay = self.delay(from, to);
        self.queue.schedule(self.now + delay, Happening::Arrives { from, to, payload });
    }

    /// How long a datagram takes this time.
    fn delay(&mut self, from: u32, to: u32) -> Duration {
        let jitter = 1.0 + JITTER * self.rng.unit();
        Duration::from_secs_f64(self.round_trip(from, to) / 2.0 * jitter)
    }

    /// Seconds: the own part of both, and one that is of the way between them, always the same.
    fn round_trip(&self, one: u32, other: u32) -> f64 {
        let pair = u64::from(one.min(other)) << 32 | u64::from(one.max(other));
        let between = log_normal(&mut Rng::new(self.config.seed ^ pair), 0.5);
        let own = |number: u32| self.nodes[number as usize].access;
        self.scale * (own(one) + own(other) + between)
    }

    fn find_scale(&mut self) -> f64 {
        let count = self.nodes.len() as u64;
        let trip = |world: &mut Self| {
            let two = [0, 0].map(|_: u8| world.rng.below(count.max(1)) as u32);
            if count == 0 { 1.0 } else { world.round_trip(two[0], two[1]) }
        };
        let mut trips: Vec<f64> = (0..4_001).map(|_| trip(self)).collect();
        trips.sort_unstable_by(f64::total_cmp);
        self.config.rtt.as_secs_f64() / trips[trips.len() / 2]
    }

    fn note(&mut self, number: u32, event: &Event) {
        match event {
            Event::Peers { lookup, info_hash, peers } => {
                let asked = self.node(number).and_then(|dht| dht.asked(*lookup));
                let Some(watch) = self.watched.get_mut(&(number, *lookup)) else {
                    return;
                };
                let known = self.peers.get(info_hash);
                let any = peers.iter().any(|it| known.is_some_and(|known| known.contains(it)));
                if any && watch.sought.first.is_none() {
                    watch.sought.first = Some(self.now.since(watch.at));
                    watch.sought.queries = asked.unwrap_or(0);
                }
            }
            Event::Ended { lookup, outcome } => {
                self.follow_end((number, *lookup), outcome);
                if let Some(watch) = self.watched.get_mut(&(number, *lookup)) {
                    let sought = &mut watch.sought;
                    sought.all_queries = Some(outcome.queries);
                    sought.crowded = outcome.crowded;
                    if sought.first.is_some() && sought.queries == 0 {
                        sought.queries = outcome.queries;
                    }
                } else if self.peers.contains_key(&outcome.target) {
                    self.announced.insert((number, outcome.target), outcome.stored);
                }
            }
            _ => {}
        }
    }
}

/// A number with a heavy tail and a median of 1.
fn log_normal(rng: &mut Rng, spread: f64) -> f64 {
    let (one, other) = (1.0 - rng.unit(), rng.unit());
    let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
    (normal * spread).exp()
}

#[cfg(test)]
mod tests;
