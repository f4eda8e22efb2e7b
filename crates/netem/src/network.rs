use std::collections::VecDeque;

use stdx::{Instant, Rng};

use agenda::Agenda;
use node::Node;
use pipe::{Outgoing, Pipe, Segment};

mod agenda;
mod lossy;
mod node;
mod pipe;
mod types;

pub use types::{Access, Event, Full, NodeId, Path, PipeId};

/// Bytes a pipe may send before the next pipe of the same uplink has its turn.
pub const QUANTUM: u64 = 4 * 1024;

/// A pipe's share of its uplink's window, at least: some segments of TCP and what the system
/// queues behind them.
pub const WINDOW_LEAST: u64 = 32 * 1024;

/// Nodes with access links, and reliable one-way pipes between them.
///
/// A pipe carries items of stated sizes in order, loses none and pushes back: it takes an item
/// only while the bytes under way fit its window. Pipes of one node that have something to send
/// share their windows, down to [`WINDOW_LEAST`] each, as flows share a router's queue. They share
/// the uplink by round robin, [`QUANTUM`] bytes a turn; the receiving node's downlink serves in
/// order of arrival. Where the path loses packets, what is lost arrives late, and all that comes
/// behind it on the same pipe: see [`Path::loss`].
///
/// After any command, drain [`poll_event`](Self::poll_event), then read
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Network<T> {
    now: Instant,
    nodes: Vec<Node>,
    /// By their numbers; closed ones leave their place empty.
    pipes: Vec<Option<Box<Pipe<T>>>>,
    agenda: Agenda<Step<T>>,
    events: VecDeque<Event<T>>,
    /// What the losses of pipes follow from.
    rng: Rng,
}

#[derive(Debug)]
enum Step<T> {
    UplinkFree(NodeId),
    AtDownlink(Segment<T>),
    Arrived(Segment<T>),
    /// The sender hears that `size` bytes have arrived, and that `in_order` bytes were passed on.
    Acked {
        pipe: PipeId,
        size: u64,
        in_order: u64,
    },
    /// The sender notices that a segment was lost.
    Missed(Segment<T>),
}

impl<T> Default for Network<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Network<T> {
    /// A network of no nodes.
    pub fn new() -> Self {
        Self::with_rng(Rng::new(0))
    }

    /// A network of no nodes, whose losses all follow from `rng`.
    pub fn with_rng(rng: Rng) -> Self {
        Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            pipes: Vec::new(),
            agenda: Agenda::default(),
            events: VecDeque::new(),
            rng,
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
        let id = PipeId(self.pipes.len() as u64);
        let pipe = Pipe::new(from, to, path, &mut self.rng);
        self.pipes.push(Some(Box::new(pipe)));
        id
    }

    /// Closes a pipe at once; what it had under way is never delivered. Closing twice is a no-op.
    pub fn close(&mut self, now: Instant, pipe: PipeId) {
        self.advance(now);
        if let Some(place) = self.pipes.get_mut(pipe.0 as usize) {
            *place = None;
            self.events.retain(|event| event.pipe() != pipe);
        }
    }

    /// Bytes that the pipe takes now; zero when it is closed.
    pub fn free_space(&self, pipe: PipeId) -> u64 {
        let Some(state) = self.pipe(pipe) else {
            return 0;
        };
        self.window(state).saturating_sub(state.unacked)
    }

