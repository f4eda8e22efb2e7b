use stdx::{Duration, Instant};

use crate::{Batch, Totals};

/// How often totals are told when nothing else is.
const TOTALS_EVERY: Duration = Duration::from_secs(1);

/// When a connection's owner is told of it: of what happened and of room for more blocks at once,
/// of totals alone now and then.
#[derive(Debug)]
pub struct Telling {
    totals: Totals,
    at: Instant,
    want: u32,
}

impl Telling {
    /// Of a connection that begins.
    pub fn new(now: Instant) -> Self {
        Self { totals: Totals::default(), at: now, want: 0 }
    }

    /// Whether to hand a batch on; one that need not be can be dropped.
    pub fn is_news(&mut self, now: Instant, batch: &Batch) -> bool {
        let due = self.due(batch.totals).is_some_and(|due| due <= now);
        let news = !batch.reports.is_empty() || batch.want > self.want || due;
        self.want = batch.want;
        if news {
            (self.totals, self.at) = (batch.totals, now);
        }
        news
    }

    /// When a batch will be due for these totals alone; `None` when they are told.
    pub fn due(&self, totals: Totals) -> Option<Instant> {
        (totals != self.totals).then(|| self.at + TOTALS_EVERY)
    }
}

#[cfg(test)]
mod tests;
