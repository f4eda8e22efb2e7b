//! What was measured of each tracker, and the table of it.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::super::report::align;
use super::super::statistics::Spread;

/// Titles of the figures, with how many digits of each are shown.
const DIGITS: [(&str, usize); 15] = [
    ("announces/s", 0),
    ("CPU µs/announce", 2),
    ("user µs/announce", 2),
    ("mixed: requests/s", 0),
    ("mixed: CPU µs/request", 2),
    ("RSS MiB", 1),
    ("RSS bytes/peer", 1),
    ("at 70 %: p50 ms", 3),
    ("at 70 %: p99 ms", 3),
    ("at 70 %: p99.9 ms", 3),
    ("at 70 %, under way: p50 ms", 3),
    ("at 70 %, under way: p99 ms", 3),
    ("at 70 %, under way: p99.9 ms", 3),
    ("at 70 %: crowd held up ms", 1),
    ("lost %", 3),
];

/// Measurements of one tracker, run by run.
pub(super) struct Figures {
    name: &'static str,
    runs: Vec<Vec<(&'static str, f64)>>,
}

impl Figures {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, runs: Vec::new() }
    }

    pub(super) fn add(&mut self, run: Vec<(&'static str, f64)>) {
        self.runs.push(run);
    }

    fn values(&self, title: &str) -> Vec<f64> {
        let found = |run: &Vec<(&'static str, f64)>| {
            run.iter().find(|(name, _)| *name == title).map(|(_, value)| *value)
        };
        self.runs.iter().filter_map(found).collect()
    }

    pub(super) fn json(&self) -> Value {
        let mut figures = Map::new();
        for (title, _) in DIGITS {
            let values = self.values(title);
            if let Some(spread) = Spread::of(values.iter().copied()) {
                figures.insert(title.to_owned(), json!({"values": values, "is": spread.json()}));
            }
        }
        json!({"name": self.name, "figures": figures})
    }
}

/// Of announces alone, of the mix as fast as it goes, and of the mix at a part of that.
pub(super) fn udp(alone: &Value, limit: &Value, times: &Value) -> Result<Vec<(&'static str, f64)>> {
    let mut figures = vec![
        ("announces/s", number(alone, "announces_per_second")?),
        ("CPU µs/announce", 1e6 * cost(alone, "cpu_seconds_per_announce")?),
        ("user µs/announce", 1e6 * cost(alone, "user_seconds_per_announce")?),
        ("mixed: requests/s", number(limit, "requests_per_second")?),
        ("mixed: CPU µs/request", 1e6 * cost(limit, "cpu_seconds_per_request")?),
        ("RSS MiB", cost(alone, "resident_joined")? / f64::from(1 << 20)),
        ("RSS bytes/peer", cost(alone, "resident_per_peer")?),
    ];
    figures.extend(latency(times)?);
    Ok(figures)
}

/// Of announces as fast as they go, and at a part of that.
pub(super) fn http(limit: &Value, times: &Value) -> Result<Vec<(&'static str, f64)>> {
    let mut figures = vec![
        ("announces/s", number(limit, "announces_per_second")?),
        ("CPU µs/announce", 1e6 * cost(limit, "cpu_seconds_per_announce")?),
        ("user µs/announce", 1e6 * cost(limit, "user_seconds_per_announce")?),
        ("RSS MiB", cost(limit, "resident_joined")? / f64::from(1 << 20)),
    ];
    figures.extend(latency(times)?);
    Ok(figures)
}

/// Of requests at a part of the limit.
pub(super) fn latency(times: &Value) -> Result<Vec<(&'static str, f64)>> {
    let sent: f64 =
        ["connects", "announces", "scrapes"].iter().filter_map(|name| times[name].as_f64()).sum();
    let mut figures = vec![
        ("at 70 %: p50 ms", 1e3 * number(times, "p50_seconds")?),
        ("at 70 %: p99 ms", 1e3 * number(times, "p99_seconds")?),
        ("at 70 %: p99.9 ms", 1e3 * number(times, "p999_seconds")?),
    ];
    // By UDP alone.
    let under_way = [
        ("at 70 %, under way: p50 ms", "under_way_p50_seconds"),
        ("at 70 %, under way: p99 ms", "under_way_p99_seconds"),
        ("at 70 %, under way: p99.9 ms", "under_way_p999_seconds"),
    ];
    let noted = under_way.map(|(title, name)| Some((title, 1e3 * times[name].as_f64()?)));
    figures.extend(noted.into_iter().flatten());
    figures.extend([
        ("at 70 %: crowd held up ms", 1e3 * number(times, "held_up_seconds")?),
        ("lost %", 100.0 * number(times, "lost")? / sent),
    ]);
    Ok(figures)
}

fn number(of: &Value, name: &str) -> Result<f64> {
    of[name].as_f64().with_context(|| format!("no `{name}` in {of}"))
}

fn cost(of: &Value, name: &str) -> Result<f64> {
    number(&of["cost"], name)
}

/// A run as one line.
pub(super) fn line(run: &[(&'static str, f64)]) -> String {
    let shown = run.iter().take(3).map(|(title, value)| format!("{value:.2} {title}"));
    shown.collect::<Vec<_>>().join(", ")
}

/// Medians with the least and the most.
pub(super) fn table(title: &str, trackers: &[Figures]) -> String {
    let names = trackers.iter().map(|tracker| tracker.name.to_owned());
    let mut lines = vec![[title.to_owned()].into_iter().chain(names).collect::<Vec<_>>()];
    for (figure, digits) in DIGITS {
        let spreads: Option<Vec<Spread>> =
            trackers.iter().map(|tracker| Spread::of(tracker.values(figure))).collect();
        if let Some(spreads) = spreads {
            let cells = spreads.iter().map(|spread| spread.show(digits));
            lines.push([figure.to_owned()].into_iter().chain(cells).collect());
        }
    }
    align(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_what_all_have() {
        let mut ours = Figures::new("ours");
        let mut theirs = Figures::new("theirs");
        for value in [1.0, 3.0, 2.0] {
            ours.add(vec![("announces/s", value), ("RSS MiB", 5.0)]);
            theirs.add(vec![("announces/s", value * 2.0)]);
        }
        let table = table("Udp", &[ours, theirs]);
        assert!(table.contains("2 (1–3)") && table.contains("4 (2–6)"), "{table}");
        assert!(!table.contains("RSS"), "{table}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = http(&json!({"announces_per_second": 5.0}), &Value::Null).unwrap_err();
        assert!(error.to_string().contains("cpu_seconds_per_announce"), "{error}");
    }
}
