//! The node: everything put together.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;
use stdx::{Instant, Rng, may_name};

use self::announces::Announces;
use self::jobs::Job;
use self::net::Net;
use crate::address::{Contact, Family, is_usable};
use crate::fault::{Fault, Faults};
use crate::guard::Guard;
use crate::krpc::{Body, DATAGRAM_IN_MAX, Message, Response};
use crate::rpc::{Late, Purpose, Question, Rpc};
use crate::token::Tokens;
use crate::{Config, Event, Id, LookupId, Transmit};

mod announces;
mod answer;
mod jobs;
mod net;
mod upkeep;

pub use self::announces::ANNOUNCES_MAX;
pub use self::jobs::LOOKUPS_MAX;

/// Nodes in a table from which on it can do without those that are not what was said of them.
const SETTLED: usize = 32;

/// What a node has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that came.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams that went out.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that were not, because too many came from one address.
    pub limited: u64,
    /// Datagrams that are no message, or an answer to nothing that was asked.
    pub malformed: u64,
    /// Answers that were cut to what a stranger may be given.
    pub cut: u64,
    /// Questions that were asked.
    pub asked: u64,
    /// Questions that nobody answered.
    pub unanswered: u64,
    /// Answers by other ids than somebody said: such nodes were named wrongly, by liars perhaps.
    pub misnamed: u64,
    /// Values that are not those of their keys.
    pub false_values: u64,
}

/// What a node is like at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Nodes in the tables that answered lately, by family.
    pub good: [usize; 2],
    /// Nodes in the tables, by family.
    pub nodes: [usize; 2],
    /// About how many nodes there are in all, by family, if that is known.
    pub size: [Option<f64>; 2],
    /// Torrents whose peers are held here.
    pub torrents: usize,
    /// Those peers.
    pub peers: usize,
    /// Items held here (BEP 44).
    pub items: usize,
    /// Look-ups under way.
    pub lookups: usize,
    /// Questions under way.
    pub questions: usize,
    /// What was done so far.
    pub counters: Counters,
}

/// A node of the distributed hash table, a pure core.
///
/// After any `handle_*` or verb, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), then read [`poll_timeout`](Self::poll_timeout).
///
/// One node speaks for one address of each family. Programs with several run several nodes
/// ([`Config::sibling`], BEP 45).
#[derive(Debug)]
pub struct Dht {
    config: Config,
    rng: Rng,
    nets: [Option<Net>; 2],
    rpc: Rpc,
    guard: Guard,
    tokens: Tokens,
    jobs: BTreeMap<LookupId, Job>,
    announces: Announces,
    next_lookup: u64,
    events: VecDeque<Event>,
    counters: Counters,
    faults: Faults,
}

impl Dht {
    /// A node that knows nobody. `secret` must be random and known to nobody else: tokens and
    /// transaction ids follow from it, and with it everything random.
    pub fn new(now: Instant, config: Config, secret: [u8; 16]) -> Self {
        let derived = |purpose: &[u8]| {
            let hasher = SipHasher24::new_with_key(&secret);
            let half = |last: u8| hasher.hash(&[purpose, &[last]].concat()).to_be_bytes();
            let mut key = [0; 16];
            key[..8].copy_from_slice(&half(0));
            key[8..].copy_from_slice(&half(1));
            key
        };
        let seed = SipHasher24::new_with_key(&derived(b"rng")).hash(b"");
        let mut rng = Rng::new(seed);
        let nets = Family::ALL.map(|family| {
            let wanted = if family == Family::V4 { config.v4 } else { config.v6 };
            wanted.then(|| Net::new(now, family, &config, &mut rng))
        });
        Self {
            nets,
            rpc: Rpc::new(&derived(b"questions")),
            guard: Guard::new(now, config.guard_cells, &derived(b"guard")),
            tokens: Tokens::new(&derived(b"tokens")),
            jobs: BTreeMap::new(),
            announces: Announces::default(),
            next_lookup: 0,
            events: VecDeque::new(),
            counters: Counters::default(),
            faults: Faults::new(now),
            config,
            rng,
        }
    }

