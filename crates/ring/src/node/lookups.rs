//! Look-ups under way: for the owner, for shortcuts, for our own place.

use stdx::Instant;

use super::requests::Purpose;
use super::{Event, Node};
use crate::config::{Repair, RingError};
use crate::id::Id;
use crate::lookup::{Lookup, Outcome, Step};
use crate::message::Ask;
use crate::tables::Answer;

/// The most look-ups at a time.
pub const LOOKUPS_MAX: usize = 64;

/// The most peers that a look-up asks for the way.
const CONTACTS_MAX: u32 = 1_024;

/// A look-up under way.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) ticket: u64,
    pub(super) goal: Goal,
    /// `None` until the anchor has answered.
    pub(super) lookup: Option<Lookup>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// What somebody asked for.
    Key,
    /// Shortcut number so and so.
    Finger(u8),
    /// Who is before our own place.
    Place,
}

impl Node {
    /// Looks up who owns a key; [`Event::Found`] with this ticket tells.
    ///
    /// # Errors
    /// [`RingError::Busy`] when too many look-ups are under way, [`RingError::Stranger`] before it
    /// is a member.
    pub fn look_up(&mut self, now: Instant, key: Id, shortcuts: bool) -> Result<u64, RingError> {
        if !self.is_member || !self.config.space.contains(key) {
            return Err(RingError::Stranger);
        }
        if self.lookups.len() >= LOOKUPS_MAX {
            return Err(RingError::Busy(LOOKUPS_MAX));
        }
        Ok(self.start(now, key, shortcuts, Goal::Key))
    }

    /// Looks one more shortcut up, of those that lead beyond the first successor: one after the
    /// other from the longest, or a random one, as was published.
    pub(super) fn fix_finger(&mut self, now: Instant) {
        let is_fixing = |running: &Running| matches!(running.goal, Goal::Finger(_));
        let Some(&head) = self.tables.successors.first() else { return };
        if self.lookups.len() >= LOOKUPS_MAX || self.lookups.iter().any(is_fixing) {
            return;
        }
        let (space, id) = (self.config.space, self.id());
        let leads_beyond = |power: &u8| !space.jump(id, *power).is_within(id, head);
        let count = (0..space.bits()).rev().take_while(leads_beyond).count() as u8;
        let shortest = space.bits() - count;
        self.tables.fingers.cut(shortest);
        if count == 0 {
            return;
        }
        let power = match self.config.repair {
            Repair::Prompt if (shortest + 1..space.bits()).contains(&self.next_finger) => {
                self.next_finger - 1
            }
            Repair::Prompt => space.bits() - 1,
            Repair::Rounds => shortest + self.rng.below(count.into()) as u8,
        };
        self.next_finger = power;
        self.start(now, space.jump(id, power), true, Goal::Finger(power));
    }

    fn start(&mut self, now: Instant, key: Id, shortcuts: bool, goal: Goal) -> u64 {
        let ticket = self.next_token;
        self.next_token = ticket.wrapping_add(1);
        let own = self.tables.answer(self.config.space, key, shortcuts);
        let lookup = Some(Lookup::new(key, own, shortcuts, CONTACTS_MAX));
        self.lookups.push(Running { ticket, goal, lookup });
        self.pursue(now, ticket);
        ticket
    }

    /// Somebody answers for the way.
    pub(super) fn handle_way(&mut self, now: Instant, ticket: u64, answer: Answer) {
        let id = self.id();
        if let Some(running) = self.lookups.iter_mut().find(|running| running.ticket == ticket) {
            match &mut running.lookup {
                Some(lookup) => lookup.handle_answer(answer),
                None => running.lookup = Some(Lookup::new(id, answer, true, CONTACTS_MAX)),
            }
            self.pursue(now, ticket);
        }
    }

