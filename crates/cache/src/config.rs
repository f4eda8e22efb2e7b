use stdx::Duration;

/// Default for [`Config::budget`]: 64 MiB.
pub const DEFAULT_BUDGET: u64 = 64 << 20;
/// Default for [`Config::backlog`]: 16 MiB.
pub const DEFAULT_BACKLOG: u64 = 16 << 20;
/// Bytes of a piece that are ready before they are hashed ahead of its completion. Pieces up to
/// this size are hashed whole, so that those that are hashed together end together: with parts of
/// them as they come, most of the time fewer streams than there could be are under way.
pub const HASH_BATCH: u64 = 2 << 20;
/// Time between a write and the sync that makes it durable.
pub const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// What a cache may hold, and how long it waits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes held, of whatever, before [`crate::Cache::is_full`] says stop.
    pub budget: u64,
    /// Bytes of whole pieces that wait to be hashed or written before [`crate::Cache::is_full`]
    /// says stop; two of the largest pieces, if that is more. When hashing or the disk is what
    /// bounds the speed, a longer queue takes memory and brings nothing.
    pub backlog: u64,
    /// See [`HASH_BATCH`].
    pub hash_batch: u64,
    /// See [`SYNC_INTERVAL`].
    pub sync_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self::with_budget(DEFAULT_BUDGET)
    }
}

impl Config {
    /// Defaults but for the budget, in bytes.
    pub fn with_budget(budget: u64) -> Self {
        Self {
            budget,
            backlog: DEFAULT_BACKLOG.min(budget),
            hash_batch: HASH_BATCH,
            sync_interval: SYNC_INTERVAL,
        }
    }

    /// Whether to stop, with so many bytes in all, of which so many are of whole pieces; `largest`
    /// is the size of the largest piece. After a stop, an eighth of the budget and a quarter of the
    /// backlog are to be free again.
    pub(crate) fn is_full(&self, was: bool, used: u64, waiting: u64, largest: u64) -> bool {
        let backlog = self.backlog.max(2 * largest);
        if was {
            used > self.budget / 8 * 7 || waiting > backlog / 4 * 3
        } else {
            used >= self.budget || waiting >= backlog
        }
    }

    /// Pieces at rest that hold more than this in total are spilled: three quarters. Below
    /// `budget`, so that spilling starts before the network has to stop.
    pub fn spill_above(&self) -> u64 {
        self.budget / 4 * 3
    }

    /// Spilling stops at this: half.
    pub fn spill_to(&self) -> u64 {
        self.budget / 2
    }
}
