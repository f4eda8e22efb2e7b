use stdx::{Instant, Rng};

use crate::member::Out;
use crate::{Address, Config, Message, Priority};

use self::view::{Change, Neighbour, Views};

mod asking;
mod joining;
mod shuffling;
mod view;

pub(crate) use self::view::Change as ViewChange;

/// The most neighbours, whatever the configuration says.
pub const ACTIVE_MAX: usize = 32;
/// The most addresses in reserve, whatever the configuration says.
pub const PASSIVE_MAX: usize = 256;
/// Addresses of anchors that are remembered.
pub const ANCHORS_MAX: usize = 8;
/// Addresses in the answer to a newcomer.
pub const CONTACTS_MAX: usize = 8;
/// Addresses in a shuffle, its origin aside.
pub const SAMPLE_MAX: usize = 16;

/// Former neighbours that are remembered.
const LOST_MAX: usize = 8;
/// One in so many rotations goes to a former neighbour.
const LOST_EVERY: u64 = 4;

/// Who the neighbours are, who else there is, and how both stay fresh.
#[derive(Debug)]
pub(crate) struct Membership<A> {
    me: A,
    config: Config,
    views: Views<A>,
    /// Who was asked to be a neighbour, and until when an answer is waited for.
    asked: Vec<(A, Instant)>,
    /// Who was asked in vain in this period.
    tried: Vec<A>,
    anchors: Vec<A>,
    /// Attempts to join since there was a neighbour last.
    attempts: u32,
    /// Until when those of the last resort are not asked again.
    patient_until: Instant,
    /// When to look for more neighbours, if there are too few.
    fill_at: Option<Instant>,
    /// When the period ends.
    tick_at: Instant,
    /// When somebody had to make room last.
    evicted_at: Option<Instant>,
    /// What went out with the last shuffle: the first to make room for the answer.
    sent: Vec<A>,
    /// Whether the last shuffle has no answer yet.
    answer_due: bool,
    /// Former neighbours that did not answer any more, the latest last: perhaps they were only
    /// cut off.
    lost: Vec<A>,
    /// Shuffles and requests taken in this period.
    taken: u32,
    left: bool,
}

impl<A: Address> Membership<A> {
    pub(crate) fn new(me: A, config: Config, rng: &mut Rng, now: Instant) -> Self {
        // Members that start together must not shuffle together.
        let tick_at = now + config.period.mul_f64(rng.unit());
        Self {
            me,
            views: Views::new(me, &config),
            config,
            asked: Vec::new(),
            tried: Vec::new(),
            anchors: Vec::new(),
            attempts: 0,
            patient_until: now,
            fill_at: None,
            tick_at,
            evicted_at: None,
            sent: Vec::new(),
            answer_due: false,
            lost: Vec::new(),
            taken: 0,
            left: false,
        }
    }

    pub(crate) fn active(&self) -> &[Neighbour<A>] {
        self.views.active()
    }

    pub(crate) fn passive(&self) -> &[A] {
        self.views.passive()
    }

    pub(crate) fn is_neighbour(&self, address: A) -> bool {
        self.views.is_active(address)
    }

    pub(crate) fn poll_change(&mut self) -> Option<Change<A>> {
        self.views.poll_change()
    }

    /// A neighbour that is none of `but`, at random.
    pub(crate) fn random_neighbour(&self, but: &[A], rng: &mut Rng) -> Option<A> {
        self.views.random_active(but, rng)
    }

