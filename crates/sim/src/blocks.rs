use std::sync::Arc;

use announce::Store;
use metainfo::Info;
use peer::{Report, Torrent};
use stdx::{BLOCK_LENGTH, Duration, Instant, Rng, TorrentId};

use crate::queue::Queue;
use crate::trace::Trace;
use crate::world::{Copies, Failure, Place, Recorder, WorldConfig, address};
use crate::{Deed, NodeIndex, NodeSpec};

use self::end::End;
use self::node::Node;

mod end;
mod life;
mod mail;
mod mind;
mod node;
mod notes;
mod orders;

/// The longest step: what falls due within one happens at its end.
const STEP_MAX: Duration = Duration::from_millis(20);

/// The shortest step, however near the nodes are to each other.
const STEP_MIN: Duration = Duration::from_millis(2);

/// A swarm in virtual time, block by block, for many thousands of nodes.
///
/// The shipped [`swarm::Swarm`], [`session::Choker`] and [`peer::Pipeline`] decide whom to serve
/// and what to ask for, as they do in a [`crate::World`]. What lies below them is left out: there
/// is no wire format, no handshake, no cache and no disk. Whole blocks leave a node's uplink one
/// after the other, its connections taking turns, and time goes in steps of 20 ms at most.
///
/// Same seed and calls, same trace.
#[derive(Debug)]
pub(crate) struct Blocks {
    seed: u64,
    now: Instant,
    /// The step before.
    before: Instant,
    step: Duration,
    /// From one node to another.
    delay: Duration,
    rng: Rng,
    trace: Trace,
    info: Arc<Info>,
    torrent: Arc<Torrent>,
    peer_config: peer::Config,
    /// What every block consists of.
    zeros: Arc<[u8]>,
    nodes: Vec<Node>,
    /// Both ends of every connection there ever was, side by side: each end's twin differs from it
    /// in the lowest bit. Their numbers are the connections' [`stdx::ConnId`]s.
    ends: Vec<End>,
    /// What befalls whom.
    deeds: Queue<(NodeIndex, Deed)>,
    tracker: Store,
    copies: Copies,
    recorder: Option<Recorder>,
    failure: Option<Failure>,
    /// What the connections of the node whose turn it is have to say; `None` is the end of one.
    inbox: Vec<(u32, Option<Report>)>,
}

impl Blocks {
    /// An empty world in which what `info` describes is to be distributed; `rtt` is there and back
    /// between two nodes.
    pub(crate) fn new(seed: u64, info: Arc<Info>, rtt: Duration) -> Self {
        let mut rng = Rng::new(seed);
        let one_way = rtt / 2;
        let step = one_way.clamp(STEP_MIN, STEP_MAX);
        let steps = one_way.as_nanos().div_ceil(step.as_nanos()).max(1) as u32;
        let torrent = Torrent {
            id: TorrentId(1),
            hashes: info.hashes(),
            info: Some(info.clone()),
            private: false,
        };
        Self {
            seed,
            now: Instant::ZERO,
            before: Instant::ZERO,
            step,
            delay: step * steps,
            trace: Trace::new(),
            tracker: WorldConfig::default().tracker(&mut rng),
            rng,
            torrent: Arc::new(torrent),
            peer_config: peer::Config::new(stdx::PeerId::default(), "Fluvial sim"),
            zeros: vec![0; BLOCK_LENGTH as usize].into(),
            nodes: Vec::new(),
            ends: Vec::new(),
            deeds: Queue::new(),
            copies: Copies::new(info.layout().pieces()),
            recorder: None,
            failure: None,
            inbox: Vec::new(),
            info,
        }
    }

    /// Adds a node; it joins when its spec says. What a spec says of disks, lies and the metadata
    /// means nothing here.
    pub(crate) fn add(&mut self, spec: NodeSpec) -> NodeIndex {
        let index = NodeIndex(self.nodes.len() as u32);
        let joins = spec.joins;
        self.nodes.push(Node::new(spec, address(Place::World, index)));
        self.copies.grow();
        self.at(joins, index, Deed::Start);
        index
    }

    /// Has something befall a node at a time after the beginning of the world.
    pub(crate) fn at(&mut self, after: Duration, node: NodeIndex, deed: Deed) {
        self.deeds.schedule(Instant::ZERO + after, (node, deed));
    }

    fn step(&mut self) {
        let next = self.now + self.step;
        self.sample_until(next);
        (self.before, self.now) = (self.now, next);
        while let Some((node, deed)) = self.deeds.pop(next) {
            self.befall(node, deed);
        }
        for node in 0..self.nodes.len() {
            self.turn(node);
        }
    }

    /// All that happens at one node in a step.
    fn turn(&mut self, index: usize) {
        let now = self.now;
        self.serve(index);
        let node = &mut self.nodes[index];
        let looks = node.look_at <= now;
        if !looks && !node.has_mail(now) {
            return;
        }
        let Some(mut mind) = node.mind.take() else {
            return self.bounce(index);
        };
        self.read_mail(index, &mut mind);
        self.tell_all(index, &mut mind);
        if looks {
            self.look(index, &mut mind);
        }
        self.settle(index, &mut mind);
        self.nodes[index].mind = Some(mind);
    }

    /// Keeps the first broken invariant; the run ends with it.
    fn broken(&mut self, what: String) {
        let trace = self.trace.hash();
        self.failure.get_or_insert_with(|| Failure::new(what, self.now, self.seed, trace));
    }
}

#[cfg(test)]
mod tests;
