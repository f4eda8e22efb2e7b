use std::sync::Arc;
use std::thread;

use announce::{Event, Store};
use metainfo::Info;
use peer::Torrent;
use stdx::{Duration, Instant, Rng, TorrentId};

use crate::queue::Queue;
use crate::trace::Trace;
use crate::world::{Copies, Failure, Place, Recorder, WorldConfig, address};
use crate::{Deed, NodeIndex, NodeSpec};

use self::end::Mail;
use self::node::Node;
use self::outbox::{Note, Outbox};
use self::turn::{Ground, Turn};

mod connections;
mod end;
mod life;
mod mail;
mod mind;
mod node;
mod notes;
mod orders;
mod outbox;
mod turn;

/// The longest step: what falls due within one happens at its end.
const STEP_MAX: Duration = Duration::from_millis(20);

/// The shortest step, however near the nodes are to each other.
const STEP_MIN: Duration = Duration::from_millis(2);

/// Fewer nodes than this are not worth a thread.
const SHARD_MIN: usize = 256;

/// A swarm in virtual time, block by block, for many thousands of nodes.
///
/// The shipped [`swarm::Swarm`], [`session::Choker`] and [`peer::Pipeline`] decide whom to serve
/// and what to ask for, as they do in a [`crate::World`]. What lies below them is left out: there
/// is no wire format, no handshake, no cache and no disk. Whole blocks leave a node's uplink one
/// after the other, its connections taking turns, and time goes in steps of 20 ms at most.
///
/// In a step every node has its turn, on as many threads as there are processors. What one sends
/// to another takes a step at least, so that it does not matter which thread is faster: same seed
/// and calls, same trace.
#[derive(Debug)]
pub(crate) struct Blocks {
    seed: u64,
    step: Duration,
    ground: Ground,
    rng: Rng,
    trace: Trace,
    nodes: Vec<Node>,
    /// What befalls whom.
    deeds: Queue<(NodeIndex, Deed)>,
    /// What comes of that.
    early: Outbox,
    /// One for each shard of nodes, as long as the world goes on.
    shards: Vec<Outbox>,
    /// How many of these; as many as there are processors, if nobody says.
    threads: Option<usize>,
    tracker: Store,
    copies: Copies,
    recorder: Option<Recorder>,
    failure: Option<Failure>,
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
            step,
            trace: Trace::new(),
            tracker: WorldConfig::default().tracker(&mut rng),
            rng,
            nodes: Vec::new(),
            deeds: Queue::new(),
            early: Outbox::new(1, 1),
            shards: Vec::new(),
            threads: None,
            copies: Copies::new(info.layout().pieces()),
            recorder: None,
            failure: None,
            ground: Ground {
                now: Instant::ZERO,
                before: Instant::ZERO,
                delay: step * steps,
                torrent: Arc::new(torrent),
                peer_config: peer::Config::new(stdx::PeerId::default(), "Fluvial sim"),
                busy_until: Vec::new(),
                info,
            },
        }
    }

    /// Adds a node; it joins when its spec says. What a spec says of disks, lies and the metadata
    /// means nothing here.
    pub(crate) fn add(&mut self, spec: NodeSpec) -> NodeIndex {
        let index = NodeIndex(self.nodes.len() as u32);
        let joins = spec.joins;
        self.nodes.push(Node::new(spec, address(Place::World, index)));
        self.ground.busy_until.push(Instant::ZERO);
        self.copies.grow();
        self.at(joins, index, Deed::Start);
        index
    }

    /// Has something befall a node at a time after the beginning of the world.
    pub(crate) fn at(&mut self, after: Duration, node: NodeIndex, deed: Deed) {
        self.deeds.schedule(Instant::ZERO + after, (node, deed));
    }

    /// Divides the nodes among threads.
    fn divide(&mut self) {
        let threads = self.threads.unwrap_or_else(|| {
            let all = thread::available_parallelism().map_or(1, usize::from);
            all.min(self.nodes.len() / SHARD_MIN)
        });
        let shard = self.nodes.len().div_ceil(threads.max(1)).max(1);
        let count = self.nodes.len().div_ceil(shard);
        self.early = Outbox::new(count, shard);
        self.shards = (0..count).map(|_| Outbox::new(count, shard)).collect();
    }

    fn step(&mut self) {
        let next = self.ground.now + self.step;
        self.sample_until(next);
        (self.ground.before, self.ground.now) = (self.ground.now, next);
        while let Some((node, deed)) = self.deeds.pop(next) {
            self.befall(node, deed);
        }
        self.turns();
        self.deliver();
        self.take_notes();
    }

    /// Gives every node its turn.
    fn turns(&mut self) {
        let (ground, shard) = (&self.ground, self.early.shard);
        let shards = self.nodes.chunks_mut(shard).zip(&mut self.shards).enumerate();
        at_once(shards.collect(), |(at, (nodes, out))| {
            for (node, index) in nodes.iter_mut().zip((at * shard) as u32..) {
                Turn { ground, index: NodeIndex(index), node, out }.run();
            }
        });
    }

    /// Has the mail of a step arrive, in the order of who sent it.
    fn deliver(&mut self) {
        let shard = self.early.shard;
        let mut bags: Vec<Vec<Vec<(u32, Mail)>>> = Vec::new();
        for to in 0..self.shards.len() {
            bags.push(self.outboxes().map(|out| std::mem::take(&mut out.mail[to])).collect());
        }
        let nodes = self.nodes.chunks_mut(shard).zip(self.ground.busy_until.chunks_mut(shard));
        at_once(nodes.zip(&mut bags).enumerate().collect(), |(at, ((nodes, busy), bags))| {
            for (node, mail) in bags.iter_mut().flat_map(|bag| bag.drain(..)) {
                nodes[node as usize - at * shard].mail.push_back(mail);
            }
            for (node, busy) in nodes.iter().zip(busy) {
                *busy = node.late.back().map_or(*busy, |late| late.0);
            }
        });
        // The bags have grown as large as they need to be: they are filled again.
        for (to, bags) in bags.into_iter().enumerate() {
            for (out, bag) in self.outboxes().zip(bags) {
                out.mail[to] = bag;
            }
        }
    }

    /// Takes note of what happened in a step.
    fn take_notes(&mut self) {
        let notes: Vec<_> = self.outboxes().flat_map(|out| out.notes.drain(..)).collect();
        for (node, note) in notes {
            self.take_note(node, note);
        }
    }

    /// What is left of a step, in the order in which it counts.
    fn outboxes(&mut self) -> impl Iterator<Item = &mut Outbox> {
        std::iter::once(&mut self.early).chain(&mut self.shards)
    }

    fn take_note(&mut self, node: NodeIndex, note: Note) {
        let now = self.ground.now;
        let mut trace = |kind, number: u64| {
            self.trace.record(now, kind, &[node.0.into(), number], &[]);
        };
        let watched = self.recorder.as_mut().filter(|it| it.watches(node));
        match note {
            Note::Block { end, range } => {
                trace(b'b', end.into());
                trace(b'r', u64::from(range.piece.0) << 32 | u64::from(range.begin));
            }
            Note::Piece(piece) => {
                trace(b'd', piece.0.into());
                self.copies.add_one(node, piece);
            }
            Note::Met { remote, end } => {
                trace(b'k', u64::from(remote.0) << 32 | u64::from(end));
            }
            Note::Unchoked { remote, optimistic } => {
                trace(b'u', remote.0.into());
                if let Some(recorder) = watched {
                    recorder.begin(now, remote, optimistic);
                }
            }
            Note::Choked { remote } => {
                trace(b'c', remote.0.into());
                if let Some(recorder) = watched {
                    recorder.stop(now, remote);
                }
            }
            Note::Asks => self.ask(node, Event::None),
            Note::Goes(after) => self.goes(node, after),
            Note::Broken(what) => self.broken(&format!("{node}: {what}")),
        }
    }

    /// Keeps the first broken invariant; the run ends with it.
    fn broken(&mut self, what: &str) {
        let trace = self.trace.hash();
        let failure = || Failure::new(what.to_owned(), self.ground.now, self.seed, trace);
        self.failure.get_or_insert_with(failure);
    }
}

/// Does some work at all of these at once: the first on this thread, each other on its own.
fn at_once<T: Send>(all: Vec<T>, work: impl Fn(T) + Sync) {
    let mut all = all.into_iter();
    let Some(first) = all.next() else {
        return;
    };
    #[expect(clippy::disallowed_methods, reason = "a world of thousands is worth every processor")]
    thread::scope(|scope| {
        for one in all {
            let work = &work;
            scope.spawn(move || work(one));
        }
        work(first);
    });
}

#[cfg(test)]
mod tests;
