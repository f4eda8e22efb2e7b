use std::collections::VecDeque;
use std::sync::Arc;

use stdx::{Instant, Rng};

use crate::broadcast::Broadcast;
use crate::membership::{Membership, ViewChange};
use crate::search::Search;
use crate::{Address, Config, Error, How, Id, Message, SearchId};

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit<A> {
    /// To whom.
    pub to: A,
    /// What.
    pub message: Message<A>,
}

/// What a member has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<A> {
    /// There is a new neighbour.
    Up(A),
    /// A neighbour is one no more; the driver may close what leads there.
    Down(A),
    /// A broadcast arrived, for the first time.
    Delivered {
        /// Its name. Members that trust nobody check that it is the payload's digest.
        id: Id,
        /// What was broadcast.
        payload: Arc<[u8]>,
        /// The neighbour that it came from.
        from: A,
        /// Hops from its origin.
        hops: u16,
    },
    /// A search is over: somebody holds the key.
    Found {
        /// Which search.
        search: SearchId,
        /// Who, or so it was said.
        holder: A,
        /// Hops to it.
        hops: u16,
    },
    /// A search is over: nobody answered in time.
    NotFound {
        /// Which search.
        search: SearchId,
    },
}

/// What goes out.
#[derive(Debug)]
pub(crate) struct Out<A> {
    transmits: VecDeque<Transmit<A>>,
    events: VecDeque<Event<A>>,
}

impl<A> Out<A> {
    pub(crate) fn send(&mut self, to: A, message: Message<A>) {
        self.transmits.push_back(Transmit { to, message });
    }

    pub(crate) fn event(&mut self, event: Event<A>) {
        self.events.push_back(event);
    }
}

/// One member of a network without a server.
///
/// After any `handle_*` or verb, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), then read [`poll_timeout`](Self::poll_timeout). One input
/// makes a bounded number of messages: a few for each neighbour at most.
#[derive(Debug)]
pub struct Overlay<A> {
    me: A,
    rng: Rng,
    membership: Membership<A>,
    broadcast: Broadcast<A>,
    search: Search<A>,
    /// The addresses of the neighbours.
    neighbours: Vec<A>,
    out: Out<A>,
}

impl<A: Address> Overlay<A> {
    /// A member at the address `me` that knows nobody. Without [`join`](Self::join) it waits to be
    /// found: the first member of a network does nothing else.
    pub fn new(me: A, config: Config, mut rng: Rng, now: Instant) -> Self {
        let config = config.sane();
        Self {
            me,
            membership: Membership::new(me, config.clone(), &mut rng, now),
            broadcast: Broadcast::new(config.clone()),
            search: Search::new(me, config),
            rng,
            neighbours: Vec::new(),
            out: Out { transmits: VecDeque::new(), events: VecDeque::new() },
        }
    }

    /// Asks a member that is known from elsewhere to be let in; it is remembered, and asked again
    /// whenever there is nobody else.
    pub fn join(&mut self, now: Instant, anchor: A) {
        self.membership.join(now, anchor, &mut self.out);
    }

    /// Says good-bye to all neighbours; from then on nothing is done.
    pub fn leave(&mut self) {
        self.membership.leave(&mut self.out);
        self.settle();
    }

    /// Sends a payload to all members. `id` names it: the digest of the payload, where members
    /// are to verify it.
    pub fn broadcast(
        &mut self,
        now: Instant,
        id: Id,
        payload: impl Into<Arc<[u8]>>,
    ) -> Result<(), Error> {
        self.broadcast.broadcast(now, self.me, id, &payload.into(), &mut self.out)
    }

    /// Answers searches for a key.
    pub fn hold(&mut self, key: Id) -> Result<(), Error> {
        self.search.hold(key)
    }

    /// Answers searches for a key no more.
    pub fn release(&mut self, key: Id) {
        self.search.release(key);
    }

    /// Looks for somebody who holds a key; ends with [`Event::Found`] or [`Event::NotFound`].
    pub fn search(&mut self, now: Instant, key: Id, how: How) -> Result<SearchId, Error> {
        self.search.start(now, key, how, &self.neighbours, &mut self.rng, &mut self.out)
    }

    /// What another member says.
    pub fn handle_message(&mut self, now: Instant, from: A, message: Message<A>) {
        if !self.membership.hear(now, from, &message, &mut self.out) {
            return;
        }
        let (rng, out) = (&mut self.rng, &mut self.out);
        match message {
            Message::Gossip { .. }
            | Message::IHave { .. }
            | Message::Graft { .. }
            | Message::Prune => self.broadcast.handle_message(now, from, message, out),
            Message::Query { .. }
            | Message::Answer { .. }
            | Message::Walk { .. }
            | Message::Check { .. }
            | Message::GoOn { .. }
            | Message::Found { .. } => {
                self.search.handle_message(now, from, &message, &self.neighbours, rng, out);
            }
            _ => self.membership.handle_message(now, from, message, rng, out),
        }
        self.settle();
    }

    /// The driver's word that an address does not answer: a connection that broke or was not to
    /// be had, datagrams that nobody acknowledges.
    pub fn handle_failed(&mut self, now: Instant, address: A) {
        self.membership.handle_failed(now, address, &mut self.rng);
        self.settle();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let period_over = self.membership.handle_timeout(now, &mut self.rng, &mut self.out);
        self.settle();
        if period_over {
            self.broadcast.remind(&mut self.out);
        }
        self.broadcast.handle_timeout(now, &mut self.out);
        self.search.handle_timeout(now, &mut self.out);
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit<A>> {
        self.out.transmits.pop_front()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event<A>> {
        self.out.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let parts = [
            self.membership.poll_timeout(),
            self.broadcast.poll_timeout(),
            self.search.poll_timeout(),
        ];
        parts.into_iter().flatten().min()
    }

    /// This member's own address.
    pub fn address(&self) -> A {
        self.me
    }

    /// The neighbours.
    pub fn neighbours(&self) -> &[A] {
        &self.neighbours
    }

    /// The neighbours along the broadcast tree.
    pub fn tree_neighbours(&self) -> impl Iterator<Item = A> {
        self.broadcast.eager()
    }

    /// The addresses in reserve.
    pub fn reserve(&self) -> &[A] {
        self.membership.passive()
    }

    /// Tells everybody of new and lost neighbours.
    fn settle(&mut self) {
        while let Some(change) = self.membership.poll_change() {
            match change {
                ViewChange::Up(address) => {
                    self.neighbours.push(address);
                    self.broadcast.handle_up(address);
                    self.out.event(Event::Up(address));
                }
                ViewChange::Down(address) => {
                    self.neighbours.retain(|it| *it != address);
                    self.broadcast.handle_down(address);
                    self.out.event(Event::Down(address));
                }
            }
        }
        debug_assert_eq!(self.neighbours.len(), self.membership.active().len());
        debug_assert_eq!(self.neighbours.len(), self.broadcast.edges());
    }
}
