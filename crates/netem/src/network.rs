use std::collections::{BTreeMap, VecDeque};

use stdx::Instant;

use node::Node;
use pipe::{Outgoing, Pipe, Segment};

mod node;
mod pipe;
mod types;

pub use types::{Access, Event, Full, NodeId, Path, PipeId};

/// Bytes a pipe may send before the next pipe of the same uplink has its turn.
pub const QUANTUM: u64 = 4 * 1024;

/// Nodes with access links, and reliable one-way pipes between them.
///
/// A pipe carries items of stated sizes in order, loses none and pushes back: it takes an item
/// only while the bytes under way fit its window. The pipes of one node share its uplink by round
/// robin, [`QUANTUM`] bytes a turn; the receiving node's downlink serves in order of arrival.
///
/// After any command, drain [`poll_event`](Self::poll_event), then read
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Network<T> {
    now: Instant,
    nodes: Vec<Node>,
    pipes: BTreeMap<PipeId, Pipe<T>>,
    next_pipe: u64,
    /// What happens when; the number orders what happens at the same moment.
    agenda: BTreeMap<(Instant, u64), Step<T>>,
    next_step: u64,
    events: VecDeque<Event<T>>,
}

#[derive(Debug)]
enum Step<T> {
    UplinkFree(NodeId),
    AtDownlink(Segment<T>),
    Arrived(Segment<T>),
    Acked { pipe: PipeId, size: u64 },
}

