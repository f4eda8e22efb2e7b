//! Coming, finding others, and going.

use std::net::{Ipv4Addr, SocketAddr};

use announce::{Event, StoreAnnounce};
use peer::{CloseReason, ExtendedInfo, Report};
use session::{Choker, NUMWANT};
use stdx::{Bitfield, ConnId, Duration};
use swarm::{Config, Direction, Origin, Swarm};

use super::Blocks;
use super::end::{End, Live, Message, twin};
use super::node::Mind;
use crate::world::{PORT, Place, node_of, peer_id};
use crate::{Deed, NodeIndex};

/// With fewer connections than this, a node asks the tracker again as soon as it may.
const PEERS_ENOUGH: usize = 20;

impl Blocks {
    /// Starts what happens to a node.
    pub(super) fn befall(&mut self, node: NodeIndex, deed: Deed) {
        let numbers = [u64::from(node.0), deed as u64];
        self.trace.record(self.now, b'!', &numbers, &[]);
        match deed {
            Deed::Start => self.join(node),
            Deed::Stop | Deed::Kill | Deed::PowerCut => self.go(node),
            Deed::FillDisk | Deed::FreeDisk | Deed::Retry => {}
        }
    }

    fn join(&mut self, index: NodeIndex) {
        let now = self.now;
        let mut rng = self.rng.fork();
        let pieces = self.info.layout().pieces();
        let node = &mut self.nodes[index.get()];
        let mut config = Config::new(peer_id(index));
        config.limits.connections = node.spec.connections.unwrap_or(config.limits.connections);
        config.tactics = node.spec.tactics;
        let mut swarm = Swarm::new(now, config, self.torrent.clone(), rng.fork());
        let have = if node.is_seed() { Bitfield::full(pieces) } else { Bitfield::new(pieces) };
        swarm.start(now, &have, Vec::new());
        let choker = Choker::new(now, node.spec.limits.up, rng).with_policy(node.spec.choker);
        node.to_come = false;
        node.joined_at = Some(now);
        node.look_at = now;
        let leaves = node.spec.leaves;
        self.copies.add(index, &have);
        let mut mind = Box::new(Mind {
            swarm,
            choker,
            rechoke: false,
            ends: Vec::new(),
            stored: vec![0; pieces as usize],
            complete: false,
            ask_at: now,
        });
        self.ask(index.get(), &mut mind, Event::Started);
        self.nodes[index.get()].mind = Some(mind);
        if let crate::Leave::Joined(after) = leaves {
            self.leave(index, after);
        }
    }

    /// Asks the tracker whom there is to connect to.
    fn ask(&mut self, index: usize, mind: &mut Mind, event: Event) {
        let now = self.now;
        let info_hash = self.info.hashes().handshake_hashes().next();
        let Some(info_hash) = info_hash else { return };
        self.tracker.handle_timeout(now);
        let reply = self.tracker.announce(
            now,
            &StoreAnnounce {
                info_hash,
                peer: self.nodes[index].address,
                local: Ipv4Addr::new(12, 0, 0, 1).into(),
                left: mind.swarm.left(),
                event,
                numwant: NUMWANT as usize,
            },
        );
        mind.ask_at = now + reply.min_interval;
        mind.swarm.add_candidates(now, reply.peers.into_iter(), Origin::Tracker);
    }

    /// Asks the tracker again when there are few to exchange with.
    pub(super) fn ask_again(&mut self, index: usize, mind: &mut Mind) {
        let lacks = !mind.complete && mind.ends.len() < PEERS_ENOUGH;
        if lacks && mind.ask_at <= self.now {
            self.ask(index, mind, Event::None);
        }
    }

