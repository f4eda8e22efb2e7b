use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;
use stdx::Instant;

use crate::world::Run;

/// A running hash over everything that happened in a world, in order: two runs are the same if
/// and only if (but for a chance of 2⁻⁶⁴) their traces are.
#[derive(Clone)]
pub(crate) struct Trace {
    hasher: SipHasher13,
    events: u64,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { hasher: SipHasher13::new(), events: 0 }
    }

    /// Takes in one event: when, what kind, its numbers, and its bytes.
    pub(crate) fn record(&mut self, now: Instant, kind: u8, numbers: &[u64], bytes: &[u8]) {
        self.events += 1;
        self.hasher.write(&now.as_nanos().to_le_bytes());
        self.hasher.write(&[kind, numbers.len() as u8]);
        for number in numbers {
            self.hasher.write(&number.to_le_bytes());
        }
        self.hasher.write(&(bytes.len() as u64).to_le_bytes());
        self.hasher.write(bytes);
    }

    /// Takes in bytes that belong to the event before.
    pub(crate) fn extend(&mut self, run: &Run) {
        self.hasher.write(&run.len().to_le_bytes());
        if let Run::Bytes(bytes) = run {
            self.hasher.write(bytes);
        }
    }

    /// The hash of all events so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// How many events there were.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({:016x} after {} events)", self.hash(), self.events)
    }
}

#[cfg(test)]
mod tests;
