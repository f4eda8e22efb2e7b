//! Chord as first published (SIGCOMM 2001, § 4), to see that the checks catch what is wrong with
//! it: it adopts pointers that nobody has checked, and a newcomer takes the word of a peer that may
//! be out of date.

use std::collections::VecDeque;

use stdx::Instant;

use super::Machine;
use crate::config::{Config, RingError};
use crate::id::Id;
use crate::lookup::{Lookup, Step};
use crate::message::{Ask, Message, Reply, Transmit};
use crate::node::Node;
use crate::tables::{Fingers, Tables};

/// A member that follows the protocol as first published.
#[derive(Clone, Debug)]
pub struct Original {
    config: Config,
    tables: Tables,
    is_member: bool,
    anchors: Vec<Id>,
    place: Option<Lookup>,
    next_round: Instant,
    next_token: u64,
    asked: Vec<(u64, Id, Ask)>,
    out: VecDeque<Transmit>,
}

impl Original {
    fn ask(&mut self, to: Id, ask: Ask) {
        let token = self.next_token;
        self.next_token = token.wrapping_add(1);
        self.asked.push((token, to, ask));
        self.out.push_back(Transmit { to, message: Message::Request { token, ask } });
    }

    fn begin_join(&mut self) {
        self.asked.clear();
        self.place = None;
        if let Some(&anchor) = self.anchors.first() {
            self.ask(anchor, Ask::Way { key: self.tables.id, shortcuts: true });
        }
    }

    fn pursue(&mut self) {
        let Some(lookup) = &self.place else { return };
        match lookup.poll() {
            Step::Ask(id) => self.ask(id, Ask::Way { key: self.tables.id, shortcuts: true }),
            Step::Deliver(successor) => {
                self.place = None;
                self.is_member = true;
                self.tables.successors = vec![successor];
            }
            Step::Done(_) => self.begin_join(),
        }
    }

    fn reply_to(&mut self, from: Id, ask: Ask) -> Reply {
        let tables = &mut self.tables;
        match ask {
            _ if !self.is_member => Reply::Absent,
            Ask::Ping | Ask::Nudge | Ask::Leave => Reply::Pong,
            Ask::Shortcuts => Reply::Shortcuts(tables.fingers.iter().collect()),
            Ask::State => Reply::State {
                predecessor: tables.predecessor,
                successors: tables.successors.clone(),
            },
            Ask::Way { key, shortcuts } => {
                Reply::Way(tables.answer(self.config.space, key, shortcuts))
            }
            Ask::Owner { .. } => Reply::Before(tables.predecessor),
            Ask::Notify => {
                if tables.predecessor.is_none_or(|known| from.is_between(known, tables.id)) {
                    tables.predecessor = Some(from);
                }
                Reply::Before(tables.predecessor)
            }
        }
    }

    fn handle_reply(&mut self, from: Id, ask: Ask, reply: Reply) {
        match (ask, reply) {
            (Ask::State, Reply::State { predecessor, successors }) => {
                let tables = &mut self.tables;
                let behind = std::iter::once(from).chain(successors).collect();
                let nearer = predecessor.filter(|id| id.is_between(tables.id, from));
                let list: Vec<Id> = nearer.into_iter().chain::<Vec<Id>>(behind).collect();
                tables.adopt(list[0], &list[1..], self.config.successors);
                let head = tables.successors.first().copied();
                if let Some(head) = head {
                    self.ask(head, Ask::Notify);
                }
            }
            (Ask::Way { .. }, Reply::Way(answer)) => {
                match &mut self.place {
                    Some(lookup) => lookup.handle_answer(answer),
                    None => self.place = Some(Lookup::new(self.tables.id, answer, true, 64)),
                }
                self.pursue();
            }
            (_, Reply::Absent) => self.handle_silence(from, ask),
            _ => {}
        }
    }

    fn handle_silence(&mut self, from: Id, ask: Ask) {
        match ask {
            Ask::State if self.tables.successors.len() > 1 => {
                self.tables.successors.retain(|id| *id != from);
            }
            Ask::Ping if self.tables.predecessor == Some(from) => self.tables.predecessor = None,
            Ask::Way { .. } => {
                if let Some(lookup) = &mut self.place {
                    lookup.handle_silence();
                    self.pursue();
                }
            }
            _ => {}
        }
    }
}

impl Machine for Original {
    fn founder(
        config: Config,
        id: Id,
        founders: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError> {
        let tables = Node::founder(config, id, founders, seed, now)?.tables().clone();
        let mut original = Self::newcomer(config, id, &[], seed, now)?;
        original.tables = tables;
        original.is_member = true;
        Ok(original)
    }

    fn newcomer(
        config: Config,
        id: Id,
        anchors: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError> {
        let (predecessor, successors) = (None, Vec::new());
        let mut newcomer = Self {
            config,
            tables: Tables { id, predecessor, successors, fingers: Fingers::default() },
            is_member: false,
            anchors: anchors.to_vec(),
            place: None,
            next_round: now,
            next_token: seed,
            asked: Vec::new(),
            out: VecDeque::new(),
        };
        newcomer.begin_join();
        Ok(newcomer)
    }

    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn is_member(&self) -> bool {
        self.is_member
    }

    fn handle_message(&mut self, _now: Instant, from: Id, message: Message) {
        match message {
            Message::Request { token, ask } => {
                let reply = self.reply_to(from, ask);
                self.out.push_back(Transmit { to: from, message: Message::Reply { token, reply } });
            }
            Message::Reply { token, reply } => {
                let matches = |(asked, to, _): &(u64, Id, Ask)| (*asked, *to) == (token, from);
                if let Some(at) = self.asked.iter().position(matches) {
                    let (_, _, ask) = self.asked.swap_remove(at);
                    self.handle_reply(from, ask, reply);
                }
            }
        }
    }

    fn handle_undelivered(&mut self, _now: Instant, sent: &Transmit) {
        let Message::Request { token, .. } = sent.message else { return };
        if let Some(at) = self.asked.iter().position(|asked| asked.0 == token) {
            let (_, to, ask) = self.asked.swap_remove(at);
            self.handle_silence(to, ask);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if now < self.next_round {
            return;
        }
        self.next_round = now + self.config.round_min;
        if !self.is_member {
            self.begin_join();
            return;
        }
        self.asked.retain(|(_, _, ask)| matches!(ask, Ask::Way { .. }));
        if let Some(predecessor) = self.tables.predecessor {
            self.ask(predecessor, Ask::Ping);
        }
        if let Some(&head) = self.tables.successors.first() {
            self.ask(head, Ask::State);
        }
    }

    fn poll_timeout(&self) -> Instant {
        self.next_round
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    fn look_up(&mut self, _now: Instant, _key: Id) {}
}
