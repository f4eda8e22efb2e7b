use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mirror::LineId;
use netem::{Network, PipeId};
use peer::{Batch, CloseReason, Order};
use session::Connect;
use stdx::{BlockRange, ConnId, Duration, Instant, PeerId, Pool, Rng};

use crate::Source;
use crate::queue::Queue;
use crate::trace::Trace;

use self::datagram::{Leg, Line};
use self::dial::Dialled;
use self::link::{Chunk, Route};
use self::mind::Mind;
use self::node::Node;
use self::tracker::{Answer, Question, Tracker};
use self::way::Way;
use self::web::Web;

mod bytes;
mod checks;
mod copies;
mod datagram;
mod dial;
mod history;
mod life;
mod link;
mod metrics;
mod mind;
mod mirrors;
mod node;
mod race;
mod spec;
mod tracker;
mod utp;
mod way;
mod web;

pub(crate) use bytes::Run;
pub use checks::Failure;
pub(crate) use copies::Copies;
pub use datagram::Faults;
pub use history::{History, Sample, Unchoke};
pub(crate) use history::{Recorder, Seen, matrix};
pub use life::Deed;
pub use metrics::{NodeReport, Report};
pub use mirrors::MirrorFailure;
pub use spec::{Leave, Meeting, NodeSpec, Place, Start, Transport, WorldConfig};
pub use web::{MirrorIndex, MirrorSpec};

/// The port that every node listens on; on one machine, the first node.
pub(crate) const PORT: u16 = 6881;

/// Unused block buffers kept for the next delivery.
const SPARE_BUFFERS: usize = 1_024;

/// Steps at the same moment, at most: beyond it, somebody is going round in circles.
const AT_ONCE_MAX: u32 = 1_000_000;

/// A node's number within its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub u32);

impl fmt::Display for NodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

impl NodeIndex {
    /// The number as a `usize`, for slices.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// A swarm in virtual time: nodes that each run a real [`session::Session`] and a real
/// [`peer::Peer`] for each connection, joined by emulated links, with simulated disks and a
/// simulated tracker.
///
/// Everything that happens follows from the seed and the calls: same seed, same
/// [`trace`](Self::trace).
///
/// ```
/// use sim::{NodeSpec, Source, World};
/// use stdx::Duration;
///
/// let mut world = World::new(7, Source::single(200_000, 32_768, 7));
/// world.add(NodeSpec::seed());
/// world.add_many(3, &NodeSpec::leecher());
/// let report = world.run(Duration::from_secs(60)).unwrap();
/// assert_eq!(report.completed, 3);
/// ```
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    source: Arc<Source>,
    seed: u64,
    now: Instant,
    rng: Rng,
    trace: Trace,
    queue: Queue<Scheduled>,
    net: Network<Chunk>,
    /// What becomes of datagrams, and the numbers in them, follow from it.
    datagrams: Rng,
    routes: BTreeMap<PipeId, Route>,
    nodes: Vec<Node>,
    webs: Vec<Web>,
    /// What mirrors send, by the pipes it takes.
    answers: BTreeMap<PipeId, web::Answer>,
    tracker: Tracker,
    pool: Pool,
    failure: Option<Failure>,
    dialled: u64,
    /// Whose outgoing connection last had a port.
    ephemeral: BTreeMap<u16, NodeIndex>,
    /// Steps since time last went on.
    at_once: u32,
    has_liars: bool,
    copies: Copies,
    recorder: Option<Recorder>,
}

/// An event and the node it happens at.
#[derive(Debug)]
struct Scheduled {
    node: NodeIndex,
    /// Which of the node's lives it belongs to; what outlives one is void.
    life: u32,
    event: Event,
}

#[derive(Debug)]
enum Event {
    /// A connection's reports reach the mind.
    Batch {
        conn: ConnId,
        batch: Batch,
    },
    /// The mind hears that a connection has ended.
    Closed {
        conn: ConnId,
        reason: CloseReason,
    },
    /// The mind's orders reach a connection.
    Orders {
        conn: ConnId,
        orders: Vec<Order>,
    },
    /// A connection request reaches this node.
    Knock(Dialled),
    /// A connection that this node asked for is established.
    Connected(Connect, Way),
    /// A connection that this node asked for was refused, or nobody answered.
    ConnectFailed(Connect),
    /// Blocks were read for a connection to send.
    Read {
        conn: ConnId,
        ranges: Vec<BlockRange>,
    },
    /// A disk operation ends.
    Disk(cache::OpId),
    /// An announce reaches the tracker.
    Ask(Question),
    /// The tracker's answer is here.
    Answered(Answer),
    /// A process that was asked to stop has had its time.
    StopOverdue,
    /// A process ends.
    Exit,
    LinkTimer {
        conn: ConnId,
        at: Instant,
    },
    /// Datagrams have come to the end of a leg of this node's access link.
    Line {
        leg: Leg,
        at: Instant,
    },
    UtpTimer(Instant),
    /// uTP is tried, too.
    HeadStartOver(ConnId),
    /// A request reaches the mirror that it is for.
    Asked {
        conn: ConnId,
        line: LineId,
        serial: u64,
    },
    MirrorTimer {
        conn: ConnId,
        at: Instant,
    },
    MindTimer(Instant),
    LimiterTimer(Instant),
    /// Something that the scenario has happen, whatever the node's life.
    Deed(Deed),
}

