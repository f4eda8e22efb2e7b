use std::collections::VecDeque;
use std::sync::Arc;

use peer::{CloseReason, Order, Peer, Report, Telling};
use session::Flow;
use stdx::{BlockRange, ConnId, Instant};

use super::bytes::{Run, pack};
use super::way::Way;
use super::{Event, NodeIndex, World};

/// The most that is written to a pipe at once.
pub(crate) const CHUNK: u64 = 32 * 1024;

/// What pipes carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Bytes of the stream.
    Data(Vec<Run>),
    /// The end of the stream.
    Fin,
}

/// One node's end of a connection: its `Peer`, and the way to the mind.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) peer: Peer,
    pub(crate) remote: NodeIndex,
    pub(crate) way: Way,
    /// What arrived and is not read yet.
    inbox: VecDeque<Run>,
    /// The remote ended the stream.
    fin: bool,
    allowance: [Allowance; 2],
    telling: Telling,
    timer: Option<Instant>,
    /// When the last batch reaches the mind, and the last order this end: neither overtakes.
    to_mind: Instant,
    to_link: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Allowance {
    bytes: u64,
    asked: bool,
}

/// Where a pipe's two ends are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) from: (NodeIndex, ConnId),
    pub(crate) to: (NodeIndex, ConnId),
}

impl Route {
    pub(crate) fn new(from: (NodeIndex, ConnId), to: (NodeIndex, ConnId)) -> Self {
        Self { from, to }
    }
}

impl End {
    pub(crate) fn new(now: Instant, peer: Peer, remote: NodeIndex, way: Way) -> Self {
        Self {
            peer,
            remote,
            way,
            inbox: VecDeque::new(),
            fin: false,
            allowance: [Allowance::default(); 2],
            telling: Telling::new(now),
            timer: None,
            to_mind: now,
            to_link: now,
        }
    }
}

impl World {
    /// What a pipe tells.
    pub(super) fn handle_pipe(&mut self, event: netem::Event<Chunk>) {
        let pipe = event.pipe();
        if self.answers.contains_key(&pipe) {
            return self.handle_answer_pipe(event);
        }
        match event {
            netem::Event::Delivered { item, .. } => {
                let Some(route) = self.routes.get(&pipe) else {
                    return;
                };
                let (node, conn) = route.to;
                let runs: &[Run] = match &item {
                    Chunk::Data(runs) => runs,
                    Chunk::Fin => &[],
                };
                self.trace.record(self.now, b'p', &[pipe.0, u64::from(node.0)], &[]);
                for run in runs {
                    self.trace.extend(run);
                }
                if item == Chunk::Fin {
                    self.routes.remove(&pipe);
                    self.net.close(self.now, pipe);
                }
                let Some(end) = self.nodes[node.get()].end(conn) else {
                    return;
                };
                match item {
                    Chunk::Data(runs) => end.inbox.extend(runs),
                    Chunk::Fin => end.fin = true,
                }
                self.pump(node, conn);
            }
            netem::Event::Writable { .. } => {
                if let Some(route) = self.routes.get(&pipe) {
                    let (node, conn) = route.from;
                    self.pump(node, conn);
                }
            }
        }
    }

    /// Orders reach an end.
    pub(super) fn handle_orders(&mut self, node: NodeIndex, conn: ConnId, orders: Vec<Order>) {
        if self.is_mirror(node, conn) {
            return self.order_mirror(node, conn, orders);
        }
        for order in orders {
            let Some(end) = self.nodes[node.get()].end(conn) else {
                return;
            };
            if let Err(reason) = end.peer.handle_order(self.now, order) {
                return self.close_end(node, conn, &reason);
            }
        }
        self.pump(node, conn);
    }

    /// Blocks were read from the disk for an end to send.
    pub(super) fn handle_reads(&mut self, node: NodeIndex, conn: ConnId, ranges: &[BlockRange]) {
        let state = &mut self.nodes[node.get()];
        for &range in ranges {
            let mut data = state.store.read_block(range);
            if state.spec.disk.fault(&mut self.rng).is_some() {
                data = None;
            }
            if state.lied < state.spec.lies_max
                && self.rng.chance(state.spec.lies)
                && let Some(byte) = data.as_mut().and_then(|data| data.first_mut())
            {
                *byte ^= 1;
                state.lied += 1;
            }
            let Some(end) = state.end(conn) else {
                return;
            };
            end.peer.handle_read(self.now, range, data);
        }
        self.pump(node, conn);
    }

    /// The limiter's turn has come for an end.
    pub(super) fn handle_grant(&mut self, node: NodeIndex, conn: ConnId, flow: Flow, bytes: u64) {
        let Some(end) = self.nodes[node.get()].end(conn) else {
            if let Some(mind) = &mut self.nodes[node.get()].mind {
                mind.limiter.give_back(flow, bytes);
            }
            return;
        };
        let allowance = &mut end.allowance[flow as usize];
        allowance.bytes += bytes;
        allowance.asked = false;
        self.pump(node, conn);
    }

