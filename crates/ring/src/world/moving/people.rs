//! Everybody who is there, and who owns what.

use std::collections::BTreeMap;

use stdx::{Instant, Rng};

use crate::id::Id;
use crate::node::Node;
use crate::tables::Tables;

#[derive(Debug, Default)]
pub(super) struct People {
    /// By the order in which they came.
    slots: Vec<Slot>,
    places: BTreeMap<Id, usize>,
    /// Those to whom keys belong, in order.
    serving: Vec<Id>,
}

#[derive(Debug)]
struct Slot {
    id: Id,
    /// `None` once it has left.
    node: Option<Node>,
    /// When it will be woken.
    wake: Instant,
}

impl People {
    pub(super) fn add(&mut self, node: Node) -> usize {
        let (id, at) = (node.id(), self.slots.len());
        self.slots.push(Slot { id, node: Some(node), wake: Instant::FAR_FUTURE });
        self.places.insert(id, at);
        at
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Node> {
        let at = self.places.remove(&id)?;
        self.unserve(at);
        self.slots[at].node.take()
    }

    pub(super) fn id(&self, at: usize) -> Id {
        self.slots[at].id
    }

    pub(super) fn find(&self, id: Id) -> Option<usize> {
        self.places.get(&id).copied()
    }

    pub(super) fn node_mut(&mut self, at: usize) -> Option<&mut Node> {
        self.slots[at].node.as_mut()
    }

    /// When somebody wants to be woken, unless it will be by then.
    pub(super) fn due(&mut self, at: usize, now: Instant) -> Option<Instant> {
        let slot = &mut self.slots[at];
        let due = slot.node.as_ref()?.poll_timeout();
        let is_planned = slot.wake > now && slot.wake <= due;
        if is_planned {
            return None;
        }
        slot.wake = due;
        Some(due)
    }

    pub(super) fn serve(&mut self, at: usize) {
        let id = self.slots[at].id;
        if let Err(place) = self.serving.binary_search(&id) {
            self.serving.insert(place, id);
        }
    }

    pub(super) fn unserve(&mut self, at: usize) {
        if let Ok(place) = self.serving.binary_search(&self.slots[at].id) {
            self.serving.remove(place);
        }
    }

    pub(super) fn random_serving(&self, rng: &mut Rng) -> Option<Id> {
        if self.serving.is_empty() {
            None
        } else {
            Some(self.serving[rng.index(self.serving.len())])
        }
    }

    /// Whose a key is.
    pub(super) fn owner(&self, key: Id) -> Option<Id> {
        let at = self.serving.partition_point(|id| *id < key);
        self.serving.get(at).or(self.serving.first()).copied()
    }

    /// What each member knows, in order.
    pub(super) fn members(&self) -> impl Iterator<Item = &Tables> {
        let nodes = self.places.values().filter_map(|at| self.slots[*at].node.as_ref());
        nodes.filter(|node| node.is_member()).map(Node::tables)
    }
}
