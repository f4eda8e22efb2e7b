use std::net::SocketAddr;

use netem::Path;
use peer::Peer;
use session::Connect;
use stdx::{Duration, Instant};

use super::link::{Chunk, Route};
use super::{Event, NodeIndex, Scheduled, World};

/// How long a connection to nobody is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// Sends a connection request on its way.
    pub(super) fn dial(&mut self, from: NodeIndex, connect: Connect) {
        let life = self.nodes[from.get()].life;
        let Some(to) = self.node_at(connect.addr) else {
            let event = Event::ConnectFailed(connect);
            return self.schedule(from, CONNECT_TIMEOUT, event);
        };
        let delay = self.nodes[from.get()].spec.delay + self.nodes[to.get()].spec.delay;
        let dialled = Dialled {
            connect,
            from,
            life,
            delay,
        };
        self.schedule(to, delay, Event::Knock(dialled));
    }

    /// A connection request arrives.
    pub(super) fn handle_knock(&mut self, to: NodeIndex, dialled: Dialled) {
        let now = self.now;
        let Dialled {
            from, life, delay, ..
        } = dialled;
        let numbers = [from.0, to.0].map(u64::from);
        self.trace.record(now, b'k', &numbers, &[]);
        let node = &mut self.nodes[to.get()];
        if node.mind.is_none() || !node.spec.reachable {
            let wait = if node.powered { delay } else { CONNECT_TIMEOUT };
            let event = Event::ConnectFailed(dialled.connect);
            return self.schedule_in(from, life, now + wait, event);
        }
        if self.nodes[from.get()].life != life {
            return;
        }
        let remote = self.ephemeral(from);
        let path = Path {
            delay,
            window: self.config.window,
        };
        let (here, there) = (self.nodes[to.get()].net, self.nodes[from.get()].net);
        let (inbound, out) = (
            self.net.open(there, here, path),
            self.net.open(here, there, path),
        );
        let theirs = (from, dialled.connect.conn);
        self.schedule_in(
            from,
            life,
            now + delay,
            Event::Connected(dialled, inbound, out),
        );
        match self.accept(to, remote) {
            Some(conn) => {
                let config = self.peer_config(to);
                let peer = Peer::accept(now, config, remote);
                let ours = (to, conn);
                self.routes.insert(
                    inbound,
                    Route {
                        from: theirs,
                        to: ours,
                    },
                );
                self.routes.insert(
                    out,
                    Route {
                        from: ours,
                        to: theirs,
                    },
                );
                self.establish(to, conn, peer, from, (out, inbound));
                self.pump(to, conn);
            }
            None => {
                // Accepted by the system, and closed by the process.
                self.routes.insert(
                    out,
                    Route {
                        from: theirs,
                        to: theirs,
                    },
                );
                self.net.close(now, inbound);
                let ended = self.net.write(now, out, 0, Chunk::Fin);
                debug_assert!(ended.is_ok(), "the end of a stream takes no room");
            }
        }
    }

    /// Has something happen in a certain life of a node.
    pub(super) fn schedule_in(&mut self, node: NodeIndex, life: u32, at: Instant, event: Event) {
        self.queue.schedule(at, Scheduled { node, life, event });
    }

    /// The address that a connection of `node` comes from.
    fn ephemeral(&mut self, node: NodeIndex) -> SocketAddr {
        self.dialled += 1;
        let port = 32_768 + (self.dialled % 28_000) as u16;
        SocketAddr::new(self.nodes[node.get()].address.ip(), port)
    }
}