impl<T> Default for Network<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Network<T> {
    /// A network of no nodes.
    pub fn new() -> Self {
        Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            pipes: BTreeMap::new(),
            next_pipe: 0,
            agenda: BTreeMap::new(),
            next_step: 0,
            events: VecDeque::new(),
        }
    }

    /// Adds a node.
    ///
    /// # Panics
    /// When a rate is zero.
    pub fn add_node(&mut self, access: Access) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        self.nodes.push(Node::new(access));
        id
    }

    /// Changes a node's rates for what it has not yet begun to send or receive.
    ///
    /// # Panics
    /// When a rate is zero, or the node is not of this network.
    pub fn set_access(&mut self, now: Instant, node: NodeId, access: Access) {
        self.advance(now);
        let node = self.node(node);
        node.up.set_rate(access.up);
        node.down.set_rate(access.down);
        // What waits for a slower downlink stays in front of what comes after it.
        node.down_limited |= access.down.is_some();
    }

    /// Opens a one-way pipe; a connection is two of them.
    ///
    /// # Panics
    /// When a node is not of this network, or the window is zero.
    pub fn open(&mut self, from: NodeId, to: NodeId, path: Path) -> PipeId {
        assert!(self.nodes.len() > from.0.max(to.0) as usize, "no such node in this network");
        assert!(path.window > 0, "a pipe needs a window");
        let id = PipeId(self.next_pipe);
        self.next_pipe += 1;
        self.pipes.insert(id, Pipe::new(from, to, path));
        id
    }

    /// Closes a pipe at once; what it had under way is never delivered. Closing twice is a no-op.
    pub fn close(&mut self, now: Instant, pipe: PipeId) {
        self.advance(now);
        self.pipes.remove(&pipe);
        self.events.retain(|event| event.pipe() != pipe);
    }

    /// Bytes that the pipe takes now; zero when it is closed.
    pub fn free_space(&self, pipe: PipeId) -> u64 {
        self.pipes.get(&pipe).map_or(0, Pipe::free_space)
    }

    /// Hands an item of `size` bytes to the pipe. An empty pipe takes an item of any size; a
    /// closed pipe swallows it, as a reset connection would.
    pub fn write(&mut self, now: Instant, pipe: PipeId, size: u64, item: T) -> Result<(), Full<T>> {
        self.advance(now);
        let Some(state) = self.pipes.get_mut(&pipe) else {
            return Ok(());
        };
        if state.unacked > 0 && size > state.free_space() {
            state.refused = true;
            return Err(Full(item));
        }
        state.unacked += size;
        state.queue.push_back(Outgoing { left: size, item });
        let from = state.from;
        if !state.in_turns {
            state.in_turns = true;
            self.node(from).turns.push_back(pipe);
        }
        self.serve(from);
        Ok(())
    }

    /// The next thing that has happened by `now`.
    pub fn poll_event(&mut self, now: Instant) -> Option<Event<T>> {
        self.advance(now);
        self.events.pop_front()
    }

    /// When to call [`poll_event`](Self::poll_event) again; it may then have nothing to tell.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.events.is_empty() {
            return Some(self.now);
        }
        self.agenda.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Bytes that have begun to leave a node.
    ///
    /// # Panics
    /// When the node is not of this network.
    pub fn sent(&self, node: NodeId) -> u64 {
        self.nodes[node.0 as usize].sent
    }

    /// Bytes that have arrived at a node.
    ///
    /// # Panics
    /// When the node is not of this network.
    pub fn received(&self, node: NodeId) -> u64 {
        self.nodes[node.0 as usize].received
    }

    fn node(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    fn schedule(&mut self, at: Instant, step: Step<T>) {
        self.agenda.insert((at, self.next_step), step);
        self.next_step += 1;
    }

    /// Lives through everything up to and including `now`, each thing at its own moment.
    fn advance(&mut self, now: Instant) {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            self.now = entry.key().0;
            match entry.remove() {
                Step::UplinkFree(node) => {
                    self.node(node).busy = false;
                    self.serve(node);
                }
                Step::AtDownlink(segment) => self.enter_downlink(segment),
                Step::Arrived(segment) => self.arrive(segment),
                Step::Acked { pipe, size } => self.acknowledge(pipe, size),
            }
        }
        self.now = self.now.max(now);
    }

    /// Starts the next segment of a node's uplink when it is idle and a pipe has one.
    fn serve(&mut self, id: NodeId) {
        let now = self.now;
        let node = &mut self.nodes[id.0 as usize];
        while !node.busy
            && let Some(&turn) = node.turns.front()
        {
            let pipe = self.pipes.get_mut(&turn);
            let Some((pipe, segment)) = pipe.and_then(|pipe| {
                let segment = pipe.next_segment(turn, node.credit)?;
                Some((pipe, segment))
            }) else {
                node.end_turn(false);
                continue;
            };
            node.busy = true;
            node.sent += segment.size;
            node.credit -= segment.size;
            let done = node.up.transmit(now, segment.size);
            let arrival = done + pipe.path.delay;
            if node.credit == 0 {
                node.end_turn(true);
            }
            self.schedule(done, Step::UplinkFree(id));
            self.schedule(arrival, Step::AtDownlink(segment));
            return;
        }
    }

    fn enter_downlink(&mut self, segment: Segment<T>) {
        let Some(to) = self.pipes.get(&segment.pipe).map(|pipe| pipe.to) else {
            return;
        };
        let now = self.now;
        let node = self.node(to);
        if !node.down_limited {
            return self.arrive(segment);
        }
        let done = node.down.transmit(now, segment.size);
        self.schedule(done, Step::Arrived(segment));
    }

    fn arrive(&mut self, segment: Segment<T>) {
        let Segment { pipe, size, item } = segment;
        let Some(state) = self.pipes.get(&pipe) else {
            return;
        };
        let (to, acked_at) = (state.to, self.now + state.path.delay);
        self.node(to).received += size;
        if let Some(item) = item {
            self.events.push_back(Event::Delivered { pipe, item });
        }
        self.schedule(acked_at, Step::Acked { pipe, size });
    }

    fn acknowledge(&mut self, pipe: PipeId, size: u64) {
        let Some(state) = self.pipes.get_mut(&pipe) else {
            return;
        };
        let half = state.path.window / 2;
        let was_short = state.free_space() < half;
        state.unacked -= size;
        if state.refused || (was_short && state.free_space() >= half) {
            state.refused = false;
            self.events.push_back(Event::Writable { pipe });
        }
    }
}
