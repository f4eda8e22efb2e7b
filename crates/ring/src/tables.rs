//! What a peer knows of the others, and what it answers a look-up with.

use crate::id::{Id, Space};

/// The most successors that a peer keeps.
pub const SUCCESSORS_MAX: usize = 64;

/// The most peers that an answer names as closer: all successors and a shortcut for every bit.
const CLOSER_MAX: usize = SUCCESSORS_MAX + 160;

/// What a peer knows of the others. Every pointer is a hint that may be out of date: whoever
/// follows one looks whether somebody is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Who it is.
    pub id: Id,
    /// The peer before it.
    pub predecessor: Option<Id>,
    /// The peers behind it, nearest first.
    pub successors: Vec<Id>,
    /// Shortcuts.
    pub fingers: Fingers,
}

/// Shortcuts: number `i` is the first peer at or behind the point 2^i clockwise. Those that would
/// name the immediate successor are left out, which leaves about log2 N of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingers(Vec<(u8, Id)>);

/// What a peer says when it is asked for the way to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who answers.
    pub id: Id,
    /// Peers between it and the key, in the order in which to try them.
    pub closer: Vec<Id>,
    /// Peers at or behind the key, nearest first: the first that lives owns it, when nobody of
    /// `closer` does.
    pub owners: Vec<Id>,
}

impl Answer {
    /// Only what lies on the way to the key, and behind it: so nobody sends anybody round the
    /// circle.
    pub(crate) fn towards(mut self, key: Id) -> Self {
        self.closer.retain(|id| id.is_between(self.id, key));
        self.closer.truncate(CLOSER_MAX);
        self.owners.retain(|id| *id == key || id.is_within(key, self.id));
        self.owners.truncate(SUCCESSORS_MAX);
        self
    }
}

impl Fingers {
    /// Sets shortcut `power`.
    pub fn set(&mut self, power: u8, id: Id) {
        match self.0.binary_search_by_key(&power, |entry| entry.0) {
            Ok(at) => self.0[at].1 = id,
            Err(at) => self.0.insert(at, (power, id)),
        }
    }

    /// Forgets shortcut `power`.
    pub fn clear(&mut self, power: u8) {
        self.0.retain(|entry| entry.0 != power);
    }

    /// Forgets the shortcuts shorter than number `shortest`.
    pub fn cut(&mut self, shortest: u8) {
        self.0.retain(|entry| entry.0 >= shortest);
    }

    /// Forgets every shortcut to a peer.
    pub fn remove(&mut self, id: Id) {
        self.0.retain(|entry| entry.1 != id);
    }

    /// Its entries by power.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Id)> + '_ {
        self.0.iter().copied()
    }
}

impl Tables {
    /// Makes `head` and whom it has behind it the successors. What is out of order is left out, and
    /// everything behind it: a list never goes round the circle.
    pub fn adopt(&mut self, head: Id, list: &[Id], count: usize) {
        self.successors.clear();
        let mut last = self.id;
        for &id in std::iter::once(&head).chain(list).take(count) {
            if !id.is_between(last, self.id) || id == self.id {
                break;
            }
            self.successors.push(id);
            last = id;
        }
    }

    /// The way from here to a key: by the closest preceding entry of shortcuts and successor list,
    /// or, without shortcuts, from successor to successor.
    pub fn answer(&self, space: Space, key: Id, shortcuts: bool) -> Answer {
        let before = |id: &Id| id.is_between(self.id, key);
        let mut closer: Vec<Id> = self.successors.iter().copied().filter(before).collect();
        if shortcuts {
            closer.extend(self.fingers.iter().map(|entry| entry.1).filter(before));
            closer.sort_unstable_by_key(|id| space.distance(*id, key));
            closer.dedup();
        }
        let mut owners = self.successors.clone();
        owners.retain(|id| !before(id));
        Answer { id: self.id, closer, owners }
    }
}
