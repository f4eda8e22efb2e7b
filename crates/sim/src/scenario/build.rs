use metainfo::Version;
use netem::{Loss, NatConfig};
use plan::{Class, Plan};
use session::ChokerPolicy;
use stdx::{Duration, Rng};

use super::{
    Arrival, DiskKind, Fidelity, Group, OUTAGE_MAX, Outcome, Scenario, Staged, SwarmProgress,
};
use crate::blocks::Blocks;
use crate::source::outline;
use crate::{
    Deed, DiskConfig, Failure, Faults, Leave, NodeIndex, NodeSpec, Source, Start, World,
    WorldConfig,
};

/// Samples of the whole time that the bound takes.
const SAMPLES: u32 = 200;

/// Samples further apart than this say too little while the world goes on beyond the bound.
const SAMPLE_MAX: Duration = Duration::from_secs(10);

/// For how long a datagram is held back so that others overtake it.
const REORDER_BY: Duration = Duration::from_millis(10);

/// What befalls a peer, and when.
type Fate = Vec<(Duration, Deed)>;

impl Scenario {
    /// Runs it to its end: everybody who stays has everything, or nobody ever will, or its time is
    /// over. `progress` is told every simulated moment or so.
    ///
    /// # Errors
    /// When an invariant broke.
    pub fn run(&self, progress: impl FnMut(&SwarmProgress)) -> Result<Outcome, Failure> {
        match self.fidelity {
            Fidelity::Messages => self.go_through(self.build(), progress),
            Fidelity::Blocks => self.go_through(self.build_of_blocks(), progress),
        }
    }

    fn go_through(
        &self,
        mut world: impl Staged,
        mut progress: impl FnMut(&SwarmProgress),
    ) -> Result<Outcome, Failure> {
        let bound = self.bound();
        let every = (bound / SAMPLES).clamp(Duration::from_millis(100), SAMPLE_MAX);
        world.observe(every, NodeIndex(self.watch));
        let mut step = 0;
        while !world.is_finished() && !world.is_dead() {
            step += 1;
            let until = every * step;
            if until > self.limit {
                break;
            }
            world.go_on(until)?;
            if let Some(sample) = world.history().and_then(|history| history.samples.last()) {
                progress(&SwarmProgress { bound, at: sample.at, done: sample.done });
            }
        }
        world.check_end()?;
        Ok(Outcome::of(self, bound, &mut world))
    }

    /// The least time in which the seeds can give all peers everything.
    pub fn bound(&self) -> Duration {
        self.plan().map_or(Duration::ZERO, |plan| plan.peer_to_peer().duration())
    }

    /// What its uplinks and downlinks make possible; `None` when nobody wants anything.
    pub fn plan(&self) -> Option<Plan> {
        let class = |it: &Group| {
            let up = if it.free_riders { Some(0) } else { it.up };
            Class { count: it.count.into(), up, down: it.down }
        };
        let sum = |sum: u64, it: &Group| sum.checked_add(it.up?.checked_mul(it.count.into())?);
        let source = self.seeds.iter().try_fold(0, sum);
        let honest = self.peers.iter().filter(|it| it.lies == 0.0);
        Plan::new(self.size, source, honest.map(class)).ok()
    }

    /// The world at its beginning, messages and all.
    pub fn build(&self) -> World {
        let loss = Loss::bursts(self.loss, self.loss_burst);
        let faults = Faults {
            duplicate: self.duplicates,
            reorder: self.reordering,
            reorder_by: REORDER_BY,
            ..Faults::default()
        };
        let queueing = self.queue;
        let config = WorldConfig { queueing, loss, faults, ..WorldConfig::default() };
        let mut world = World::with_config(self.seed, self.source(), config);
        for (spec, fate) in self.cast() {
            let node = world.add(spec);
            for (at, deed) in fate {
                world.at(at, node, deed);
            }
        }
        world
    }