impl World {
    /// An empty world in which `source` is to be distributed.
    pub fn new(seed: u64, source: Source) -> Self {
        Self::with_config(seed, source, WorldConfig::default())
    }

    /// As [`Self::new`], not with the usual surroundings.
    pub fn with_config(seed: u64, source: Source, config: WorldConfig) -> Self {
        let mut rng = Rng::new(seed);
        let tracker = Tracker::new(&config, &mut rng);
        let pieces = source.info().layout().pieces();
        Self {
            config,
            source: Arc::new(source),
            seed,
            now: Instant::ZERO,
            rng,
            trace: Trace::new(),
            queue: Queue::new(),
            // Apart from the world's own: a pipe without loss draws nothing.
            net: Network::with_rng(Rng::new(seed ^ 0x1055_5eed)),
            datagrams: Rng::new(seed ^ 0xda7a_62a3),
            routes: BTreeMap::new(),
            nodes: Vec::new(),
            webs: Vec::new(),
            answers: BTreeMap::new(),
            tracker,
            pool: Pool::new(SPARE_BUFFERS),
            failure: None,
            dialled: 0,
            ephemeral: BTreeMap::new(),
            at_once: 0,
            has_liars: false,
            copies: Copies::new(pieces),
            recorder: None,
        }
    }

    /// Adds a node; it joins when its spec says.
    pub fn add(&mut self, spec: NodeSpec) -> NodeIndex {
        let index = NodeIndex(self.nodes.len() as u32);
        let joins = spec.joins;
        let net = self.net.add_node(spec.access);
        let address = address(self.config.place, index);
        let mut node = Node::new(spec, net, address, peer_id(index), &self.source);
        let utp = node.spec.transport.has_utp();
        if utp {
            let line = Line::new(&self.config, &node.spec, address, &mut self.datagrams);
            node.line = Some(line);
        }
        let peer_config = Arc::make_mut(&mut node.peer_config);
        peer_config.pex = utp || self.config.meeting == Meeting::Acquaintances;
        peer_config.holepunch = utp;
        self.nodes.push(node);
        self.copies.grow();
        self.trust(index);
        self.at(joins, index, Deed::Start);
        index
    }

    /// In a world with a light source where nobody lies, what comes is taken for right.
    fn trust(&mut self, new: NodeIndex) {
        let lies = |node: &Node| node.spec.lies > 0.0;
        let honest = !lies(&self.nodes[new.get()]);
        if honest && !self.has_liars {
            self.nodes[new.get()].store.set_trusting(self.source.is_light());
        } else if !std::mem::replace(&mut self.has_liars, true) {
            self.nodes.iter_mut().for_each(|node| node.store.set_trusting(false));
        }
    }

