use netem::{Access, Loss, NatConfig, NatKind};
use session::{ChokerPolicy, Limits};
use stdx::{Duration, Rng};
use swarm::Tactics;

use super::datagram::Faults;
use crate::DiskConfig;

/// Where the nodes of a world are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Place {
    /// Each in a network of its own, with a global address.
    #[default]
    World,
    /// All on one machine, told apart by their ports.
    OneMachine,
}

/// How the nodes of a world find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Meeting {
    /// By a tracker that knows all of them.
    #[default]
    Tracker,
    /// All know the first one, without a tracker, and peers tell each other of others (BEP 11).
    Acquaintances,
}

/// What all nodes of a world have in common.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Where the nodes are.
    pub place: Place,
    /// How they find each other.
    pub meeting: Meeting,
    /// The longest that a batch or an order takes between a connection and its owner; each is
    /// delayed at random, those of one connection staying in order.
    pub boundary: Duration,
    /// How likely what arrives is cut in two at a random place before a peer reads it.
    pub fragmentation: f64,
    /// The most bytes under way on one connection in one direction, like a TCP window (4 MiB is the
    /// most that Linux gives by itself).
    pub window: u64,
    /// How long bytes may wait for a limited access link, like the buffer of a router: bounds
    /// the window on slower links.
    pub queueing: Duration,
    /// One way to the tracker.
    pub tracker_delay: Duration,
    /// How often the tracker is to be asked again.
    pub announce_interval: Duration,
    /// How packets get lost between any two nodes, see [`netem::Path::loss`]; what goes to the
    /// tracker does not.
    pub loss: Loss,
    /// What else befalls the datagrams between nodes whose [`Transport`] is uTP.
    pub faults: Faults,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            place: Place::default(),
            meeting: Meeting::default(),
            boundary: Duration::from_micros(500),
            fragmentation: 0.1,
            window: 4 << 20,
            queueing: Duration::from_millis(100),
            tracker_delay: Duration::from_millis(20),
            announce_interval: Duration::from_mins(30),
            loss: Loss::None,
            faults: Faults::default(),
        }
    }
}

/// What a node knows and has when it first joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Start {
    /// The torrent file, and nothing of the content.
    #[default]
    Torrent,
    /// The info-hashes alone, as from a magnet link.
    Magnet,
    /// All of the content.
    Seed,
}

/// What carries a node's connections, those that it opens and those that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Transport {
    /// Streams that lose nothing, as TCP's.
    #[default]
    Tcp,
    /// uTP (BEP 29): its datagrams cross the access links and NAT boxes one by one. Peers tell each
    /// other of others (BEP 11), and bring each other together (BEP 55).
    Utp,
    /// Both: TCP, and uTP as well where that has not answered within 400 ms; whichever answers
    /// first.
    Both,
}

impl Transport {
    pub(crate) fn has_tcp(self) -> bool {
        self != Self::Utp
    }

    pub(crate) fn has_utp(self) -> bool {
        self != Self::Tcp
    }
}

/// When a node goes for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Leave {
    /// It stays.
    #[default]
    Never,
    /// So long after it has everything.
    Complete(Duration),
    /// Once it has sent so many bytes of payload, whatever the others have by then.
    Sent(u64),
    /// So long after it joined, with what it has.
    Joined(Duration),
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// What it begins with.
    pub start: Start,
    /// Its access link, shared by all its connections.
    pub access: Access,
    /// Its own limits, as `--up-limit` and `--down-limit` set them.
    pub limits: Limits,
    /// From the node to the middle of the network; between two nodes both delays add up.
    pub delay: Duration,
    /// When it joins, after the beginning of the world.
    pub joins: Duration,
    /// Whether others can connect to it; over uTP, otherwise, only answers come in.
    pub reachable: bool,
    /// The NAT box that it is behind, if it is: nobody outside opens a connection to it, but over
    /// uTP as far as the box lets datagrams in. For [`Place::World`].
    pub nat: Option<NatConfig>,
    /// What carries its connections.
    pub transport: Transport,
    /// Its disk.
    pub disk: DiskConfig,
    /// How likely each block that it sends is wrong.
    pub lies: f64,
    /// How many wrong blocks it sends at most.
    pub lies_max: u32,
    /// The block cache's budget in bytes; `None` is the usual one.
    pub cache_budget: Option<u64>,
    /// Its peer set: most connections at once; `None` is the usual number.
    pub connections: Option<usize>,
    /// What its torrent's mind goes by.
    pub tactics: Tactics,
    /// Whom it serves.
    pub choker: ChokerPolicy,
    /// When it goes.
    pub leaves: Leave,
}

