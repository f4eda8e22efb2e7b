use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use stdx::Instant;

use crate::member::Out;
use crate::{Address, Config, Error, Event, Id, Message};

use self::memory::Memory;

mod memory;

/// The longest payload, in bytes.
pub const PAYLOAD_MAX: usize = 16 * 1024;
/// Payloads that one message has word of.
pub const ANNOUNCED_MAX: usize = 64;
/// Payloads that are missed at a time; word of more is not taken.
const MISSING_MAX: usize = 1_024;

/// The broadcast tree as one member sees it: eager edges carry payloads, lazy ones word of them.
#[derive(Debug)]
pub(crate) struct Broadcast<A> {
    config: Config,
    edges: Vec<Edge<A>>,
    memory: Memory,
    missing: BTreeMap<Id, Missing<A>>,
    /// When the next neighbour is asked for what is missing.
    due: BTreeSet<(Instant, Id)>,
    /// What lazy edges are to hear of: the payload, its hops, and who sent it.
    news: VecDeque<(Id, u16, A)>,
    news_at: Option<Instant>,
    /// What arrived since the last reminder, the newest of it.
    recent: VecDeque<(Id, u16)>,
}

#[derive(Debug)]
struct Edge<A> {
    to: A,
    lazy: bool,
}

/// A payload that others have word of.
#[derive(Debug)]
struct Missing<A> {
    /// Who, and the hops that it had travelled there; the first is asked first.
    from: VecDeque<(A, u16)>,
    due: Instant,
}