    /// Takes in who was heard; whether what a neighbour may say is to be listened to.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        from: A,
        message: &Message<A>,
        out: &mut Out<A>,
    ) -> bool {
        if self.left || from == self.me {
            return false;
        }
        if self.views.hear(now, from) || !message.among_neighbours() {
            return true;
        }
        // Its request was accepted, and what it said first overtook its word of that.
        if !self.asked.iter().any(|(asked, _)| *asked == from) {
            out.send(from, Message::Disconnect { leaving: false });
        }
        false
    }

    /// A message of those that are about membership; others are not touched.
    pub(crate) fn handle_message(
        &mut self,
        now: Instant,
        from: A,
        message: Message<A>,
        rng: &mut Rng,
        out: &mut Out<A>,
    ) {
        match message {
            Message::Join => self.handle_join(now, from, rng, out),
            Message::Welcome { contacts } => self.handle_welcome(from, &contacts, rng),
            Message::Forward { origin, priority, ttl } => {
                self.handle_forward(now, from, (origin, priority, ttl), rng, out);
            }
            Message::Neighbour { priority } => {
                self.handle_neighbour(now, from, priority, rng, out);
            }
            Message::Accept => self.handle_accept(now, from, rng, out),
            Message::Refuse => self.handle_refuse(now, from, rng),
            Message::Disconnect { leaving } => self.handle_disconnect(now, from, leaving, rng),
            Message::Shuffle { origin, ttl, sample } => {
                self.handle_shuffle(from, origin, ttl, &sample, rng, out);
            }
            Message::ShuffleReply { sample } => self.handle_shuffle_reply(from, &sample, rng),
            _ => {}
        }
    }

    /// The driver's word that nobody answers at an address.
    pub(crate) fn handle_failed(&mut self, now: Instant, address: A, rng: &mut Rng) {
        self.lose(address);
        self.asked.retain(|(asked, _)| *asked != address);
        self.look_soon(now, rng);
    }

    fn lose(&mut self, address: A) {
        if self.is_neighbour(address) {
            self.lost.retain(|it| *it != address);
            if self.lost.len() == LOST_MAX {
                self.lost.remove(0);
            }
            self.lost.push(address);
        }
        self.views.forget(address);
    }

    /// Does what is due; whether a period is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant, rng: &mut Rng, out: &mut Out<A>) -> bool {
        if self.left {
            return false;
        }
        if self.asked.iter().any(|(_, until)| *until <= now) {
            self.give_up_asking(now, rng);
        }
        let period_over = self.tick_at <= now;
        if period_over {
            self.tick(now, rng, out);
        }
        if self.fill_at.is_some_and(|at| at <= now) {
            self.fill_at = None;
            self.fill(now, rng, out);
        }
        period_over
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.left {
            return None;
        }
        let answers = self.asked.iter().map(|(_, until)| *until);
        answers.chain(self.fill_at).chain([self.tick_at]).min()
    }

    /// The end of a period: those who stay silent go, the others hear that this member lives,
    /// and addresses are exchanged.
    fn tick(&mut self, now: Instant, rng: &mut Rng, out: &mut Out<A>) {
        // A tenth more or less, so that members do not fall into step.
        self.tick_at = now + self.config.period.mul_f64(0.9 + 0.2 * rng.unit());
        self.tried.clear();
        self.taken = 0;
        let patience = self.config.period * self.config.silence;
        let silent = |it: &&Neighbour<A>| now.since(it.heard) > patience;
        let gone: Vec<A> = self.active().iter().filter(silent).map(|it| it.address).collect();
        for address in gone {
            self.lose(address);
        }
        for neighbour in self.views.active() {
            out.send(neighbour.address, Message::Keep);
        }
        self.shuffle(rng, out);
        if self.config.rotate > 0 && rng.below(self.config.rotate) == 0 {
            self.rotate(now, rng, out);
        }
        self.fill(now, rng, out);
    }

    /// One neighbour more from the reserve for who has enough, one less for who has more; now and
    /// then, one that was lost.
    fn rotate(&mut self, now: Instant, rng: &mut Rng, out: &mut Out<A>) {
        let want = self.config.active_want;
        if !self.lost.is_empty() && rng.below(LOST_EVERY) == 0 {
            let address = self.lost[rng.index(self.lost.len())];
            self.ask(now, address, Priority::Low, out);
        } else if self.active().len() > want {
            self.drop_one(&[], rng, out);
        } else if self.active().len() == want
            && let Some(address) = self.views.random_passive(&[], rng)
        {
            self.ask(now, address, Priority::Low, out);
        }
    }

    /// Says good-bye to a neighbour, at random.
    fn drop_one(&mut self, but: &[A], rng: &mut Rng, out: &mut Out<A>) {
        if let Some(address) = self.random_neighbour(but, rng) {
            self.views.retire(address, rng);
            out.send(address, Message::Disconnect { leaving: false });
        }
    }

    /// Tells all neighbours, and does nothing from then on.
    pub(crate) fn leave(&mut self, out: &mut Out<A>) {
        let addresses: Vec<A> = self.active().iter().map(|it| it.address).collect();
        for address in addresses {
            self.views.forget(address);
            out.send(address, Message::Disconnect { leaving: true });
        }
        self.asked.clear();
        self.left = true;
    }
}