impl Default for NodeSpec {
    fn default() -> Self {
        Self {
            start: Start::Torrent,
            access: Access::default(),
            limits: Limits::default(),
            delay: Duration::from_millis(10),
            joins: Duration::ZERO,
            reachable: true,
            nat: None,
            transport: Transport::default(),
            disk: DiskConfig::default(),
            lies: 0.0,
            lies_max: u32::MAX,
            cache_budget: None,
            connections: None,
            tactics: Tactics::default(),
            choker: ChokerPolicy::default(),
            leaves: Leave::default(),
        }
    }
}

impl WorldConfig {
    /// How long the next batch or order takes.
    pub(crate) fn boundary_delay(&self, rng: &mut Rng) -> Duration {
        Duration::from_nanos(rng.below(self.boundary.as_nanos() as u64 + 1))
    }
}

/// The least window: a block, its header, and some messages.
const WINDOW_MIN: u64 = 20 * 1024;

impl WorldConfig {
    /// The window of a connection over links of this rate, so long one way.
    pub(crate) fn window_for(&self, rate: Option<u64>, delay: Duration) -> u64 {
        let Some(rate) = rate else {
            return self.window;
        };
        let time = (self.queueing + 2 * delay).as_micros() as u64;
        (rate.saturating_mul(time) / 1_000_000).clamp(WINDOW_MIN, self.window.max(WINDOW_MIN))
    }

    /// Bytes that may wait for a link of this rate.
    pub(crate) fn queue_for(&self, rate: u64) -> u64 {
        rate.saturating_mul(self.queueing.as_micros() as u64) / 1_000_000
    }
}

impl NodeSpec {
    /// A node that has everything.
    pub fn seed() -> Self {
        Self { start: Start::Seed, ..Self::default() }
    }

    /// A node that has the torrent file.
    pub fn leecher() -> Self {
        Self::default()
    }

    /// A node that has the info-hashes alone.
    pub fn magnet() -> Self {
        Self { start: Start::Magnet, ..Self::default() }
    }

    /// The capacity of its access link, in bytes per second; `None` is unlimited.
    pub fn access(mut self, up: Option<u64>, down: Option<u64>) -> Self {
        self.access = Access { up, down };
        self
    }

    /// Its own upload limit, in bytes per second.
    pub fn up_limit(mut self, rate: u64) -> Self {
        self.limits.up = Some(rate);
        self
    }

    /// See [`Self::lies`].
    pub fn lies(mut self, chance: f64) -> Self {
        self.lies = chance;
        self
    }

    /// See [`Self::connections`].
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = Some(most);
        self
    }

    /// See [`Self::delay`].
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Its connections are carried by TCP or uTP, whichever is there first.
    pub fn both(mut self) -> Self {
        self.transport = Transport::Both;
        self
    }

    /// Its connections are carried by uTP.
    pub fn utp(mut self) -> Self {
        self.transport = Transport::Utp;
        self
    }

    /// It is behind a NAT box of this kind.
    pub fn behind(mut self, kind: NatKind) -> Self {
        self.nat = Some(NatConfig::new(kind));
        self
    }

    /// When it joins, after the beginning of the world.
    pub fn joins(mut self, after: Duration) -> Self {
        self.joins = after;
        self
    }
}
