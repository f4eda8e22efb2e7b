/// What is counted along an axis: it decides the steps between ticks and how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unit {
    /// A plain number.
    #[default]
    Number,
    /// A number of things: its ticks are whole.
    Count,
    /// Seconds; written in ms, s, min, h or d.
    Seconds,
    /// Bytes; written in KiB, MiB….
    Bytes,
    /// Bytes per second; written in KiB/s, MiB/s….
    Rate,
    /// A part of one; written in per cent.
    Share,
}

impl Unit {
    /// The measure in which values up to `most` read best: how much one of it is, and its name.
    pub(crate) fn measure(self, most: f64) -> (f64, &'static str) {
        const TIMES: [(f64, f64, &str); 6] = [
            (86_400.0 * 2.0, 86_400.0, "d"),
            (7_200.0, 3_600.0, "h"),
            (120.0, 60.0, "min"),
            (1.0, 1.0, "s"),
            (1e-3, 1e-3, "ms"),
            (0.0, 1e-6, "µs"),
        ];
        const SIZES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        const RATES: [&str; 7] = ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s", "EiB/s"];
        let binary = |names: [&'static str; 7]| {
            let power = (most.max(1.0).log2() / 10.0).floor().clamp(0.0, 6.0);
            (1024f64.powf(power), names[power as usize])
        };
        match self {
            Self::Number | Self::Count => (1.0, ""),
            Self::Share => (0.01, "%"),
            Self::Bytes => binary(SIZES),
            Self::Rate => binary(RATES),
            Self::Seconds if most <= 0.0 => (1.0, "s"),
            Self::Seconds => {
                let fit = TIMES.into_iter().find(|(from, ..)| most >= *from);
                fit.map_or((1.0, "s"), |(_, per, name)| (per, name))
            }
        }
    }

    /// A value in words, such as `3.5 h` or `12 MiB/s`.
    pub(crate) fn words(self, value: f64) -> String {
        let (per, name) = match (self, value) {
            // Alone, these read better than so many of the smaller measure.
            (Self::Seconds, 60.0) => (60.0, "min"),
            (Self::Seconds, 3_600.0) => (3_600.0, "h"),
            (Self::Seconds, 86_400.0) => (86_400.0, "d"),
            _ => self.measure(value.abs()),
        };
        let value = value / per;
        let decimals = match value.abs() {
            v if (v - v.round()).abs() < 1e-9 => 0,
            99.95.. => 0,
            9.995.. => 1,
            0.1.. => 2,
            small => (1.0 - small.log10().floor()).min(9.0) as usize,
        };
        let text = crate::words::grouped(value, decimals);
        if name.is_empty() { text } else { format!("{text} {name}") }
    }
}

/// What runs along one side of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub(crate) label: String,
    pub(crate) unit: Unit,
    pub(crate) is_log: bool,
    pub(crate) from: Option<f64>,
    pub(crate) to: Option<f64>,
}

impl Axis {
    /// An axis of plain numbers.
    pub fn new(label: &str) -> Self {
        Self::of(label, Unit::Number)
    }

    /// An axis of numbers of things, such as peers.
    pub fn count(label: &str) -> Self {
        Self::of(label, Unit::Count)
    }

    /// An axis in seconds.
    pub fn seconds(label: &str) -> Self {
        Self::of(label, Unit::Seconds)
    }

    /// An axis in bytes.
    pub fn bytes(label: &str) -> Self {
        Self::of(label, Unit::Bytes)
    }

    /// An axis in bytes per second.
    pub fn rate(label: &str) -> Self {
        Self::of(label, Unit::Rate)
    }

    /// An axis of parts of one, written in per cent.
    pub fn share(label: &str) -> Self {
        Self::of(label, Unit::Share)
    }

    /// An axis in `unit`.
    pub fn of(label: &str, unit: Unit) -> Self {
        Self { label: label.to_owned(), unit, is_log: false, from: None, to: None }
    }

    /// Equal steps for equal ratios; values that are not positive are left out.
    pub fn log(mut self) -> Self {
        self.is_log = true;
        self
    }

    /// Begins here, whatever the values; otherwise at 0 or the least value.
    pub fn starting_at(mut self, from: f64) -> Self {
        self.from = Some(from).filter(|from| from.is_finite());
        self
    }

    /// Ends here, whatever the values; otherwise at or behind the largest value.
    pub fn ending_at(mut self, to: f64) -> Self {
        self.to = Some(to).filter(|to| to.is_finite());
        self
    }
}
