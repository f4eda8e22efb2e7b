//! From values to pixels, with ticks at round numbers.

use crate::axis::{Axis, Unit};
use crate::words::grouped;

/// The most ticks on an axis, whatever its length.
const TICKS_MAX: usize = 40;
/// Values beyond are left out: nothing that is measured is so large.
const VALUE_MAX: f64 = 1e30;

/// An axis that knows its values and its place.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
    start: f64,
    end: f64,
    /// Where ticks stand, and what is written there.
    pub(crate) ticks: Vec<(f64, String)>,
    /// The label with the measure: `time (h)`.
    pub(crate) title: String,
}

/// The least and the largest of the finite (on a log axis: positive) values.
pub(crate) fn extent(axis: &Axis, values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| is_sound(axis.is_log, *value)).fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

impl Scale {
    /// An axis over `extent`, with about `ticks` ticks. One that is `rounded` ends at a tick.
    pub(crate) fn fit(axis: &Axis, extent: Option<(f64, f64)>, ticks: f64, rounded: bool) -> Self {
        let (low, high) = bounds(axis, extent);
        if axis.is_log {
            let title = axis.label.clone();
            let ticks = log_ticks(axis.unit, (low, high), ticks);
            return Self { low, high, is_log: true, start: 0.0, end: 1.0, ticks, title };
        }
        let (per, name) = axis.unit.measure(low.abs().max(high.abs()));
        let title = match name {
            "" => axis.label.clone(),
            name => format!("{} ({name})", axis.label),
        };
        let step = step(axis.unit, name, (high - low) / per / ticks.max(1.0));
        let tick = |value: f64, round: fn(f64) -> f64| round(value / per / step) * step * per;
        let (free_low, free_high) = (rounded && axis.from.is_none(), rounded && axis.to.is_none());
        let low = if free_low { tick(low, |at| (at + 1e-9).floor()) } else { low };
        let high = if free_high { tick(high, |at| (at - 1e-9).ceil()) } else { high };
        let ticks = linear_ticks((low / per, high / per), step);
        let ticks = ticks.into_iter().map(|(at, text)| (at * per, text)).collect();
        Self { low, high, is_log: false, start: 0.0, end: 1.0, ticks, title }
    }

    /// The same axis from one pixel to another.
    pub(crate) fn placed(mut self, start: f64, end: f64) -> Self {
        self.start = start;
        self.end = end;
        self
    }

    /// The pixel of a value; values beyond the ends lie beyond the ends, within reason.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let part = if self.is_log {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.start + part.clamp(-0.5, 1.5) * (self.end - self.start)
    }

    /// True when a value can be drawn.
    pub(crate) fn has(&self, value: f64) -> bool {
        is_sound(self.is_log, value)
    }

    /// True when a value lies on the axis.
    pub(crate) fn holds(&self, value: f64) -> bool {
        let slack = (self.high - self.low) * 1e-9;
        self.has(value) && value >= self.low - slack && value <= self.high + slack
    }
}

fn is_sound(is_log: bool, value: f64) -> bool {
    value.abs() <= VALUE_MAX && (!is_log || value > 0.0)
}

fn bounds(axis: &Axis, extent: Option<(f64, f64)>) -> (f64, f64) {
    let (least, most) = extent.unwrap_or(if axis.is_log { (1.0, 10.0) } else { (0.0, 1.0) });
    if axis.is_log {
        let low = axis.from.filter(|from| *from > 0.0).unwrap_or(least);
        let high = axis.to.filter(|to| *to > low).unwrap_or(most);
        return if high > low * 1.001 { (low, high) } else { (low / 2.0, low * 2.0) };
    }
    let near_zero = least >= 0.0 && (least < most * 0.6 || least >= most);
    let low = axis.from.unwrap_or(if near_zero { 0.0 } else { least });
    let high = axis.to.unwrap_or(most);
    if high - low > high.abs() * 1e-9 { (low, high) } else { (low, low + low.abs().max(1.0)) }
}

/// The round step that is next to `raw` or larger.
fn step(unit: Unit, name: &str, raw: f64) -> f64 {
    let raw = raw.max(1e-9);
    if unit == Unit::Bytes && raw > 1.0 {
        return 2f64.powf((raw.log2() - 1e-9).ceil());
    }
    if matches!(name, "min" | "s") && raw > 5.0 {
        let round = [10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
        if let Some(step) = round.into_iter().find(|step| *step >= raw * 0.999) {
            return step;
        }
    }
    let magnitude = 10f64.powf(raw.log10().floor());
    let steps: &[f64] = match unit {
        Unit::Number | Unit::Count => &[1.0, 2.0, 5.0, 10.0],
        _ => &[1.0, 2.0, 2.5, 5.0, 10.0],
    };
    let fit = steps.iter().map(|factor| factor * magnitude).find(|step| *step >= raw * 0.999);
    let fit = fit.unwrap_or(magnitude * 10.0);
    if unit == Unit::Count { fit.max(1.0) } else { fit }
}

fn linear_ticks((low, high): (f64, f64), step: f64) -> Vec<(f64, String)> {
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0);
    // 0.25 has one digit more than its magnitude says.
    let is_split = (step * 10f64.powf(decimals)).fract().abs() > 1e-6;
    let decimals = decimals as usize + usize::from(is_split);
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    let steps = ((last - first).max(0.0) as usize).min(TICKS_MAX);
    let at = |index: usize| (first + index as f64) * step;
    (0..=steps).map(|index| (at(index), grouped(at(index), decimals))).collect()
}

/// Round values at about equal ratios; each is written with its own measure.
fn log_ticks(unit: Unit, (low, high): (f64, f64), most: f64) -> Vec<(f64, String)> {
    const TIMES: [f64; 16] = [
        1e-6,
        1e-5,
        1e-4,
        1e-3,
        1e-2,
        0.1,
        1.0,
        10.0,
        60.0,
        600.0,
        3_600.0,
        36_000.0,
        86_400.0,
        864_000.0,
        8_640_000.0,
        86_400_000.0,
    ];
    let decades = (high / low).log10();
    let powers = |base: f64| {
        let (first, last) = (low.log(base).floor() as i32, high.log(base).ceil() as i32);
        (first..=last).map(move |power| base.powi(power))
    };
    let all: Vec<f64> = match unit {
        Unit::Seconds if decades > 1.0 => TIMES.to_vec(),
        Unit::Bytes | Unit::Rate if decades > 1.0 => powers(32.0).collect(),
        _ if decades * 3.0 <= most => {
            powers(10.0).flat_map(|at| [at, at * 2.0, at * 5.0]).collect()
        }
        _ => powers(10.0).collect(),
    };
    let within = |at: &f64| *at >= low * 0.999_999 && *at <= high * 1.000_001;
    let all: Vec<f64> = all.into_iter().filter(within).collect();
    let stride = all.len().div_ceil((most as usize).clamp(2, TICKS_MAX));
    let chosen = all.into_iter().step_by(stride.max(1));
    chosen.map(|at| (at, unit.words(at))).collect()
}

#[cfg(test)]
mod tests;
