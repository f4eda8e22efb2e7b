//! Connections: dialled, answered, refused, ended.

use std::net::SocketAddr;

use peer::{CloseReason, ExtendedInfo, Report};
use stdx::{Bitfield, ConnId, Duration};
use swarm::Direction;

use super::end::{End, Live, Message};
use super::node::Mind;
use super::outbox::Note;
use super::turn::Turn;
use crate::NodeIndex;
use crate::world::{PORT, Place, address, node_of, peer_id};

/// With fewer connections than this, a node asks the tracker again as soon as it may.
const PEERS_ENOUGH: usize = 20;

impl Turn<'_> {
    /// Asks the tracker again when there are few to exchange with.
    pub(super) fn ask_again(&mut self, mind: &Mind) {
        let lacks = !mind.complete && mind.ends.len() < PEERS_ENOUGH;
        if lacks && mind.ask_at <= self.ground.now {
            self.note(Note::Asks);
        }
    }

    /// Who is at the other end.
    pub(super) fn remote(&self, end: u32) -> NodeIndex {
        NodeIndex(self.node.ends[end as usize].remote)
    }

    /// A new end of the node's.
    fn add_end(&mut self, mind: &mut Mind, remote: NodeIndex, twin: Option<u32>, live: Live) {
        mind.ends.push(self.node.ends.len() as u32);
        self.node.ends.push(End { remote: remote.0, twin, live: Some(Box::new(live)) });
    }

    /// Opens the connections that the node wants now.
    pub(super) fn dial(&mut self, mind: &mut Mind) {
        let now = self.ground.now;
        while let Some(addr) = mind.swarm.poll_connect(now) {
            let end = self.node.ends.len() as u32;
            let conn = ConnId(end.into());
            let nodes = self.ground.busy_until.len();
            let remote = node_of(Place::World, addr).filter(|it| it.get() < nodes);
            let Some(remote) = remote else {
                mind.swarm.handle_connect_failed(now, addr);
                continue;
            };
            if mind.swarm.admit(now, conn, addr, Direction::Outgoing).is_err() {
                continue;
            }
            let live = Live::new(now, Some(addr), &self.ground.peer_config);
            self.add_end(mind, remote, None, live);
            let knock = Message::Knock(self.index.0, end, mind.swarm.have());
            self.post_to(remote.0, u32::MAX, knock);
        }
    }

    /// Somebody wants to connect to the node.
    pub(super) fn knocked(&mut self, mind: &mut Mind, remote: u32, twin: u32, have: Bitfield) {
        let now = self.ground.now;
        let (remote, end) = (NodeIndex(remote), self.node.ends.len() as u32);
        // Not where it listens: where this connection comes from.
        let from = SocketAddr::new(address(Place::World, remote).ip(), PORT + 1);
        let admitted = self.node.spec.reachable
            && mind.swarm.admit(now, ConnId(end.into()), from, Direction::Incoming).is_ok();
        if !admitted {
            return self.post_to(remote.0, twin, Message::Refused);
        }
        self.note(Note::Met { remote, end });
        let live = Live::new(now, None, &self.ground.peer_config);
        self.add_end(mind, remote, Some(twin), live);
        let info = ExtendedInfo { listen_port: Some(PORT), ..ExtendedInfo::default() };
        self.introduce(end, have);
        self.out.inbox.push((end, Some(Report::Extended(info))));
    }

    /// The node that was dialled takes the connection.
    pub(super) fn answered(&mut self, end: u32, twin: u32, have: Bitfield) {
        let now = self.ground.now;
        self.node.ends[end as usize].twin = Some(twin);
        if let Some(live) = self.node.live(end) {
            (live.ready, live.since) = (true, now);
            self.introduce(end, have);
        }
    }

    /// The node that was dialled does not take the connection, or is not there.
    pub(super) fn refused(&mut self, mind: &mut Mind, end: u32) {
        let live = self.node.ends[end as usize].live.take();
        mind.remove_end(end);
        if let Some(addr) = live.and_then(|live| live.dialled) {
            mind.swarm.handle_connect_failed(self.ground.now, addr);
        }
    }

    /// What a new connection says first.
    fn introduce(&mut self, end: u32, have: Bitfield) {
        let hello = Report::Handshake {
            info_hash: self.ground.info.hashes().v1.unwrap_or(hash::Sha1Digest([0; 20])),
            peer_id: peer_id(self.remote(end)),
            fast: true,
            extended: true,
            v2: false,
        };
        if let Some(live) = self.node.live(end) {
            live.empty = have.ones() == 0;
        }
        self.out.inbox.push((end, Some(hello)));
        self.out.inbox.push((end, Some(Report::Pieces(have))));
    }

    /// The other end is closed.
    pub(super) fn closed(&mut self, mind: &mut Mind, end: u32) {
        self.note_stop(end);
        self.end(mind, end);
        mind.swarm.handle_closed(self.ground.now, ConnId(end.into()), &CloseReason::Remote);
    }

    /// Takes an end away.
    pub(super) fn end(&mut self, mind: &mut Mind, end: u32) {
        let remote = self.remote(end);
        mind.remove_end(end);
        if let Some(live) = self.node.ends[end as usize].live.take() {
            self.node.count(remote.0, live.totals);
        }
    }

    /// Has the node go for good after a while.
    pub(super) fn leave(&mut self, after: Duration) {
        if !std::mem::replace(&mut self.node.leaving, true) {
            self.note(Note::Goes(after));
        }
    }
}
