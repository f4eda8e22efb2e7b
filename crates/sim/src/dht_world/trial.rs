use dht::Id;
use stdx::{Duration, Rng};

use super::{DhtWorld, DhtWorldConfig, Sought};

/// Time that look-ups and announces are given.
const LOOKUP: Duration = Duration::from_secs(15);
/// Time between two look-ups.
const APART: Duration = Duration::from_millis(20);

/// Experiments on a table.
#[derive(Clone, Debug)]
pub struct DhtTrial {
    /// The world.
    pub world: DhtWorldConfig,
    /// Time for it to settle.
    pub settle: Duration,
    /// The share of nodes that die right before the look-ups, so that this share of all contacts
    /// is dead.
    pub dead: f64,
    /// Torrents that are announced, by a node each.
    pub torrents: u32,
    /// Look-ups, each by a node of its own as far as there are enough.
    pub lookups: u32,
}

/// What look-ups came to.
#[derive(Clone, Debug)]
pub struct LookupsReport {
    /// How many there were.
    pub lookups: u32,
    /// How many found a true peer.
    pub found: u32,
    /// Time to the first true peer: median, of 90 and of 99 in 100.
    pub first: [Duration; 3],
    /// Questions until then, on average.
    pub queries: f64,
    /// Questions until then: of 99 in 100, and at most.
    pub most_queries: [u32; 2],
    /// Questions of a whole look-up, on average.
    pub all_queries: f64,
    /// The share of dead contacts when they began.
    pub dead: f64,
    /// Nodes that an announce was stored at, on average.
    pub stored: f64,
    /// Look-ups that noticed a crowd.
    pub crowded: u32,
}

impl LookupsReport {
    /// The share that found a true peer.
    pub fn success(&self) -> f64 {
        f64::from(self.found) / f64::from(self.lookups.max(1))
    }
}

/// How a restart of many at once went.
#[derive(Clone, Debug)]
pub struct RestartReport {
    /// Datagrams a second before it.
    pub before: f64,
    /// Datagrams a second in each five seconds from then on.
    pub after: Vec<f64>,
}

impl RestartReport {
    /// Time after which there was never more than a quarter above what was before, in a quarter of
    /// a minute.
    pub fn back_after(&self) -> Duration {
        let loud = |it: &[f64]| it.iter().sum::<f64>() > self.before * 1.25 * it.len() as f64;
        let last = self.after.windows(3).rposition(loud);
        Duration::from_secs(5) * last.map_or(0, |it| it as u32 + 1)
    }
}

impl DhtTrial {
    /// An experiment with so many nodes, a quarter of which die.
    pub fn new(nodes: u32, seed: u64) -> Self {
        Self {
            world: DhtWorldConfig::new(nodes, seed),
            settle: Duration::from_mins(16),
            dead: 0.25,
            torrents: 100,
            lookups: 1_000,
        }
    }

    /// A world that has settled.
    pub fn settled(&self) -> DhtWorld {
        let mut world = DhtWorld::new(self.world.clone());
        world.run_for(self.settle);
        world
    }

    /// Kills some, announces torrents, and looks for them.
    pub fn look_up(&self, world: &mut DhtWorld) -> LookupsReport {
        world.kill(self.dead);
        let mut rng = Rng::new(self.world.seed ^ 0xd47);
        let torrents: Vec<Id> = (0..self.torrents).map(|_| Id::random(&mut rng)).collect();
        self.find(world, &torrents, &mut rng)
    }

    /// Announces torrents and looks for them.
    pub fn find(&self, world: &mut DhtWorld, torrents: &[Id], rng: &mut Rng) -> LookupsReport {
        let mut living = world.living();
        rng.shuffle(&mut living);
        let mut turn = living.into_iter().cycle();
        let mut by = Vec::new();
        for torrent in torrents {
            let number = turn.next().expect("somebody is alive");
            world.announce(number, *torrent);
            by.push((number, *torrent));
            world.run_for(APART);
        }
        world.run_for(LOOKUP);
        let took = |it: &(u32, Id)| f64::from(world.announced(it.0, it.1).unwrap_or(0));
        let stored = by.iter().map(took).sum::<f64>() / by.len().max(1) as f64;
        let dead = world.dead_share();
        let mut begun = Vec::new();
        for place in 0..self.lookups as usize {
            let number = turn.next().expect("somebody is alive");
            begun.extend(world.find_peers(number, torrents[place % torrents.len()]));
            world.run_for(APART);
        }
        world.run_for(LOOKUP);
        let all: Vec<Sought> = begun.iter().filter_map(|it| world.sought(*it)).cloned().collect();
        summary(&all, dead, stored)
    }

