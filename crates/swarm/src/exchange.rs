//! Peers told to peers (BEP 11): what one connection was told, and what it is told next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use stdx::{Duration, Instant, Rng};
use wire::{Pex, PexPeer};

/// Peers of each kind in one message (BEP 11).
pub(crate) const TOLD_MAX: usize = 50;
/// Between two messages on one connection (BEP 11: at most one a minute).
pub(crate) const INTERVAL: Duration = Duration::from_mins(1);
/// When there is nothing to tell, it is looked again after this.
const NOTHING: Duration = Duration::from_secs(5);

/// What one connection was told of others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    told: BTreeSet<SocketAddr>,
    /// Not before this.
    next: Option<Instant>,
}

impl Exchange {
    /// Whether it is time for another message.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// What changed since the last message, as far as one may hold; `current` are the peers that
    /// the receiver should know of. What does not fit comes with the next ones.
    pub(crate) fn message(
        &mut self,
        now: Instant,
        current: &BTreeMap<SocketAddr, u8>,
        rng: &mut Rng,
    ) -> Option<Pex> {
        let mut added: Vec<PexPeer> = current
            .iter()
            .filter(|(address, _)| !self.told.contains(address))
            .map(|(&address, &flags)| PexPeer { address, flags })
            .collect();
        if added.len() > TOLD_MAX {
            // Otherwise everybody would hear of the same ones.
            rng.shuffle(&mut added);
            added.truncate(TOLD_MAX);
        }
        let gone = self.told.iter().filter(|address| !current.contains_key(address));
        let dropped: Vec<SocketAddr> = gone.take(TOLD_MAX).copied().collect();
        if added.is_empty() && dropped.is_empty() {
            self.next = Some(now + NOTHING);
            return None;
        }
        self.next = Some(now + INTERVAL);
        self.told.extend(added.iter().map(|peer| peer.address));
        for address in &dropped {
            self.told.remove(address);
        }
        Some(Pex { added, dropped })
    }
}

#[cfg(test)]
mod tests;
