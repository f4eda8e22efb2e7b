//! A ring in which peers come and go, messages take time, and who is slow is taken for gone: the
//! set-up of Chord's own measurements (ToN 2003, § VI-D).

mod people;
mod queue;
mod stats;

use std::time::Duration;

use stdx::{Instant, Rng};

use self::people::People;
use self::queue::{Happening, Queue};
pub use self::stats::Stats;
use super::Still;
use crate::config::{Config, RingError};
use crate::id::Id;
use crate::invariant::{check, principals};
use crate::message::{Message, Transmit};
use crate::node::{Event, Node};
use crate::tables::Tables;

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How members behave.
    pub config: Config,
    /// Members at first.
    pub nodes: usize,
    /// Newcomers a second, and as many leave; both at random moments (Poisson).
    pub churn: f64,
    /// Whether those who leave say so, rather than being gone without a word.
    pub farewell: bool,
    /// Look-ups a second, from random members for random keys.
    pub lookups_per_second: f64,
    /// Look-ups that are counted.
    pub lookups: u64,
    /// Until the first look-up.
    pub warm_up: Duration,
    /// Mean of a message's way, exponentially distributed.
    pub delay: Duration,
    /// How often what must hold is checked; `None` for never.
    pub check_every: Option<Duration>,
    /// Whether shortcuts are taken.
    pub shortcuts: bool,
    /// What chance begins with.
    pub seed: u64,
}

impl Setting {
    /// A thousand members as Chord's authors had them, but for the rate of coming and going.
    pub fn new(config: Config, nodes: usize, seed: u64) -> Self {
        Self {
            config,
            nodes,
            churn: 0.0,
            farewell: false,
            lookups_per_second: 1.0,
            lookups: 10_000,
            warm_up: Duration::from_mins(20),
            delay: Duration::from_millis(50),
            check_every: None,
            shortcuts: true,
            seed,
        }
    }
}

/// A ring in which peers come and go.
#[derive(Debug)]
pub struct Moving {
    setting: Setting,
    rng: Rng,
    now: Instant,
    queue: Queue,
    people: People,
    open: Vec<Open>,
    stats: Stats,
}

/// A look-up under way, and whose key it was when it began.
#[derive(Clone, Copy, Debug)]
struct Open {
    asker: usize,
    ticket: u64,
    key: Id,
    owner: Option<Id>,
}

impl Moving {
    /// A ring of members whose tables are right.
    pub fn new(setting: Setting) -> Result<Self, RingError> {
        let mut rng = Rng::new(setting.seed);
        let config = setting.config;
        let ideal = Still::random(config.space, setting.nodes, config.successors, &mut rng);
        let mut world = Self {
            setting,
            rng,
            now: Instant::ZERO,
            queue: Queue::default(),
            people: People::default(),
            open: Vec::new(),
            stats: Stats::default(),
        };
        for &id in ideal.members() {
            let seed = world.rng.next_u64();
            let mut node = Node::founder(config, id, ideal.members(), seed, world.now)?;
            node.set_fingers(ideal.tables(id).fingers);
            let at = world.people.add(node);
            world.people.serve(at);
            // Rounds of different members are not in step.
            let first = config.round_max.mul_f64(world.rng.unit());
            world.people.node_mut(at).expect("it was just added").postpone(world.now + first);
            world.rouse(at);
        }
        world.plan(Happening::Join, setting.churn, Duration::ZERO);
        world.plan(Happening::Leave, setting.churn, Duration::ZERO);
        world.plan(Happening::LookUp, setting.lookups_per_second, setting.warm_up);
        if setting.check_every.is_some() {
            world.plan_check();
        }
        Ok(world)
    }

