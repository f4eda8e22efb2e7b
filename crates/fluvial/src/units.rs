//! Sizes, rates and times as people write them (in) and read them (out).

use std::time::Duration;

pub(crate) use stdx::{
    Rate, parse_duration, parse_rate, parse_size, show_count as count, show_number, show_size,
};

/// `16 KiB`: a size without decimals where it needs none, such as a piece length.
pub(crate) fn show_round(bytes: u64) -> String {
    let unit = bytes.max(1).ilog2() / 10 * 10;
    let text = show_size(bytes);
    match text.split_once(' ') {
        Some((_, name)) if bytes.trailing_zeros() >= unit => format!("{} {name}", bytes >> unit),
        _ => text,
    }
}

/// `3.2 MiB/s`: a rate for people.
pub(crate) fn show_rate(bytes_per_second: u64) -> String {
    format!("{}/s", show_size(bytes_per_second))
}

/// `10 Mbit/s`: the rate of a line, in the units in which lines are sold.
pub(crate) fn show_line_rate(bytes_per_second: u128) -> String {
    const UNITS: [&str; 6] = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "Pbit/s"];
    let mut value = bytes_per_second as f64 * 8.0;
    let mut unit = 0;
    // What would be rounded to 1000 is one of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let text = match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    let text = match text.split_once('.') {
        Some((whole, rest)) if rest.bytes().all(|digit| digit == b'0') => whole,
        _ => &text,
    };
    format!("{text} {}", UNITS[unit])
}

/// `1h 02m`, `3m 05s`, `4.2s`, `15 ms`: a time for people.
pub(crate) fn show_duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0..10 if duration.subsec_millis() == 0 => format!("{secs}s"),
        0 if duration.as_millis() < 100 => format!("{} ms", duration.as_millis()),
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{secs}s"),
        60..3_600 => format!("{}m {:02}s", secs / 60, secs % 60),
        3_600..86_400 => format!("{}h {:02}m", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{}d {:02}h", secs / 86_400, secs % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests;
