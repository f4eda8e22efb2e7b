use stdx::{Duration, Instant};

use super::Outcome;
use crate::{NodeIndex, Sample};

/// Over how long it is looked who fed whom most: a choker's round.
const WINDOW: Duration = Duration::from_secs(10);

impl Outcome {
    /// When two peers first fed each other more than anybody else who wants the content did, in
    /// each of three windows of ten seconds running; `None` when they never did, or the world was
    /// too large to keep account.
    pub fn paired(&self, a: NodeIndex, b: NodeIndex) -> Option<Duration> {
        let samples = &self.history.samples;
        let mut since = None;
        let mut from = 0;
        for (at, sample) in samples.iter().enumerate() {
            while sample.at.since(samples[from].at) > WINDOW {
                from += 1;
            }
            let first = samples[from].at;
            let whole = sample.at.since(first) >= WINDOW / 2;
            let before = &samples[from];
            let paired = whole
                && self.feeds_most(before, sample, a, b)
                && self.feeds_most(before, sample, b, a);
            match since {
                _ if !paired => since = None,
                None => since = Some(samples[at].at),
                Some(begin) if sample.at.since(begin) >= 3 * WINDOW => {
                    return Some(begin.since(Instant::ZERO));
                }
                Some(_) => {}
            }
        }
        since.map(|begin| begin.since(Instant::ZERO))
    }

    /// Whether `giver` fed `taker` most between two samples, seeds apart.
    fn feeds_most(&self, from: &Sample, to: &Sample, giver: NodeIndex, taker: NodeIndex) -> bool {
        let (Some(before), Some(after)) = (from.fed.get(taker.get()), to.fed.get(taker.get()))
        else {
            return false;
        };
        let bytes = |peer: usize| after[peer].saturating_sub(before[peer]);
        let others = (0..after.len()).filter(|&peer| !self.peers[peer].seed);
        let most = others.max_by_key(|&peer| bytes(peer));
        bytes(giver.get()) > 0 && most == Some(giver.get())
    }

    /// How the uplinks of those that got everything go with the mean rates at which they got it:
    /// Pearson's correlation, from -1 to 1. Zero when there is nothing to compare.
    pub fn correlation(&self) -> f64 {
        let points: Vec<(f64, f64)> = self
            .done()
            .filter_map(|peer| Some((peer.up? as f64, 1.0 / peer.time?.as_secs_f64().max(1e-9))))
            .collect();
        let count = points.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|it| it.0), mean(|it| it.1));
        let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|it| of(it.0 - x, it.1 - y)).sum()
        };
        let spread = (sum(&|dx, _| dx * dx) * sum(&|_, dy| dy * dy)).sqrt();
        if spread > 0.0 { sum(&|dx, dy| dx * dy) / spread } else { 0.0 }
    }

    /// What all together received per second until the last was done, in bytes.
    pub fn throughput(&self, size: u64) -> f64 {
        size as f64 * f64::from(self.completed) / self.last.as_secs_f64().max(1e-9)
    }
}
