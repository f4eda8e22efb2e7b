use std::collections::{BTreeMap, VecDeque};

use super::ANSWERS_MAX;
use crate::{Address, SearchId};

/// Questions that are remembered; the oldest make room.
const QUERIES_MAX: usize = 4_096;

/// Flooded questions that came by: each is passed on once, and answers go back where it came
/// from, so that nobody can have answers sent to somebody else.
#[derive(Debug)]
pub(crate) struct Routes<A> {
    known: BTreeMap<SearchId, (A, u8)>,
    order: VecDeque<SearchId>,
}

impl<A> Default for Routes<A> {
    fn default() -> Self {
        Self { known: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<A: Address> Routes<A> {
    /// Whether a question was not known; it is from now on.
    pub(crate) fn learn(&mut self, search: SearchId, from: A) -> bool {
        if self.known.contains_key(&search) {
            return false;
        }
        self.known.insert(search, (from, 0));
        self.order.push_back(search);
        if self.order.len() > QUERIES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// Where an answer goes; nowhere when there have been enough.
    pub(crate) fn back(&mut self, search: SearchId) -> Option<A> {
        let (from, answers) = self.known.get_mut(&search)?;
        *answers += 1;
        (*answers <= ANSWERS_MAX).then_some(*from)
    }
}
