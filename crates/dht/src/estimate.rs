use std::collections::VecDeque;

use crate::table::K;

/// Samples that count.
const SAMPLES: usize = 32;
/// Fewer say nothing.
const ENOUGH: usize = 3;
/// So many look-ups in a row that each found a crowd round its key say that the estimate is wrong:
/// who attacks sits round a few keys, and others are looked up in between.
const CROWDS: u32 = 8;

/// How many nodes there are, as far as look-ups tell: the nearer the K-th nearest node to a random
/// target is, the more there are (BEP 42; `dht_size_estimate.md` of `mainline`).
///
/// It is the median of many look-ups, so who crowds round a few targets does not shift it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimate {
    samples: VecDeque<f64>,
    median: Option<f64>,
    /// Look-ups in a row that found a crowd.
    crowds: u32,
}

impl Estimate {
    /// A look-up found that the K-th nearest node is so far from its target, as a share of the
    /// whole space.
    pub(crate) fn sample(&mut self, share: f64) {
        self.crowds = 0;
        if self.samples.len() >= SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((K as f64 / share.max(f64::MIN_POSITIVE)).min(1e12));
        let mut sorted: Vec<f64> = self.samples.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        self.median = Some(sorted[sorted.len() / 2]);
    }

    /// A look-up found a crowd round its key, as far as this estimate tells. When all do, it dates
    /// from a network that was far smaller, and is begun anew.
    pub(crate) fn crowded(&mut self) {
        self.crowds += 1;
        if self.crowds >= CROWDS {
            *self = Self::default();
        }
    }

    /// About how many nodes there are; `None` while that is not known.
    pub(crate) fn nodes(&self) -> Option<f64> {
        self.median.filter(|_| self.samples.len() >= ENOUGH)
    }

    /// How far the K-th nearest node to anything should be, as a share of the whole space.
    pub(crate) fn radius(&self) -> Option<f64> {
        Some((K as f64 / self.nodes()?).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use stdx::Rng;

    use super::*;
    use crate::Id;

    #[test]
    fn an_estimate_by_which_all_keys_are_attacked_is_given_up() {
        let mut estimate = Estimate::default();
        (0..32).for_each(|_| estimate.sample(0.1));
        (1..CROWDS).for_each(|_| estimate.crowded());
        estimate.sample(0.1);
        (1..CROWDS).for_each(|_| estimate.crowded());
        assert!(estimate.nodes().is_some(), "there are other keys in between");
        estimate.crowded();
        assert_eq!(estimate.nodes(), None);
    }

    #[test]
    fn a_few_look_ups_tell_the_size_and_a_few_crowds_do_not_shift_it() {
        let mut rng = Rng::new(1);
        let nodes: Vec<Id> = (0..5_000).map(|_| Id::random(&mut rng)).collect();
        let mut estimate = Estimate::default();
        assert_eq!(estimate.nodes(), None);
        for round in 0..32 {
            let target = Id::random(&mut rng);
            let mut near: Vec<Id> = nodes.iter().map(|it| it.distance(target)).collect();
            near.sort_unstable();
            let crowded = round % 4 == 0;
            estimate.sample(if crowded { 1e-9 } else { near[K - 1].share() });
        }
        let nodes = estimate.nodes().unwrap();
        assert!((3_500.0..8_000.0).contains(&nodes), "{nodes}");
        estimate.sample(0.0);
        assert!(estimate.radius().unwrap() <= 1.0);
    }
}
