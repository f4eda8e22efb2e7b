use peer::Order;
use stdx::{ConnId, Duration, Instant};

use super::{NodeIndex, Start, World};

/// With more nodes than this, who fed whom is not kept moment by moment.
const MATRIX_MAX: usize = 64;

/// A world at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Leechers that have had everything.
    pub completed: u32,
    /// The part of all that leechers want that they have.
    pub done: f64,
    /// How many nodes have the piece that the fewest have.
    pub rarest: u32,
    /// Nodes that run.
    pub present: u32,
    /// Payload sent so far by seeds.
    pub from_seeds: u64,
    /// Payload sent so far by leechers.
    pub from_leechers: u64,
    /// Payload so far, by receiver and sender; empty in larger worlds.
    pub fed: Vec<Vec<u64>>,
}

/// Somebody was let download from the watched node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchoke {
    /// Who.
    pub peer: NodeIndex,
    /// From when.
    pub from: Instant,
    /// Until when; `None` to the end.
    pub to: Option<Instant>,
    /// By lot, not for what it gave.
    pub optimistic: bool,
}

/// What was seen of a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// At equal distances.
    pub samples: Vec<Sample>,
    /// Whom the watched node served.
    pub unchokes: Vec<Unchoke>,
}

/// Takes notes.
#[derive(Debug)]
pub(crate) struct Recorder {
    every: Duration,
    next: Instant,
    watched: NodeIndex,
    history: History,
}

impl Recorder {
    /// Samples at equal distances from now on, and whom one node serves.
    pub(crate) fn new(now: Instant, every: Duration, watched: NodeIndex) -> Self {
        let every = every.max(Duration::from_millis(1));
        Self { every, next: now, watched, history: History::default() }
    }

    /// The notes, so far.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// The next sample that is due before `next`.
    pub(crate) fn due_before(&self, next: Instant) -> Option<Instant> {
        (self.next < next).then_some(self.next)
    }

    /// Keeps the sample that was due.
    pub(crate) fn keep(&mut self, sample: Sample) {
        self.next = sample.at + self.every;
        self.history.samples.push(sample);
    }

    /// Ends the notes.
    pub(crate) fn end(mut self, last: Sample) -> History {
        self.history.samples.push(last);
        self.history
    }

    /// Whether it is noted whom this node serves.
    pub(crate) fn watches(&self, node: NodeIndex) -> bool {
        self.watched == node
    }

    /// Notes that the watched node begins to serve a peer: by lot, or not.
    pub(crate) fn begin(&mut self, now: Instant, peer: NodeIndex, optimistic: bool) {
        self.history.unchokes.push(Unchoke { peer, from: now, to: None, optimistic });
    }

    /// Notes that the watched node serves a peer no more.
    pub(crate) fn stop(&mut self, now: Instant, peer: NodeIndex) {
        let last = self.history.unchokes.iter_mut().rev().find(|last| last.peer == peer);
        if let Some(last) = last {
            last.to.get_or_insert(now);
        }
    }
}

impl World {
    /// Has notes taken from now on: samples at equal distances, and whom one node serves. Changes
    /// nothing of what happens.
    pub fn observe(&mut self, every: Duration, watched: NodeIndex) {
        self.recorder = Some(Recorder::new(self.now, every, watched));
    }

    /// The notes, so far.
    pub fn history(&self) -> Option<&History> {
        self.recorder.as_ref().map(Recorder::history)
    }

    /// Ends the notes with the present, and hands them out.
    pub fn take_history(&mut self) -> History {
        let recorder = self.recorder.take();
        recorder.map(|recorder| recorder.end(self.sample(self.now))).unwrap_or_default()
    }

    /// Takes the samples that are due before `next`.
    pub(super) fn sample_until(&mut self, next: Instant) {
        while let Some(at) = self.recorder.as_ref().and_then(|it| it.due_before(next)) {
            let sample = self.sample(at);
            if let Some(recorder) = &mut self.recorder {
                recorder.keep(sample);
            }
        }
    }

    /// Notes whom the watched node serves.
    pub(super) fn note_choke(&mut self, node: NodeIndex, conn: ConnId, order: &Order) {
        let (now, nodes) = (self.now, &self.nodes);
        let Some(recorder) = self.recorder.as_mut().filter(|it| it.watches(node)) else {
            return;
        };
        let Some(mind) = nodes[node.get()].mind.as_ref() else {
            return;
        };
        let Some(peer) = mind.ends.get(&conn).map(|end| end.remote) else {
            return;
        };
        match order {
            Order::Unchoke => {
                let optimistic = mind.session.is_optimistic(conn).unwrap_or_default();
                recorder.begin(now, peer, optimistic);
            }
            Order::Choke | Order::Close(_) => recorder.stop(now, peer),
            _ => {}
        }
    }

    fn sample(&self, at: Instant) -> Sample {
        let seen = |(index, node): (usize, &super::node::Node)| Seen {
            seed: is_seed(node),
            wants: !is_seed(node) && node.spec.lies == 0.0,
            complete: node.completed_at.is_some(),
            pieces: self.copies.of(NodeIndex(index as u32)),
            present: node.mind.is_some(),
            sent: node.sent,
        };
        let pieces = self.source.info().layout().pieces();
        let sample = Sample::of(at, pieces, self.nodes.iter().enumerate().map(seen));
        let fed = matrix(self.nodes.len(), |index| self.nodes[index].all_traffic().from);
        Sample { rarest: self.copies.rarest(), fed, ..sample }
    }
}

/// What a sample takes in of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) seed: bool,
    /// It is to get the content.
    pub(crate) wants: bool,
    /// It has had everything.
    pub(crate) complete: bool,
    /// What it has now.
    pub(crate) pieces: u32,
    pub(crate) present: bool,
    /// Payload.
    pub(crate) sent: u64,
}

impl Sample {
    /// Adds up what is seen of the nodes; the rarest piece and who fed whom are left out.
    pub(crate) fn of(at: Instant, pieces: u32, nodes: impl Iterator<Item = Seen>) -> Self {
        let mut sample = Self {
            at,
            completed: 0,
            done: 0.0,
            rarest: 0,
            present: 0,
            from_seeds: 0,
            from_leechers: 0,
            fed: Vec::new(),
        };
        let (mut have, mut wanted) = (0, 0);
        for node in nodes {
            if node.wants {
                sample.completed += u32::from(node.complete);
                have += u64::from(if node.complete { pieces } else { node.pieces });
                wanted += u64::from(pieces);
            }
            sample.present += u32::from(node.present);
            *(if node.seed { &mut sample.from_seeds } else { &mut sample.from_leechers }) +=
                node.sent;
        }
        sample.done = have as f64 / wanted.max(1) as f64;
        sample
    }
}

/// Payload by receiver and sender, from what each received; empty for too many nodes.
pub(crate) fn matrix<I>(nodes: usize, received: impl Fn(usize) -> I) -> Vec<Vec<u64>>
where
    I: IntoIterator<Item = (NodeIndex, u64)>,
{
    if nodes > MATRIX_MAX {
        return Vec::new();
    }
    let row = |index: usize| {
        let mut row = vec![0; nodes];
        for (from, bytes) in received(index) {
            row[from.get()] += bytes;
        }
        row
    };
    (0..nodes).map(row).collect()
}

fn is_seed(node: &super::node::Node) -> bool {
    node.spec.start == Start::Seed
}
