//! Members of an overlay in virtual time: every one runs the shipped [`overlay::Overlay`].

use std::collections::BTreeMap;

use overlay::{How, Id, Kind, Message, Overlay, SearchId};
use stdx::{Duration, Instant, Rng};

use crate::queue::Queue;
use crate::trace::Trace;

mod graph;
mod tally;
mod trial;

pub use graph::{Graph, Shape};
pub use tally::{Reach, Sought, Tally};
pub use trial::{After, Broadcasts, Method, Progress, SearchRow, Stage, Trial, TrialReport};

/// Bytes of a broadcast's payload.
const PAYLOAD: usize = 1_000;

/// What a crowd is made of.
#[derive(Clone, Debug)]
pub struct CrowdConfig {
    /// Members, of which number 0 is the anchor.
    pub nodes: u32,
    /// What everything random follows from.
    pub seed: u64,
    /// How members behave.
    pub member: overlay::Config,
    /// Time between two joins.
    pub join_interval: Duration,
    /// Time from one member to another, fixed for each two: uniform between these.
    pub delay: (Duration, Duration),
    /// What is added to the time of each message at random, up to this; messages overtake.
    pub jitter: Duration,
    /// The share of messages that are lost.
    pub loss: f64,
    /// Time after which the driver of who speaks to the dead tells it; `None`: never.
    pub detect: Option<Duration>,
    /// The share of members that are slow.
    pub slow: f64,
    /// Time that a slow member takes for each message.
    pub slow_by: Duration,
}

impl CrowdConfig {
    /// So many members, 10 to 100 ms from each other, on a network that loses nothing.
    pub fn new(nodes: u32, seed: u64) -> Self {
        Self {
            nodes,
            seed,
            member: overlay::Config::default(),
            join_interval: Duration::from_millis(10),
            delay: (Duration::from_millis(10), Duration::from_millis(100)),
            jitter: Duration::from_millis(5),
            loss: 0.0,
            detect: Some(Duration::from_secs(3)),
            slow: 0.0,
            slow_by: Duration::from_secs(2),
        }
    }
}

#[derive(Debug)]
enum Happening {
    Join(u32),
    Arrives { from: u32, to: u32, message: Message<u32> },
    Unanswered { from: u32, to: u32 },
    Wake(u32),
}

#[derive(Debug)]
struct Member {
    core: Overlay<u32>,
    alive: bool,
    slow: bool,
    /// Which side of a cut it is on.
    side: bool,
    /// When it is woken.
    wake_at: Option<Instant>,
}

/// Overlay members in virtual time. Everything follows from the seed and the calls: same seed,
/// same [`trace`](Self::trace).
#[derive(Debug)]
pub struct Crowd {
    config: CrowdConfig,
    rng: Rng,
    now: Instant,
    members: Vec<Member>,
    queue: Queue<Happening>,
    trace: Trace,
    cut: bool,
    tally: Tally,
    broadcasts: Vec<Reach>,
    searches: Vec<Sought>,
    by_search: BTreeMap<SearchId, usize>,
}

impl Crowd {
    /// A crowd whose members join one after another through number 0, as time goes by.
    pub fn new(config: CrowdConfig) -> Self {
        let mut rng = Rng::new(config.seed);
        let mut queue = Queue::new();
        let now = Instant::ZERO;
        let members = (0..config.nodes)
            .map(|number| {
                let joins = now + config.join_interval * number;
                queue.schedule(joins, Happening::Join(number));
                Member {
                    core: Overlay::new(number, config.member.clone(), rng.fork(), joins),
                    alive: false,
                    slow: rng.chance(config.slow),
                    side: false,
                    wake_at: None,
                }
            })
            .collect();
        Self {
            config,
            rng,
            now,
            members,
            queue,
            trace: Trace::new(),
            cut: false,
            tally: Tally::default(),
            broadcasts: Vec::new(),
            searches: Vec::new(),
            by_search: BTreeMap::new(),
        }
    }

    /// The time in this world.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// When the last member asks to be let in.
    pub fn joined_at(&self) -> Instant {
        Instant::ZERO + self.config.join_interval * self.config.nodes.saturating_sub(1)
    }

    /// What the members are made of.
    pub fn config(&self) -> &CrowdConfig {
        &self.config
    }

