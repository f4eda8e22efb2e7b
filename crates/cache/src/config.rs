use stdx::Duration;

/// Default for [`Config::budget`]: 64 MiB.
pub const DEFAULT_BUDGET: u64 = 64 << 20;
/// Bytes of a piece that are ready before they are hashed ahead of its completion: enough that
/// the hand-over to another thread costs little against the hashing.
pub const HASH_BATCH: u64 = 256 << 10;
/// Time between a write and the sync that makes it durable.
pub const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// What a cache may hold, and how long it waits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes held before [`crate::Cache::is_full`] says stop.
    pub budget: u64,
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
        Self { budget, hash_batch: HASH_BATCH, sync_interval: SYNC_INTERVAL }
    }

    /// A full cache takes blocks again when it holds no more than this: seven eighths.
    pub fn resume_below(&self) -> u64 {
        self.budget / 8 * 7
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
