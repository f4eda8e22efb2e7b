//! A small ring in which everything happens in any order, and death is always told from slowness:
//! the world that the proof of the protocol is about. What must hold is checked after every step.

use std::collections::BTreeMap;
use std::time::Duration;

use stdx::{Instant, Rng};

use super::{Machine, Still};
use crate::config::{Config, RingError};
use crate::id::Id;
use crate::invariant::{Broken, check, principals};
use crate::message::{Message, Reply, Transmit};
use crate::tables::{SUCCESSORS_MAX, Tables};

/// Messages on their way, at most: beyond, only deliveries happen.
const FLYING_MAX: usize = 64;

/// A small ring in which everything happens in any order.
#[derive(Clone, Debug)]
pub struct Perfect<M> {
    config: Config,
    members_max: usize,
    rng: Rng,
    now: Instant,
    machines: BTreeMap<Id, M>,
    /// Whom each newcomer knew.
    anchors: BTreeMap<Id, [Id; 2]>,
    /// What each member's tables are once the answers that are on their way to it have arrived:
    /// an answer counts from the moment when it is given. `None` for who is no member yet.
    settled: BTreeMap<Id, Option<Tables>>,
    flying: Vec<Flight>,
    principals: Vec<Id>,
    tally: Tally,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps of any kind.
    pub steps: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Newcomers.
    pub joins: u64,
    /// Members that left without a word.
    pub failures: u64,
    /// Rounds of stabilisation.
    pub rounds: u64,
}

#[derive(Clone, Debug)]
struct Flight {
    from: Id,
    sent: Transmit,
}

impl<M: Machine> Perfect<M> {
    /// A ring of r+1 random members, and room for `members_max`.
    ///
    /// # Errors
    /// When nobody can keep so many successors, or the space has no room for them.
    pub fn new(config: Config, members_max: usize, seed: u64) -> Result<Self, RingError> {
        let Config { space, successors, .. } = config;
        if successors == 0 || successors > SUCCESSORS_MAX {
            return Err(RingError::Successors);
        }
        if space.room().is_some_and(|room| room <= successors as u64) {
            return Err(RingError::Crowded);
        }
        let mut rng = Rng::new(seed);
        let first = Still::random(space, successors + 1, successors, &mut rng);
        Self::founded(config, first.members(), members_max, rng.next_u64())
    }

