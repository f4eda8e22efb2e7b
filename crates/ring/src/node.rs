//! One member of a ring, in P. Zave's corrected form of Chord ("Reasoning about identifier spaces:
//! how to make Chord correct", TSE 2017).

mod join;
mod lookups;
mod maintain;
mod requests;

use std::collections::VecDeque;

use stdx::{Instant, Rng};

pub use self::lookups::LOOKUPS_MAX;
use self::lookups::Running;
use self::requests::{Purpose, Request};
use crate::config::{Config, Repair, RingError};
use crate::id::Id;
use crate::message::{Ask, Message, Reply, Transmit};
use crate::route::Route;
use crate::tables::{Fingers, SUCCESSORS_MAX, Tables};

/// The most anchors that a newcomer remembers.
pub const ANCHORS_MAX: usize = 16;

/// One member of a ring, or one that wants to become it.
///
/// Pointers to others are adopted only from somebody who has just answered. While an answer is
/// outstanding that will change the successor list, the list is told to nobody: so every change is
/// as if it had been made at the moment when the answer was given, which is what the proof of the
/// protocol needs.
#[derive(Clone, Debug)]
pub struct Node {
    config: Config,
    rng: Rng,
    tables: Tables,
    is_member: bool,
    /// Whether the successor has taken it for its predecessor: from then on keys are its own.
    is_serving: bool,
    anchors: Vec<Id>,
    requests: Vec<Request>,
    lookups: Vec<Running>,
    /// Who says to be nearer than the first successor.
    nudged: Option<Id>,
    next_round: Instant,
    next_attempt: Instant,
    next_finger: u8,
    next_token: u64,
    out: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

/// What a member tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is a member now.
    Joined,
    /// Its successor knows of it: keys are its own from now on.
    Serving,
    /// All its successors are gone; it joins anew.
    Lost,
    /// A look-up is over.
    Found {
        /// Which.
        ticket: u64,
        /// What it found, and how.
        route: Route,
    },
}

