//! Who was dropped and why, told without end and yet in few lines: whoever can make a connection
//! can be dropped as often as it likes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use stdx::{Instant, TokenBucket};

/// Pairs of an address and a reason whose counts are remembered; beyond it, counts begin anew.
const REMEMBERED_MAX: usize = 1_024;
/// Lines at once, and per second in the long run, whoever they are about.
const LINES_BURST: u64 = 200;
const LINES_RATE: u64 = 5;

/// Counts what peers were dropped for, and decides what of it is told: the first time that an
/// address has a reason, and then each time that its count has doubled.
#[derive(Debug)]
pub(crate) struct Drops {
    counts: BTreeMap<(Network, String), u64>,
    lines: TokenBucket,
}

/// Addresses that one party has for the asking count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// The network of an address: itself in IPv4, its /64 in IPv6.
    pub(crate) fn of(addr: SocketAddr) -> Self {
        Self(match addr.ip().to_canonical() {
            IpAddr::V6(ip) => {
                let prefix = u128::from(ip) & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from(prefix))
            }
            IpAddr::V4(ip) => IpAddr::V4(ip),
        })
    }
}

impl Drops {
    pub(crate) fn new(now: Instant) -> Self {
        let lines = TokenBucket::new(LINES_RATE, LINES_BURST, now);
        Self { counts: BTreeMap::new(), lines }
    }

    /// Counts one more; returns how often it was so far when that is worth a line.
    pub(crate) fn count(&mut self, now: Instant, addr: SocketAddr, reason: &str) -> Option<u64> {
        // Reasons differ in numbers that the peer chooses, and that do not make others of them.
        let kind: String = reason.chars().filter(|char| !char.is_ascii_digit()).collect();
        let key = (Network::of(addr), kind);
        if self.counts.len() >= REMEMBERED_MAX && !self.counts.contains_key(&key) {
            self.counts.clear();
        }
        let times = self.counts.entry(key).or_insert(0);
        *times += 1;
        (times.is_power_of_two() && self.lines.take(now, 1) == 1).then_some(*times)
    }
}

#[cfg(test)]
mod tests;