    /// Runs until all look-ups are over, and tells what was seen; `progress` hears how many are. A
    /// ring that has fallen apart is given three times the time that they take.
    pub fn run(mut self, progress: &mut dyn FnMut(u64)) -> Stats {
        let seconds = self.setting.lookups as f64 / self.setting.lookups_per_second;
        let end = Instant::ZERO + self.setting.warm_up + Duration::from_secs_f64(3.0 * seconds);
        while self.stats.lookups < self.setting.lookups {
            let Some((at, happening)) = self.queue.pop() else { break };
            if at > end {
                break;
            }
            self.now = at;
            let before = self.stats.lookups;
            self.happen(happening);
            if self.stats.lookups != before {
                progress(self.stats.lookups);
            }
        }
        self.stats.seconds = self.now.since(Instant::ZERO).as_secs_f64();
        self.stats
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival { from, sent } => self.arrive(from, sent),
            Happening::Wake(at) => {
                if let Some(node) = self.people.node_mut(at) {
                    node.handle_timeout(self.now);
                    self.drain(at);
                }
            }
            Happening::Join => {
                self.join();
                self.plan(Happening::Join, self.setting.churn, Duration::ZERO);
            }
            Happening::Leave => {
                self.leave();
                self.plan(Happening::Leave, self.setting.churn, Duration::ZERO);
            }
            Happening::LookUp => {
                self.look_up();
                let rate = self.setting.lookups_per_second;
                self.plan(Happening::LookUp, rate, Duration::ZERO);
            }
            Happening::Check => {
                self.check();
                self.plan_check();
            }
        }
    }

    /// Lets something happen at a random moment, `rate` times a second on average.
    fn plan(&mut self, happening: Happening, rate: f64, not_before: Duration) {
        if rate > 0.0 {
            let wait = self.exponential(Duration::from_secs_f64(1.0 / rate));
            self.queue.push(self.now + not_before + wait, happening);
        }
    }

    fn plan_check(&mut self) {
        if let Some(every) = self.setting.check_every {
            self.queue.push(self.now + every, Happening::Check);
        }
    }

    fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.rng.unit()).ln())
    }

    fn arrive(&mut self, from: Id, sent: Transmit) {
        let Some(at) = self.people.find(sent.to) else { return };
        let Some(node) = self.people.node_mut(at) else { return };
        if let Message::Reply { token, .. } = &sent.message
            && !node.awaits(*token)
        {
            // Somebody who lives was taken for gone.
            self.stats.false_deaths += 1;
        }
        node.handle_message(self.now, from, sent.message);
        self.drain(at);
    }

    fn join(&mut self) {
        let id = self.setting.config.space.random(&mut self.rng);
        if self.people.find(id).is_some() {
            return;
        }
        let anchors: Vec<Id> =
            (0..4).filter_map(|_| self.people.random_serving(&mut self.rng)).collect();
        let seed = self.rng.next_u64();
        let node = Node::newcomer(self.setting.config, id, &anchors, seed, self.now);
        let at = self.people.add(node.expect("it is on the circle"));
        self.stats.joins += 1;
        self.drain(at);
    }

    /// One leaves, where the proof of the protocol allows it: everybody keeps a
    /// successor that lives, and r+1 members are left that no list passes over.
    fn leave(&mut self) {
        let Some(id) = self.people.random_serving(&mut self.rng) else { return };
        let mut members: Vec<&Tables> = self.people.members().collect();
        members.retain(|tables| tables.id != id);
        let lives = |id: &Id| members.binary_search_by_key(id, |tables| tables.id).is_ok();
        let keeps = |tables: &&Tables| tables.successors.iter().any(lives);
        let enough = principals(&members).len() > self.setting.config.successors;
        if enough && members.iter().all(keeps) {
            let node = self.people.remove(id).filter(|_| self.setting.farewell);
            if let Some(sent) = node.and_then(Node::leave) {
                self.send(id, sent);
            }
            self.stats.failures += 1;
        }
    }

    fn look_up(&mut self) {
        let key = self.setting.config.space.random(&mut self.rng);
        let asker = self.people.random_serving(&mut self.rng);
        let Some(at) = asker.and_then(|id| self.people.find(id)) else { return };
        let owner = self.people.owner(key);
        let Some(node) = self.people.node_mut(at) else { return };
        if let Ok(ticket) = node.look_up(self.now, key, self.setting.shortcuts) {
            self.open.push(Open { asker: at, ticket, key, owner });
            self.drain(at);
        }
    }

    /// Sends what somebody has to say, and hears its news.
    fn drain(&mut self, at: usize) {
        while let Some(sent) = self.people.node_mut(at).and_then(Node::poll_transmit) {
            self.send(self.people.id(at), sent);
        }
        while let Some(event) = self.people.node_mut(at).and_then(Node::poll_event) {
            match event {
                Event::Serving => self.people.serve(at),
                Event::Lost => {
                    self.people.unserve(at);
                    self.stats.lost += 1;
                }
                Event::Joined => {}
                Event::Found { ticket, route } => {
                    let of_this = |open: &Open| open.asker == at && open.ticket == ticket;
                    if let Some(open) = self.open.iter().position(of_this) {
                        let open = self.open.swap_remove(open);
                        // Right is who owned the key at some moment while it was looked for.
                        let owners = [open.owner, self.people.owner(open.key)];
                        let is_right = route.owner.is_some() && owners.contains(&route.owner);
                        self.stats.found(&route, is_right);
                    }
                }
            }
        }
        self.rouse(at);
    }

    fn send(&mut self, from: Id, sent: Transmit) {
        let delay = self.exponential(self.setting.delay);
        self.queue.push(self.now + delay, Happening::Arrival { from, sent });
        self.stats.messages += 1;
    }

    /// Sees to it that somebody is woken when it wants to be.
    fn rouse(&mut self, at: usize) {
        if let Some(due) = self.people.due(at, self.now) {
            self.queue.push(due.max(self.now), Happening::Wake(at));
        }
    }

    fn check(&mut self) {
        let members: Vec<&Tables> = self.people.members().collect();
        self.stats.checked(check(&members, self.setting.config.successors).err());
    }
}