    pub(super) fn handle_link_timer(&mut self, node: NodeIndex, conn: ConnId, at: Instant) {
        let now = self.now;
        let Some(end) = self.nodes[node.get()].end(conn) else {
            return;
        };
        if end.timer != Some(at) {
            return;
        }
        end.timer = None;
        if end.peer.poll_timeout().is_some_and(|due| due <= now)
            && let Err(error) = end.peer.handle_timeout(now)
        {
            return self.close_end(node, conn, &error.into());
        }
        self.pump(node, conn);
    }

    /// Moves all that can move at one end: in, out, and to the mind.
    pub(super) fn pump(&mut self, node: NodeIndex, conn: ConnId) {
        if let Err(reason) = self.read(node, conn) {
            self.tell_mind(node, conn);
            return self.close_end(node, conn, &reason);
        }
        self.start_reads(node, conn);
        if let Err(reason) = self.transmit(node, conn) {
            self.tell_mind(node, conn);
            return self.close_end(node, conn, &reason);
        }
        self.tell_mind(node, conn);
        self.arm_link(node, conn);
        self.arm_limiter(node);
        self.tend_utp(node);
    }

    fn read(&mut self, node: NodeIndex, conn: ConnId) -> Result<(), CloseReason> {
        let now = self.now;
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return Ok(());
        };
        if !mind.session.reading_allowed() {
            return Ok(());
        }
        let Some(end) = mind.ends.get_mut(&conn) else {
            return Ok(());
        };
        while end.peer.wants_input() {
            if let (Way::Utp(stream), true) = (end.way, end.inbox.is_empty())
                && let Some(utp) = mind.utp.as_mut().filter(|_| !end.fin)
                && let Some(bytes) = utp.read(now, stream)?
            {
                end.fin = bytes.is_empty();
                end.inbox.extend((!end.fin).then_some(Run::Bytes(bytes)));
            }
            let Some(front) = end.inbox.front_mut() else {
                break;
            };
            let allowance = &mut end.allowance[Flow::Down as usize];
            if allowance.bytes == 0 && !allowance.asked {
                let want = front.len();
                allowance.bytes = mind.limiter.request(now, conn, Flow::Down, want);
                allowance.asked = allowance.bytes == 0;
            }
            let mut take = allowance.bytes.min(front.len());
            if take == 0 {
                return Ok(());
            }
            if self.rng.chance(self.config.fragmentation) {
                take = 1 + self.rng.below(take);
            }
            allowance.bytes -= take;
            let run = front.split_to(take);
            if front.len() == 0 {
                end.inbox.pop_front();
                mind.limiter.give_back(Flow::Down, std::mem::take(&mut allowance.bytes));
            }
            run.give(now, &mut end.peer, &self.pool)?;
        }
        if end.fin && end.inbox.is_empty() {
            return Err(CloseReason::Remote);
        }
        Ok(())
    }

    fn start_reads(&mut self, node: NodeIndex, conn: ConnId) {
        let node_state = &mut self.nodes[node.get()];
        let Some(end) = node_state.end(conn) else {
            return;
        };
        let ranges: Vec<BlockRange> = std::iter::from_fn(|| end.peer.poll_read()).collect();
        if ranges.is_empty() {
            return;
        }
        let bytes = ranges.iter().map(|range| u64::from(range.length)).sum();
        let delay = node_state.spec.disk.delay(&mut self.rng, bytes, false);
        let event = Event::Read { conn, ranges };
        self.schedule(node, delay, event);
    }

    fn transmit(&mut self, node: NodeIndex, conn: ConnId) -> Result<(), CloseReason> {
        let now = self.now;
        let remote = self.nodes[node.get()].end(conn).map(|end| end.remote);
        let powered = remote.is_some_and(|remote| self.nodes[remote.get()].powered);
        loop {
            let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
                return Ok(());
            };
            let Some(end) = mind.ends.get_mut(&conn) else {
                return Ok(());
            };
            let mut slices = Vec::new();
            let ready = end.peer.poll_transmit(&mut slices) as u64;
            if ready == 0 {
                return Ok(());
            }
            if end.way.is_forgotten(&self.routes) && powered {
                // The remote was gone without a word, and is back: it knows of no connection.
                return Err(CloseReason::Transport("connection reset by peer".into()));
            }
            let room = end.way.room(&self.net, mind.utp.as_ref());
            if room == 0 {
                return Ok(());
            }
            let allowance = &mut end.allowance[Flow::Up as usize];
            if allowance.bytes == 0 && !allowance.asked {
                allowance.bytes = mind.limiter.request(now, conn, Flow::Up, ready.min(256 * 1024));
                allowance.asked = allowance.bytes == 0;
            }
            let take = ready.min(room).min(CHUNK).min(allowance.bytes);
            if take == 0 {
                return Ok(());
            }
            let taken = match (end.way, &mut mind.utp) {
                (Way::Utp(stream), Some(utp)) => utp.write(now, stream, &slices, take)?,
                (Way::Utp(_), None) => 0,
                (Way::Pipes { out, .. }, _) => {
                    let runs = pack(&slices, take as usize, self.source.is_light());
                    let written = self.net.write(now, out, take, Chunk::Data(runs));
                    debug_assert!(written.is_ok(), "written within the free space");
                    take
                }
            };
            drop(slices);
            if taken == 0 {
                return Ok(());
            }
            allowance.bytes -= taken;
            let before = end.peer.totals().up_payload;
            end.peer.handle_sent(now, taken as usize);
            let payload = end.peer.totals().up_payload - before;
            if taken == ready {
                mind.limiter.give_back(Flow::Up, std::mem::take(&mut allowance.bytes));
            }
            self.count_sent(node, payload);
        }
    }

    fn tell_mind(&mut self, node: NodeIndex, conn: ConnId) {
        let now = self.now;
        let Some(end) = self.nodes[node.get()].end(conn) else {
            return;
        };
        let mut batch = end.peer.poll_batch();
        if !end.telling.is_news(now, &batch) {
            return;
        }
        for report in &mut batch.reports {
            if let Report::Block { range, data } = report {
                self.source.share(*range, data);
            }
        }
        let at = (now + self.config.boundary_delay(&mut self.rng)).max(end.to_mind);
        end.to_mind = at;
        self.schedule_at(node, at, Event::Batch { conn, batch });
    }

    fn arm_link(&mut self, node: NodeIndex, conn: ConnId) {
        let now = self.now;
        let Some(end) = self.nodes[node.get()].end(conn) else {
            return;
        };
        let tell = end.telling.due(end.peer.totals());
        let due = end.peer.poll_timeout().into_iter().chain(tell).min();
        let Some(due) = due.map(|due| due.max(now)) else {
            return;
        };
        if end.timer.is_none_or(|armed| due < armed) {
            end.timer = Some(due);
            self.schedule_at(node, due, Event::LinkTimer { conn, at: due });
        }
    }

    /// Sends orders on their way to an end.
    pub(super) fn send_orders(&mut self, node: NodeIndex, conn: ConnId, orders: Vec<Order>) {
        let now = self.now;
        let Some(end) = self.nodes[node.get()].end(conn) else {
            return;
        };
        let at = (now + self.config.boundary_delay(&mut self.rng)).max(end.to_link);
        end.to_link = at;
        self.schedule_at(node, at, Event::Orders { conn, orders });
    }

    /// Ends a connection from this side, for `reason`; the mind is told after all that it was
    /// told before, the remote after all that was sent.
    pub(super) fn close_end(&mut self, node: NodeIndex, conn: ConnId, reason: &CloseReason) {
        let Some(end) = self.take_end(node, conn) else {
            return;
        };
        let now = self.now;
        let numbers = [u64::from(node.0), conn.0];
        self.trace.record(now, b'x', &numbers, reason.to_string().as_bytes());
        let at = (now + self.config.boundary_delay(&mut self.rng)).max(end.to_mind);
        let reason = reason.clone();
        self.schedule_at(node, at, Event::Closed { conn, reason });
    }

    /// Takes an end away and ends both streams.
    pub(super) fn take_end(&mut self, node: NodeIndex, conn: ConnId) -> Option<End> {
        let mind = self.nodes[node.get()].mind.as_mut()?;
        let end = mind.ends.remove(&conn)?;
        mind.limiter.cancel(conn);
        self.count(node, &end);
        self.close_way(node, end.way);
        Some(end)
    }

    /// Ends what carries a connection, from this side.
    pub(super) fn close_way(&mut self, node: NodeIndex, way: Way) {
        match way {
            Way::Utp(stream) => self.close_utp(node, stream),
            Way::Pipes { out, inbound } => {
                self.routes.remove(&inbound);
                self.net.close(self.now, inbound);
                let ended = self.net.write(self.now, out, 0, Chunk::Fin);
                debug_assert!(ended.is_ok(), "the end of a stream takes no room");
            }
        }
    }

    /// Adds what an end moved to the accounts of its node.
    fn count(&mut self, node: NodeIndex, end: &End) {
        let totals = end.peer.totals();
        self.nodes[node.get()].traffic.add(end.remote, totals);
    }

    /// A connection begins.
    pub(super) fn establish(
        &mut self,
        node: NodeIndex,
        conn: ConnId,
        mut peer: Peer,
        remote: NodeIndex,
        way: Way,
    ) {
        peer.set_carrier(way.carrier());
        let end = End::new(self.now, peer, remote, way);
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return;
        };
        mind.ends.insert(conn, end);
    }

    pub(super) fn peer_config(&self, node: NodeIndex) -> Arc<peer::Config> {
        Arc::clone(&self.nodes[node.get()].peer_config)
    }
}
