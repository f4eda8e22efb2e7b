use overlay::{How, Id, Kind};
use ring::Space;
use ring::world::Still;
use stdx::{Duration, Rng};

use super::{BROADCAST_KINDS, Crowd, CrowdConfig, Shape};

/// Time between two broadcasts.
const BROADCAST_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two searches.
const SEARCH_INTERVAL: Duration = Duration::from_millis(100);

/// Successors that a member of the ring keeps.
const RING_SUCCESSORS: usize = 20;

/// An overlay put through its paces: all join, it settles, broadcasts and searches are counted,
/// many die at once, and it is seen how soon broadcasts reach all who are left.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The members and the network between them.
    pub crowd: CrowdConfig,
    /// Periods between the last join and the first measurement.
    pub settle: u32,
    /// Broadcasts while nobody dies.
    pub broadcasts: u32,
    /// Searches by each method for each number of copies.
    pub searches: u32,
    /// How many members hold what is looked for.
    pub copies: Vec<u32>,
    /// Hops that a flooded question goes.
    pub flood_ttl: u8,
    /// Walkers of a search.
    pub walkers: u16,
    /// Hops that a walker goes.
    pub walk_ttl: u16,
    /// The share of members that die at once.
    pub kill: f64,
    /// Whether the anchor dies with them, whatever the draw.
    pub kill_anchor: bool,
    /// Periods that are watched from then on.
    pub after: u32,
}

/// What a trial is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Members join, and the overlay settles.
    Joining,
    /// Broadcasts.
    Broadcasting,
    /// Searches.
    Searching,
    /// After the death of many.
    Healing,
}

/// How far a trial is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// How much of that is done.
    pub done: u32,
    /// Of how much.
    pub total: u32,
}

/// How a search goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Controlled flooding with a TTL.
    Flood,
    /// Random walkers that check back.
    Walk,
    /// A ring of the same members that has come to rest, with shortcuts; each key is held by the
    /// member that the ring says, and each hop is a question and an answer.
    Ring,
}

/// What searches came to.
#[derive(Clone, Debug)]
pub struct SearchRow {
    /// How they went about it.
    pub method: Method,
    /// Members that held what was looked for.
    pub copies: u32,
    /// How many there were.
    pub searches: u32,
    /// How many found it.
    pub found: u32,
    /// Messages of one, on average, all members together.
    pub mean_messages: f64,
    /// Hops to who was found first, on average.
    pub mean_hops: f64,
}

/// What broadcasts came to while nobody died.
#[derive(Clone, Debug)]
pub struct Broadcasts {
    /// How many there were.
    pub count: u32,
    /// How many of them reached everybody.
    pub complete: u32,
    /// Copies of the payload that the first one took, before there was a tree.
    pub first_payloads: u64,
    /// Copies of the payload that the last one took.
    pub last_payloads: u64,
    /// Messages beside it: word of it, grafts and prunes.
    pub last_control: u64,
    /// Hops to the last member, in the last one.
    pub hops: u16,
    /// Seconds to the last member, in the last one.
    pub seconds: f64,
}

/// A period after many died.
#[derive(Clone, Debug)]
pub struct After {
    /// Which one, from 1.
    pub period: u32,
    /// Survivors that a broadcast at its start reached before its end.
    pub reached: u32,
    /// Messages of all kinds in it.
    pub messages: u64,
    /// What the overlay looked like at its end.
    pub shape: Shape,
}

/// What a trial came to.
#[derive(Clone, Debug)]
pub struct TrialReport {
    /// Members.
    pub nodes: u32,
    /// The overlay once it had settled.
    pub settled: Shape,
    /// Messages of a member in a period of nothing but upkeep, on average.
    pub upkeep_messages: f64,
    /// Bytes of a member in a period of nothing but upkeep, on average.
    pub upkeep_bytes: f64,
    /// Messages that a join took, on average, all members together.
    pub join_messages: f64,
    /// The broadcasts while nobody died.
    pub broadcasts: Broadcasts,
    /// The searches.
    pub searches: Vec<SearchRow>,
    /// Those who died.
    pub killed: u32,
    /// Those who did not.
    pub survivors: u32,
    /// The overlay right after they died.
    pub torn: Shape,
    /// The periods from then on.
    pub after: Vec<After>,
    /// A hash of all that happened.
    pub trace: u64,
    /// How many things happened.
    pub happenings: u64,
    /// Seconds in the world.
    pub seconds: f64,
}

