use std::collections::VecDeque;

use super::{Access, PipeId, QUANTUM};
use crate::wire_time::WireTime;

/// A node's access link at work.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) up: WireTime,
    pub(super) down: WireTime,
    pub(super) down_limited: bool,
    /// Pipes with something to send; the first has the turn.
    pub(super) turns: VecDeque<PipeId>,
    /// What is left of the first pipe's turn, in bytes; never zero.
    pub(super) credit: u64,
    pub(super) busy: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Node {
    pub(super) fn new(access: Access) -> Self {
        Self {
            up: WireTime::new(access.up),
            down: WireTime::new(access.down),
            down_limited: access.down.is_some(),
            turns: VecDeque::new(),
            credit: QUANTUM,
            busy: false,
            sent: 0,
            received: 0,
        }
    }

    /// Passes the turn on; the pipe that had it queues again only when it may have more.
    pub(super) fn end_turn(&mut self, again: bool) {
        let had = self.turns.pop_front();
        self.turns.extend(had.filter(|_| again));
        self.credit = QUANTUM;
    }
}
