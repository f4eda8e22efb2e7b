use std::sync::Arc;

use metainfo::Info;
use peer::Torrent;
use stdx::{Duration, Instant};

use super::node::Node;
use super::outbox::{Note, Outbox};
use crate::NodeIndex;

/// What is the same for all nodes while they have their turns.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) now: Instant,
    /// The end of the step before.
    pub(super) before: Instant,
    /// From one node to another.
    pub(super) delay: Duration,
    pub(super) info: Arc<Info>,
    pub(super) torrent: Arc<Torrent>,
    pub(super) peer_config: peer::Config,
    /// By node: what its downlink has taken on keeps it busy until then.
    pub(super) busy_until: Vec<Instant>,
}

/// A node has its turn: all that happens at it in a step. It sees nothing of the others but their
/// mail, so that it does not matter who has their turns before it, or meanwhile.
pub(super) struct Turn<'a> {
    pub(super) ground: &'a Ground,
    pub(super) index: NodeIndex,
    pub(super) node: &'a mut Node,
    pub(super) out: &'a mut Outbox,
}

impl Turn<'_> {
    pub(super) fn run(mut self) {
        let now = self.ground.now;
        self.serve();
        let looks = self.node.look_at <= now;
        if !looks && !self.node.has_mail(now) {
            return;
        }
        let Some(mut mind) = self.node.mind.take() else {
            return self.bounce();
        };
        self.read_mail(&mut mind);
        self.tell_all(&mut mind);
        if looks {
            self.look(&mut mind);
        }
        self.settle(&mut mind);
        self.node.mind = Some(mind);
    }

    /// Has the world know.
    pub(super) fn note(&mut self, note: Note) {
        self.out.notes.push((self.index, note));
    }

    /// Something that must hold does not.
    pub(super) fn broken(&mut self, what: &str) {
        self.note(Note::Broken(what.into()));
    }
}
