//! How newcomers get in, and how a request is passed on until somebody has room.

use stdx::{Instant, Rng};

use super::{ANCHORS_MAX, CONTACTS_MAX, Membership};
use crate::member::Out;
use crate::{Address, Message, Priority};

/// Requests are passed on at most so far, whatever a member says.
const HOPS_MAX: u8 = 16;
/// The last hops, in which who has room takes a request.
pub(super) const LAST_HOPS: u8 = 2;

impl<A: Address> Membership<A> {
    /// Asks an anchor to be let in, and remembers it for when nobody else is left.
    pub(crate) fn join(&mut self, now: Instant, anchor: A, out: &mut Out<A>) {
        if anchor == self.me || self.left {
            return;
        }
        self.anchors.retain(|it| *it != anchor);
        if self.anchors.len() == ANCHORS_MAX {
            self.anchors.remove(0);
        }
        self.anchors.push(anchor);
        out.send(anchor, Message::Join);
        // Neighbours come to a newcomer; only then does it look for what is missing.
        self.be_patient(now);
    }

    pub(super) fn handle_join(&mut self, now: Instant, from: A, rng: &mut Rng, out: &mut Out<A>) {
        // Who joins knows nothing of what it was before.
        self.views.forget(from);
        let ways = self.views.sample(self.config.active_low, 0, from, rng);
        for way in &ways {
            let (origin, ttl) = (from, self.config.walk);
            out.send(*way, Message::Forward { origin, priority: Priority::High, ttl });
        }
        if self.active().len() < self.config.active_high {
            self.views.adopt(now, from);
            out.send(from, Message::Accept);
        }
        let contacts = self.views.sample(CONTACTS_MAX / 2, CONTACTS_MAX / 2, from, rng);
        out.send(from, Message::Welcome { contacts });
    }

    pub(super) fn handle_welcome(&mut self, from: A, contacts: &[A], rng: &mut Rng) {
        // Nobody else may fill the reserve with whom it likes.
        if self.anchors.contains(&from) {
            for contact in contacts.iter().take(CONTACTS_MAX) {
                self.views.reserve(*contact, &mut Vec::new(), rng);
            }
        }
    }

    /// Somebody looks for a neighbour: takes it, or passes its request on.
    pub(super) fn handle_forward(
        &mut self,
        now: Instant,
        from: A,
        (origin, priority, ttl): (A, Priority, u8),
        rng: &mut Rng,
        out: &mut Out<A>,
    ) {
        if origin == self.me {
            return;
        }
        let ttl = ttl.min(HOPS_MAX);
        if priority == Priority::High && ttl == self.config.walk_passive {
            self.views.reserve(origin, &mut Vec::new(), rng);
        }
        let next = self.random_neighbour(&[from, origin], rng);
        let end = ttl == 0 || next.is_none();
        if (end || ttl <= LAST_HOPS) && !self.is_neighbour(origin) {
            // Towards the end all that counts is that somebody takes it.
            let room = if end { self.config.active_high } else { self.config.active_want };
            if self.active().len() < room || (end && priority == Priority::High) {
                self.ask(now, origin, priority, out);
                return;
            }
        }
        if let Some(next) = next.filter(|_| !end) {
            out.send(next, Message::Forward { origin, priority, ttl: ttl - 1 });
        }
    }
}
