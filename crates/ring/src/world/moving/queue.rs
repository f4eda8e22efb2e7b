//! What will happen, in order; what happens at once happens in the order it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use stdx::Instant;

use crate::id::Id;
use crate::message::Transmit;

#[derive(Debug)]
pub(super) enum Happening {
    Arrival { from: Id, sent: Transmit },
    Wake(usize),
    Join,
    Leave,
    LookUp,
    Check,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    happenings: Vec<Option<Happening>>,
    free: Vec<usize>,
    pushed: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Instant, happening: Happening) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.happenings.push(None);
            self.happenings.len() - 1
        });
        self.happenings[slot] = Some(happening);
        self.heap.push(Reverse((at, self.pushed, slot)));
        self.pushed += 1;
    }

    pub(super) fn pop(&mut self) -> Option<(Instant, Happening)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.happenings[slot].take().map(|happening| (at, happening))
    }
}
