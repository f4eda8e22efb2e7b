//! The same look-ups in three networks of the same nodes: a ring in which everybody knows who comes
//! next, the ring with shortcuts, and the distributed hash table.
//!
//! Nodes have one id in all of them, and the same round-trip times. Nobody leaves, and nothing is
//! lost: what differs is how a look-up proceeds.

use std::collections::BTreeMap;

use dht::{Family, Id};
use ring::Space;
use ring::world::Still;
use stdx::{Duration, Rng};

use crate::{DhtWorld, DhtWorldConfig, Trail};

pub mod theory;

/// Time for the table to come together, and its slices, between which progress is told: as a share
/// of the datagrams that this takes, about so many for each node.
const SETTLE: Duration = Duration::from_mins(2);
const SLICE: Duration = Duration::from_millis(10);
const DATAGRAMS: u64 = 750;
/// Time between two look-ups, and between two of each node: else they would meet the nodes' limits
/// for questions of one address.
const APART: Duration = Duration::from_millis(20);
const APART_OF_NODE: Duration = Duration::from_secs(1);
/// Time that the last look-up is given.
const LOOKUP: Duration = Duration::from_secs(15);
/// Successors that a member of the ring keeps: all the work is left to the shortcuts.
const SUCCESSORS: usize = 1;
/// So many look-ups in the ring, and progress is told.
const TOLD_EVERY: usize = 64;

/// The same look-ups in three networks of so many nodes. The same seed gives the same report.
#[derive(Clone, Copy, Debug)]
pub struct LookupTrial {
    /// Nodes, at least two.
    pub nodes: u32,
    /// Look-ups of random keys by random nodes.
    pub lookups: u32,
    /// What everything random follows from.
    pub seed: u64,
}

/// What the look-ups took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LookupTrialReport {
    /// In the ring, from successor to successor.
    pub successors: Costs,
    /// In the ring, by shortcuts.
    pub shortcuts: Costs,
    /// In the distributed hash table.
    pub dht: Costs,
    /// Questions of whole look-ups in the table: they go on until all who keep the key answered.
    pub whole: Spread,
    /// Look-ups in the table that ended without the nearest node of all: those who were asked knew
    /// nothing of it. An announce would have passed it over, too.
    pub missed: u32,
}

/// What look-ups in one network took until the first node that keeps the key was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    /// Questions that were sent, without the one to that node.
    pub messages: Spread,
    /// Nodes that had to answer one after the other until that node was known.
    pub hops: Spread,
    /// Seconds until it answered.
    pub seconds: Spread,
    /// Look-ups that did not find one.
    pub failed: u32,
}

/// How values are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Half of them are below it.
    pub median: f64,
    /// 95 of 100 are below it.
    pub p95: f64,
}

/// How far a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupStage {
    /// The distributed hash table comes together.
    Joining,
    /// Look-ups in it.
    InTable,
    /// Look-ups in the ring, both kinds.
    InRing,
}

type Tell<'a> = dyn FnMut(LookupStage, u64, u64) + 'a;

impl LookupTrial {
    /// Runs it; `tell` hears of each stage how much is done, and of how much.
    ///
    /// # Panics
    /// With fewer than two nodes.
    pub fn run(&self, tell: &mut Tell<'_>) -> LookupTrialReport {
        assert!(self.nodes >= 2, "somebody looks for somebody else");
        let mut world = self.settled(tell);
        let mut rng = Rng::new(self.seed ^ 0x1007);
        let random = |_| (rng.below(self.nodes.into()) as u32, Id::random(&mut rng));
        let lookups: Vec<(u32, Id)> = (0..self.lookups).map(random).collect();
        let (dht, whole, missed) = self.in_table(&mut world, &lookups, tell);
        let ring = Ring::of(&world);
        let all = 2 * lookups.len();
        let mut by = |shortcuts: bool, world: &mut DhtWorld, before: usize| {
            let mut samples = Samples::default();
            for (done, (from, key)) in lookups.iter().enumerate() {
                ring.look_up(world, *from, *key, shortcuts, &mut samples);
                if done % TOLD_EVERY == 0 {
                    tell(LookupStage::InRing, (before + done) as u64, all as u64);
                }
            }
            samples.costs()
        };
        let shortcuts = by(true, &mut world, 0);
        let successors = by(false, &mut world, lookups.len());
        LookupTrialReport { successors, shortcuts, dht, whole, missed }
    }

