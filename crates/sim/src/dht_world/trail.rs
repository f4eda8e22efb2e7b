//! Look-ups for the nodes nearest to a key, followed from outside: by the datagrams that go to and
//! fro, while the nodes know nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use dht::{Body, Contact, Family, Id, LookupId, Message, Method, Outcome};
use stdx::{Duration, Instant};

use super::{Core, DhtWorld};

/// Nodes that keep what is stored under a key: the nearest ones (BEP 5).
pub const KEEPERS: usize = 8;

/// What a look-up for the nodes nearest to a key came to.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// The first answer of one of those that keep the key.
    pub found: Option<Found>,
    /// Questions in all.
    pub queries: u32,
    /// It ended with the nearest node there is.
    pub nearest: bool,
}

/// How one of those that keep a key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Questions that were asked until it answered, without the one to itself.
    pub queries: u32,
    /// Nodes that had to answer one after the other until it was known: each was named by the one
    /// before, the first by the asker's own table.
    pub hops: u32,
    /// Time until it answered.
    pub time: Duration,
}

/// A look-up under way.
#[derive(Debug)]
pub(super) struct Tracker {
    key: Id,
    began: Instant,
    /// The nearest first.
    keepers: Vec<Contact>,
    /// Nodes that the asker knows, and by how many answers one after the other.
    depths: BTreeMap<SocketAddr, u32>,
    /// Questions under way: to whom, and which.
    asked: BTreeSet<(SocketAddr, Vec<u8>)>,
    found: Option<Found>,
}

impl DhtWorld {
    /// An honest node looks for those nearest to a key; `None` when it has too much to do.
    pub fn find_nodes(&mut self, number: u32, key: Id) -> Option<(u32, LookupId)> {
        let now = self.now;
        let known = self.node(number)?.table(Family::V4);
        let tracker = Tracker {
            key,
            began: now,
            keepers: self.keepers(number, key),
            depths: known.into_iter().map(|it| (it.address, 0)).collect(),
            asked: BTreeSet::new(),
            found: None,
        };
        let lookup = match &mut self.nodes[number as usize].core {
            Core::Honest(dht) => dht.find_nodes(now, key).ok()?,
            Core::Hostile(_) => return None,
        };
        self.trackers.insert((number, lookup), tracker);
        self.drain(number);
        Some((number, lookup))
    }

    /// What a look-up for nodes came to; `None` until it is over.
    pub fn trail(&self, lookup: (u32, LookupId)) -> Option<&Trail> {
        self.trails.get(&lookup)
    }

    /// How long a question takes from one node to another, with the answer back.
    pub fn question_time(&mut self, from: u32, to: u32) -> Duration {
        self.delay(from, to) + self.delay(to, from)
    }

    /// Those that keep a key, as far as `asker` is concerned: nobody asks itself.
    fn keepers(&self, asker: u32, key: Id) -> Vec<Contact> {
        let contact = |number: u32| {
            let id = self.node(number)?.id(Family::V4)?;
            Some(Contact { id, address: self.nodes[number as usize].address })
        };
        let others = (0..self.nodes.len() as u32).filter(|number| *number != asker);
        let mut all: Vec<(Id, Contact)> =
            others.filter_map(contact).map(|it| (it.id.distance(key), it)).collect();
        if all.len() > KEEPERS {
            all.select_nth_unstable(KEEPERS);
            all.truncate(KEEPERS);
        }
        all.sort_unstable();
        all.into_iter().map(|it| it.1).collect()
    }

    /// A datagram is sent: perhaps a question of a look-up that is followed.
    pub(super) fn follow_question(&mut self, from: u32, to: SocketAddr, payload: &[u8]) {
        let mut trackers = self.trackers.range_mut(of(from)).map(|it| it.1).peekable();
        if trackers.peek().is_none() {
            return;
        }
        let Ok(message) = Message::parse(payload) else { return };
        if let Body::Query(query) = &message.body
            && let Method::FindNode { target } = query.method
            && let Some(tracker) = trackers.find(|it| it.key == target)
        {
            tracker.asked.insert((to, message.transaction.to_vec()));
        }
    }

    /// A datagram arrives: perhaps an answer to such a question.
    pub(super) fn follow_answer(&mut self, to: u32, from: SocketAddr, payload: &[u8]) {
        let mut trackers = self.trackers.range(of(to)).map(|it| it.0.1).peekable();
        if trackers.peek().is_none() {
            return;
        }
        let Ok(message) = Message::parse(payload) else { return };
        let Body::Response(response) = &message.body else { return };
        let question = (from, message.transaction.to_vec());
        for lookup in trackers.collect::<Vec<_>>() {
            let queries = self.node(to).and_then(|dht| dht.asked(lookup));
            if let Some(tracker) = self.trackers.get_mut(&(to, lookup))
                && tracker.asked.remove(&question)
            {
                let nodes = response.nodes.as_deref().unwrap_or_default();
                tracker.answered(self.now, from, nodes, queries.unwrap_or(0));
            }
        }
    }

    /// A look-up is over: perhaps one that is followed.
    pub(super) fn follow_end(&mut self, lookup: (u32, LookupId), outcome: &Outcome) {
        if let Some(tracker) = self.trackers.remove(&lookup) {
            let nearest = outcome.nodes.first() == tracker.keepers.first();
            let trail = Trail { found: tracker.found, queries: outcome.queries, nearest };
            self.trails.insert(lookup, trail);
        }
    }
}

impl Tracker {
    fn answered(&mut self, now: Instant, from: SocketAddr, nodes: &[Contact], queries: u32) {
        let hops = self.depths.get(&from).copied().unwrap_or(0);
        for contact in nodes {
            let depth = self.depths.entry(contact.address).or_insert(hops + 1);
            *depth = (*depth).min(hops + 1);
        }
        if self.found.is_none() && self.keepers.iter().any(|it| it.address == from) {
            let queries = queries.saturating_sub(1);
            self.found = Some(Found { queries, hops, time: now.since(self.began) });
        }
    }
}

/// All look-ups of a node.
fn of(number: u32) -> std::ops::RangeInclusive<(u32, LookupId)> {
    (number, LookupId(0))..=(number, LookupId(u64::MAX))
}