    /// The node's id in the table of a family.
    pub fn id(&self, family: Family) -> Option<Id> {
        self.nets[family as usize].as_ref().map(|net| net.table.me())
    }

    /// The address that others see this node at, once enough of them agree (BEP 42).
    pub fn external_ip(&self, family: Family) -> Option<IpAddr> {
        self.nets[family as usize].as_ref().and_then(|net| net.votes.elected())
    }

    /// Tells the node its address in the world, which somebody reliable said: a router (UPnP,
    /// NAT-PMP), or the user.
    pub fn set_external_ip(&mut self, now: Instant, ip: IpAddr) {
        let family = Family::of((ip, 0).into());
        self.rename(now, family, ip);
    }

    /// Nodes to begin with the next time: those that are known longest, of each family.
    pub fn saved(&self) -> Vec<Contact> {
        self.nets.iter().flatten().flat_map(Net::saved).collect()
    }

    /// Whether the table of a family has come together.
    pub fn is_ready(&self, family: Family) -> bool {
        self.nets[family as usize].as_ref().is_some_and(|net| net.ready)
    }

    /// The nodes of a family's table that answered lately, nearest to `target` first.
    pub fn closest(&self, family: Family, target: Id, count: usize) -> Vec<Contact> {
        let net = self.nets[family as usize].as_ref();
        net.map(|net| net.told(target, count)).unwrap_or_default()
    }

    /// The nodes of a family's table, in no order.
    pub fn table(&self, family: Family) -> Vec<Contact> {
        let net = self.nets[family as usize].as_ref();
        net.map(|net| net.table.live().map(|it| it.contact).collect()).unwrap_or_default()
    }

    /// Addresses where nodes may be: saved ones, routers, those of PORT messages, of peers that a
    /// tracker or another peer named. They are tried as long as the table has room for them.
    pub fn add_addresses(&mut self, now: Instant, addresses: &[SocketAddr]) {
        for address in addresses.iter().filter(|it| is_usable(**it)) {
            if let Some(net) = &mut self.nets[Family::of(*address) as usize] {
                net.add_prospect(now, *address);
            }
        }
    }

