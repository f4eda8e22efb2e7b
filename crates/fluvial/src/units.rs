//! Sizes, rates and times as people write them (in) and read them (out).

use std::time::Duration;

pub(crate) use stdx::{show_count as count, show_number, show_size};

/// A limit in bytes per second; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) Option<u64>);

/// Reads a size such as `4MB`, `4MiB`, `1.5G` or `4194304`, in bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_number(text)?;
    let scale = byte_scale(unit)
        .ok_or_else(|| format!("unknown unit `{unit}`; write for example 4MB, 4MiB or 1G"))?;
    scaled(number, scale)
}

/// Reads a rate such as `4MB/s`, `10Mbit/s`, `500k` (bytes per second) or `none`.
pub(crate) fn parse_rate(text: &str) -> Result<Rate, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Rate(None));
    }
    let (number, unit) = split_number(text)?;
    let unit = unit.strip_suffix("/s").unwrap_or(unit);
    let lower = unit.to_ascii_lowercase();
    let bits = lower.strip_suffix("bits").or_else(|| lower.strip_suffix("bit"));
    let scale = match bits {
        Some(prefix) => byte_scale(prefix).map(|scale| scale / 8.0),
        None => byte_scale(unit),
    }
    .ok_or_else(|| format!("unknown unit `{unit}`; write for example 4MB/s, 10Mbit/s or none"))?;
    match scaled(number, scale) {
        Ok(rate) => Ok(Rate(Some(rate))),
        Err(why) => Err(format!("{why}; write `none` for unlimited")),
    }
}

/// Reads a time such as `30s`, `5m`, `1h30m`, `250ms` or `90` (seconds).
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().map_err(|_| bad_duration(text))?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let scale = match rest[..end].trim() {
            "ms" => 0.001,
            "" | "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(bad_duration(text)),
        };
        total += number * scale;
        rest = &rest[end..];
    }
    match Duration::try_from_secs_f64(total) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(bad_duration(text)),
    }
}

fn bad_duration(text: &str) -> String {
    format!("`{text}` is not a positive time; write for example 30s, 5m or 1h30m")
}

fn split_number(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end]
        .parse()
        .map_err(|_| format!("`{text}` does not begin with a number; write for example 4MB"))?;
    Ok((number, text[end..].trim()))
}

fn scaled(number: f64, scale: f64) -> Result<u64, String> {
    let bytes = number * scale;
    if bytes < 1.0 {
        return Err("it must be positive".to_owned());
    }
    if bytes >= 9.0e18 {
        return Err("it is too large".to_owned());
    }
    Ok(bytes.round() as u64)
}

fn byte_scale(unit: &str) -> Option<f64> {
    let lower = unit.to_ascii_lowercase();
    let unit = lower.strip_suffix('b').unwrap_or(&lower);
    let scale = match unit {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        "ki" => 1024.0,
        "mi" => 1024.0 * 1024.0,
        "gi" => 1024.0 * 1024.0 * 1024.0,
        "ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(scale)
}

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