    /// Hands an item of `size` bytes to the pipe. An empty pipe takes an item of any size; a
    /// closed pipe swallows it, as a reset connection would.
    pub fn write(&mut self, now: Instant, pipe: PipeId, size: u64, item: T) -> Result<(), Full<T>> {
        self.advance(now);
        let room = self.free_space(pipe);
        let Some(state) = pipe_mut(&mut self.pipes, pipe) else {
            return Ok(());
        };
        if state.unacked > 0 && size > room {
            state.refused = true;
            return Err(Full(item));
        }
        state.unacked += size;
        state.waiting |= state.is_long();
        state.queue.push_back(Outgoing { left: size, item });
        self.queue_up(pipe);
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
        self.agenda.next_at()
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

    fn pipe(&self, id: PipeId) -> Option<&Pipe<T>> {
        self.pipes.get(id.0 as usize)?.as_deref()
    }

    /// Bytes that a pipe may have under way now: the uplink's pipes share what it holds.
    fn window(&self, pipe: &Pipe<T>) -> u64 {
        let sharing = self.nodes[pipe.from.0 as usize].turns.len().max(1) as u64;
        (pipe.path.window / sharing).max(pipe.path.window.min(WINDOW_LEAST))
    }

    /// Lives through everything up to and including `now`, each thing at its own moment.
    fn advance(&mut self, now: Instant) {
        while let Some((at, step)) = self.agenda.pop(now) {
            self.now = at;
            match step {
                Step::UplinkFree(node) => {
                    self.node(node).busy = false;
                    self.serve(node);
                }
                Step::AtDownlink(segment) => self.enter_downlink(segment),
                Step::Arrived(segment) => self.arrive(segment),
                Step::Acked { pipe, size, in_order } => self.acknowledge(pipe, size, in_order),
                Step::Missed(segment) => self.miss(segment),
            }
        }
        self.now = self.now.max(now);
    }

    /// A pipe may have something to send.
    fn queue_up(&mut self, id: PipeId) {
        let Some(pipe) = pipe_mut(&mut self.pipes, id) else {
            return;
        };
        let from = pipe.from;
        if !std::mem::replace(&mut pipe.in_turns, true) {
            self.node(from).turns.push_back(id);
        }
        self.serve(from);
    }

    /// Starts the next segment of a node's uplink when it is idle and a pipe has one.
    fn serve(&mut self, id: NodeId) {
        let now = self.now;
        let node = &mut self.nodes[id.0 as usize];
        while !node.busy
            && let Some(&turn) = node.turns.front()
        {
            let pipe = pipe_mut(&mut self.pipes, turn);
            let Some((pipe, mut segment)) = pipe.and_then(|pipe| {
                let segment = pipe.next_segment(turn, node.credit)?;
                Some((pipe, segment))
            }) else {
                node.end_turn(false);
                continue;
            };
            node.busy = true;
            node.sent += segment.size;
            // What was lost goes again in one piece.
            node.credit = node.credit.saturating_sub(segment.size);
            let done = node.up.transmit(now, segment.size);
            let arrival = done + pipe.path.delay;
            if node.credit == 0 {
                node.end_turn(true);
            }
            let (to, noticed) = (pipe.to, pipe.launch(&mut segment));
            let limited = self.nodes[to.0 as usize].down_limited;
            let (at, step) = match noticed {
                Some(after) => (done + after, Step::Missed(segment)),
                None if limited => (arrival, Step::AtDownlink(segment)),
                None => (arrival, Step::Arrived(segment)),
            };
            self.agenda.schedule(done, Step::UplinkFree(id));
            self.agenda.schedule(at, step);
            return;
        }
    }

    fn enter_downlink(&mut self, segment: Segment<T>) {
        let Some(to) = self.pipe(segment.pipe).map(|pipe| pipe.to) else {
            return;
        };
        let now = self.now;
        let done = self.node(to).down.transmit(now, segment.size);
        self.agenda.schedule(done, Step::Arrived(segment));
    }

    fn arrive(&mut self, segment: Segment<T>) {
        let (pipe, size) = (segment.pipe, segment.size);
        let Some(state) = pipe_mut(&mut self.pipes, pipe) else {
            return;
        };
        let (to, acked_at) = (state.to, self.now + state.path.delay);
        let mut in_order = size;
        if let Some(lossy) = &mut state.lossy {
            in_order = 0;
            lossy.arrive(segment);
            while let Some(segment) = lossy.next_in_order() {
                in_order += segment.size;
                self.events.extend(segment.item.map(|item| Event::Delivered { pipe, item }));
            }
        } else {
            self.events.extend(segment.item.map(|item| Event::Delivered { pipe, item }));
        }
        self.node(to).received += size;
        self.agenda.schedule(acked_at, Step::Acked { pipe, size, in_order });
    }

    fn miss(&mut self, segment: Segment<T>) {
        let id = segment.pipe;
        if let Some(lossy) = pipe_mut(&mut self.pipes, id).and_then(|pipe| pipe.lossy.as_mut()) {
            lossy.miss(segment);
            self.queue_up(id);
        }
    }

    fn acknowledge(&mut self, pipe: PipeId, size: u64, in_order: u64) {
        let Some(window) = self.pipe(pipe).map(|state| self.window(state)) else {
            return;
        };
        let Some(state) = pipe_mut(&mut self.pipes, pipe) else {
            return;
        };
        state.unacked -= in_order;
        let has_room = state.waiting && state.unacked <= window / 2;
        let moved = in_order > 0 || in_order == size;
        if has_room || state.refused && moved {
            state.refused = false;
            // The window may shrink meanwhile.
            state.waiting = state.is_long();
            self.events.push_back(Event::Writable { pipe });
        }
        if let Some(lossy) = &mut state.lossy {
            lossy.hear(size);
            if state.has_more() {
                self.queue_up(pipe);
            }
        }
    }
}

fn pipe_mut<T>(pipes: &mut [Option<Box<Pipe<T>>>], id: PipeId) -> Option<&mut Pipe<T>> {
    pipes.get_mut(id.0 as usize)?.as_deref_mut()
}
