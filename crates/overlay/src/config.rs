use stdx::Duration;

use crate::membership::{ACTIVE_MAX, PASSIVE_MAX};

/// How a member behaves. All members of a network should be alike.
#[derive(Clone, Debug)]
pub struct Config {
    /// With fewer neighbours than this, a member asks with high priority: those who are full
    /// make room.
    pub active_low: usize,
    /// As many neighbours as a member looks for.
    pub active_want: usize,
    /// With as many neighbours as this, a member is full: it passes requests on, and makes room
    /// only for a high priority. At most [`ACTIVE_MAX`].
    pub active_high: usize,
    /// Addresses in reserve. At most [`PASSIVE_MAX`].
    pub passive: usize,
    /// Hops that a newcomer's request and a shuffle are passed on (HyParView's ARWL).
    pub walk: u8,
    /// With so many hops left, a newcomer goes into the reserve as well (HyParView's PRWL).
    pub walk_passive: u8,
    /// Neighbours that go into a shuffle (HyParView's ka).
    pub shuffle_active: usize,
    /// Addresses in reserve that go into a shuffle (HyParView's kp).
    pub shuffle_passive: usize,
    /// Time between two shuffles, by which neighbours show that they live, too.
    pub period: Duration,
    /// Periods of silence after which a neighbour is given up.
    pub silence: u32,
    /// Time for an answer to a request.
    pub request_timeout: Duration,
    /// In one of so many periods, a member that has enough neighbours takes up a new one from the
    /// reserve, or gives one up when it has more than enough: so that parts that were cut off
    /// grow together again, and no clique of the first hour stays. 0 is never.
    pub rotate: u64,
    /// Time that word of a payload waits for more to go with it.
    pub announce_delay: Duration,
    /// Time for a payload to come by itself once there is word of it.
    pub graft_first: Duration,
    /// Time for a payload that was asked for, before the next neighbour is asked.
    pub graft_next: Duration,
    /// So many hops shorter must a branch be that takes the place of another.
    pub optimise: u16,
    /// Time for a search to find something.
    pub search_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            active_low: 4,
            active_want: 6,
            active_high: 10,
            passive: 30,
            walk: 6,
            walk_passive: 3,
            shuffle_active: 3,
            shuffle_passive: 4,
            period: Duration::from_secs(30),
            silence: 3,
            request_timeout: Duration::from_secs(5),
            rotate: 8,
            announce_delay: Duration::from_millis(5),
            graft_first: Duration::from_secs(1),
            graft_next: Duration::from_millis(250),
            optimise: 7,
            search_timeout: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The same, with everything in its limits and in order.
    pub(crate) fn sane(mut self) -> Self {
        self.active_high = self.active_high.clamp(1, ACTIVE_MAX);
        self.active_want = self.active_want.clamp(1, self.active_high);
        self.active_low = self.active_low.clamp(1, self.active_want);
        self.passive = self.passive.clamp(1, PASSIVE_MAX);
        self.walk_passive = self.walk_passive.min(self.walk);
        self.period = self.period.max(Duration::from_millis(1));
        self.request_timeout = self.request_timeout.max(Duration::from_millis(1));
        self.silence = self.silence.max(1);
        self
    }
}
