use stdx::{Duration, Instant};

use super::{FAILS_MAX, QUARANTINE};
use crate::address::{Contact, Holder};

/// What is known of a node.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) contact: Contact,
    pub(crate) holder: Holder,
    /// Its id is right for its address (BEP 42).
    pub(crate) secure: bool,
    /// Smoothed round-trip time.
    pub(crate) rtt: Option<Duration>,
    /// When it was first heard of.
    pub(crate) first: Instant,
    pub(crate) answered_at: Option<Instant>,
    pub(crate) pinged: Option<Instant>,
    /// Questions that it left unanswered since it last answered.
    pub(crate) fails: u8,
}

impl Entry {
    pub(crate) fn new(now: Instant, contact: Contact, secure: bool) -> Self {
        Self {
            contact,
            holder: Holder::of(contact.address),
            secure,
            rtt: None,
            first: now,
            answered_at: None,
            pinged: None,
            fails: 0,
        }
    }

    pub(crate) fn answered(&mut self, now: Instant, rtt: Duration) {
        self.rtt = Some(self.rtt.map_or(rtt, |old| (old * 3 + rtt) / 4));
        self.answered_at = Some(now);
        self.fails = 0;
    }

    fn rtt(&self) -> Duration {
        self.rtt.unwrap_or(Duration::MAX)
    }
}

/// The nodes that share a certain number of bits with this one.
#[derive(Debug)]
pub(super) struct Bucket {
    /// That number.
    bits: u32,
    /// Most live nodes, and most spare ones.
    pub(super) size: usize,
    pub(super) live: Vec<Entry>,
    pub(super) spares: Vec<Entry>,
    /// When a node came or went.
    pub(super) changed: Instant,
}

impl Bucket {
    pub(super) fn new(bits: u32, size: usize) -> Self {
        let (live, spares) = (Vec::new(), Vec::new());
        Self { bits, size, live, spares, changed: Instant::ZERO }
    }

    pub(super) fn has_room(&self) -> bool {
        self.live.len() < self.size
    }

    /// Takes in a node that answered: as a live one if there is room or a worse one, else as a
    /// spare one.
    pub(super) fn enter(&mut self, now: Instant, entry: Entry) {
        if self.has_room() {
            self.changed = now;
            self.live.push(entry);
            return;
        }
        match self.worse_than(now, &entry) {
            Some(place) => self.replace(now, place, entry),
            None => self.spare(entry),
        }
    }

    /// A spare node answered: perhaps it is to be live.
    pub(super) fn promote(&mut self, now: Instant, contact: Contact) {
        if let Some(place) = self.spares.iter().position(|it| it.contact == contact) {
            let entry = self.spares.swap_remove(place);
            self.enter(now, entry);
        }
    }

    /// Keeps a node in reserve; of too many, first those go that never answered, then the slowest.
    pub(super) fn spare(&mut self, entry: Entry) {
        if self.spares.len() >= self.size {
            let worst = (0..self.spares.len()).max_by_key(|place| self.spares[*place].rtt());
            let Some(worst) = worst.filter(|it| self.spares[*it].rtt() >= entry.rtt()) else {
                return;
            };
            self.spares.swap_remove(worst);
        }
        self.spares.push(entry);
    }

    /// Drops a node; the fastest spare one that answered takes its place.
    pub(super) fn remove(&mut self, now: Instant, contact: Contact) {
        self.spares.retain(|it| it.contact != contact);
        let Some(place) = self.live.iter().position(|it| it.contact == contact) else {
            return;
        };
        self.live.swap_remove(place);
        self.changed = now;
        let fit = |place: &usize| {
            let spare = &self.spares[*place];
            spare.answered_at.is_some() && spare.fails == 0
        };
        let best = (0..self.spares.len()).filter(fit).min_by_key(|it| self.spares[*it].rtt());
        if let Some(best) = best {
            let entry = self.spares.swap_remove(best);
            self.live.push(entry);
        }
    }

    fn replace(&mut self, now: Instant, place: usize, entry: Entry) {
        let old = std::mem::replace(&mut self.live[place], entry);
        self.changed = now;
        if old.fails < FAILS_MAX {
            self.spare(old);
        }
    }

    /// The live node that a new one should stand in for: one that fails, or whose id is not right
    /// for its address while the new one's is; or, once the new one has been known for a while, a
    /// clearly slower one from the same part of the bucket. A part where nobody is, is worth
    /// having somebody in at the cost of the most crowded one: look-ups profit from both.
    fn worse_than(&self, now: Instant, new: &Entry) -> Option<usize> {
        let live = || 0..self.live.len();
        let by_fails = |it: &usize| (self.live[*it].fails, self.live[*it].rtt());
        let failing = live().filter(|it| self.live[*it].fails > 0).max_by_key(by_fails);
        if failing.is_some() {
            return failing;
        }
        let insecure = live().filter(|it| !self.live[*it].secure);
        if new.secure
            && let Some(slowest) = insecure.max_by_key(|it| self.live[*it].rtt())
        {
            return Some(slowest);
        }
        if now.since(new.first) < QUARANTINE {
            return None;
        }
        let part = |it: &Entry| it.contact.id.bits(self.bits + 1, self.size.ilog2());
        let here = part(new);
        let beside = live().filter(|it| part(&self.live[*it]) == here);
        if let Some(slowest) = beside.max_by_key(|it| self.live[*it].rtt()) {
            return (self.live[slowest].rtt() > new.rtt() * 5 / 4).then_some(slowest);
        }
        let crowd = |place: &usize| {
            let there = part(&self.live[*place]);
            self.live.iter().filter(|it| part(it) == there).count()
        };
        live().max_by_key(|it| (crowd(it), self.live[*it].rtt())).filter(|it| crowd(it) > 1)
    }
}