    /// What the node is like.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            lookups: self.jobs.len(),
            questions: self.rpc.len(),
            counters: self.counters,
            ..Stats::default()
        };
        for net in self.nets.iter().flatten() {
            let place = net.family as usize;
            stats.good[place] = net.table.good();
            stats.nodes[place] = net.table.len();
            stats.size[place] = net.estimate.nodes();
            let (torrents, peers) = net.peers.len();
            stats.torrents += torrents;
            stats.peers += peers;
            stats.items += net.items.len();
        }
        stats
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += datagram.len() as u64;
        let here = self.nets[Family::of(from) as usize].is_some() && is_usable(from);
        let message = Message::parse(datagram);
        let (Ok(mut message), true) = (message, here && datagram.len() <= DATAGRAM_IN_MAX) else {
            return self.suspect(now, from, Fault::Malformed);
        };
        if let Body::Response(response) = &mut message.body {
            response.keep(|named| may_name(from.ip(), named.ip()));
        }
        match &message.body {
            Body::Query(query) => self.handle_query(now, from, &message, query, datagram.len()),
            Body::Response(response) => self.handle_response(now, from, &message, response),
            Body::Error { .. } => {
                let Some((question, _)) = self.rpc.answered(now, from, message.transaction) else {
                    return self.suspect(now, from, Fault::Unasked);
                };
                self.guard.prove(now, from);
                self.hear_vote(now, from, message.ip);
                self.handle_refusal(now, question);
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(late) = self.rpc.late(now) {
            match late {
                Late::Slow(question) => self.handle_slow(now, question),
                Late::Failed(question) => self.handle_failed(now, question),
            }
        }
        self.upkeep(now);
        self.run_announces(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let nets = self.nets.iter().flatten().map(|net| net.next_upkeep);
        nets.chain(self.rpc.poll_timeout()).chain(self.announces.poll_timeout()).min()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.rpc.transmits.pop_front()?;
        self.counters.datagrams_out += 1;
        self.counters.bytes_out += transmit.payload.len() as u64;
        Some(transmit)
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn net(&mut self, family: Family) -> Option<&mut Net> {
        self.nets[family as usize].as_mut()
    }

    fn handle_response(
        &mut self,
        now: Instant,
        from: SocketAddr,
        message: &Message<'_>,
        response: &Response<'_>,
    ) {
        let Some((question, rtt)) = self.rpc.answered(now, from, message.transaction) else {
            return self.suspect(now, from, Fault::Unasked);
        };
        self.guard.prove(now, from);
        self.hear_vote(now, from, message.ip);
        let contact = Contact { id: response.id, address: from };
        let is_other = question.id.is_some_and(|id| id != contact.id);
        if is_other {
            self.suspect(now, from, Fault::Misnamed);
        }
        if let Some(net) = self.net(Family::of(from)) {
            // Who is not what somebody said comes in when somebody says rightly what it is: else
            // liars would fill the table with their kind. While a network is young, everybody
            // takes another id.
            if is_other {
                net.table.forget(now, from);
            }
            if !is_other || net.table.len() < SETTLED || !net.table.mostly_secure() {
                net.table.answered(now, contact, rtt);
            }
        }
        match question.purpose {
            Purpose::Ping => {}
            Purpose::Prospect => {
                self.prospect_answered(now, response);
                self.prospect_tried(now, from);
            }
            Purpose::Search(lookup) => self.search_answered(now, lookup, contact, response),
            Purpose::Probe(lookup) => self.probe_answered(now, lookup, from, response),
            Purpose::Store(lookup) => self.store_ended(now, lookup, true),
        }
    }

    /// Counts what ought not to be, and tells it.
    fn suspect(&mut self, now: Instant, from: SocketAddr, fault: Fault) {
        match fault {
            Fault::Malformed | Fault::Unasked => self.counters.malformed += 1,
            Fault::Misnamed => self.counters.misnamed += 1,
            Fault::FalseValue => self.counters.false_values += 1,
        }
        if self.faults.may_tell(now) {
            self.events.push_back(Event::Fault { from, fault });
        }
    }

    /// Who refuses is there, but of no use.
    fn handle_refusal(&mut self, now: Instant, question: Question) {
        match question.purpose {
            Purpose::Ping => {}
            Purpose::Prospect => self.prospect_tried(now, question.to),
            Purpose::Search(_) | Purpose::Probe(_) => self.search_failed(now, question),
            Purpose::Store(lookup) => self.store_ended(now, lookup, false),
        }
    }

    fn handle_slow(&mut self, now: Instant, question: Question) {
        if let Purpose::Search(lookup) = question.purpose {
            self.search_slow(now, lookup, question.to);
        }
    }

    fn handle_failed(&mut self, now: Instant, question: Question) {
        self.counters.unanswered += 1;
        if let (Some(contact), Some(net)) = (question.contact(), self.net(Family::of(question.to)))
        {
            net.table.failed(now, contact);
        }
        match question.purpose {
            Purpose::Ping => {}
            Purpose::Prospect => self.prospect_tried(now, question.to),
            Purpose::Search(_) | Purpose::Probe(_) => self.search_failed(now, question),
            Purpose::Store(lookup) => self.store_ended(now, lookup, false),
        }
    }

    /// Somebody says at which address it sees this node.
    fn hear_vote(&mut self, now: Instant, from: SocketAddr, seen: Option<SocketAddr>) {
        let family = Family::of(from);
        if let (Some(seen), Some(net)) = (seen, self.net(family))
            && let Some(elected) = net.votes.cast(from, seen.ip().to_canonical())
        {
            self.rename(now, family, elected);
        }
    }

    fn rename(&mut self, now: Instant, family: Family, ip: IpAddr) {
        let sibling = self.config.sibling;
        let mut rng = self.rng.fork();
        let Some(net) = self.net(family) else {
            return;
        };
        net.rename(now, ip, sibling, &mut rng);
        self.events.push_back(Event::Address(ip));
    }
}