impl TrialReport {
    /// The period from whose start on broadcasts reached all survivors, to the last one.
    pub fn whole_from(&self) -> Option<u32> {
        let whole = self.after.iter().rev().take_while(|it| it.reached == self.survivors);
        whole.last().map(|it| it.period)
    }
}

impl Trial {
    /// A trial of so many members, half of whom die.
    pub fn new(nodes: u32, seed: u64) -> Self {
        Self {
            crowd: CrowdConfig::new(nodes, seed),
            settle: 5,
            broadcasts: 10,
            searches: 100,
            copies: vec![1, 10, 100],
            flood_ttl: 5,
            walkers: 16,
            walk_ttl: 128,
            kill: 0.5,
            kill_anchor: false,
            after: 10,
        }
    }

    /// Runs it all.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> TrialReport {
        let mut crowd = Crowd::new(self.crowd.clone());
        let period = self.crowd.member.period;
        let nodes = self.crowd.nodes;
        let join_messages = self.join(&mut crowd, progress);
        let settled = crowd.graph().shape();
        let before = crowd.tally().clone();
        crowd.run_for(period);
        let upkeep = crowd.tally().since(&before);
        let broadcasts = self.broadcast(&mut crowd, progress);
        let searches = self.search(&mut crowd, progress);
        let mut doomed = crowd.choose(self.kill);
        if self.kill_anchor && !doomed.contains(&0) {
            doomed.push(0);
        }
        crowd.kill(&doomed);
        let torn = crowd.graph().shape();
        let after = self.heal(&mut crowd, progress);
        TrialReport {
            nodes,
            settled,
            upkeep_messages: upkeep.total() as f64 / f64::from(nodes),
            upkeep_bytes: upkeep.bytes as f64 / f64::from(nodes),
            join_messages,
            broadcasts,
            searches,
            killed: doomed.len() as u32,
            survivors: nodes - doomed.len() as u32,
            torn,
            after,
            trace: crowd.trace(),
            happenings: crowd.happenings(),
            seconds: crowd.now().as_secs_f64(),
        }
    }

    fn join(&self, crowd: &mut Crowd, progress: &mut dyn FnMut(Progress)) -> f64 {
        const STEPS: u32 = 50;
        let step = self.crowd.join_interval * self.crowd.nodes / STEPS;
        for done in 0..STEPS {
            crowd.run_for(step);
            progress(Progress { stage: Stage::Joining, done, total: STEPS + self.settle });
        }
        let kinds = [
            Kind::Join,
            Kind::Welcome,
            Kind::Forward,
            Kind::Neighbour,
            Kind::Accept,
            Kind::Refuse,
            Kind::Disconnect,
        ];
        let messages = crowd.tally().sum(&kinds);
        for done in 0..self.settle {
            crowd.run_for(self.crowd.member.period);
            let done = STEPS + done;
            progress(Progress { stage: Stage::Joining, done, total: STEPS + self.settle });
        }
        messages as f64 / f64::from(self.crowd.nodes.max(1))
    }

    fn broadcast(&self, crowd: &mut Crowd, progress: &mut dyn FnMut(Progress)) -> Broadcasts {
        let mut all = Broadcasts {
            count: 0,
            complete: 0,
            first_payloads: 0,
            last_payloads: 0,
            last_control: 0,
            hops: 0,
            seconds: 0.0,
        };
        let mut numbers = Vec::new();
        for done in 0..self.broadcasts {
            let Some(from) = crowd.choose_one() else {
                break;
            };
            progress(Progress { stage: Stage::Broadcasting, done, total: self.broadcasts });
            let before = crowd.tally().clone();
            let broadcast = crowd.broadcast(from);
            crowd.run_for(BROADCAST_INTERVAL);
            let sent = crowd.tally().since(&before);
            let reach = crowd.reach(broadcast);
            all.count += 1;
            numbers.push(broadcast);
            all.last_payloads = sent.of(Kind::Gossip);
            all.last_control = sent.sum(&BROADCAST_KINDS) - all.last_payloads;
            all.hops = reach.hops;
            all.seconds = reach.last_at.since(reach.at).as_secs_f64();
            if done == 0 {
                all.first_payloads = all.last_payloads;
            }
        }
        // What was lost on its way comes with the next reminder.
        crowd.run_for(self.crowd.member.period * 2);
        let whole = |number: &&usize| crowd.reached_living(**number) == self.crowd.nodes;
        all.complete = numbers.iter().filter(whole).count() as u32;
        all
    }

    fn search(&self, crowd: &mut Crowd, progress: &mut dyn FnMut(Progress)) -> Vec<SearchRow> {
        let methods = [
            (Method::Flood, How::Flood { ttl: self.flood_ttl }),
            (Method::Walk, How::Walk { walkers: self.walkers, ttl: self.walk_ttl }),
        ];
        let mut rng = Rng::new(self.crowd.seed ^ 0x5ea5_c4ed);
        let mut rows = Vec::new();
        for copies in self.copies.iter().filter(|copies| **copies <= self.crowd.nodes) {
            let keys: Vec<Id> = (0..self.searches).map(|_| key(&mut rng)).collect();
            for key in &keys {
                for _ in 0..*copies {
                    crowd.hold(rng.below(self.crowd.nodes.into()) as u32, *key);
                }
            }
            for (method, how) in methods {
                let done = rows.len() as u32;
                let total = (self.copies.len() * methods.len()) as u32;
                progress(Progress { stage: Stage::Searching, done, total });
                rows.push(self.search_by(crowd, method, how, *copies, &keys));
            }
        }
        rows.push(self.search_ring(&mut rng));
        rows
    }

    fn search_ring(&self, rng: &mut Rng) -> SearchRow {
        let (nodes, space) = (self.crowd.nodes as usize, Space::FULL);
        let ring = Still::random(space, nodes, RING_SUCCESSORS, rng);
        let (mut found, mut hops) = (0, 0);
        for _ in 0..self.searches {
            let from = ring.members()[rng.index(nodes)];
            let key = space.random(rng);
            let route = ring.route(from, key, true);
            if route.owner.is_some() {
                found += 1;
                hops += route.messages() + u64::from(route.owner != Some(from));
            }
        }
        SearchRow {
            method: Method::Ring,
            copies: 1,
            searches: self.searches,
            found,
            mean_messages: 2.0 * hops as f64 / f64::from(self.searches.max(1)),
            mean_hops: hops as f64 / f64::from(found.max(1)),
        }
    }

    fn search_by(
        &self,
        crowd: &mut Crowd,
        method: Method,
        how: How,
        copies: u32,
        keys: &[Id],
    ) -> SearchRow {
        let mut numbers = Vec::new();
        for key in keys {
            if let Some(from) = crowd.choose_one()
                && let Ok(number) = crowd.search(from, *key, how)
            {
                numbers.push(number);
            }
            crowd.run_for(SEARCH_INTERVAL);
        }
        crowd.run_for(self.crowd.member.search_timeout);
        let all = || numbers.iter().map(|number| crowd.sought(*number));
        let found: Vec<u16> = all().filter_map(|it| it.found).collect();
        let messages: u64 = all().map(|it| it.messages).sum();
        let hops: u64 = found.iter().map(|hops| u64::from(*hops)).sum();
        SearchRow {
            method,
            copies,
            searches: numbers.len() as u32,
            found: found.len() as u32,
            mean_messages: messages as f64 / numbers.len().max(1) as f64,
            mean_hops: hops as f64 / found.len().max(1) as f64,
        }
    }

    fn heal(&self, crowd: &mut Crowd, progress: &mut dyn FnMut(Progress)) -> Vec<After> {
        let mut after = Vec::new();
        for period in 1..=self.after {
            let Some(from) = crowd.choose_one() else {
                break;
            };
            progress(Progress { stage: Stage::Healing, done: period - 1, total: self.after });
            let before = crowd.tally().clone();
            let broadcast = crowd.broadcast(from);
            crowd.run_for(self.crowd.member.period);
            after.push(After {
                period,
                reached: crowd.reached_living(broadcast),
                messages: crowd.tally().since(&before).total(),
                shape: crowd.graph().shape(),
            });
        }
        after
    }
}

fn key(rng: &mut Rng) -> Id {
    let mut key = [0; 20];
    rng.fill(&mut key);
    Id(key)
}
