//! How near a download came to the bound.

use std::time::Duration;

use plan::{Class, Plan};
use session::{Limits, Source};

/// Bound ÷ time, from the uplinks that the swarm's Fluvial peers state; `None` where one that
/// counts is unknown. `size` bytes were fetched in `elapsed`, within our own limits.
///
/// Peers that had everything when they were met are the server; the others, and we, are those who
/// share. Who said hello a moment ago, and nothing since, does not count. The first byte has to
/// come from somebody, so without a server there is no bound.
pub(super) fn of(size: u64, elapsed: Duration, ours: Limits, met: &[Source]) -> Option<f64> {
    let counts = |source: &&Source| source.began_whole.is_some() || source.received > 0;
    let is_server = |source: &&Source| source.began_whole == Some(true);
    let (servers, others): (Vec<_>, Vec<_>) = met.iter().filter(counts).partition(is_server);
    let servers: Option<u64> =
        servers.iter().try_fold(0, |sum: u64, it| Some(sum.saturating_add(it.uplink?)));
    // Alone, what we could give nobody counts.
    let up = if others.is_empty() { Some(0) } else { Some(ours.up?) };
    let others = others.iter().map(|it| Some(Class::one(Some(it.uplink?), None)));
    let classes: Option<Vec<Class>> = others.chain([Some(Class::one(up, ours.down))]).collect();
    let bound = Plan::new(size, Some(servers?), classes?).ok()?.peer_to_peer().seconds();
    let seconds = elapsed.as_secs_f64();
    (size > 0 && seconds > 0.0).then_some(bound / seconds)
}

#[cfg(test)]
mod tests;
