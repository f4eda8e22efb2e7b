use stdx::Duration;

use crate::Loss;

/// A node's number within its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// A pipe's number within its network; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipeId(pub u64);

/// A node's access link: its capacity in each direction, shared by all its pipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Access {
    /// Bytes per second out of the node, positive; `None` is unlimited.
    pub up: Option<u64>,
    /// Bytes per second into the node, positive; `None` is unlimited.
    pub down: Option<u64>,
}

/// What lies between two access links.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Propagation delay, one way; acknowledgements take as long on their way back.
    pub delay: Duration,
    /// Bytes that may be written and not yet acknowledged, like a TCP send buffer and window in
    /// one. It bounds the pipe's rate to `window / (2 × delay)`.
    pub window: u64,
    /// How the pipe's segments get lost between the two access links: what is lost comes late,
    /// sent again as TCP does.
    pub loss: Loss,
}

/// The pipe's window has no room for the item; the item comes back.
///
/// An [`Event::Writable`] follows when room has been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

/// What a network tells its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<T> {
    /// The last byte of an item has arrived.
    Delivered {
        /// The pipe that carried it.
        pipe: PipeId,
        /// The item, as it was written.
        item: T,
    },
    /// A pipe whose window was more than half full, or that refused a write, has room again.
    Writable {
        /// The pipe.
        pipe: PipeId,
    },
}

impl<T> Event<T> {
    /// The pipe it is about.
    pub fn pipe(&self) -> PipeId {
        match self {
            Self::Delivered { pipe, .. } | Self::Writable { pipe } => *pipe,
        }
    }
}
