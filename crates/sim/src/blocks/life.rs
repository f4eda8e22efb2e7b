//! Coming, asking the tracker, and going.

use std::net::Ipv4Addr;

use announce::{Event, StoreAnnounce};
use session::{Choker, NUMWANT};
use stdx::{Bitfield, Duration, Instant};
use swarm::{Config, Origin, Swarm};

use super::Blocks;
use super::end::Message;
use super::node::Mind;
use super::turn::Turn;
use crate::world::peer_id;
use crate::{Deed, Leave, NodeIndex};

impl Blocks {
    /// Starts what happens to a node.
    pub(super) fn befall(&mut self, node: NodeIndex, deed: Deed) {
        let numbers = [u64::from(node.0), deed as u64];
        self.trace.record(self.ground.now, b'!', &numbers, &[]);
        match deed {
            Deed::Start => self.join(node),
            Deed::Stop | Deed::Kill | Deed::PowerCut => self.go(node),
            Deed::FillDisk | Deed::FreeDisk | Deed::Retry => {}
        }
    }

    fn join(&mut self, index: NodeIndex) {
        let now = self.ground.now;
        let mut rng = self.rng.fork();
        let pieces = self.ground.info.layout().pieces();
        let node = &mut self.nodes[index.get()];
        let mut config = Config::new(peer_id(index));
        config.limits.connections = node.spec.connections.unwrap_or(config.limits.connections);
        config.tactics = node.spec.tactics;
        let mut swarm = Swarm::new(now, config, self.ground.torrent.clone(), rng.fork());
        let have = if node.is_seed() { Bitfield::full(pieces) } else { Bitfield::new(pieces) };
        swarm.start(now, &have, Vec::new());
        let choker = Choker::new(now, node.spec.limits.up, rng).with_policy(node.spec.choker);
        node.to_come = false;
        node.joined_at = Some(now);
        node.look_at = now;
        node.mind = Some(Box::new(Mind {
            swarm,
            choker,
            rechoke: false,
            ends: Vec::new(),
            stored: vec![0; pieces as usize],
            complete: false,
            ask_at: now,
        }));
        let leaves = node.spec.leaves;
        self.copies.add(index, &have);
        self.ask(index, Event::Started);
        if let Leave::Joined(after) = leaves {
            self.on_turn(index, |turn| turn.leave(after));
        }
    }

    /// Asks the tracker whom there is to connect to.
    pub(super) fn ask(&mut self, index: NodeIndex, event: Event) {
        let now = self.ground.now;
        let info_hash = self.ground.info.hashes().handshake_hashes().next();
        let node = &mut self.nodes[index.get()];
        let (Some(info_hash), Some(mind)) = (info_hash, &mut node.mind) else {
            return;
        };
        self.tracker.handle_timeout(now);
        let reply = self.tracker.announce(
            now,
            &StoreAnnounce {
                info_hash,
                peer: node.address,
                local: Ipv4Addr::new(12, 0, 0, 1).into(),
                left: mind.swarm.left(),
                event,
                numwant: NUMWANT as usize,
            },
        );
        mind.ask_at = now + reply.min_interval;
        mind.swarm.add_candidates(now, reply.peers.into_iter(), Origin::Tracker);
    }

    fn go(&mut self, index: NodeIndex) {
        self.ask(index, Event::Stopped);
        let Some(mut mind) = self.nodes[index.get()].mind.take() else {
            return;
        };
        self.on_turn(index, |turn| {
            for end in mind.ends.clone() {
                turn.post(end, Message::Closed);
                turn.end(&mut mind, end);
            }
        });
        self.copies.remove(index);
        let node = &mut self.nodes[index.get()];
        (node.sending, node.look_at) = (None, Instant::FAR_FUTURE);
        node.turns.clear();
        node.late.clear();
    }

    /// Has a node go for good after a while.
    pub(super) fn goes(&mut self, node: NodeIndex, after: Duration) {
        self.deeds.schedule(self.ground.now + after, (node, Deed::Stop));
    }

    /// Does something at a node outside its turn.
    fn on_turn(&mut self, index: NodeIndex, work: impl FnOnce(&mut Turn<'_>)) {
        let (node, out) = (&mut self.nodes[index.get()], &mut self.early);
        work(&mut Turn { ground: &self.ground, index, node, out });
    }
}
