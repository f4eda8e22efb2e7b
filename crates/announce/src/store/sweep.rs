use stdx::{Duration, Instant};

use super::peers::Stamp;
use super::swarm::{Family, Shard, Swarm};
use super::{ABANDONED, Networks, SHARDS, Store, StoreStats};

/// Time in which every entry is looked at once.
const PERIOD: Duration = Duration::from_mins(1);
/// Entries looked at during one announce, at most.
pub(crate) const STEPS_PER_ANNOUNCE: u64 = 256;
/// Entries looked at during one timeout, at most: some milliseconds if all of them are to go.
pub(crate) const STEPS_PER_TIMEOUT: u64 = 16_384;
/// Entries that a timeout is made for.
const STEPS_PREFERRED: u64 = 4_096;
/// Longest time between two timeouts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How far the running pass has come. It walks everything from the back, so that removal, which
/// moves the last element into the gap, never hides an element from it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    shard: usize,
    /// Swarms of the shard still to do.
    swarms: usize,
    /// Entries of the current swarm still to do, IPv6 ones first; `None` before it was opened.
    entries: Option<(usize, usize)>,
}

impl Store {
    /// Looks at as many entries as the time since the last call is worth, up to `limit`.
    pub(crate) fn sweep_due(&mut self, now: Instant, limit: u64) {
        if now < self.step_at {
            return;
        }
        let elapsed = now - self.swept;
        if elapsed >= ABANDONED {
            self.clear();
            self.swept = now;
            self.step_at = now;
            return;
        }
        // The pace is that of the pass's beginning, or a pass that drops much would never end.
        let all = u128::from(self.pass.max(self.held()));
        let due = (all * elapsed.as_nanos() / PERIOD.as_nanos()) as u64;
        if due == 0 {
            return;
        }
        self.swept = now;
        // Not worth a division for each announce.
        self.step_at = now + Duration::from_nanos((PERIOD.as_nanos() / all) as u64);
        for _ in 0..due.min(limit).min(self.held()) {
            self.sweep_step(now);
        }
    }

    /// When enough entries are due.
    pub(crate) fn sweep_at(&self) -> Instant {
        let all = self.pass.max(self.held());
        let nanos = PERIOD.as_nanos() * u128::from(STEPS_PREFERRED) / u128::from(all);
        let pause = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.swept + pause.min(LONGEST_PAUSE)
    }

    /// Steps of one pass over everything.
    fn held(&self) -> u64 {
        let stats = &self.stats;
        stats.torrents + stats.peers_v4 + stats.peers_v6 + SHARDS as u64
    }

    fn sweep_step(&mut self, now: Instant) {
        let held = self.shards[self.cursor.shard].len();
        self.cursor.swarms = self.cursor.swarms.min(held);
        if self.cursor.swarms == 0 {
            let shard = (self.cursor.shard + 1) % SHARDS;
            if shard == 0 {
                self.pass = self.held();
            }
            self.cursor = Cursor { shard, swarms: self.shards[shard].len(), entries: None };
            return;
        }
        let position = self.cursor.swarms - 1;
        let swarm = self.shards[self.cursor.shard].swarm(position);
        let (v4, v6) = self.cursor.entries.unwrap_or((usize::MAX, usize::MAX));
        let (v4, v6) = (v4.min(swarm.v4.len()), v6.min(swarm.v6_len()));
        if v6 > 0 {
            self.cursor.entries = Some((v4, v6 - 1));
            self.expire::<16>(now, position, v6 - 1);
        } else if v4 > 0 {
            self.cursor.entries = Some((v4 - 1, 0));
            self.expire::<4>(now, position, v4 - 1);
        } else {
            if swarm.len() == 0 && !self.has_spare_room() {
                self.drop_swarm(self.hash_at(self.cursor.shard, position), position);
            }
            self.cursor.swarms -= 1;
            self.cursor.entries = None;
        }
    }

    fn expire<const N: usize>(&mut self, now: Instant, position: usize, at: usize)
    where
        Swarm: Family<N>,
    {
        let shard = self.cursor.shard;
        let swarm = self.shards[shard].swarm(position);
        let Some(entry) = <Swarm as Family<N>>::peers(swarm).and_then(|it| it.entry(at)) else {
            return;
        };
        if entry.stamp().age(Stamp::at(now)) <= self.config.peer_timeout {
            return;
        }
        self.stats.expired += 1;
        let before = self.shards[shard].len();
        self.drop_peer::<N>(self.hash_at(shard, position), position, at);
        if self.shards[shard].len() < before {
            // The swarm went with its last peer; the one now in its place was done before.
            self.cursor.swarms -= 1;
            self.cursor.entries = None;
        }
    }

    fn clear(&mut self) {
        self.shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        self.networks = Networks::default();
        self.cursor = Cursor::default();
        let StoreStats { peers_v4, peers_v6, completed, expired, evicted, .. } = self.stats;
        let expired = expired + peers_v4 + peers_v6;
        self.stats = StoreStats { completed, expired, evicted, ..StoreStats::default() };
    }
}