impl<A: Address> Broadcast<A> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            edges: Vec::new(),
            memory: Memory::default(),
            missing: BTreeMap::new(),
            due: BTreeSet::new(),
            news: VecDeque::new(),
            news_at: None,
            recent: VecDeque::new(),
        }
    }

    /// A new neighbour; until it shows otherwise, its edge is of the tree.
    pub(crate) fn handle_up(&mut self, neighbour: A) {
        self.edges.push(Edge { to: neighbour, lazy: false });
    }

    pub(crate) fn handle_down(&mut self, neighbour: A) {
        self.edges.retain(|edge| edge.to != neighbour);
        // Whoever else has word of what is missing is asked when its time comes.
        for missing in self.missing.values_mut() {
            missing.from.retain(|(from, _)| *from != neighbour);
        }
    }

    /// Neighbours along eager edges.
    pub(crate) fn eager(&self) -> impl Iterator<Item = A> {
        self.edges.iter().filter(|edge| !edge.lazy).map(|edge| edge.to)
    }

    pub(crate) fn edges(&self) -> usize {
        self.edges.len()
    }

    /// Sends a payload of this member's own to everybody.
    pub(crate) fn broadcast(
        &mut self,
        now: Instant,
        me: A,
        id: Id,
        payload: &Arc<[u8]>,
        out: &mut Out<A>,
    ) -> Result<(), Error> {
        if payload.len() > PAYLOAD_MAX {
            return Err(Error::PayloadTooLong(payload.len()));
        }
        if self.memory.round(id).is_some() {
            return Err(Error::AlreadyBroadcast);
        }
        self.take(now, me, id, 0, payload, out);
        Ok(())
    }

    /// A message of those that are about broadcasts, from a neighbour; others are not touched.
    pub(crate) fn handle_message(
        &mut self,
        now: Instant,
        from: A,
        message: Message<A>,
        out: &mut Out<A>,
    ) {
        match message {
            Message::Gossip { id, round, payload } if payload.len() <= PAYLOAD_MAX => {
                self.handle_gossip(now, from, id, round, payload, out);
            }
            Message::IHave { ids } => self.handle_ihave(now, from, &ids),
            Message::Graft { id } => self.handle_graft(from, id, out),
            Message::Prune => self.set_lazy(from, true),
            _ => {}
        }
    }

    fn handle_gossip(
        &mut self,
        now: Instant,
        from: A,
        id: Id,
        round: u16,
        payload: Arc<[u8]>,
        out: &mut Out<A>,
    ) {
        if self.memory.round(id).is_some() {
            self.set_lazy(from, true);
            out.send(from, Message::Prune);
            return;
        }
        self.set_lazy(from, false);
        if let Some(missing) = self.missing.remove(&id) {
            self.due.remove(&(missing.due, id));
            self.optimise(from, round, &missing, out);
        }
        let round = round.saturating_add(1);
        self.take(now, from, id, round, &payload, out);
        out.event(Event::Delivered { id, payload, from, hops: round });
    }

    /// Takes a much shorter branch instead of the one that a payload came by.
    fn optimise(&mut self, from: A, round: u16, missing: &Missing<A>, out: &mut Out<A>) {
        let Some((nearer, best)) = missing.from.iter().min_by_key(|(_, round)| *round) else {
            return;
        };
        if *nearer != from && round.saturating_sub(*best) >= self.config.optimise {
            self.set_lazy(*nearer, false);
            out.send(*nearer, Message::Graft { id: None });
            self.set_lazy(from, true);
            out.send(from, Message::Prune);
        }
    }

    /// Remembers a payload, sends it on along the tree, and keeps word of it for the other edges.
    fn take(
        &mut self,
        now: Instant,
        from: A,
        id: Id,
        round: u16,
        payload: &Arc<[u8]>,
        out: &mut Out<A>,
    ) {
        self.memory.remember(id, round, Arc::clone(payload));
        for edge in self.edges.iter().filter(|edge| !edge.lazy && edge.to != from) {
            out.send(edge.to, Message::Gossip { id, round, payload: Arc::clone(payload) });
        }
        self.recent.push_back((id, round));
        if self.recent.len() > ANNOUNCED_MAX {
            self.recent.pop_front();
        }
        self.news.push_back((id, round, from));
        self.news_at.get_or_insert(now + self.config.announce_delay);
        if self.news.len() >= ANNOUNCED_MAX {
            self.tell_news(out);
        }
    }

    fn tell_news(&mut self, out: &mut Out<A>) {
        self.news_at = None;
        for edge in self.edges.iter().filter(|edge| edge.lazy) {
            let news = self.news.iter().filter(|(_, _, from)| *from != edge.to);
            let ids: Vec<_> = news.map(|(id, round, _)| (*id, *round)).collect();
            if !ids.is_empty() {
                out.send(edge.to, Message::IHave { ids });
            }
        }
        self.news.clear();
    }

    /// Word of the last period to everybody once more: what was lost on its way is missed no
    /// longer than that.
    pub(crate) fn remind(&mut self, out: &mut Out<A>) {
        let ids: Vec<_> = std::mem::take(&mut self.recent).into();
        if !ids.is_empty() {
            for edge in &self.edges {
                out.send(edge.to, Message::IHave { ids: ids.clone() });
            }
        }
    }

    fn handle_ihave(&mut self, now: Instant, from: A, ids: &[(Id, u16)]) {
        for (id, round) in ids.iter().take(ANNOUNCED_MAX) {
            if self.memory.round(*id).is_some() {
                continue;
            }
            if let Some(missing) = self.missing.get_mut(id) {
                // One entry each, so no more than there are neighbours.
                if !missing.from.iter().any(|(other, _)| *other == from) {
                    missing.from.push_back((from, *round));
                }
            } else if self.missing.len() < MISSING_MAX {
                let due = now + self.config.graft_first;
                self.due.insert((due, *id));
                let from = VecDeque::from([(from, *round)]);
                self.missing.insert(*id, Missing { from, due });
            }
        }
    }

    fn handle_graft(&mut self, from: A, id: Option<Id>, out: &mut Out<A>) {
        self.set_lazy(from, false);
        if let Some(id) = id
            && let Some((round, payload)) = self.memory.payload(id)
        {
            out.send(from, Message::Gossip { id, round, payload });
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Out<A>) {
        if self.news_at.is_some_and(|at| at <= now) {
            self.tell_news(out);
        }
        while let Some(&(due, id)) = self.due.first()
            && due <= now
        {
            self.due.remove(&(due, id));
            self.fetch(now, id, out);
        }
    }

    /// Asks the next one of those who have word of a payload.
    fn fetch(&mut self, now: Instant, id: Id, out: &mut Out<A>) {
        let Some(missing) = self.missing.get_mut(&id) else {
            return;
        };
        let Some((from, _)) = missing.from.pop_front() else {
            // Word may come again, from others.
            self.missing.remove(&id);
            return;
        };
        missing.due = now + self.config.graft_next;
        self.due.insert((missing.due, id));
        self.set_lazy(from, false);
        out.send(from, Message::Graft { id: Some(id) });
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let due = self.due.first().map(|(due, _)| *due);
        due.into_iter().chain(self.news_at).min()
    }

    fn set_lazy(&mut self, to: A, lazy: bool) {
        if let Some(edge) = self.edges.iter_mut().find(|edge| edge.to == to) {
            edge.lazy = lazy;
        }
    }
}
