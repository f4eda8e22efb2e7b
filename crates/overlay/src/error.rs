use crate::broadcast::PAYLOAD_MAX;
use crate::search::{HELD_KEYS_MAX, SEARCHES_MAX};

/// Why a member does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The payload is longer than [`PAYLOAD_MAX`].
    #[error("a payload of {0} bytes is too long to broadcast; at most {PAYLOAD_MAX}")]
    PayloadTooLong(usize),
    /// The id was broadcast before, by this member or another.
    #[error("this id was broadcast already")]
    AlreadyBroadcast,
    /// [`SEARCHES_MAX`] searches are under way.
    #[error("{SEARCHES_MAX} searches are under way already; wait for one to end")]
    TooManySearches,
    /// [`HELD_KEYS_MAX`] keys are held.
    #[error("{HELD_KEYS_MAX} keys are held already; release one first")]
    TooManyKeys,
}