    /// Opens the connections that a node wants now.
    pub(super) fn dial(&mut self, index: usize, mind: &mut Mind) {
        let now = self.now;
        while let Some(addr) = mind.swarm.poll_connect(now) {
            let end = self.ends.len() as u32;
            let conn = ConnId(end.into());
            let remote = node_of(Place::World, addr).filter(|it| it.get() < self.nodes.len());
            let Some(remote) = remote else {
                mind.swarm.handle_connect_failed(now, addr);
                continue;
            };
            if mind.swarm.admit(now, conn, addr, Direction::Outgoing).is_err() {
                continue;
            }
            let live = Live::new(now, Some(addr), &self.peer_config);
            self.ends.push(End { node: index as u32, live: Some(Box::new(live)) });
            self.ends.push(End { node: remote.0, live: None });
            mind.add_end(end);
            self.post(twin(end), Message::Knock(mind.swarm.have()));
        }
    }

    /// Somebody wants to connect to a node.
    pub(super) fn knocked(&mut self, index: usize, mind: &mut Mind, end: u32, have: Bitfield) {
        let now = self.now;
        let remote = NodeIndex(self.remote(end));
        // Not where it listens: where this connection comes from.
        let from = SocketAddr::new(self.nodes[remote.get()].address.ip(), PORT + 1);
        let admitted = self.nodes[index].spec.reachable
            && mind.swarm.admit(now, ConnId(end.into()), from, Direction::Incoming).is_ok();
        if !admitted {
            return self.post(twin(end), Message::Refused);
        }
        self.trace.record(now, b'k', &[u64::from(end), index as u64], &[]);
        let live = Live::new(now, None, &self.peer_config);
        self.ends[end as usize].live = Some(Box::new(live));
        mind.add_end(end);
        let info = ExtendedInfo { listen_port: Some(PORT), ..ExtendedInfo::default() };
        self.introduce(end, have);
        self.inbox.push((end, Some(Report::Extended(info))));
    }

    /// The node that was dialled takes the connection.
    pub(super) fn answered(&mut self, end: u32, have: Bitfield) {
        let now = self.now;
        if let Some(live) = self.live(end) {
            (live.ready, live.since) = (true, now);
            self.introduce(end, have);
        }
    }

    /// The node that was dialled does not take the connection, or is not there.
    pub(super) fn refused(&mut self, mind: &mut Mind, end: u32) {
        let live = self.ends[end as usize].live.take();
        mind.remove_end(end);
        if let Some(addr) = live.and_then(|live| live.dialled) {
            mind.swarm.handle_connect_failed(self.now, addr);
        }
    }

    /// What a new connection says first.
    fn introduce(&mut self, end: u32, have: Bitfield) {
        let hello = Report::Handshake {
            info_hash: self.info.hashes().v1.unwrap_or(hash::Sha1Digest([0; 20])),
            peer_id: peer_id(NodeIndex(self.remote(end))),
            fast: true,
            extended: true,
            v2: false,
        };
        self.inbox.push((end, Some(hello)));
        self.inbox.push((end, Some(Report::Pieces(have))));
    }

    /// The other end is closed.
    pub(super) fn closed(&mut self, index: usize, mind: &mut Mind, end: u32) {
        self.note_stop(index, end);
        self.end(index, mind, end);
        mind.swarm.handle_closed(self.now, ConnId(end.into()), &CloseReason::Remote);
    }

    /// Takes an end away.
    pub(super) fn end(&mut self, index: usize, mind: &mut Mind, end: u32) {
        let remote = self.remote(end);
        mind.remove_end(end);
        if let Some(live) = self.ends[end as usize].live.take() {
            self.nodes[index].count(remote, live.totals);
        }
    }

    /// Has a node go for good after a while.
    pub(super) fn leave(&mut self, node: NodeIndex, after: Duration) {
        if !std::mem::replace(&mut self.nodes[node.get()].leaving, true) {
            self.deeds.schedule(self.now + after, (node, Deed::Stop));
        }
    }

    fn go(&mut self, node: NodeIndex) {
        let index = node.get();
        let Some(mut mind) = self.nodes[index].mind.take() else {
            return;
        };
        for end in mind.ends.clone() {
            self.post(twin(end), Message::Closed);
            self.end(index, &mut mind, end);
        }
        self.ask(index, &mut mind, Event::Stopped);
        self.copies.remove(node);
        let state = &mut self.nodes[index];
        (state.sending, state.look_at) = (None, stdx::Instant::FAR_FUTURE);
        state.turns.clear();
        state.late.clear();
    }
}