    /// Adds `n` nodes alike.
    pub fn add_many(&mut self, n: u32, spec: &NodeSpec) -> Vec<NodeIndex> {
        (0..n).map(|_| self.add(spec.clone())).collect()
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The seed that all of it follows from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A hash over everything that happened so far.
    pub fn trace(&self) -> u64 {
        self.trace.hash()
    }

    /// How many events happened so far.
    pub fn events(&self) -> u64 {
        self.trace.events()
    }

    /// Lives on until every node that is there, or will be, has all of the content.
    ///
    /// # Errors
    /// When an invariant broke, or not all are complete after `limit`.
    pub fn run(&mut self, limit: Duration) -> Result<Report, Failure> {
        self.run_until(limit, Self::is_finished)?;
        self.check_end()?;
        Ok(self.report())
    }

    /// Lives on until `done` holds.
    ///
    /// # Errors
    /// When an invariant broke, or `done` does not hold after `limit`.
    pub fn run_until(
        &mut self,
        limit: Duration,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), Failure> {
        let end = Instant::ZERO + limit;
        while !done(self) {
            if !self.step(end) {
                let failure = self.failure(self.stuck(end));
                return Err(Failure { timeout: true, ..failure });
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Lives on for some time.
    ///
    /// # Errors
    /// When an invariant broke.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Failure> {
        let end = self.now + time;
        while self.step(end) {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
        }
        self.now = end;
        Ok(())
    }

    /// The next moment at which something happens, and all that pipes do or one other event.
    /// False when nothing happens until `end`.
    fn step(&mut self, end: Instant) -> bool {
        let (queue, net) = (self.queue.next_at(), self.net.poll_timeout());
        let Some(next) = queue.into_iter().chain(net).min().filter(|next| *next <= end) else {
            return false;
        };
        self.at_once = if next > self.now { 0 } else { self.at_once + 1 };
        self.require(self.at_once < AT_ONCE_MAX, || "time stands still".into());
        self.sample_until(next);
        self.now = self.now.max(next);
        if queue == Some(next) {
            if let Some(scheduled) = self.queue.pop(self.now) {
                self.handle(scheduled);
            }
        } else {
            while let Some(event) = self.net.poll_event(self.now) {
                self.handle_pipe(event);
            }
        }
        true
    }

    fn handle(&mut self, scheduled: Scheduled) {
        let Scheduled { node, life, event } = scheduled;
        if let Event::Deed(deed) = event {
            return self.handle_deed(node, deed);
        }
        // These happen to the machine and the tracker, whoever lives there.
        let event = match event {
            Event::Knock(dialled) => return self.handle_knock(node, dialled),
            Event::Ask(question) => return self.handle_question(node, life, question),
            Event::Line { leg, at } => return self.handle_line(node, leg, at),
            event => event,
        };
        if self.nodes[node.get()].life != life {
            return;
        }
        self.record(node, &event);
        match event {
            Event::Batch { conn, batch } => self.handle_batch(node, conn, batch),
            Event::Closed { conn, reason } => self.handle_closed(node, conn, &reason),
            Event::Orders { conn, orders } => self.handle_orders(node, conn, orders),
            Event::Connected(connect, way) => self.handle_connected(node, connect, way),
            Event::ConnectFailed(connect) => self.handle_connect_failed(node, &connect),
            Event::Read { conn, ranges } => self.handle_reads(node, conn, &ranges),
            Event::Disk(op) => self.handle_disk(node, op),
            Event::Answered(answer) => self.handle_answer(node, answer),
            Event::LinkTimer { conn, at } => self.handle_link_timer(node, conn, at),
            Event::Asked { conn, line, serial } => self.handle_asked(node, (conn, line), serial),
            Event::MirrorTimer { conn, at } => self.handle_mirror_timer(node, conn, at),
            Event::UtpTimer(at) => self.handle_utp_timer(node, at),
            Event::HeadStartOver(conn) => self.handle_head_start(node, conn),
            Event::MindTimer(at) => self.handle_mind_timer(node, at),
            Event::LimiterTimer(at) => self.handle_limiter_timer(node, at),
            Event::StopOverdue | Event::Exit => self.kill(node),
            Event::Knock(_) | Event::Ask(_) | Event::Line { .. } | Event::Deed(_) => {}
        }
    }

    /// Puts an event into the trace.
    fn record(&mut self, node: NodeIndex, event: &Event) {
        let (kind, number) = match event {
            Event::Batch { conn, batch } => (b'b', conn.0 << 16 | batch.reports.len() as u64),
            Event::Closed { conn, .. } => (b'c', conn.0),
            Event::Orders { conn, orders } => (b'o', conn.0 << 16 | orders.len() as u64),
            Event::Connected(connect, _) => (b'e', connect.conn.0),
            Event::ConnectFailed(connect) => (b'f', connect.conn.0),
            Event::Read { conn, ranges } => (b'r', conn.0 << 16 | ranges.len() as u64),
            Event::Disk(op) => (b'd', op.0),
            Event::Answered(_) => (b'a', 0),
            Event::Asked { conn, serial, .. } => (b'g', conn.0 << 16 | serial),
            // Timers change nothing by themselves; what they set off is recorded.
            _ => return,
        };
        self.trace.record(self.now, kind, &[u64::from(node.0), number], &[]);
    }

    /// Has something happen in this life of a node, after a while.
    fn schedule(&mut self, node: NodeIndex, after: Duration, event: Event) {
        self.schedule_at(node, self.now + after, event);
    }

    fn schedule_at(&mut self, node: NodeIndex, at: Instant, event: Event) {
        let life = self.nodes[node.get()].life;
        self.queue.schedule(at, Scheduled { node, life, event });
    }

    fn node_at(&self, address: SocketAddr) -> Option<NodeIndex> {
        let node = node_of(self.config.place, address)?;
        let known = self.nodes.get(node.get())?.address == address;
        known.then_some(node)
    }
}

/// Global addresses, so that rules for private networks do not apply.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(11, 0, 0, 1);

/// Every node is in a network of its own, as most peers are.
const NETWORK: u32 = 256;

/// Where a node listens.
pub(crate) fn address(place: Place, node: NodeIndex) -> SocketAddr {
    match place {
        Place::World => {
            let ip = Ipv4Addr::from(u32::from(FIRST_ADDRESS) + node.0 * NETWORK);
            SocketAddr::new(ip.into(), PORT)
        }
        Place::OneMachine => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT + node.0 as u16),
    }
}

/// The node that an address may be of.
pub(crate) fn node_of(place: Place, address: SocketAddr) -> Option<NodeIndex> {
    let IpAddr::V4(ip) = address.ip() else {
        return None;
    };
    let number = match place {
        Place::World => u32::from(ip).checked_sub(u32::from(FIRST_ADDRESS))? / NETWORK,
        Place::OneMachine => u32::from(address.port().checked_sub(PORT)?),
    };
    Some(NodeIndex(number))
}

/// How a node names itself.
pub(crate) fn peer_id(node: NodeIndex) -> PeerId {
    let mut id = *b"-FL0100-000000000000";
    id[8..].copy_from_slice(format!("{:012}", node.0).as_bytes());
    PeerId(id)
}

#[cfg(test)]
mod tests;
