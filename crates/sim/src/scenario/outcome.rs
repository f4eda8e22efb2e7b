use stdx::{Duration, Instant};

use super::{Group, Scenario, Staged};
use crate::{History, NodeReport};

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwarmProgress {
    /// The least time in which it could be done.
    pub bound: Duration,
    /// How late it is in the world.
    pub at: Instant,
    /// The part of all that is wanted that is had.
    pub done: f64,
}

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The least time in which the seeds could have given all peers everything, had they all been
    /// there from the beginning to the end.
    pub bound: Duration,
    /// When the last peer had everything.
    pub last: Duration,
    /// The mean time from a peer's coming until it had everything.
    pub mean: Duration,
    /// How many peers got everything; whoever lies counts neither here nor for the times.
    pub completed: u32,
    /// When it ended.
    pub ended: Duration,
    /// Some piece is nowhere any more.
    pub dead: bool,
    /// Everybody, seeds first.
    pub peers: Vec<PeerOutcome>,
    /// What happened when.
    pub history: History,
    /// The hash over all that happened.
    pub trace: u64,
    /// How many things happened.
    pub events: u64,
}

/// What came of one peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerOutcome {
    /// Its group's place: seeds first, then peers.
    pub group: usize,
    /// It had everything from the start.
    pub seed: bool,
    /// It is one of those who lie.
    pub liar: bool,
    /// Its uplink, in bytes per second; `None` is unlimited.
    pub up: Option<u64>,
    /// From its coming until it had everything.
    pub time: Option<Duration>,
    /// Payload sent.
    pub sent: u64,
    /// Payload received.
    pub received: u64,
    /// Payload received, by who sent it.
    pub from: Vec<(u32, u64)>,
    /// Wrong blocks that it sent.
    pub lied: u32,
    /// How often others have banned it.
    pub bans: u32,
    /// Pieces that failed their check here.
    pub pieces_failed: u32,
    /// How many of its processes a power cut ended.
    pub power_cuts: u32,
    /// It was there at the end.
    pub present: bool,
    /// Every byte of the content was on its disk at the end, and right.
    pub whole: bool,
}

impl Outcome {
    pub(super) fn of(scenario: &Scenario, bound: Duration, world: &mut impl Staged) -> Self {
        let report = world.report();
        let ended = world.now().since(Instant::ZERO);
        let dead = world.is_dead();
        let events = world.events();
        let history = world.take_history();
        let groups: Vec<(usize, bool, &Group)> = (scenario.seeds.iter().map(|it| (true, it)))
            .chain(scenario.peers.iter().map(|it| (false, it)))
            .enumerate()
            .flat_map(|(at, (seed, it))| (0..it.count).map(move |_| (at, seed, it)))
            .collect();
        let peer = |(node, (group, seed, it)): (&NodeReport, &(usize, bool, &Group))| PeerOutcome {
            group: *group,
            seed: *seed,
            liar: it.lies > 0.0,
            up: it.up,
            time: node.time,
            sent: node.totals.up_payload,
            received: node.totals.down_payload,
            from: node.from.iter().map(|&(from, bytes)| (from.0, bytes)).collect(),
            lied: node.lied,
            bans: node.bans,
            pieces_failed: node.pieces_failed,
            power_cuts: node.power_cuts,
            present: node.present,
            whole: node.whole,
        };
        Self {
            bound,
            last: report.last,
            mean: report.mean,
            completed: report.completed,
            ended,
            dead,
            peers: report.nodes.iter().zip(&groups).map(peer).collect(),
            history,
            trace: report.trace,
            events,
        }
    }

    /// The last completion in multiples of the bound.
    pub fn over_bound(&self) -> f64 {
        self.last.as_secs_f64() / self.bound.as_secs_f64().max(1e-9)
    }

    /// Payload received per byte of content and peer that got everything, less one: what was
    /// fetched in vain; nothing where nobody got everything.
    pub fn wasted(&self, size: u64) -> f64 {
        if self.completed == 0 {
            return 0.0;
        }
        let received: u64 = self.done().map(|peer| peer.received).sum();
        let needed = size * u64::from(self.completed);
        received as f64 / needed as f64 - 1.0
    }

    /// Peers that got everything.
    pub fn done(&self) -> impl Iterator<Item = &PeerOutcome> {
        self.peers.iter().filter(|peer| !peer.seed && !peer.liar && peer.time.is_some())
    }

    /// Who does not lie, was there at the end, and lacked some of the content, by number.
    pub fn left_out(&self) -> Vec<usize> {
        let lacks = |peer: &PeerOutcome| !peer.liar && peer.present && !peer.whole;
        (0..self.peers.len()).filter(|&at| lacks(&self.peers[at])).collect()
    }

    /// The mean time of those of one group that got everything, and how many these are.
    pub fn mean_of(&self, group: usize) -> (Duration, u32) {
        let times = || self.done().filter(|peer| peer.group == group).filter_map(|peer| peer.time);
        let count = times().count() as u32;
        (times().sum::<Duration>() / count.max(1), count)
    }
}