    /// Somebody does not answer for the way.
    pub(super) fn handle_lookup_silence(&mut self, now: Instant, ticket: u64) {
        let found = self.lookups.iter_mut().find(|running| running.ticket == ticket);
        match found.map(|running| &mut running.lookup) {
            Some(Some(lookup)) => {
                lookup.handle_silence();
                self.pursue(now, ticket);
            }
            Some(None) => {
                self.lookups.retain(|running| running.ticket != ticket);
                self.next_attempt = now + self.pause();
            }
            None => {}
        }
    }

    /// The owner is there, and says who is before it.
    pub(super) fn handle_owner(
        &mut self,
        now: Instant,
        ticket: u64,
        owner: Id,
        predecessor: Option<Id>,
    ) {
        let is_prompt = self.config.repair == Repair::Prompt;
        let Some(lookup) = self.lookup(ticket) else { return };
        match predecessor {
            Some(id) if is_prompt && !lookup.key().is_within(id, owner) => {
                lookup.handle_nearer(id);
            }
            _ => lookup.handle_delivered(),
        }
        self.pursue(now, ticket);
    }

    /// The owner does not answer. It is asked twice: a wrong owner is worse than a delay.
    pub(super) fn handle_owner_silence(
        &mut self,
        now: Instant,
        ticket: u64,
        owner: Id,
        is_second: bool,
    ) {
        let Some(lookup) = self.lookup(ticket) else { return };
        if !is_second {
            let ask = Ask::Owner { key: lookup.key() };
            self.request(now, owner, ask, Purpose::Owner { ticket, is_second: true });
            return;
        }
        lookup.handle_silence();
        self.pursue(now, ticket);
    }

    /// Ends all look-ups: there is nobody left to ask.
    pub(super) fn fail_lookups(&mut self) {
        for Running { ticket, goal, lookup } in self.lookups.drain(..) {
            if let (Goal::Key, Some(lookup)) = (goal, lookup) {
                let route = lookup.into_route(None);
                self.events.push_back(Event::Found { ticket, route });
            }
        }
    }

    fn lookup(&mut self, ticket: u64) -> Option<&mut Lookup> {
        let running = self.lookups.iter_mut().find(|running| running.ticket == ticket)?;
        running.lookup.as_mut()
    }

    /// Does what a look-up wants next.
    fn pursue(&mut self, now: Instant, ticket: u64) {
        let Some(at) = self.lookups.iter().position(|running| running.ticket == ticket) else {
            return;
        };
        let Running { goal, lookup: Some(lookup), .. } = &self.lookups[at] else { return };
        let (goal, key, shortcuts) = (*goal, lookup.key(), lookup.shortcuts());
        match lookup.poll() {
            Step::Ask(id) => {
                self.request(now, id, Ask::Way { key, shortcuts }, Purpose::Way { ticket });
            }
            Step::Deliver(id) if goal != Goal::Place && id != self.id() => {
                let purpose = Purpose::Owner { ticket, is_second: false };
                self.request(now, id, Ask::Owner { key }, purpose);
            }
            Step::Deliver(owner) | Step::Done(Outcome::Owner(owner)) => {
                self.finish(now, at, Some(owner));
            }
            Step::Done(Outcome::Lost) => self.finish(now, at, None),
        }
    }

    fn finish(&mut self, now: Instant, at: usize, owner: Option<Id>) {
        let Running { ticket, goal, lookup } = self.lookups.swap_remove(at);
        let Some(lookup) = lookup else { return };
        match (goal, owner) {
            (Goal::Key, owner) => {
                let route = lookup.into_route(owner);
                self.events.push_back(Event::Found { ticket, route });
            }
            (Goal::Finger(power), Some(owner)) if owner != self.id() => {
                self.tables.fingers.set(power, owner);
            }
            (Goal::Finger(power), _) => self.tables.fingers.clear(power),
            (Goal::Place, _) => match lookup.path().last() {
                Some(&before) if owner.is_some() => self.ask_admission(now, before),
                _ => self.next_attempt = now + self.pause(),
            },
        }
    }
}
