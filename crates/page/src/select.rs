use std::ops::Range;
use std::time::UNIX_EPOCH;

use httpdate::parse_http_date;
use stdx::Duration;

/// What is there of a file (RFC 9110 §8.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    /// The strong entity tag, in its quotes.
    pub tag: &'a str,
    /// When the file was last modified, in whole seconds of Unix time.
    pub modified: u64,
    /// Bytes of the file.
    pub length: u64,
}

impl Version<'_> {
    /// The value of the `Last-Modified` header.
    pub fn last_modified(&self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(self.modified.min(LAST_SECOND)))
    }
}

/// The last second that an HTTP date can name: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// The values of the headers that make a request conditional or partial. What is no UTF-8 counts as
/// absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// `Range`; only GET has it.
    pub range: Option<&'a str>,
    /// `If-Range`
    pub if_range: Option<&'a str>,
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// `If-None-Match`
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<&'a str>,
    /// `If-Unmodified-Since`
    pub if_unmodified_since: Option<&'a str>,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// 200: all of it.
    Whole,
    /// 206: these bytes, at least one.
    Part(Range<u64>),
    /// 304: the asker has it.
    Unmodified,
    /// 412: it is not what the asker expects.
    Refused,
    /// 416: the file has no such bytes.
    Unsatisfiable,
}

/// Ranges that one header may list, at most; one that lists more is passed over.
const RANGES_MAX: usize = 64;

/// Decides which bytes of `version` a request is for (RFC 9110 §13.2.2, §14.2). Several ranges in
/// one request are answered by the whole, as the RFC allows, unless only one of them is there.
pub fn select(version: &Version<'_>, conditions: &Conditions<'_>) -> Selection {
    let fits = match (conditions.if_match, conditions.if_unmodified_since.map(seconds)) {
        (Some(tags), _) => lists(tags, version.tag, false),
        (None, Some(Some(date))) => version.modified <= date,
        (None, _) => true,
    };
    if !fits {
        return Selection::Refused;
    }
    let known = match (conditions.if_none_match, conditions.if_modified_since.map(seconds)) {
        (Some(tags), _) => lists(tags, version.tag, true),
        (None, Some(Some(date))) => version.modified <= date,
        (None, _) => false,
    };
    if known {
        return Selection::Unmodified;
    }
    let same = conditions.if_range.is_none_or(|known| {
        known.trim() == version.tag || seconds(known) == Some(version.modified)
    });
    match conditions.range {
        Some(range) if same => part(range, version.length),
        _ => Selection::Whole,
    }
}

/// Seconds of Unix time of an HTTP date; `None` for what is none, and before 1970.
fn seconds(date: &str) -> Option<u64> {
    let since = parse_http_date(date.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

/// Whether a list of entity tags, or `*`, has `tag`; weakly compared, `W/` makes no difference.
fn lists(tags: &str, tag: &str, weakly: bool) -> bool {
    let same = |listed: &str| match listed.strip_prefix("W/") {
        Some(listed) if weakly => listed == tag,
        _ => listed == tag,
    };
    tags.trim() == "*" || tags.split(',').map(str::trim).any(same)
}

/// Reads a `Range` header (RFC 9110 §14.1.2). What is malformed, or not of bytes, asks for all.
fn part(header: &str, length: u64) -> Selection {
    let Some((unit, list)) = header.split_once('=') else {
        return Selection::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    let mut found: Option<Range<u64>> = None;
    let mut asked = 0;
    for spec in list.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        asked += 1;
        let Some(range) = one(spec, length).filter(|_| asked <= RANGES_MAX) else {
            return Selection::Whole;
        };
        if range.is_empty() {
            continue;
        }
        if found.replace(range).is_some() {
            return Selection::Whole;
        }
    }
    match found {
        Some(range) => Selection::Part(range),
        None if asked == 0 => Selection::Whole,
        None => Selection::Unsatisfiable,
    }
}

/// The bytes of one `FIRST-LAST`, `FIRST-` or `-COUNT`; empty when there are none, `None` when it
/// is malformed.
fn one(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    let (first, last) = (first.trim_end(), last.trim_start());
    if first.is_empty() {
        return Some(length - number(last)?.min(length)..length);
    }
    let first = number(first)?;
    let end = match last {
        "" => length,
        last => number(last).filter(|&last| last >= first)?.saturating_add(1).min(length),
    };
    Some(first.min(length)..end)
}

/// A number of any size; what is too large is more than any file has.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
