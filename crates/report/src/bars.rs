use maud::{Markup, html};

use crate::axis::Unit;
use crate::legend::{self, Mark};
use crate::picture::{Drawing, KINDS, Picture};
use crate::words::{fitted, px, width};

/// The most rows that are drawn; how many more there are is said below.
const ROWS_MAX: usize = 120;
/// The most parts of a row.
const PARTS_MAX: usize = 16;
/// The height of a bar, and the space between rows.
const BAR: f64 = 14.0;
const GAP: f64 = 8.0;

/// Bars from left to right, one row for each thing, with the value behind each bar.
#[derive(Clone, Debug)]
pub struct Bars {
    unit: Unit,
    parts: Vec<String>,
    is_stacked: bool,
    rows: Vec<(String, Vec<f64>)>,
    reference: Option<(String, f64)>,
}

impl Bars {
    /// One bar in each row.
    pub fn new(unit: Unit) -> Self {
        Self { unit, parts: Vec::new(), is_stacked: false, rows: Vec::new(), reference: None }
    }

    /// Several bars in each row, of these names, under each other.
    pub fn grouped(unit: Unit, parts: &[&str]) -> Self {
        let parts = parts.iter().take(PARTS_MAX).map(ToString::to_string).collect();
        Self { parts, ..Self::new(unit) }
    }

    /// One bar in each row, made of parts of these names; what is behind it is their sum.
    pub fn stacked(unit: Unit, parts: &[&str]) -> Self {
        Self { is_stacked: true, ..Self::grouped(unit, parts) }
    }

    /// Adds a row: a value for each part. What is negative or not finite counts as nothing.
    pub fn row(mut self, name: &str, values: &[f64]) -> Self {
        let sound = |value: &f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
        let most = self.parts.len().max(1);
        self.rows.push((name.to_owned(), values.iter().take(most).map(sound).collect()));
        self
    }

    /// A thin line across all rows at a value, with its name.
    pub fn level(mut self, name: &str, at: f64) -> Self {
        self.reference = Some((name.to_owned(), at)).filter(|_| at.is_finite() && at >= 0.0);
        self
    }

    fn lanes(&self) -> usize {
        if self.is_stacked { 1 } else { self.parts.len().max(1) }
    }

    fn largest(&self) -> f64 {
        let of_row = |(_, values): &(String, Vec<f64>)| {
            let values = values.iter().copied();
            if self.is_stacked { values.sum() } else { values.fold(0.0, f64::max) }
        };
        let rows = self.rows.iter().take(ROWS_MAX).map(of_row).fold(0.0, f64::max);
        self.reference.iter().map(|(_, at)| *at).fold(rows, f64::max)
    }

    fn draw_row(&self, values: &[f64], y: f64, place: &Place) -> Markup {
        let total = self.unit.words(values.iter().sum());
        let mut x = place.left;
        let bars = values.iter().enumerate().map(|(part, value)| {
            let long = value * place.per_unit;
            let lane = if self.is_stacked { 0 } else { part };
            let bar = (part % KINDS + 1, x, y + lane as f64 * BAR, long, self.unit.words(*value));
            x += if self.is_stacked { long } else { 0.0 };
            bar
        });
        let bars: Vec<_> = bars.collect();
        html! {
            @for (kind, x, y, long, words) in &bars {
                @let title = self.parts.get(kind - 1).map(|part| format!("{part}: {words}"));
                rect class={ "fill k" (kind) } x=(px(*x)) y=(px(*y)) width=(px(*long))
                    height=(px(BAR - 2.0)) { @if let Some(title) = title { title { (title) } } }
                @if !self.is_stacked {
                    text.soft.halo x=(px(x + long + 6.0)) y=(px(y + 10.0)) { (words) }
                }
            }
            @if self.is_stacked {
                text.soft.halo x=(px(x + 6.0)) y=(px(y + 10.0)) { (total) }
            }
        }
    }
}

/// Where the bars begin, and how long one unit is.
struct Place {
    left: f64,
    per_unit: f64,
}

impl Picture for Bars {
    fn draw(&self, total: f64) -> Drawing {
        let shown = &self.rows[..self.rows.len().min(ROWS_MAX)];
        let names = shown.iter().map(|(name, _)| width(name)).fold(0.0, f64::max);
        let left = names.min(total * 0.35) + 10.0;
        let largest = self.largest();
        let words = width(&self.unit.words(largest)).max(64.0) + 8.0;
        let long = (total - left - words).max(40.0);
        let place = Place { left, per_unit: if largest > 0.0 { long / largest } else { 0.0 } };
        let parts = self.parts.iter().enumerate();
        let entries: Vec<_> =
            parts.map(|(part, name)| (&**name, part % KINDS + 1, Mark::Block)).collect();
        let (legend, above) = legend::draw(&entries, total);
        let top = above + if self.reference.is_some() { 20.0 } else { 2.0 };
        let pitch = self.lanes() as f64 * BAR + GAP;
        let bottom = top + pitch * shown.len() as f64;
        let hidden = self.rows.len() - shown.len();
        let body = html! {
            (legend)
            @for (index, (name, values)) in shown.iter().enumerate() {
                @let y = top + pitch * index as f64;
                @let middle = y + (pitch - GAP) / 2.0 + 3.0;
                text x=(px(left - 8.0)) y=(px(middle)) text-anchor="end" {
                    (fitted(name, left - 10.0))
                }
                (self.draw_row(values, y, &place))
            }
            path.base d={ "M" (px(left)) " " (px(top - 3.0)) "V" (px(bottom - GAP + 1.0)) } {}
            @if let Some((name, at)) = &self.reference {
                @let x = left + at * place.per_unit;
                path.ref d={ "M" (px(x)) " " (px(top - 3.0)) "V" (px(bottom - GAP + 1.0)) } {}
                text.soft x=(px(x)) y=(px(top - 8.0)) text-anchor=(anchor(x, total)) { (name) }
            }
            @if hidden > 0 {
                text.soft x=(px(left)) y=(px(bottom + 10.0)) { "and " (hidden) " more" }
            }
        };
        Drawing { height: bottom + if hidden > 0 { 16.0 } else { 0.0 }, body }
    }
}

fn anchor(x: f64, total: f64) -> &'static str {
    if x > total * 0.75 { "end" } else { "middle" }
}

#[cfg(test)]
mod tests;
