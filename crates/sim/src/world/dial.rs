use std::net::SocketAddr;

use netem::{Path, PipeId};
use peer::Peer;
use session::Connect;
use stdx::{Duration, Instant};

use super::link::{Chunk, Route};
use super::way::Way;
use super::{Event, NodeIndex, Scheduled, Transport, World};

/// How long a connection to nobody is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After how long a lost connection request is sent again, the first time (RFC 6298 §2.1); from
/// then on twice as long each time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection on its way to being one.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) connect: Connect,
    pub(crate) from: NodeIndex,
    /// The life of the node that asked.
    pub(crate) life: u32,
    /// One way.
    pub(crate) delay: Duration,
}

impl World {
    /// Begins a connection, over what carries them here.
    pub(super) fn dial(&mut self, from: NodeIndex, connect: Connect) {
        match self.nodes[from.get()].spec.transport {
            Transport::Tcp => self.knock(from, connect),
            Transport::Both if !connect.punch => self.start_race(from, connect),
            Transport::Both | Transport::Utp => self.dial_utp(from, connect),
        }
    }

    /// Sends a connection request on its way.
    pub(super) fn knock(&mut self, from: NodeIndex, connect: Connect) {
        let life = self.nodes[from.get()].life;
        let late = self.lateness();
        let Some((to, late)) = self.node_at(connect.addr).zip(late) else {
            let event = Event::ConnectFailed(connect);
            return self.schedule(from, CONNECT_TIMEOUT, event);
        };
        let delay = self.nodes[from.get()].spec.delay + self.nodes[to.get()].spec.delay;
        let dialled = Dialled { connect, from, life, delay };
        self.schedule(to, delay + late, Event::Knock(dialled));
    }

    /// How much later than without loss a connection is there, because requests for it, or
    /// answers, get lost; `None` when nobody would wait so long.
    fn lateness(&mut self) -> Option<Duration> {
        let arrives = 1.0 - self.config.loss.mean();
        let (mut late, mut wait) = (Duration::ZERO, REQUEST_TIMEOUT);
        while arrives < 1.0 && !self.rng.chance(arrives * arrives) {
            late += wait;
            wait *= 2;
            if late >= CONNECT_TIMEOUT {
                return None;
            }
        }
        Some(late)
    }

    /// A connection request arrives.
    pub(super) fn handle_knock(&mut self, to: NodeIndex, dialled: Dialled) {
        let now = self.now;
        let Dialled { from, life, delay, .. } = dialled;
        let numbers = [from.0, to.0].map(u64::from);
        self.trace.record(now, b'k', &numbers, &[]);
        let node = &mut self.nodes[to.get()];
        let listens = node.spec.reachable && node.spec.transport.has_tcp();
        let hidden = node.spec.nat.is_some();
        if node.mind.is_none() || !listens || hidden {
            // Who is there refuses; a NAT box drops what it knows nothing of.
            let wait = if node.powered && !hidden { delay } else { CONNECT_TIMEOUT };
            let event = Event::ConnectFailed(dialled.connect);
            return self.schedule_in(from, life, now + wait, event);
        }
        if self.nodes[from.get()].life != life {
            return;
        }
        let remote = self.ephemeral(from);
        let (inbound, out) = (self.open(from, to, delay), self.open(to, from, delay));
        let theirs = (from, dialled.connect.conn);
        let way = Way::Pipes { out: inbound, inbound: out };
        let event = Event::Connected(dialled.connect, way);
        self.schedule_in(from, life, now + delay, event);
        let Some(conn) = self.accept(to, remote) else {
            // Accepted by the system, and closed by the process.
            self.routes.insert(out, Route::new(theirs, theirs));
            self.net.close(now, inbound);
            let ended = self.net.write(now, out, 0, Chunk::Fin);
            debug_assert!(ended.is_ok(), "the end of a stream takes no room");
            return;
        };
        let ours = (to, conn);
        self.routes.insert(inbound, Route::new(theirs, ours));
        self.routes.insert(out, Route::new(ours, theirs));
        let peer = Peer::accept(now, self.peer_config(to), remote);
        self.establish(to, conn, peer, from, Way::Pipes { out, inbound });
        self.pump(to, conn);
    }

    /// Has something happen in a certain life of a node.
    pub(super) fn schedule_in(&mut self, node: NodeIndex, life: u32, at: Instant, event: Event) {
        self.queue.schedule(at, Scheduled { node, life, event });
    }

    /// Opens a pipe.
    fn open(&mut self, from: NodeIndex, to: NodeIndex, delay: Duration) -> PipeId {
        let (from, to) = (&self.nodes[from.get()], &self.nodes[to.get()]);
        let (up, down) = (from.spec.access.up, to.spec.access.down);
        let window = self.config.window_for(up.into_iter().chain(down).min(), delay);
        self.net.open(from.net, to.net, Path { delay, window, loss: self.config.loss })
    }

    /// The address that a connection of `node` comes from.
    fn ephemeral(&mut self, node: NodeIndex) -> SocketAddr {
        self.dialled += 1;
        let port = 32_768 + (self.dialled % 28_000) as u16;
        self.ephemeral.insert(port, node);
        SocketAddr::new(self.nodes[node.get()].address.ip(), port)
    }
}