    /// A table that has come together by itself.
    fn settled(&self, tell: &mut Tell<'_>) -> DhtWorld {
        let config = DhtWorldConfig { loss: 0.0, ..DhtWorldConfig::new(self.nodes, self.seed) };
        let mut world = DhtWorld::new(config);
        let end = world.now() + SETTLE;
        while world.now() < end {
            world.run_for(SLICE);
            let all = DATAGRAMS * u64::from(self.nodes);
            tell(LookupStage::Joining, world.datagrams().min(all), all);
        }
        world
    }

    fn in_table(
        &self,
        world: &mut DhtWorld,
        lookups: &[(u32, Id)],
        tell: &mut Tell<'_>,
    ) -> (Costs, Spread, u32) {
        let apart = APART.max(APART_OF_NODE / self.nodes);
        let mut begun = Vec::new();
        for (from, key) in lookups {
            begun.extend(world.find_nodes(*from, *key));
            world.run_for(apart);
            tell(LookupStage::InTable, begun.len() as u64, lookups.len() as u64);
        }
        world.run_for(LOOKUP);
        let mut samples = Samples::default();
        let (mut whole, mut missed) = (Vec::new(), 0);
        for Trail { found, queries, nearest } in begun.iter().filter_map(|it| world.trail(*it)) {
            whole.push(f64::from(*queries));
            missed += u32::from(!nearest);
            if let Some(found) = found {
                samples.add(found.queries, found.hops, found.time);
            }
        }
        samples.failed = self.lookups - samples.messages.len() as u32;
        (samples.costs(), Spread::of(whole), missed)
    }
}

/// The ring of a table's nodes.
struct Ring {
    still: Still,
    ids: Vec<ring::Id>,
    numbers: BTreeMap<ring::Id, u32>,
}

impl Ring {
    fn of(world: &DhtWorld) -> Self {
        let id = |number: u32| world.node(number)?.id(Family::V4).map(point);
        let ids: Vec<ring::Id> = world.living().into_iter().filter_map(id).collect();
        let still = Still::new(Space::FULL, ids.clone(), SUCCESSORS);
        let numbers = ids.iter().copied().zip(0..).collect();
        Self { still, ids, numbers }
    }

    /// Looks a key up; the time it takes is that of one question after the other.
    fn look_up(
        &self,
        world: &mut DhtWorld,
        from: u32,
        key: Id,
        shortcuts: bool,
        samples: &mut Samples,
    ) {
        let key = point(key);
        let route = self.still.route(self.ids[from as usize], key, shortcuts);
        if route.owner.is_none() || route.owner != self.still.owner(key) {
            samples.failed += 1;
            return;
        }
        let asked = route.path.iter().skip(1).chain(&route.owner);
        let numbers = asked.map(|id| self.numbers[id]).filter(|number| *number != from);
        let time = numbers.map(|number| world.question_time(from, number)).sum();
        let messages = route.messages() as u32;
        samples.add(messages, messages, time);
    }
}

fn point(id: Id) -> ring::Id {
    ring::Id::from_bytes(id.0)
}

#[derive(Debug, Default)]
struct Samples {
    messages: Vec<f64>,
    hops: Vec<f64>,
    seconds: Vec<f64>,
    failed: u32,
}

impl Samples {
    fn add(&mut self, messages: u32, hops: u32, time: Duration) {
        self.messages.push(messages.into());
        self.hops.push(hops.into());
        self.seconds.push(time.as_secs_f64());
    }

    fn costs(self) -> Costs {
        let [messages, hops, seconds] = [self.messages, self.hops, self.seconds].map(Spread::of);
        Costs { messages, hops, seconds, failed: self.failed }
    }
}

impl Spread {
    /// That of `values`; all zero when there are none.
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let at = |hundredths: usize| values.get(values.len() * hundredths / 100).copied();
        Self {
            mean: values.iter().sum::<f64>() / values.len().max(1) as f64,
            median: at(50).unwrap_or(0.0),
            p95: at(95).unwrap_or(0.0),
        }
    }
}

#[cfg(test)]
mod tests;
