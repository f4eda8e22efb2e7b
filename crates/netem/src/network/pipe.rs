use std::collections::VecDeque;

use super::{NodeId, Path, PipeId, WINDOW_LEAST};

/// One stream, up to the first half of its way.
#[derive(Debug)]
pub(super) struct Pipe<T> {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) path: Path,
    pub(super) queue: VecDeque<Outgoing<T>>,
    pub(super) in_turns: bool,
    /// Bytes written and not acknowledged.
    pub(super) unacked: u64,
    /// A write was refused since the last `Writable`.
    pub(super) refused: bool,
    /// It may have no room, now or when others join.
    pub(super) waiting: bool,
}

/// An item and how many of its bytes have not been sent.
#[derive(Debug)]
pub(super) struct Outgoing<T> {
    pub(super) left: u64,
    pub(super) item: T,
}

/// Part of an item under way; the last part carries the item itself.
#[derive(Debug)]
pub(super) struct Segment<T> {
    pub(super) pipe: PipeId,
    pub(super) size: u64,
    pub(super) item: Option<T>,
}

impl<T> Pipe<T> {
    pub(super) fn new(from: NodeId, to: NodeId, path: Path) -> Self {
        let queue = VecDeque::new();
        let (refused, waiting, in_turns) = (false, false, false);
        Self { from, to, path, queue, in_turns, unacked: 0, refused, waiting }
    }

    /// Whether so much is under way that it might not fit the window.
    pub(super) fn is_long(&self) -> bool {
        self.unacked * 2 > self.path.window.min(WINDOW_LEAST)
    }

    /// Cuts at most `limit` bytes off the first item; `None` (and out of the turns) when there is
    /// nothing to send.
    pub(super) fn next_segment(&mut self, pipe: PipeId, limit: u64) -> Option<Segment<T>> {
        let Some(head) = self.queue.front_mut() else {
            self.in_turns = false;
            return None;
        };
        let size = head.left.min(limit);
        head.left -= size;
        let item = self.queue.pop_front_if(|head| head.left == 0).map(|head| head.item);
        Some(Segment { pipe, size, item })
    }
}