    /// Lets time go by.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Lets time go by until a moment.
    pub fn run_until(&mut self, until: Instant) {
        while let Some(at) = self.queue.next_at().filter(|at| *at <= until) {
            self.now = at;
            if let Some(happening) = self.queue.pop(at) {
                self.happen(happening);
            }
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now;
        match happening {
            Happening::Join(number) => {
                self.trace.record(now, b'j', &[number.into()], &[]);
                let member = &mut self.members[number as usize];
                member.alive = true;
                if number > 0 {
                    member.core.join(now, 0);
                }
                self.drain(number);
            }
            Happening::Arrives { from, to, message } => {
                let kind = message.kind() as u64;
                self.trace.record(now, b'm', &[from.into(), to.into(), kind], &[]);
                if self.members[to as usize].alive {
                    self.members[to as usize].core.handle_message(now, from, message);
                    self.drain(to);
                } else {
                    self.unanswered(from, to);
                }
            }
            Happening::Unanswered { from, to } => {
                self.trace.record(now, b'f', &[from.into(), to.into()], &[]);
                if self.members[from as usize].alive {
                    self.members[from as usize].core.handle_failed(now, to);
                    self.drain(from);
                }
            }
            Happening::Wake(number) => {
                let member = &mut self.members[number as usize];
                if member.wake_at == Some(now) {
                    member.wake_at = None;
                }
                if member.alive {
                    member.core.handle_timeout(now);
                    self.drain(number);
                }
            }
        }
    }

    /// The driver of who spoke to nobody learns it, in time.
    fn unanswered(&mut self, from: u32, to: u32) {
        if let Some(detect) = self.config.detect {
            self.queue.schedule(self.now + detect, Happening::Unanswered { from, to });
        }
    }

    /// Carries out what a member wants.
    fn drain(&mut self, number: u32) {
        let place = number as usize;
        while let Some(transmit) = self.members[place].core.poll_transmit() {
            self.send(number, transmit.to, transmit.message);
        }
        while let Some(event) = self.members[place].core.poll_event() {
            self.note(number, &event);
        }
        let member = &mut self.members[place];
        if let Some(due) = member.core.poll_timeout()
            && member.wake_at.is_none_or(|at| due < at)
        {
            let due = due.max(self.now);
            member.wake_at = Some(due);
            self.queue.schedule(due, Happening::Wake(number));
        }
    }

    fn send(&mut self, from: u32, to: u32, message: Message<u32>) {
        self.tally.count(&message);
        if let Some(search) = tally::search_of(&message)
            && let Some(place) = self.by_search.get(&search)
        {
            self.searches[*place].messages += 1;
        }
        let [here, there] = [from, to].map(|number| &self.members[number as usize]);
        if self.cut && here.side != there.side {
            self.unanswered(from, to);
            return;
        }
        let mut delay = self.delay(from, to);
        if there.slow {
            delay += self.config.slow_by;
        }
        if self.config.loss > 0.0 && self.rng.chance(self.config.loss) {
            return;
        }
        delay += self.config.jitter.mul_f64(self.rng.unit());
        self.queue.schedule(self.now + delay, Happening::Arrives { from, to, message });
    }

    /// The time between two members, either way.
    fn delay(&self, one: u32, other: u32) -> Duration {
        let (low, high) = self.config.delay;
        let pair = u64::from(one.min(other)) << 32 | u64::from(one.max(other));
        let share = Rng::new(self.config.seed ^ pair).unit();
        low + high.saturating_sub(low).mul_f64(share)
    }

    fn note(&mut self, number: u32, event: &overlay::Event<u32>) {
        match event {
            overlay::Event::Delivered { id, hops, .. } => {
                let reach = &mut self.broadcasts[broadcast_of(*id)];
                reach.delivered.push(number);
                reach.hops = reach.hops.max(*hops);
                reach.last_at = self.now;
            }
            overlay::Event::Found { search, hops, .. } => {
                if let Some(place) = self.by_search.get(search) {
                    self.searches[*place].found = Some(*hops);
                }
            }
            _ => {}
        }
    }

    /// Kills members, who tell nobody.
    pub fn kill(&mut self, numbers: &[u32]) {
        for number in numbers {
            self.trace.record(self.now, b'k', &[(*number).into()], &[]);
            self.members[*number as usize].alive = false;
        }
    }

    /// As many of the living as `share` says, at random.
    pub fn choose(&mut self, share: f64) -> Vec<u32> {
        let mut living: Vec<u32> = self.living().collect();
        self.rng.shuffle(&mut living);
        let count = (living.len() as f64 * share).round() as usize;
        living.truncate(count);
        living
    }

    /// One of the living at random; `None` when there are none.
    pub fn choose_one(&mut self) -> Option<u32> {
        let living = self.living().count();
        if living == 0 {
            return None;
        }
        let place = self.rng.index(living);
        self.living().nth(place)
    }

    /// Those who live.
    pub fn living(&self) -> impl Iterator<Item = u32> {
        let living = self.members.iter().zip(0..).filter(|(member, _)| member.alive);
        living.map(|(_, number)| number)
    }

    /// Cuts `side` off from the others, or, given nobody, lets all speak with all again.
    pub fn cut(&mut self, side: &[u32]) {
        self.trace.record(self.now, b'c', &[side.len() as u64], &[]);
        self.cut = !side.is_empty();
        for member in &mut self.members {
            member.side = false;
        }
        for number in side {
            self.members[*number as usize].side = true;
        }
    }

    /// Starts a dead member again, which knows nothing but an anchor.
    pub fn revive(&mut self, number: u32, anchor: u32) {
        self.trace.record(self.now, b'r', &[number.into(), anchor.into()], &[]);
        let (config, rng) = (self.config.member.clone(), self.rng.fork());
        let member = &mut self.members[number as usize];
        member.core = Overlay::new(number, config, rng, self.now);
        member.alive = true;
        member.core.join(self.now, anchor);
        self.drain(number);
    }

    /// Broadcasts from a member; gives the number to ask [`reach`](Self::reach) by.
    pub fn broadcast(&mut self, from: u32) -> usize {
        let number = self.broadcasts.len();
        let mut id = [0; 20];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        self.broadcasts.push(Reach::new(self.now, from));
        let core = &mut self.members[from as usize].core;
        core.broadcast(self.now, Id(id), vec![0; PAYLOAD])
            .expect("the name is new and the payload short");
        self.drain(from);
        number
    }

    /// How far a broadcast came.
    pub fn reach(&self, broadcast: usize) -> &Reach {
        &self.broadcasts[broadcast]
    }

    /// Of those who live now, how many a broadcast reached, its origin included.
    pub fn reached_living(&self, broadcast: usize) -> u32 {
        let reach = &self.broadcasts[broadcast];
        let all = reach.delivered.iter().chain([&reach.from]);
        all.filter(|number| self.members[**number as usize].alive).count() as u32
    }

    /// Has a member answer searches for a key.
    pub fn hold(&mut self, number: u32, key: Id) {
        let core = &mut self.members[number as usize].core;
        core.hold(key).expect("a world's members hold few keys");
    }

    /// Has a member search; gives the number to ask [`sought`](Self::sought) by.
    pub fn search(&mut self, from: u32, key: Id, how: How) -> Result<usize, overlay::Error> {
        let core = &mut self.members[from as usize].core;
        let search = core.search(self.now, key, how)?;
        self.by_search.insert(search, self.searches.len());
        self.searches.push(Sought { messages: 0, found: None });
        self.drain(from);
        Ok(self.searches.len() - 1)
    }

    /// What became of a search.
    pub fn sought(&self, search: usize) -> &Sought {
        &self.searches[search]
    }

    /// What was sent so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// A member's core.
    pub fn core(&self, number: u32) -> &Overlay<u32> {
        &self.members[number as usize].core
    }

    /// Who is whose neighbour among the living, where both say so.
    pub fn graph(&self) -> Graph {
        let known = |number: u32| {
            let member = &self.members[number as usize];
            member.alive.then(|| member.core.neighbours())
        };
        Graph::new(self.config.nodes, known)
    }

    /// A hash of all that happened.
    pub fn trace(&self) -> u64 {
        self.trace.hash()
    }

    /// How many things happened.
    pub fn happenings(&self) -> u64 {
        self.trace.events()
    }
}

fn broadcast_of(id: Id) -> usize {
    let mut number = [0; 8];
    number.copy_from_slice(&id.0[..8]);
    u64::from_be_bytes(number) as usize
}

/// Messages of the kinds that carry out a broadcast.
const BROADCAST_KINDS: [Kind; 4] = [Kind::Gossip, Kind::IHave, Kind::Graft, Kind::Prune];

#[cfg(test)]
mod tests;
