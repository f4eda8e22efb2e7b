use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use peer::Order;
use session::Flow;
use stdx::{BlockRange, Buf};

/// Orders, grants and read blocks that may wait for one connection; beyond it the connection is
/// not keeping up and is closed.
pub(crate) const LINK_QUEUE_MAX: usize = 8_192;

/// What reaches a connection's task.
#[derive(Debug)]
pub(crate) enum LinkInput {
    /// The mind decided something.
    Order(Order),
    /// The throttle's turn has come for this many bytes.
    Grant(Flow, u64),
    /// Blocks that were to be read; `None` when they could not be.
    Read(Vec<(BlockRange, Option<Buf>)>),
}

/// The way to a connection's task. Whoever puts something in never waits.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    inputs: Sender<LinkInput>,
    overflowed: Arc<AtomicBool>,
}

impl Mailbox {
    pub(crate) fn new() -> (Self, Receiver<LinkInput>) {
        Self::with_room(LINK_QUEUE_MAX)
    }

    pub(crate) fn with_room(room: usize) -> (Self, Receiver<LinkInput>) {
        let (inputs, inbox) = channel(room);
        (Self { inputs, overflowed: Arc::default() }, inbox)
    }

    /// Puts in one more; false when it was not taken. What doesn't fit ends the connection: a lost
    /// order or answer would leave one side waiting for the other for ever. The connection finds
    /// out by itself, for its inbox is not empty.
    pub(crate) fn put(&self, input: LinkInput) -> bool {
        let taken = self.inputs.try_send(input).is_ok();
        if !taken {
            self.overflowed.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// Whether something was lost.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }
}
