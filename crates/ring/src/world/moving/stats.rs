//! What was seen.

use std::collections::BTreeMap;

use crate::invariant::Broken;
use crate::route::Route;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Look-ups that ended.
    pub lookups: u64,
    /// Of these, those that did not find the owner.
    pub failed: u64,
    /// How many look-ups took so many messages.
    pub paths: BTreeMap<u64, u64>,
    /// How many look-ups met so many timeouts.
    pub timeouts: BTreeMap<u64, u64>,
    /// Messages of every kind …
    pub messages: u64,
    /// … in this time.
    pub seconds: f64,
    /// Newcomers.
    pub joins: u64,
    /// Members that left.
    pub failures: u64,
    /// Answers that came when their sender had been taken for gone.
    pub false_deaths: u64,
    /// Members that lost all their successors and joined anew.
    pub lost: u64,
    /// How often what must hold was checked.
    pub checks: u64,
    /// How often it did not hold, by what was wrong.
    pub broken: BTreeMap<&'static str, u64>,
}

impl Stats {
    /// Messages of a look-up on average.
    pub fn mean_path(&self) -> f64 {
        mean(&self.paths)
    }

    /// Timeouts of a look-up on average.
    pub fn mean_timeouts(&self) -> f64 {
        mean(&self.timeouts)
    }

    /// Between which numbers of messages 98 of 100 look-ups lie.
    pub fn path_range(&self) -> (u64, u64) {
        (percentile(&self.paths, 0.01), percentile(&self.paths, 0.99))
    }

    /// Between which numbers of timeouts 98 of 100 look-ups lie.
    pub fn timeout_range(&self) -> (u64, u64) {
        (percentile(&self.timeouts, 0.01), percentile(&self.timeouts, 0.99))
    }

    /// Messages of every kind that each of so many peers sends in a minute.
    pub fn traffic(&self, nodes: u32) -> f64 {
        let minutes = self.seconds / 60.0;
        if minutes > 0.0 { self.messages as f64 / f64::from(nodes) / minutes } else { 0.0 }
    }

    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.lookups += other.lookups;
        self.failed += other.failed;
        for (mine, theirs) in
            [(&mut self.paths, &other.paths), (&mut self.timeouts, &other.timeouts)]
        {
            for (value, count) in theirs {
                *mine.entry(*value).or_default() += count;
            }
        }
        self.messages += other.messages;
        self.seconds += other.seconds;
        self.joins += other.joins;
        self.failures += other.failures;
        self.false_deaths += other.false_deaths;
        self.lost += other.lost;
        self.checks += other.checks;
        for (what, count) in &other.broken {
            *self.broken.entry(what).or_default() += count;
        }
    }

    /// A look-up is over.
    pub fn found(&mut self, route: &Route, is_right: bool) {
        self.lookups += 1;
        self.failed += u64::from(!is_right);
        *self.paths.entry(route.messages()).or_default() += 1;
        *self.timeouts.entry(route.timeouts.into()).or_default() += 1;
    }

    pub(super) fn checked(&mut self, broken: Option<Broken>) {
        self.checks += 1;
        if let Some(broken) = broken {
            *self.broken.entry(broken.kind()).or_default() += 1;
        }
    }
}

fn mean(counts: &BTreeMap<u64, u64>) -> f64 {
    let all: u64 = counts.values().sum();
    let sum: u64 = counts.iter().map(|(value, count)| value * count).sum();
    if all == 0 { 0.0 } else { sum as f64 / all as f64 }
}

fn percentile(counts: &BTreeMap<u64, u64>, share: f64) -> u64 {
    let all: u64 = counts.values().sum();
    let mut seen = 0;
    for (value, count) in counts {
        seen += count;
        if seen as f64 >= share * all as f64 {
            return *value;
        }
    }
    0
}