    /// So many nodes sit round each of so many keys; something is announced under each, and looked
    /// for.
    pub fn attack(&self, world: &mut DhtWorld, keys: u32, sybils: u32) -> LookupsReport {
        let keys: Vec<Id> = (0..keys).map(|_| world.crowd(sybils)).collect();
        world.run_for(self.settle);
        let mut rng = Rng::new(self.world.seed ^ 0x5b11);
        self.find(world, &keys, &mut rng)
    }

    /// A node that was away comes back with nodes that it saved, of which so many died since, as
    /// did every router: the time until 100 of its nodes answer.
    pub fn come_back(&self, world: &mut DhtWorld, dead: f64) -> Option<Duration> {
        let living = world.living();
        let mut rng = Rng::new(self.world.seed ^ world.now().as_nanos());
        let mut saved = world.saved(living[rng.index(living.len())]);
        for address in &mut saved {
            if rng.chance(dead) {
                *address = world.fresh_address();
            }
        }
        let began = world.now();
        let number = world.newcomer(&saved);
        for _ in 0..300 {
            world.run_for(Duration::from_millis(100));
            let good = world.node(number).map_or(0, |it| it.stats().good[0]);
            if good >= 100 {
                return Some(world.now().since(began));
            }
        }
        None
    }

    /// So many nodes start anew at once, each with torrents to announce.
    pub fn restart(&self, world: &mut DhtWorld, nodes: usize, torrents: u32) -> RestartReport {
        let mut rng = Rng::new(self.world.seed ^ 0x4e57);
        let mut living = world.living();
        rng.shuffle(&mut living);
        living.truncate(nodes);
        let rate = |world: &mut DhtWorld, secs: u64| {
            let before = world.datagrams();
            world.run_for(Duration::from_secs(secs));
            (world.datagrams() - before) as f64 / secs as f64
        };
        // As long as it takes until everybody who is known has been asked again.
        let before = rate(world, 600);
        for number in living {
            world.restart(number);
            for _ in 0..torrents {
                world.announce(number, Id::random(&mut rng));
            }
        }
        let after = (0..24).map(|_| rate(world, 5)).collect();
        RestartReport { before, after }
    }
}

fn summary(all: &[Sought], dead: f64, stored: f64) -> LookupsReport {
    let mut times: Vec<Duration> = all.iter().filter_map(|it| it.first).collect();
    times.sort_unstable();
    let found = all.iter().filter(|it| it.first.is_some());
    let mut queries: Vec<u32> = found.map(|it| it.queries).collect();
    queries.sort_unstable();
    let ended: Vec<u32> = all.iter().filter_map(|it| it.all_queries).collect();
    LookupsReport {
        lookups: all.len() as u32,
        found: times.len() as u32,
        first: [50, 90, 99].map(|hundredths| at(&times, hundredths)),
        queries: mean(&queries),
        most_queries: [99, 100].map(|hundredths| at(&queries, hundredths)),
        all_queries: mean(&ended),
        dead,
        stored,
        crowded: all.iter().filter(|it| it.crowded).count() as u32,
    }
}

/// What so many hundredths of them are at or below; they are in order.
fn at<T: Copy + Default>(ordered: &[T], hundredths: usize) -> T {
    let place = (ordered.len() * hundredths / 100).min(ordered.len().saturating_sub(1));
    ordered.get(place).copied().unwrap_or_default()
}

fn mean(counts: &[u32]) -> f64 {
    let sum: u64 = counts.iter().map(|&it| u64::from(it)).sum();
    sum as f64 / counts.len().max(1) as f64
}