impl Node {
    /// One of the members that a ring begins with. All of them have to be told the same.
    pub fn founder(
        config: Config,
        id: Id,
        founders: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError> {
        let mut ids = founders.to_vec();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() <= config.successors {
            return Err(RingError::TooFew { successors: config.successors, given: ids.len() });
        }
        let at = ids.binary_search(&id).map_err(|_| RingError::Stranger)?;
        let mut node = Self::new(config, id, seed, now)?;
        let behind = (1..=config.successors).map(|step| ids[(at + step) % ids.len()]);
        node.tables.successors = behind.collect();
        node.tables.predecessor = Some(ids[(at + ids.len() - 1) % ids.len()]);
        node.is_member = true;
        node.is_serving = true;
        node.next_round = now + node.round() / 2;
        Ok(node)
    }

    /// A newcomer that knows members of the ring.
    pub fn newcomer(
        config: Config,
        id: Id,
        anchors: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError> {
        let mut node = Self::new(config, id, seed, now)?;
        node.anchors = anchors.iter().copied().take(ANCHORS_MAX).collect();
        node.begin_join(now);
        Ok(node)
    }

    fn new(config: Config, id: Id, seed: u64, now: Instant) -> Result<Self, RingError> {
        if config.successors == 0 || config.successors > SUCCESSORS_MAX {
            return Err(RingError::Successors);
        }
        if !config.space.contains(id) {
            return Err(RingError::Stranger);
        }
        let mut rng = Rng::new(seed);
        let next_token = rng.next_u64();
        let (predecessor, successors) = (None, Vec::new());
        let tables = Tables { id, predecessor, successors, fingers: Fingers::default() };
        Ok(Self {
            config,
            rng,
            tables,
            is_member: false,
            is_serving: false,
            anchors: Vec::new(),
            requests: Vec::new(),
            lookups: Vec::new(),
            nudged: None,
            next_round: now,
            next_attempt: now,
            next_finger: 0,
            next_token,
            out: VecDeque::new(),
            events: VecDeque::new(),
        })
    }

    /// Who it is.
    pub fn id(&self) -> Id {
        self.tables.id
    }

    /// What it knows of the others.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Whether it is a member.
    pub fn is_member(&self) -> bool {
        self.is_member
    }

    /// Whether an answer is outstanding that will change its successor list.
    pub fn is_busy(&self) -> bool {
        self.requests.iter().any(|request| request.purpose.changes_successors())
    }

    /// Gives it shortcuts that are known to be right, as a long calm would.
    pub fn set_fingers(&mut self, fingers: Fingers) {
        self.tables.fingers = fingers;
    }

    /// Begins the next round of stabilisation at this moment.
    pub fn postpone(&mut self, until: Instant) {
        self.next_round = until;
    }

    /// Starts a round of stabilisation now, unless one is under way.
    pub fn stabilize(&mut self, now: Instant) {
        if self.is_member && !self.is_busy() {
            self.ask_successor(now);
        }
    }

    /// Leaves. What is returned tells the peer before it, and is all that is left to be sent.
    ///
    /// (ToN 2003, § IV-E.4. The peer behind needs no word: whoever is then before it will tell.)
    pub fn leave(self) -> Option<Transmit> {
        let to = self.tables.predecessor.filter(|_| self.is_member)?;
        let message = Message::Request { token: self.next_token, ask: Ask::Leave };
        Some(Transmit { to, message })
    }

    /// Takes in what another peer says.
    pub fn handle_message(&mut self, now: Instant, from: Id, message: Message) {
        match message {
            Message::Request { token, ask } => {
                let reply = self.reply_to(now, from, ask);
                self.out.push_back(Transmit { to: from, message: Message::Reply { token, reply } });
            }
            Message::Reply { token, reply } => {
                let matches = |request: &Request| request.token == token && request.to == from;
                if let Some(at) = self.requests.iter().position(matches) {
                    let request = self.requests.swap_remove(at);
                    self.handle_reply(now, request, reply);
                }
            }
        }
        self.follow_nudge(now);
    }

    /// A message could not be delivered: nobody is there. (Where nothing tells, time does.)
    pub fn handle_undelivered(&mut self, now: Instant, sent: &Transmit) {
        let Message::Request { token, .. } = sent.message else { return };
        let matches = |request: &Request| request.token == token && request.to == sent.to;
        if let Some(at) = self.requests.iter().position(matches) {
            let request = self.requests.swap_remove(at);
            self.handle_silence(now, request);
        }
        self.follow_nudge(now);
    }

    /// Whether an answer with this token is still wanted.
    pub fn awaits(&self, token: u64) -> bool {
        self.requests.iter().any(|request| request.token == token)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(at) = self.requests.iter().position(|request| request.deadline <= now) {
            let request = self.requests.swap_remove(at);
            self.handle_silence(now, request);
        }
        if self.is_member && self.next_round <= now {
            self.next_round = now + self.round();
            self.stabilize(now);
            self.fix_finger(now);
            self.ping_all(now);
        }
        // Who may have been let in already does not ask to be let in again.
        if !self.is_member && !self.is_busy() && self.next_attempt <= now {
            self.begin_join(now);
        }
        self.follow_nudge(now);
    }

    /// When [`Node::handle_timeout`] is wanted.
    pub fn poll_timeout(&self) -> Instant {
        let due = match (self.is_member, self.is_busy()) {
            (true, _) => self.next_round,
            (false, true) => Instant::FAR_FUTURE,
            (false, false) => self.next_attempt,
        };
        self.requests.iter().map(|request| request.deadline).fold(due, Instant::min)
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// The next piece of news.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn reply_to(&mut self, now: Instant, from: Id, ask: Ask) -> Reply {
        if !self.is_member {
            // Somebody who once was here may be asked before it knows that it is here again.
            return if self.is_busy() { Reply::Busy } else { Reply::Absent };
        }
        match ask {
            Ask::Ping => Reply::Pong,
            Ask::State if self.is_busy() => Reply::Busy,
            Ask::State => Reply::State {
                predecessor: self.tables.predecessor,
                successors: self.tables.successors.clone(),
            },
            Ask::Way { key, shortcuts } => {
                Reply::Way(self.tables.answer(self.config.space, key, shortcuts))
            }
            Ask::Owner { .. } => Reply::Before(self.tables.predecessor),
            Ask::Notify => {
                self.rectify(now, from);
                Reply::Before(self.tables.predecessor)
            }
            Ask::Nudge => {
                if self.config.repair == Repair::Prompt {
                    self.nudged = Some(from);
                }
                Reply::Pong
            }
            Ask::Leave => {
                // A word that is not believed but looked into: it may be older than a return.
                if self.tables.successors.first() == Some(&from) {
                    self.stabilize(now);
                }
                Reply::Pong
            }
            Ask::Shortcuts => Reply::Shortcuts(self.tables.fingers.iter().collect()),
        }
    }

    fn handle_reply(&mut self, now: Instant, request: Request, reply: Reply) {
        match (request.purpose, reply) {
            (Purpose::Successor, Reply::State { predecessor, successors }) => {
                self.adopt_list(now, request.to, predecessor, &successors);
            }
            (Purpose::Closer, Reply::State { successors, .. }) => {
                self.adopt_closer(now, request.to, &successors);
            }
            (Purpose::Admission, Reply::State { successors, .. }) => {
                self.become_member(now, request.to, &successors);
            }
            (Purpose::Successor, Reply::Busy) => {
                self.next_round = self.next_round.min(now + self.pause());
            }
            (Purpose::Way { ticket }, Reply::Way(answer)) if answer.id == request.to => {
                self.handle_way(now, ticket, answer);
            }
            (Purpose::Owner { ticket, .. }, Reply::Before(predecessor)) => {
                self.handle_owner(now, ticket, request.to, predecessor);
            }
            (Purpose::Notify, Reply::Before(predecessor)) => self.noted(now, predecessor),
            (Purpose::Shortcuts, Reply::Shortcuts(shortcuts)) => self.borrow_shortcuts(&shortcuts),
            (Purpose::Predecessor { .. } | Purpose::Nudge, Reply::Pong)
            | (Purpose::Predecessor { .. } | Purpose::Acquaintance, Reply::Pong | Reply::Busy) => {}
            // It is no member, or talks nonsense: either way not what it was asked as.
            _ => self.handle_silence(now, request),
        }
    }

    /// The peer that was asked is taken for gone.
    fn handle_silence(&mut self, now: Instant, request: Request) {
        if self.config.repair == Repair::Prompt {
            self.tables.fingers.remove(request.to);
        }
        match request.purpose {
            Purpose::Successor => self.drop_successor(now, request.to),
            Purpose::Closer => self.notify(now),
            Purpose::Admission => self.next_attempt = now + self.pause(),
            Purpose::Predecessor { candidate } => self.replace_predecessor(request.to, candidate),
            Purpose::Way { ticket } => self.handle_lookup_silence(now, ticket),
            Purpose::Owner { ticket, is_second } => {
                self.handle_owner_silence(now, ticket, request.to, is_second);
            }
            Purpose::Acquaintance => self.drop_acquaintance(now, request.to),
            Purpose::Notify | Purpose::Nudge | Purpose::Shortcuts => {}
        }
    }
}
