use std::collections::VecDeque;

use stdx::{Duration, Rng};

use super::lossy::{Lossy, SEGMENT};
use super::{NodeId, Path, PipeId, WINDOW_LEAST};
use crate::Loss;

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
    /// For a path that loses packets.
    pub(super) lossy: Option<Box<Lossy<T>>>,
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
    /// Its place in the stream, where segments may get lost.
    pub(super) number: u32,
    /// How often it got lost.
    pub(super) losses: u8,
    /// How often that took a time-out to notice.
    pub(super) timeouts: u8,
}

impl<T> Pipe<T> {
    pub(super) fn new(from: NodeId, to: NodeId, path: Path, rng: &mut Rng) -> Self {
        let queue = VecDeque::new();
        let (refused, waiting, in_turns) = (false, false, false);
        let lossy = (path.loss != Loss::None).then(|| Box::new(Lossy::new(path, rng.fork())));
        Self { from, to, path, queue, in_turns, unacked: 0, refused, waiting, lossy }
    }

    /// Whether so much is under way that it might not fit the window.
    pub(super) fn is_long(&self) -> bool {
        self.unacked * 2 > self.path.window.min(WINDOW_LEAST)
    }

    /// The next segment, at most `limit` bytes cut off the first item or one that got lost;
    /// `None` (and out of the turns) when there is nothing to send, or too much under way.
    pub(super) fn next_segment(&mut self, pipe: PipeId, limit: u64) -> Option<Segment<T>> {
        let segment = self.cut(pipe, limit);
        self.in_turns = segment.is_some();
        segment
    }

    fn cut(&mut self, pipe: PipeId, mut limit: u64) -> Option<Segment<T>> {
        if let Some(lossy) = &mut self.lossy {
            if lossy.has_again() {
                return lossy.take_again();
            }
            limit = limit.min(SEGMENT);
        }
        let head = self.queue.front_mut()?;
        let size = head.left.min(limit);
        let mut number = 0;
        if let Some(lossy) = &mut self.lossy {
            if !lossy.lets(size) {
                return None;
            }
            number = lossy.number();
        }
        head.left -= size;
        let item = self.queue.pop_front_if(|head| head.left == 0).map(|head| head.item);
        Some(Segment { pipe, size, item, number, losses: 0, timeouts: 0 })
    }

    /// A segment leaves. When it gets lost: after how long that is noticed.
    pub(super) fn launch(&mut self, segment: &mut Segment<T>) -> Option<Duration> {
        let lossy = self.lossy.as_mut()?;
        let behind = lossy.has_again() || !self.queue.is_empty();
        lossy.launch(segment, behind)
    }

    /// Whether anything waits to be sent.
    pub(super) fn has_more(&self) -> bool {
        !self.queue.is_empty() || self.lossy.as_ref().is_some_and(|lossy| lossy.has_again())
    }
}
