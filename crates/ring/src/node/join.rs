//! Becoming a member.

use stdx::Instant;

use super::lookups::{Goal, Running};
use super::requests::Purpose;
use super::{ANCHORS_MAX, Event, Node};
use crate::id::Id;
use crate::message::Ask;

impl Node {
    /// Asks an anchor for the way to our own place.
    pub(super) fn begin_join(&mut self, now: Instant) {
        self.next_attempt = now + self.config.round_max;
        self.lookups.clear();
        self.requests.clear();
        if self.anchors.is_empty() {
            return;
        }
        let anchor = self.anchors[self.rng.index(self.anchors.len())];
        let ticket = self.next_token;
        self.lookups.push(Running { ticket, goal: Goal::Place, lookup: None });
        let ask = Ask::Way { key: self.id(), shortcuts: true };
        self.request(now, anchor, ask, Purpose::Way { ticket });
    }

    /// Who is before our place is found: it is asked for its list, and at that we are in.
    pub(super) fn ask_admission(&mut self, now: Instant, predecessor: Id) {
        if !self.is_busy() {
            self.request(now, predecessor, Ask::State, Purpose::Admission);
        }
    }

    /// The predecessor to be answers: its list becomes ours, if our place is still between it and
    /// its first successor.
    pub(super) fn become_member(&mut self, now: Instant, predecessor: Id, list: &[Id]) {
        let is_ours = list.first().is_some_and(|head| self.id().is_between(predecessor, *head));
        let Some((&head, rest)) = list.split_first().filter(|_| is_ours) else {
            self.next_attempt = now + self.pause();
            return;
        };
        self.tables.adopt(head, rest, self.config.successors);
        self.tables.predecessor = Some(predecessor);
        self.is_member = true;
        self.events.push_back(Event::Joined);
        self.next_round = now + self.round();
        self.stabilize(now);
        self.request(now, predecessor, Ask::Shortcuts, Purpose::Shortcuts);
    }

    /// A neighbour's shortcuts are nearly what ours will be: hints until each has been looked up
    /// (Stoica et al., SIGCOMM 2001, § 4.4).
    pub(super) fn borrow_shortcuts(&mut self, shortcuts: &[(u8, Id)]) {
        let space = self.config.space;
        let ours = self.tables.fingers.clone();
        let known = |power: u8| ours.iter().any(|entry| entry.0 == power);
        for &(power, id) in shortcuts.iter().take(space.bits().into()) {
            if power < space.bits() && space.contains(id) && id != self.id() && !known(power) {
                self.tables.fingers.set(power, id);
            }
        }
    }

    /// Everybody we knew behind us is gone: joins anew, through whomever else we know.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        let known = self.tables.fingers.iter().map(|entry| entry.1);
        let mut anchors: Vec<Id> = known.chain(self.tables.predecessor).collect();
        anchors.append(&mut self.anchors);
        anchors.retain(|id| *id != self.id());
        anchors.dedup();
        anchors.truncate(ANCHORS_MAX);
        self.anchors = anchors;
        self.fail_lookups();
        self.requests.clear();
        self.nudged = None;
        self.is_member = false;
        self.is_serving = false;
        self.tables.predecessor = None;
        self.events.push_back(Event::Lost);
        self.next_attempt = now + self.pause();
    }
}
