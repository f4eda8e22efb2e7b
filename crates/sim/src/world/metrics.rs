use peer::Totals;
use plan::{Class, Plan};
use session::{ChokerPolicy, Status};
use stdx::{Duration, Instant};
use swarm::PeerView;

use super::{NodeIndex, Start, World};

/// What one node did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Which one.
    pub node: NodeIndex,
    /// From its first start until it had everything; `None` for seeds and who has not.
    pub time: Option<Duration>,
    /// What it moved, all its connections together.
    pub totals: Totals,
    /// Payload received, by who sent it.
    pub from: Vec<(NodeIndex, u64)>,
    /// How often others have banned it.
    pub bans: u32,
    /// Wrong blocks that it sent.
    pub lied: u32,
    /// Pieces that failed their check here.
    pub pieces_failed: u32,
    /// How many peers it has banned.
    pub banned: u32,
    /// How many of its processes a power cut ended.
    pub power_cuts: u32,
    /// A process runs there.
    pub present: bool,
    /// Every byte of the content is on its disk, and right.
    pub whole: bool,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Every node.
    pub nodes: Vec<NodeReport>,
    /// Bytes of content.
    pub size: u64,
    /// Leechers that have everything; here and below, without those who lie.
    pub completed: u32,
    /// When the last of them had.
    pub last: Duration,
    /// The mean time from joining to having everything.
    pub mean: Duration,
    /// The least time in which it could have been done, see [`Plan::peer_to_peer`].
    pub bound: Duration,
    /// Payload that seeds sent, in copies of the content.
    pub copies_from_seeds: f64,
    /// The part of the payload received by leechers that did not come from seeds.
    pub peer_share: f64,
    /// The hash over all that happened.
    pub trace: u64,
}

impl Report {
    /// Adds up what nodes did; `seeds` and `liars` tell which are. The bound and the trace are left
    /// out.
    pub(crate) fn of(
        size: u64,
        nodes: Vec<NodeReport>,
        seeds: &[bool],
        liars: &[bool],
        last: Option<Instant>,
    ) -> Self {
        let is_seed = |node: NodeIndex| seeds[node.get()];
        let leechers = || nodes.iter().filter(|report| !is_seed(report.node));
        let honest = leechers().filter(|report| !liars[report.node.get()]);
        let times: Vec<Duration> = honest.filter_map(|report| report.time).collect();
        let of_seeds = nodes.iter().filter(|report| is_seed(report.node));
        let sent: u64 = of_seeds.map(|report| report.totals.up_payload).sum();
        let received = || leechers().flat_map(|report| &report.from);
        let all: u64 = received().map(|(_, bytes)| bytes).sum();
        let from_peers: u64 =
            received().filter(|(from, _)| !is_seed(*from)).map(|(_, bytes)| bytes).sum();
        Self {
            size,
            completed: times.len() as u32,
            last: last.unwrap_or(Instant::ZERO).since(Instant::ZERO),
            mean: times.iter().sum::<Duration>() / (times.len().max(1) as u32),
            bound: Duration::ZERO,
            copies_from_seeds: sent as f64 / size as f64,
            peer_share: from_peers as f64 / all.max(1) as f64,
            trace: 0,
            nodes,
        }
    }
}

impl World {
    /// What came of it so far.
    pub fn report(&self) -> Report {
        let seeds =
            self.nodes.iter().map(|node| node.spec.start == Start::Seed).collect::<Vec<_>>();
        let lies = |node: &super::node::Node| node.spec.lies > 0.0;
        let liars = self.nodes.iter().map(lies).collect::<Vec<_>>();
        let leechers = self.nodes.iter().filter(|node| node.spec.start != Start::Seed);
        let last = leechers.filter(|node| !lies(node)).filter_map(|node| node.completed_at).max();
        let nodes = self.node_reports().collect();
        let report = Report::of(self.source.size(), nodes, &seeds, &liars, last);
        Report { bound: self.bound(), trace: self.trace(), ..report }
    }

    /// How a node's torrent does; `None` while no process runs there.
    pub fn status(&self, node: NodeIndex) -> Option<Status> {
        let mind = self.nodes[node.get()].mind.as_ref()?;
        mind.session.status(self.now, mind.torrent)
    }

    /// A node's connections, as its session sees them.
    pub fn peers(&self, node: NodeIndex) -> Vec<PeerView> {
        let mind = self.nodes[node.get()].mind.iter();
        mind.flat_map(|mind| mind.session.peers(self.now, mind.torrent)).collect()
    }

    /// The least time in which the seeds together can give all leechers everything; zero when
    /// there are no leechers.
    pub fn bound(&self) -> Duration {
        let class = |node: &super::node::Node| {
            let gives = node.spec.choker != ChokerPolicy::Closed;
            let up = least(node.spec.limits.up, node.spec.access.up);
            let up = if gives { up } else { Some(0) };
            Class::one(up, least(node.spec.limits.down, node.spec.access.down))
        };
        let of = |seed: bool| {
            let nodes = self.nodes.iter();
            nodes.filter(move |node| (node.spec.start == Start::Seed) == seed).map(class)
        };
        let source = of(true).try_fold(0u64, |sum, seed| Some(sum.saturating_add(seed.up?)));
        let plan = Plan::new(self.source.size(), source, of(false));
        plan.map_or(Duration::ZERO, |plan| plan.peer_to_peer().duration())
    }

    fn node_reports(&self) -> impl Iterator<Item = NodeReport> {
        self.nodes.iter().enumerate().map(|(index, node)| {
            let traffic = node.all_traffic();
            let seed = node.spec.start == Start::Seed;
            let times = node.joined_at.zip(node.completed_at).filter(|_| !seed);
            NodeReport {
                node: NodeIndex(index as u32),
                time: times.map(|(joined, completed)| completed - joined),
                totals: traffic.total,
                from: traffic.from.into_iter().collect(),
                bans: node.bans,
                lied: node.lied,
                pieces_failed: node.pieces_failed,
                banned: node.banned,
                power_cuts: node.power_cuts,
                present: node.mind.is_some(),
                whole: node.store.is_whole(),
            }
        })
    }
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}
