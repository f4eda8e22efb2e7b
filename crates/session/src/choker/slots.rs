/// Slots that are always there (BEP 3's four), and when the uplink's rate is unknown.
const SLOTS_MIN: usize = 4;
const SLOTS_MIN_UNLIMITED: usize = 8;

/// Slots, the optimistic ones apart, that are never exceeded.
const SLOTS_MAX: usize = 500;

/// The n-th slot must be worth n times this many bytes per second, so slots grow with the square
/// root of the rate (the law of libtorrent's rate-based choker): 22 at 4 MB/s, 110 at 100 MB/s.
const RATE_PER_SLOT: u64 = 8 * 1024;

/// Rounds between two trials of more slots when the uplink's rate is unknown.
const TRIAL_PAUSE: u32 = 6;

/// How many connections may download from us at once.
#[derive(Debug)]
pub(super) struct Slots {
    limit: Option<u64>,
    /// The best upload rate lately, bytes per second.
    peak: u64,
    /// Slots beyond the law, because those that it gives leave the uplink idle.
    extra: usize,
    trial: Trial,
}

/// Are more slots worth it? Without a limit only trying tells.
#[derive(Clone, Copy, Debug)]
enum Trial {
    Pause {
        rounds: u32,
    },
    /// `added` slots were added when the rate was `rate`.
    Running {
        added: usize,
        rate: u64,
    },
}

impl Slots {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit, peak: 0, extra: 0, trial: Trial::Pause { rounds: 0 } }
    }

    pub(super) fn set_limit(&mut self, limit: Option<u64>) {
        self.limit = limit;
        self.extra = 0;
        self.trial = Trial::Pause { rounds: 0 };
    }

    /// Slots for those who give, or whose turn it is.
    pub(super) fn regular(&self) -> usize {
        (self.lawful() + self.extra).min(SLOTS_MAX)
    }

    /// Slots given by lot: one in five, as libtorrent.
    pub(super) fn optimistic(&self) -> usize {
        (self.regular() / 5).max(1)
    }

    /// A round ended in which `rate` bytes per second were sent; `crowded` when somebody
    /// interested had no slot.
    pub(super) fn adapt(&mut self, rate: u64, crowded: bool) {
        self.peak = rate.max(self.peak / 4 * 3);
        let step = (self.regular() / 4).max(1);
        if let Some(limit) = self.limit {
            if crowded && rate < limit / 10 * 9 {
                self.extra = (self.extra + step).min(SLOTS_MAX);
            } else if rate >= limit / 100 * 97 {
                self.extra = self.extra.saturating_sub(1);
            }
            return;
        }
        self.trial = match self.trial {
            Trial::Running { added, rate: before } if rate < before + before / 20 => {
                self.extra = self.extra.saturating_sub(added);
                Trial::Pause { rounds: TRIAL_PAUSE }
            }
            Trial::Pause { rounds } if rounds > 0 => Trial::Pause { rounds: rounds - 1 },
            _ if crowded => {
                self.extra = (self.extra + step).min(SLOTS_MAX);
                Trial::Running { added: step, rate }
            }
            _ => Trial::Pause { rounds: 0 },
        };
    }

    fn lawful(&self) -> usize {
        let (rate, min) = match self.limit {
            Some(limit) => (limit, SLOTS_MIN),
            None => (self.peak, SLOTS_MIN_UNLIMITED),
        };
        ((rate / RATE_PER_SLOT).isqrt() as usize).clamp(min, SLOTS_MAX)
    }
}
