//! Keeping the circle: stabilisation, notification, rectification.

use stdx::Instant;

use super::requests::Purpose;
use super::{Event, Node};
use crate::config::Repair;
use crate::id::Id;
use crate::message::Ask;

impl Node {
    /// Stabilisation, first step: asks the first successor what it knows.
    pub(super) fn ask_successor(&mut self, now: Instant) {
        if let Some(&head) = self.tables.successors.first() {
            self.request(now, head, Ask::State, Purpose::Successor);
        }
    }

    /// The first successor answers: its list is ours, one further on.
    pub(super) fn adopt_list(
        &mut self,
        now: Instant,
        head: Id,
        predecessor: Option<Id>,
        list: &[Id],
    ) {
        self.tables.adopt(head, list, self.config.successors);
        match predecessor {
            Some(id) if id.is_between(self.id(), head) => {
                self.request(now, id, Ask::State, Purpose::Closer);
            }
            _ => self.notify(now),
        }
    }

    /// Stabilisation, second step: somebody nearer answers, and is there.
    pub(super) fn adopt_closer(&mut self, now: Instant, closer: Id, list: &[Id]) {
        let head = self.tables.successors.first();
        if head.is_none_or(|head| closer.is_between(self.id(), *head)) {
            self.tables.adopt(closer, list, self.config.successors);
        }
        self.notify(now);
    }

    /// The first successor is gone: the next one is asked. The list is shorter until it answers.
    pub(super) fn drop_successor(&mut self, now: Instant, gone: Id) {
        self.tables.successors.retain(|id| *id != gone);
        if self.tables.successors.is_empty() {
            self.begin_anew(now);
        } else {
            self.ask_successor(now);
        }
    }

    /// Looks whether everybody is there whom we have a pointer to.
    pub(super) fn ping_all(&mut self, now: Instant) {
        if self.config.repair != Repair::Prompt
            || self.is_asking(|purpose| purpose == Purpose::Acquaintance)
        {
            return;
        }
        let behind = self.tables.successors.iter().copied().skip(1);
        let mut known: Vec<Id> = behind.chain(self.tables.fingers.iter().map(|f| f.1)).collect();
        known.sort_unstable();
        known.dedup();
        for id in known {
            self.request(now, id, Ask::Ping, Purpose::Acquaintance);
        }
    }

    /// Somebody whom we had a pointer to is gone.
    pub(super) fn drop_acquaintance(&mut self, now: Instant, gone: Id) {
        if self.tables.successors.first() == Some(&gone) {
            self.stabilize(now);
        } else {
            self.tables.successors.retain(|id| *id != gone);
        }
    }

    /// Tells the first successor who is before it. Every round ends so.
    pub(super) fn notify(&mut self, now: Instant) {
        if let Some(&head) = self.tables.successors.first()
            && !self.is_asking(|purpose| purpose == Purpose::Notify)
        {
            self.request(now, head, Ask::Notify, Purpose::Notify);
        }
    }

    /// The first successor has been told, and says whom it takes to be before it.
    pub(super) fn noted(&mut self, now: Instant, predecessor: Option<Id>) {
        if predecessor != Some(self.id()) {
            if !self.is_serving {
                self.next_round = self.next_round.min(now + self.pause());
            }
            return;
        }
        if !self.is_serving {
            self.is_serving = true;
            self.events.push_back(Event::Serving);
            if let (Repair::Prompt, Some(id)) = (self.config.repair, self.tables.predecessor) {
                self.request(now, id, Ask::Nudge, Purpose::Nudge);
            }
        }
    }

    /// Somebody says to be right behind us. It is asked before it is believed: this is the second
    /// step of stabilisation without the first.
    pub(super) fn follow_nudge(&mut self, now: Instant) {
        let Some(id) = self.nudged else { return };
        if self.is_busy() {
            return;
        }
        self.nudged = None;
        let head = self.tables.successors.first();
        if self.is_member && head.is_some_and(|head| id.is_between(self.id(), *head)) {
            self.request(now, id, Ask::State, Purpose::Closer);
        }
    }

    /// Rectification: somebody says to be before us.
    pub(super) fn rectify(&mut self, now: Instant, candidate: Id) {
        match self.tables.predecessor {
            Some(known) if known == candidate => {}
            Some(known) if !candidate.is_between(known, self.id()) => {
                if !self.is_asking(|purpose| matches!(purpose, Purpose::Predecessor { .. })) {
                    self.request(now, known, Ask::Ping, Purpose::Predecessor { candidate });
                }
            }
            _ => self.tables.predecessor = Some(candidate),
        }
    }

    /// The predecessor is gone; who said to be before us takes its place.
    pub(super) fn replace_predecessor(&mut self, gone: Id, candidate: Id) {
        if self.tables.predecessor == Some(gone) {
            self.tables.predecessor = Some(candidate);
        }
    }
}
