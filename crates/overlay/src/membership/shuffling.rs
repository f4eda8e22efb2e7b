//! Addresses for addresses: how the reserve stays fresh.

use stdx::Rng;

use super::{Membership, SAMPLE_MAX};
use crate::member::Out;
use crate::{Address, Message};

impl<A: Address> Membership<A> {
    /// Sends some of the addresses known here on a walk.
    pub(super) fn shuffle(&mut self, rng: &mut Rng, out: &mut Out<A>) {
        self.answer_due = false;
        let Some(to) = self.random_neighbour(&[], rng) else {
            return;
        };
        let (active, passive) = (self.config.shuffle_active, self.config.shuffle_passive);
        let mut sample = self.views.sample(active, passive, to, rng);
        sample.truncate(SAMPLE_MAX);
        self.sent.clone_from(&sample);
        self.answer_due = true;
        let (origin, ttl) = (self.me, self.config.walk);
        out.send(to, Message::Shuffle { origin, ttl, sample });
    }

    pub(super) fn handle_shuffle(
        &mut self,
        from: A,
        origin: A,
        ttl: u8,
        sample: &[A],
        rng: &mut Rng,
        out: &mut Out<A>,
    ) {
        if origin == self.me || !self.may_take() {
            return;
        }
        let sample = &sample[..sample.len().min(SAMPLE_MAX)];
        let ttl = ttl.min(self.config.walk);
        if ttl > 0
            && let Some(next) = self.random_neighbour(&[from, origin], rng)
        {
            let sample = sample.to_vec();
            out.send(next, Message::Shuffle { origin, ttl: ttl - 1, sample });
            return;
        }
        let reply = self.views.sample(0, sample.len(), origin, rng);
        let mut given = reply.clone();
        out.send(origin, Message::ShuffleReply { sample: reply });
        self.take_in(sample, &mut given, rng);
        self.views.reserve(origin, &mut given, rng);
    }

    pub(super) fn handle_shuffle_reply(&mut self, from: A, sample: &[A], rng: &mut Rng) {
        if std::mem::take(&mut self.answer_due) {
            let mut given = std::mem::take(&mut self.sent);
            self.take_in(&sample[..sample.len().min(SAMPLE_MAX)], &mut given, rng);
            self.views.reserve(from, &mut given, rng);
        }
    }

    fn take_in(&mut self, sample: &[A], given: &mut Vec<A>, rng: &mut Rng) {
        for address in sample {
            self.views.reserve(*address, given, rng);
        }
    }
}
