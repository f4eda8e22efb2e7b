//! How two members become neighbours, and how they part.

use stdx::{Duration, Instant, Rng};

use super::joining::LAST_HOPS;
use super::{ACTIVE_MAX, Membership, PASSIVE_MAX};
use crate::member::Out;
use crate::{Address, Message, Priority};

/// Time within which a member makes room once at most, so that nobody can sweep out its view.
const EVICTION_INTERVAL: Duration = Duration::from_secs(1);
/// Attempts after which the time between two grows no more.
const DOUBLINGS_MAX: u32 = 3;
/// After a loss, a member looks for others within this time.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

impl<A: Address> Membership<A> {
    /// Asks somebody to be a neighbour.
    pub(super) fn ask(&mut self, now: Instant, to: A, priority: Priority, out: &mut Out<A>) {
        let known = self.is_neighbour(to) || self.asked.iter().any(|(asked, _)| *asked == to);
        if known || self.asked.len() >= ACTIVE_MAX {
            return;
        }
        self.asked.push((to, now + self.config.request_timeout));
        out.send(to, Message::Neighbour { priority });
    }

    /// Whether a request was open to `of`; it is no more.
    fn answered(&mut self, of: A) -> bool {
        let place = self.asked.iter().position(|(asked, _)| *asked == of);
        place.map(|place| self.asked.swap_remove(place)).is_some()
    }

    pub(super) fn handle_neighbour(
        &mut self,
        now: Instant,
        from: A,
        priority: Priority,
        rng: &mut Rng,
        out: &mut Out<A>,
    ) {
        let crossed = self.answered(from);
        let full = self.active().len() >= self.config.active_high;
        if self.is_neighbour(from) || (crossed && !full) {
            self.views.adopt(now, from);
            out.send(from, Message::Accept);
        } else if !full || (priority == Priority::High && self.may_evict(now)) {
            if full {
                self.evicted_at = Some(now);
                self.drop_one(&[], rng, out);
            }
            self.views.adopt(now, from);
            out.send(from, Message::Accept);
        } else {
            out.send(from, Message::Refuse);
            self.pass_on(from, rng, out);
        }
        self.settled();
    }

    /// A full member's neighbours, or theirs, may have room.
    fn pass_on(&mut self, origin: A, rng: &mut Rng, out: &mut Out<A>) {
        if self.may_take()
            && let Some(next) = self.random_neighbour(&[origin], rng)
        {
            let (priority, ttl) = (Priority::Low, LAST_HOPS - 1);
            out.send(next, Message::Forward { origin, priority, ttl });
        }
    }

    fn may_evict(&self, now: Instant) -> bool {
        self.evicted_at.is_none_or(|at| now.since(at) >= EVICTION_INTERVAL)
    }

    pub(super) fn handle_accept(&mut self, now: Instant, from: A, rng: &mut Rng, out: &mut Out<A>) {
        let asked = self.answered(from);
        if self.is_neighbour(from) {
            return;
        }
        // An anchor's word, and an answer that came too late, are as good as a request.
        if self.active().len() < self.config.active_high {
            self.views.adopt(now, from);
        } else if asked && self.may_evict(now) {
            self.evicted_at = Some(now);
            self.drop_one(&[], rng, out);
            self.views.adopt(now, from);
        } else {
            out.send(from, Message::Disconnect { leaving: false });
        }
        self.settled();
    }

    pub(super) fn handle_refuse(&mut self, now: Instant, from: A, rng: &mut Rng) {
        if self.answered(from) {
            self.in_vain(from);
            self.look_soon(now, rng);
        }
    }

    pub(super) fn handle_disconnect(
        &mut self,
        now: Instant,
        from: A,
        leaving: bool,
        rng: &mut Rng,
    ) {
        let asked = self.answered(from);
        if leaving {
            self.views.forget(from);
        } else if self.is_neighbour(from) || asked {
            self.views.retire(from, rng);
            // To ask back at once who just made room would be to push.
            self.in_vain(from);
        }
        self.look_soon(now, rng);
    }

    /// Those who did not answer are no reserve, while there are others: it may have been the
    /// request that was lost.
    pub(super) fn give_up_asking(&mut self, now: Instant, rng: &mut Rng) {
        let late: Vec<A> =
            self.asked.iter().filter(|(_, until)| *until <= now).map(|(late, _)| *late).collect();
        self.asked.retain(|(_, until)| *until > now);
        for address in late {
            // Unless it became a neighbour in the meantime.
            if self.is_neighbour(address) {
                continue;
            }
            if self.passive().len() * 2 > self.config.passive {
                self.views.forget(address);
            }
            self.in_vain(address);
        }
        self.look_soon(now, rng);
    }

    fn in_vain(&mut self, address: A) {
        if self.tried.len() < PASSIVE_MAX {
            self.tried.push(address);
        }
    }

    /// Whether one more message that makes others speak is taken in this period.
    pub(super) fn may_take(&mut self) -> bool {
        self.taken += 1;
        self.taken as usize <= self.config.passive.max(ACTIVE_MAX)
    }

    /// Leaves those of the last resort in peace for a time, ever longer while nobody answers.
    pub(super) fn be_patient(&mut self, now: Instant) {
        let doubled = self.config.request_timeout * (1 << self.attempts.min(DOUBLINGS_MAX));
        self.attempts += 1;
        self.patient_until = now + doubled;
        self.fill_at = Some(self.patient_until);
    }

    fn settled(&mut self) {
        if !self.active().is_empty() {
            self.attempts = 0;
        }
    }

    /// Looks for more neighbours soon, if there are too few.
    pub(super) fn look_soon(&mut self, now: Instant, rng: &mut Rng) {
        if !self.left && self.active().len() + self.asked.len() < self.config.active_want {
            let at = now + LOOK_WITHIN.mul_f64(rng.unit());
            self.fill_at = Some(self.fill_at.map_or(at, |before| before.min(at)));
        }
    }

    /// Asks those in reserve, as many as are missing.
    pub(super) fn fill(&mut self, now: Instant, rng: &mut Rng, out: &mut Out<A>) {
        let have = self.active().len();
        let low = have < self.config.active_low;
        let priority = if low { Priority::High } else { Priority::Low };
        while have + self.asked.len() < self.config.active_want {
            let but: Vec<A> =
                self.tried.iter().copied().chain(self.asked.iter().map(|(it, _)| *it)).collect();
            let Some(address) = self.views.random_passive(&but, rng) else {
                break;
            };
            self.ask(now, address, priority, out);
        }
        if have == 0 && self.asked.is_empty() {
            self.ask_last_resort(now, rng, out);
        }
    }

    /// Whoever may be left: an anchor, or somebody who was a neighbour once.
    fn ask_last_resort(&mut self, now: Instant, rng: &mut Rng, out: &mut Out<A>) {
        let all = self.anchors.len() + self.lost.len();
        if all == 0 {
            return;
        }
        if now < self.patient_until {
            self.fill_at = Some(self.patient_until);
            return;
        }
        self.be_patient(now);
        let place = rng.index(all);
        if let Some(anchor) = self.anchors.get(place) {
            out.send(*anchor, Message::Join);
        } else {
            let lost = self.lost[place - self.anchors.len()];
            self.ask(now, lost, Priority::High, out);
        }
    }
}
