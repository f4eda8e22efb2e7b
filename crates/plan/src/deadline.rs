//! The inverse questions: what it takes to be done in time.

use std::time::Duration;

use crate::model::{PEERS_MAX, Plan};

const NANOS: u128 = 1_000_000_000;

/// How many peers can be served in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// Not even one.
    None,
    /// So many of them, if they are as those of the plan on average.
    AtMost(u64),
    /// Any number: each brings as much upload as it needs.
    Any,
}

impl Plan {
    /// True when the swarm's bound is no longer than the deadline.
    pub fn is_met(&self, deadline: Duration) -> bool {
        let Some(time) = self.reachable(deadline) else { return false };
        let server = self.server_up.map(u128::from);
        let all = server.zip(self.peers_up).map(|(server, peers)| server + peers);
        self.sends_a_copy(time) && self.lacking(time, all) == 0
    }

    /// The least upload of the server, in bytes per second, with which the swarm is done in time;
    /// `None` when no server is fast enough, because a peer's download is too slow or because it
    /// exceeds 2^64.
    pub fn server_for(&self, deadline: Duration) -> Option<u64> {
        let time = self.reachable(deadline)?;
        // At least one copy goes out, and what the peers do not send of all the others.
        let lacking = self.lacking(time, self.peers_up);
        let needed = lacking.max(u128::from(self.size) * NANOS).div_ceil(time);
        u64::try_from(needed).ok()
    }

    /// The least upload of the server with which it alone is done in time; `None` as for
    /// [`Plan::server_for`].
    pub fn server_alone_for(&self, deadline: Duration) -> Option<u64> {
        let time = self.reachable(deadline)?;
        u64::try_from(self.all_copies().div_ceil(time)).ok()
    }

    /// How many seeds with the server's upload, itself included, make the swarm done in time;
    /// `None` as for [`Plan::server_for`].
    pub fn seeds_for(&self, deadline: Duration) -> Option<u64> {
        let needed = self.server_for(deadline)?;
        Some(self.server_up.map_or(1, |up| needed.div_ceil(up).max(1)))
    }

    /// The least mean upload of a peer with which the swarm is done in time; `None` when it takes a
    /// faster server or download whatever the peers send.
    pub fn peer_up_for(&self, deadline: Duration) -> Option<u64> {
        let time = self.reachable(deadline)?;
        if !self.sends_a_copy(time) {
            return None;
        }
        let sum = self.lacking(time, self.server_up.map(u128::from)).div_ceil(time);
        u64::try_from(sum.div_ceil(u128::from(self.peers))).ok()
    }

    /// How many peers the swarm serves in time, when they are mixed as in the plan.
    pub fn peers_for(&self, deadline: Duration) -> Crowd {
        let Some(time) = self.reachable(deadline) else { return Crowd::None };
        let Some(up) = self.server_up else { return Crowd::Any };
        if !self.sends_a_copy(time) {
            return Crowd::None;
        }
        // N peers lack so much upload, each the N-th part of it.
        match self.lacking(time, self.peers_up) {
            0 => Crowd::Any,
            lacking => at_most(scaled(u128::from(up) * time, self.peers, lacking)),
        }
    }

    /// How many peers the server alone serves in time.
    pub fn peers_alone_for(&self, deadline: Duration) -> Crowd {
        let Some(time) = self.reachable(deadline) else { return Crowd::None };
        match self.server_up {
            None => Crowd::Any,
            Some(_) if self.size == 0 => Crowd::Any,
            Some(up) => at_most(u128::from(up) * time / (u128::from(self.size) * NANOS)),
        }
    }

    /// The deadline in nanoseconds (at most 2^64, 584 years), if the slowest peer can take all by
    /// then.
    fn reachable(&self, deadline: Duration) -> Option<u128> {
        let time = deadline.as_nanos().min(u64::MAX.into());
        (time > 0 && self.passes_a_copy(time, self.least_down)).then_some(time)
    }

    fn sends_a_copy(&self, time: u128) -> bool {
        self.passes_a_copy(time, self.server_up)
    }

    fn passes_a_copy(&self, time: u128, rate: Option<u64>) -> bool {
        rate.is_none_or(|rate| u128::from(rate) * time >= u128::from(self.size) * NANOS)
    }

    /// Bytes of all copies, times the nanoseconds of a second: below 2^126.
    fn all_copies(&self) -> u128 {
        u128::from(self.size) * u128::from(self.peers) * NANOS
    }

    /// What a rate does not send of all copies within a time, in the same measure. What it sends
    /// may be too much for 128 bits, but then nothing is lacking.
    fn lacking(&self, time: u128, rate: Option<u128>) -> u128 {
        rate.map_or(0, |rate| self.all_copies().saturating_sub(rate.saturating_mul(time)))
    }
}

fn at_most(peers: u128) -> Crowd {
    match u64::try_from(peers) {
        Ok(0) => Crowd::None,
        Ok(peers) if peers <= PEERS_MAX => Crowd::AtMost(peers),
        _ => Crowd::AtMost(PEERS_MAX),
    }
}

/// `a · b / c`, rounded down; a product beyond 128 bits costs its last 32.
fn scaled(a: u128, b: u64, c: u128) -> u128 {
    let b = u128::from(b);
    let (whole, rest) = (a / c, a % c);
    let part = match rest.checked_mul(b) {
        Some(product) => product / c,
        None => (rest >> 32) * b / (c >> 32),
    };
    whole.saturating_mul(b).saturating_add(part)
}

#[cfg(test)]
mod tests;
