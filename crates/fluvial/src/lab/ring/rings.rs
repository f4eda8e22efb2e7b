//! Random rings, and look-ups in them.

use ring::world::{Moving, Setting, Stats, Still};
use ring::{Config, Id};
use stdx::{Duration, Rng};

use crate::args::RingLab;
use crate::output::Output;
use crate::units::show_number;

/// Rings of up to this many are checked every second, larger ones seldom: a check looks at all.
const SMALL: u32 = 100;
const CHECK_SMALL: Duration = Duration::from_secs(1);
const CHECK_LARGE: Duration = Duration::from_mins(1);

/// Look-ups a second where peers come and go. Chord's authors had one a second; the others do not
/// notice ten.
const LOOKUPS_PER_SECOND: f64 = 10.0;

/// Random rings that all begin the same way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rings {
    pub(super) config: Config,
    /// Peers of each ring at first.
    pub(super) nodes: u32,
    pub(super) fate: Fate,
    /// How many there are.
    pub(super) count: u32,
    /// Look-ups in each.
    pub(super) lookups: u32,
    pub(super) shortcuts: bool,
    pub(super) seed: u64,
}

/// What is done to a ring.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// This share of its peers has just gone, and nobody moves.
    Gone(f64),
    /// So many join each second, and as many leave.
    Churn {
        rate: f64,
        /// Those who leave tell the peer before them.
        farewell: bool,
    },
}

impl Rings {
    /// Those that the flags ask for.
    pub(super) fn of(args: &RingLab) -> Self {
        let fate = match args.churn {
            Some(rate) => Fate::Churn { rate, farewell: false },
            None => Fate::Gone(args.fail.unwrap_or(0.0)),
        };
        Self {
            config: args.config(),
            nodes: args.nodes(),
            fate,
            count: args.rings.unwrap_or(1),
            lookups: args.lookups(),
            shortcuts: !args.no_shortcuts,
            seed: args.seed.unwrap_or(1),
        }
    }

    /// What look-ups took in all of them.
    pub(super) fn measure(&self, output: &Output) -> Stats {
        let bar = output.live_bar();
        let all = u64::from(self.count) * u64::from(self.lookups);
        let mut stats = Stats::default();
        for number in 0..u64::from(self.count) {
            let seed = self.seed.wrapping_add(number);
            let before = number * u64::from(self.lookups);
            let mut progress = |done: u64| {
                let done = show_number(before + done);
                bar.set_message(format!("{done} of {} look-ups", show_number(all)));
            };
            stats.merge(&match self.fate {
                Fate::Gone(share) => self.still(share, seed, &mut progress),
                Fate::Churn { rate, farewell } => self.moving(rate, farewell, seed, &mut progress),
            });
        }
        bar.finish_and_clear();
        stats
    }

    fn moving(
        &self,
        churn: f64,
        farewell: bool,
        seed: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Stats {
        let check = if self.nodes <= SMALL { CHECK_SMALL } else { CHECK_LARGE };
        let setting = Setting {
            churn,
            farewell,
            lookups: self.lookups.into(),
            lookups_per_second: LOOKUPS_PER_SECOND,
            check_every: Some(check),
            shortcuts: self.shortcuts,
            ..Setting::new(self.config, self.nodes as usize, seed)
        };
        Moving::new(setting).expect("the flags were checked").run(progress)
    }

    fn still(&self, gone: f64, seed: u64, progress: &mut dyn FnMut(u64)) -> Stats {
        let Config { space, successors, .. } = self.config;
        let mut rng = Rng::new(seed);
        let mut ring = Still::random(space, self.nodes as usize, successors, &mut rng);
        ring.fail(gone, &mut rng);
        let is_alive = |id: &Id| ring.is_alive(*id);
        let alive: Vec<Id> = ring.members().iter().copied().filter(is_alive).collect();
        let mut stats = Stats::default();
        for done in 1..=self.lookups {
            let (from, key) = (alive[rng.index(alive.len())], space.random(&mut rng));
            let route = ring.route(from, key, self.shortcuts);
            stats.found(&route, route.owner.is_some() && route.owner == ring.owner(key));
            if done % 256 == 0 {
                progress(done.into());
            }
        }
        stats
    }
}