    /// A ring of these members, at least r+1, and room for `members_max`.
    pub fn founded(
        mut config: Config,
        ids: &[Id],
        members_max: usize,
        seed: u64,
    ) -> Result<Self, RingError> {
        config.timeout = Duration::MAX;
        let (mut rng, now) = (Rng::new(seed), Instant::ZERO);
        let mut machines = BTreeMap::new();
        for &id in ids {
            machines.insert(id, M::founder(config, id, ids, rng.next_u64(), now)?);
        }
        let (anchors, settled, flying) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let (principals, tally) = (Vec::new(), Tally::default());
        let mut world = Self {
            config,
            members_max,
            rng,
            now,
            machines,
            anchors,
            settled,
            flying,
            principals,
            tally,
        };
        for &id in ids {
            world.settle(id);
        }
        world.check(None).expect("a ring begins whole");
        Ok(world)
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Everybody who is there.
    pub fn machines(&self) -> impl Iterator<Item = &M> {
        self.machines.values()
    }

    /// Lets one thing happen, and checks what must hold.
    ///
    /// # Errors
    /// What does not hold any more.
    pub fn step(&mut self) -> Result<(), Broken> {
        self.tally.steps += 1;
        let gone = match self.rng.below(100) {
            _ if self.flying.len() >= FLYING_MAX => self.deliver(),
            0..70 => self.deliver(),
            70..90 => self.tick(),
            90..95 => self.join(),
            95..98 => self.fail(),
            _ => self.look_up(),
        };
        self.check(gone)
    }

    /// Lets no more come or go until nothing changes any more, at most `rounds` rounds of all.
    ///
    /// # Errors
    /// What does not hold any more on the way there.
    pub fn calm(&mut self, rounds: usize) -> Result<(), Broken> {
        for _ in 0..rounds {
            let ids: Vec<Id> = self.machines.keys().copied().collect();
            for id in ids {
                self.wake(id);
                while !self.flying.is_empty() {
                    self.deliver();
                    self.check(None)?;
                }
            }
        }
        Ok(())
    }

    /// Whether everybody's tables are what they should be: all successors, and the predecessor.
    pub fn is_ideal(&self) -> bool {
        let ids: Vec<Id> = self.machines.keys().copied().collect();
        let ideal = Still::new(self.config.space, ids, self.config.successors);
        self.machines.values().all(|machine| {
            let (is, should) = (machine.tables(), ideal.tables(machine.tables().id));
            is.successors == should.successors && is.predecessor == should.predecessor
        })
    }

    fn deliver(&mut self) -> Option<Id> {
        if self.flying.is_empty() {
            return None;
        }
        let at = self.rng.index(self.flying.len());
        let Flight { from, sent } = self.flying.swap_remove(at);
        self.tally.delivered += 1;
        let to = sent.to;
        if let Some(machine) = self.machines.get_mut(&to) {
            machine.handle_message(self.now, from, sent.message);
            self.drain(to);
        } else if let Some(machine) = self.machines.get_mut(&from) {
            machine.handle_undelivered(self.now, &sent);
            self.drain(from);
        }
        None
    }

    fn tick(&mut self) -> Option<Id> {
        let id = self.pick();
        self.tally.rounds += 1;
        self.wake(id);
        None
    }

    fn wake(&mut self, id: Id) {
        let is_there = |id: &Id| self.settled.get(id).is_some_and(Option::is_some);
        let is_cut_off = self.anchors.get(&id).is_some_and(|anchors| !anchors.iter().any(is_there));
        let Some(machine) = self.machines.get_mut(&id) else { return };
        if is_cut_off && self.settled.get(&id).is_none_or(Option::is_none) {
            // Nobody whom it knows is left: it gives up.
            self.machines.remove(&id);
            self.settled.remove(&id);
            return;
        }
        let due = machine.poll_timeout();
        if due == Instant::FAR_FUTURE {
            return;
        }
        self.now = self.now.max(due);
        machine.handle_timeout(self.now);
        self.drain(id);
    }

    fn join(&mut self) -> Option<Id> {
        let id = self.config.space.random(&mut self.rng);
        if self.machines.len() < self.members_max {
            self.enter(id);
        }
        None
    }

    /// Somebody wants to become a member, through members chosen at random.
    pub fn enter(&mut self, id: Id) {
        if self.machines.contains_key(&id) {
            return;
        }
        let members: Vec<Id> = self.settled.values().flatten().map(|tables| tables.id).collect();
        let anchors = [0; 2].map(|_| members[self.rng.index(members.len())]);
        let seed = self.rng.next_u64();
        let machine = M::newcomer(self.config, id, &anchors, seed, self.now);
        self.anchors.insert(id, anchors);
        self.machines.insert(id, machine.expect("it is on the circle"));
        self.tally.joins += 1;
        self.drain(id);
    }

    fn fail(&mut self) -> Option<Id> {
        let id = self.pick();
        self.leave(id).then_some(id)
    }

    /// Somebody leaves without a word, where the proof allows it: everybody keeps a successor that
    /// lives, and r+1 members are left that no list passes over. Says whether it was allowed.
    pub fn leave(&mut self, id: Id) -> bool {
        let members: Vec<&Tables> = self.settled.values().flatten().collect();
        let is_member = |id: &Id| members.iter().any(|tables| tables.id == *id);
        let keeps_others = members.iter().filter(|tables| tables.id != id).all(|tables| {
            tables.successors.iter().any(|successor| *successor != id && is_member(successor))
        });
        let is_spare =
            !self.principals.contains(&id) || self.principals.len() > self.config.successors + 1;
        if !keeps_others || !is_spare {
            return false;
        }
        let was_there = self.machines.remove(&id).is_some();
        self.settled.remove(&id);
        self.principals.retain(|principal| *principal != id);
        self.tally.failures += u64::from(was_there);
        was_there
    }

    fn look_up(&mut self) -> Option<Id> {
        let (id, key) = (self.pick(), self.config.space.random(&mut self.rng));
        if let Some(machine) = self.machines.get_mut(&id) {
            machine.look_up(self.now, key);
        }
        self.drain(id);
        None
    }

    fn pick(&mut self) -> Id {
        let at = self.rng.index(self.machines.len());
        *self.machines.keys().nth(at).expect("it is below their number")
    }

    /// Sends what somebody has to say.
    fn drain(&mut self, id: Id) {
        let Some(machine) = self.machines.get_mut(&id) else { return };
        let mut told = Vec::new();
        while let Some(sent) = machine.poll_transmit() {
            if let Message::Reply { reply: Reply::State { .. }, .. } = sent.message {
                told.push(sent.to);
            }
            self.flying.push(Flight { from: id, sent });
        }
        self.settle(id);
        for to in told {
            self.settle(to);
        }
    }

    fn settle(&mut self, id: Id) {
        let Some(machine) = self.machines.get(&id) else { return };
        let is_news = |flight: &&Flight| {
            let Message::Reply { reply: Reply::State { .. }, .. } = flight.sent.message else {
                return false;
            };
            flight.sent.to == id
        };
        let mut machine = machine.clone();
        for Flight { from, sent } in self.flying.iter().filter(is_news) {
            machine.handle_message(self.now, *from, sent.message.clone());
        }
        let tables = machine.is_member().then(|| machine.tables().clone());
        self.settled.insert(id, tables);
    }

    fn check(&mut self, gone: Option<Id>) -> Result<(), Broken> {
        let members: Vec<&Tables> = self.settled.values().flatten().collect();
        let now = check(&members, self.config.successors)?;
        let lost = self.principals.iter().find(|id| !now.contains(id) && Some(**id) != gone);
        if let Some(id) = lost {
            return Err(Broken::PassedOver(*id));
        }
        debug_assert_eq!(now, principals(&members), "the check says who they are");
        self.principals = now;
        Ok(())
    }
}
