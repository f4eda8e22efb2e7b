use stdx::{Instant, TokenBucket};

/// Faults that strangers can bring about and that are told each second, and at once: a flood of
/// them must not fill anybody's log.
const TOLD_PER_SEC: u64 = 2;
const TOLD_AT_ONCE: u64 = 20;

/// What somebody did that ought not to be: liars do it, and now and then a broken node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// What came is no message of the protocol.
    #[error("what it sent is no message of the DHT")]
    Malformed,
    /// An answer to nothing that was asked there: forged, or far too late.
    #[error("it answers what it was not asked, or far too late")]
    Unasked,
    /// It goes by another id than somebody said.
    #[error("it goes by another id than was said of it")]
    Misnamed,
    /// The value that it gave is not that of the key.
    #[error("the value that it gave is not that of the key")]
    FalseValue,
}

/// How many faults are told.
#[derive(Debug)]
pub(crate) struct Faults(TokenBucket);

impl Faults {
    pub(crate) fn new(now: Instant) -> Self {
        Self(TokenBucket::new(TOLD_PER_SEC, TOLD_AT_ONCE, now))
    }

    /// Whether another one is told.
    pub(crate) fn may_tell(&mut self, now: Instant) -> bool {
        self.0.take(now, 1) == 1
    }
}
