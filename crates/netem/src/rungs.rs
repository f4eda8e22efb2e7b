use std::collections::BTreeMap;

use serde::Deserialize;
use stdx::Duration;

use crate::{LinkConfig, Loss};

/// The table that comes with the crate.
const BUILT_IN: &str = include_str!("../rungs.toml");
/// Rungs in a table.
const RUNGS_MAX: usize = 1_000;
/// The fastest rate, in Mbit/s.
const MBIT_MAX: f64 = 1_000_000.0;
/// The longest of all times, in ms.
const MS_MAX: f64 = 3_600_000.0;
/// The longest mean burst, in packets.
const BURST_MAX: f64 = 10_000.0;
/// A queue holds two full packets at least.
const QUEUE_BYTES_MIN: u64 = 3_000;

/// An access link, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// Towards the subscriber.
    pub down: LinkConfig,
    /// From the subscriber.
    pub up: LinkConfig,
}

/// Links by name, as a ladder of ever worse ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Rungs(BTreeMap<String, Rung>);

/// What is wrong with a table of links.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RungError {
    /// It is no TOML, or has keys that mean nothing here.
    #[error("the table of links: {0}")]
    Unreadable(String),
    /// A value is out of its range.
    #[error("the link `{name}`: `{key}` is not {range}")]
    OutOfRange {
        /// The link.
        name: String,
        /// The value's name.
        key: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// There are too many.
    #[error("the table has more than {RUNGS_MAX} links")]
    TooMany,
}

/// One link as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    down_mbit: f64,
    up_mbit: f64,
    delay_ms: f64,
    queue_ms: f64,
    #[serde(default)]
    jitter_ms: f64,
    #[serde(default)]
    loss: f64,
    #[serde(default)]
    burst: f64,
    #[serde(default)]
    reorder: f64,
    #[serde(default)]
    reorder_ms: f64,
    #[serde(default)]
    duplicate: f64,
}

impl Rungs {
    /// The links that come with the crate: `lan`, `fibre`, `cable`, `dsl`, `mobile`, `satellite`
    /// and `lossy`.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("a test reads this table")
    }

    /// Reads a table in TOML, written as `rungs.toml` in this crate is.
    pub fn parse(text: &str) -> Result<Self, RungError> {
        let written: BTreeMap<String, Written> =
            toml::from_str(text).map_err(|error| RungError::Unreadable(one_line(&error)))?;
        if written.len() > RUNGS_MAX {
            return Err(RungError::TooMany);
        }
        let rung = |(name, it): (String, Written)| match it.rung() {
            Ok(rung) => Ok((name, rung)),
            Err((key, range)) => Err(RungError::OutOfRange { name, key, range }),
        };
        written.into_iter().map(rung).collect::<Result<_, _>>().map(Self)
    }

    /// A link by its name.
    pub fn get(&self, name: &str) -> Option<&Rung> {
        self.0.get(name)
    }

    /// All names, in order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Where and what, without the drawing of it.
fn one_line(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let place = text.lines().next().unwrap_or_default();
    format!("{place}: {}", error.message()).replace('\n', " ")
}

impl Written {
    fn rung(&self) -> Result<Rung, (&'static str, &'static str)> {
        const RATE: &str = "a rate from 0.001 to 1000000 Mbit/s";
        const TIME: &str = "a time from 0 to an hour, in ms";
        const SHARE: &str = "a share from 0 to 1";
        let check = |key, value: f64, low: f64, high: f64, range| {
            if (low..=high).contains(&value) { Ok(()) } else { Err((key, range)) }
        };
        check("down_mbit", self.down_mbit, 0.001, MBIT_MAX, RATE)?;
        check("up_mbit", self.up_mbit, 0.001, MBIT_MAX, RATE)?;
        check("delay_ms", self.delay_ms, 0.0, MS_MAX, TIME)?;
        check("queue_ms", self.queue_ms, 0.0, MS_MAX, TIME)?;
        check("jitter_ms", self.jitter_ms, 0.0, MS_MAX, TIME)?;
        check("reorder_ms", self.reorder_ms, 0.0, MS_MAX, TIME)?;
        check("loss", self.loss, 0.0, 1.0, SHARE)?;
        check("reorder", self.reorder, 0.0, 1.0, SHARE)?;
        check("duplicate", self.duplicate, 0.0, 1.0, SHARE)?;
        check("burst", self.burst, 0.0, BURST_MAX, "a number of packets from 0 to 10000")?;
        Ok(Rung { down: self.link(self.down_mbit), up: self.link(self.up_mbit) })
    }

    fn link(&self, mbit: f64) -> LinkConfig {
        let rate = (mbit * 1e6 / 8.0).round().max(1.0);
        let millis = |ms: f64| Duration::from_secs_f64(ms / 1e3);
        let queue = (rate * self.queue_ms / 1e3) as u64;
        LinkConfig {
            rate: Some(rate as u64),
            delay: millis(self.delay_ms),
            queue_bytes: queue.max(QUEUE_BYTES_MIN),
            jitter: millis(self.jitter_ms),
            loss: Loss::bursts(self.loss, self.burst),
            reorder: self.reorder,
            reorder_by: millis(self.reorder_ms),
            duplicate: self.duplicate,
        }
    }
}
