//! The least, the middle and the most of some measurements.

use serde_json::{Value, json};

/// A spread of measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(*values.get(middle.wrapping_sub(1))?, values[middle])
        };
        Some(Self { least: values[0], median, most: values[values.len() - 1] })
    }

    /// Of each of `ours` to its partner in `theirs`, measured beside it: what slows a machine
    /// down for a while slows both.
    pub(super) fn of_ratios(
        ours: impl IntoIterator<Item = f64>,
        theirs: impl IntoIterator<Item = f64>,
    ) -> Option<Self> {
        Self::of(ours.into_iter().zip(theirs).map(|(our, their)| our / their))
    }

    pub(super) fn json(&self) -> Value {
        json!({"min": self.least, "median": self.median, "max": self.most})
    }

    /// `median (min–max)`.
    pub(super) fn show(&self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.least, self.most)
    }
}

#[cfg(test)]
mod tests;
