//! Sizes, rates and times as people write them.

use std::time::Duration;

/// A limit in bytes per second; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Option<u64>);

/// Reads a size such as `4MB`, `4MiB`, `1.5G` or `4194304`, in bytes.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_number(text)?;
    let scale = byte_scale(unit)
        .ok_or_else(|| format!("unknown unit `{unit}`; write for example 4MB, 4MiB or 1G"))?;
    scaled(number, scale)
}

/// Reads a rate such as `4MB/s`, `10Mbit/s`, `500k` (bytes per second) or `none`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_rate(text: &str) -> Result<Rate, String> {
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
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
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