    /// The same, block by block.
    pub(crate) fn build_of_blocks(&self) -> Blocks {
        let info = outline(self.size, self.piece_length, self.seed);
        let mut world = Blocks::new(self.seed, info, self.rtt);
        for (spec, fate) in self.cast() {
            let node = world.add(spec);
            for (at, deed) in fate {
                world.at(at, node, deed);
            }
        }
        world
    }

    /// Everybody, seeds first, each with what befalls it.
    fn cast(&self) -> Vec<(NodeSpec, Fate)> {
        // Apart from the world's own, so that a change there draws no other crowd.
        let mut rng = Rng::new(self.seed ^ 0x5eed_c40d);
        let mut cast = Vec::new();
        for group in &self.seeds {
            self.add(&mut cast, group, Start::Seed, &mut rng);
        }
        for group in &self.peers {
            self.add(&mut cast, group, Start::Torrent, &mut rng);
        }
        cast
    }

    /// The content. Where somebody lies it is real, every byte of it, and of one version of the
    /// protocol after the other, from seed to seed.
    fn source(&self) -> Source {
        let honest = self.seeds.iter().chain(&self.peers).all(|group| group.lies == 0.0);
        if honest {
            return Source::light(self.size, self.piece_length, self.seed);
        }
        let versions = [Version::V1, Version::V2, Version::Hybrid];
        let version = versions[(self.seed % 3) as usize];
        Source::new(version, &[self.size], self.piece_length, self.seed)
    }

    fn add(&self, cast: &mut Vec<(NodeSpec, Fate)>, group: &Group, start: Start, rng: &mut Rng) {
        let mut next = group.at;
        for _ in 0..group.count {
            let joins = match group.arrival {
                Arrival::Together => group.at,
                Arrival::Within(time) => group.at + fraction(rng, time),
                Arrival::PerSecond(rate) => {
                    let joins = next;
                    next += Duration::from_secs_f64(-(1.0 - unit(rng)).ln() / rate);
                    joins
                }
            };
            let mut spec = NodeSpec { start, joins, ..NodeSpec::default() };
            spec.access.up = group.up;
            spec.access.down = group.down;
            spec.delay = self.rtt / 4;
            spec.transport = self.transport;
            spec.nat = group.nat.map(NatConfig::new);
            spec.lies = group.lies;
            spec.disk = match group.disk {
                DiskKind::Sound | DiskKind::Full => DiskConfig::default(),
                DiskKind::Slow => DiskConfig::slow(),
                DiskKind::Failing => DiskConfig::failing(),
            };
            if group.magnet {
                spec.start = Start::Magnet;
            }
            spec.connections = Some(self.peer_set);
            spec.tactics = self.tactics;
            spec.choker = if group.free_riders { ChokerPolicy::Closed } else { self.choker };
            spec.leaves = match (group.copies, group.stay) {
                (Some(copies), _) => Leave::Sent((copies * self.size as f64) as u64),
                (None, Some(stay)) => Leave::Complete(stay),
                (None, None) => Leave::Never,
            };
            let quits = group.quit.filter(|(share, _)| rng.chance(*share));
            let fate = match quits {
                Some((_, time)) => vec![(joins + fraction(rng, time), Deed::Kill)],
                None => group.troubles(joins, rng),
            };
            cast.push((spec, fate));
        }
    }
}

impl Group {
    /// What befalls one of them, from when it joins.
    fn troubles(&self, joins: Duration, rng: &mut Rng) -> Fate {
        let mut fate = Vec::new();
        for _ in 0..self.power_cuts {
            let at = joins + fraction(rng, self.trouble_within);
            fate.push((at, Deed::PowerCut));
            fate.push((at + fraction(rng, OUTAGE_MAX), Deed::Start));
        }
        if self.disk == DiskKind::Full {
            let at = joins + fraction(rng, self.trouble_within);
            fate.push((at, Deed::FillDisk));
            fate.push((at + fraction(rng, self.trouble_within), Deed::FreeDisk));
        }
        fate
    }
}

fn unit(rng: &mut Rng) -> f64 {
    rng.below(1 << 53) as f64 / (1u64 << 53) as f64
}

fn fraction(rng: &mut Rng, time: Duration) -> Duration {
    time.mul_f64(unit(rng))
}
