//! A ring in which nobody moves: everybody's tables are what they would be after a long calm, and
//! then some have gone.

use stdx::Rng;

use crate::id::{Id, Space};
use crate::lookup::{Lookup, Outcome, Step};
use crate::route::Route;
use crate::tables::{Fingers, Tables};

/// A ring in which nobody moves.
#[derive(Clone, Debug)]
pub struct Still {
    space: Space,
    successors: usize,
    ids: Vec<Id>,
    gone: Vec<bool>,
}

impl Still {
    /// The ring of these members, each of whom keeps `successors` successors.
    ///
    /// # Panics
    /// When there are no members.
    pub fn new(space: Space, mut ids: Vec<Id>, successors: usize) -> Self {
        ids.sort_unstable();
        ids.dedup();
        assert!(!ids.is_empty(), "a ring has members");
        let gone = vec![false; ids.len()];
        Self { space, successors, ids, gone }
    }

    /// A ring of `nodes` random members.
    ///
    /// # Panics
    /// When the space has no room for them.
    pub fn random(space: Space, nodes: usize, successors: usize, rng: &mut Rng) -> Self {
        let holds_all = space.room().is_none_or(|room| nodes as u64 <= room);
        assert!(holds_all, "the space holds all members");
        let mut ids = Vec::new();
        while ids.len() < nodes {
            ids.extend((ids.len()..nodes).map(|_| space.random(rng)));
            ids.sort_unstable();
            ids.dedup();
        }
        Self::new(space, ids, successors)
    }

    /// Who was a member at first, in order.
    pub fn members(&self) -> &[Id] {
        &self.ids
    }

    /// Lets a share of the members go at once, chosen at random; nobody repairs anything.
    pub fn fail(&mut self, share: f64, rng: &mut Rng) {
        let count = (share * self.ids.len() as f64).round() as usize;
        let mut order: Vec<usize> = (0..self.ids.len()).collect();
        rng.shuffle(&mut order);
        for at in order.into_iter().take(count) {
            self.gone[at] = true;
        }
    }

    /// Whether somebody with this identifier is there.
    pub fn is_alive(&self, id: Id) -> bool {
        self.ids.binary_search(&id).is_ok_and(|at| !self.gone[at])
    }

    /// Who should answer for a key: the first at or behind it who is there.
    pub fn owner(&self, key: Id) -> Option<Id> {
        let first = self.position(key);
        let order = (0..self.ids.len()).map(|step| (first + step) % self.ids.len());
        order.into_iter().find(|at| !self.gone[*at]).map(|at| self.ids[at])
    }

    /// What a member knows of the others.
    pub fn tables(&self, id: Id) -> Tables {
        let mut tables = self.neighbours(id);
        for power in (0..self.space.bits()).rev() {
            let start = self.space.jump(id, power);
            if start.is_within(id, tables.successors[0]) {
                break;
            }
            tables.fingers.set(power, self.ids[self.position(start)]);
        }
        tables
    }

    /// Looks a key up.
    pub fn route(&self, from: Id, key: Id, shortcuts: bool) -> Route {
        // Half of a large ring is asked without shortcuts: none are worked out for nothing.
        let tables = |id| if shortcuts { self.tables(id) } else { self.neighbours(id) };
        let answer = |id| tables(id).answer(self.space, key, shortcuts);
        let mut lookup = Lookup::new(key, answer(from), shortcuts, u32::MAX);
        let owner = loop {
            match lookup.poll() {
                Step::Ask(id) if self.is_alive(id) => lookup.handle_answer(answer(id)),
                Step::Deliver(id) if self.is_alive(id) => lookup.handle_delivered(),
                Step::Ask(_) | Step::Deliver(_) => lookup.handle_silence(),
                Step::Done(Outcome::Owner(owner)) => break Some(owner),
                Step::Done(Outcome::Lost) => break None,
            }
        };
        lookup.into_route(owner)
    }

    /// What a member knows without shortcuts.
    fn neighbours(&self, id: Id) -> Tables {
        let (at, all) = (self.position(id), self.ids.len());
        let others = self.successors.min(all - 1).max(1);
        let successors = (1..=others).map(|step| self.ids[(at + step) % all]).collect();
        let predecessor = Some(self.ids[(at + all - 1) % all]);
        Tables { id, predecessor, successors, fingers: Fingers::default() }
    }

    /// Where the first member at or behind a point stands.
    fn position(&self, point: Id) -> usize {
        self.ids.partition_point(|id| *id < point) % self.ids.len()
    }
}
