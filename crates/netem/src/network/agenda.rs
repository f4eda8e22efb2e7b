use std::cmp::Ordering;
use std::collections::BinaryHeap;

use stdx::Instant;

/// What happens when; at the same moment, in the order of scheduling.
#[derive(Debug)]
pub(super) struct Agenda<S> {
    heap: BinaryHeap<Entry<S>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<S> {
    at: Instant,
    sequence: u64,
    step: S,
}

impl<S> Default for Agenda<S> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), next: 0 }
    }
}

impl<S> Agenda<S> {
    pub(super) fn schedule(&mut self, at: Instant, step: S) {
        let sequence = self.next;
        self.next += 1;
        self.heap.push(Entry { at, sequence, step });
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next step that is due by `now`, and when it was.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, S)> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.step))
    }
}

impl<S> PartialEq for Entry<S> {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl<S> Eq for Entry<S> {}

impl<S> PartialOrd for Entry<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S> Ord for Entry<S> {
    /// The greatest is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}
