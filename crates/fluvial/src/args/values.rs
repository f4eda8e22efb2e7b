//! Values after flags: what a person may write, and what is said of anything else.

use std::net::SocketAddr;
use std::time::Duration;

use announce::TrackerUrl;
use clap::error::ErrorKind;

use super::{Seed, Share, wrong};
use crate::units::{parse_duration, parse_size};

/// Bounds and grain of piece lengths (BEP 52 § pieces: a power of two from 16 KiB).
const PIECE_LENGTH_MIN: u64 = 16 << 10;
const PIECE_LENGTH_MAX: u64 = 512 << 20;

/// The least memory of a tracker: room for thousands of peers.
const MEMORY_MIN: u64 = 1 << 20;

/// How often peers may be asked to announce: what a tracker and its store still make sense with.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
const INTERVAL_MAX: Duration = Duration::from_hours(8);

/// When a finished `get` stops giving.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SeedGoal {
    /// At once.
    None,
    /// Never.
    Forever,
    /// When this many times the content has been sent.
    Ratio(f64),
    /// After this time.
    Time(Duration),
}

/// Reads `none`, `forever`, `ratio:R` or `time:DUR`.
pub(super) fn parse_goal(text: &str) -> Result<SeedGoal, String> {
    let wrong = || "write none, forever, ratio:R or time:DUR, for example ratio:1.5".to_owned();
    match text.split_once(':') {
        None if text == "none" => Ok(SeedGoal::None),
        None if text == "forever" => Ok(SeedGoal::Forever),
        Some(("ratio", ratio)) => match ratio.parse::<f64>() {
            Ok(ratio) if ratio.is_finite() && ratio > 0.0 => Ok(SeedGoal::Ratio(ratio)),
            _ => Err(wrong()),
        },
        Some(("time", time)) => parse_duration(time).map(SeedGoal::Time),
        _ => Err(wrong()),
    }
}

/// Reads an IP address and port.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "an IP address and a port are needed, for example 192.0.2.7:6881 or '[::1]:6881'".to_owned()
    })
}

/// Reads the address of a mirror.
pub(super) fn parse_web_seed(text: &str) -> Result<mirror::Address, String> {
    mirror::Address::files(text, true).map_err(|error| {
        format!(
            "{error}; write for example https://mirror.example/pub/ or ftp://mirror.example/pub/"
        )
    })
}

/// Reads the address of a tracker.
pub(super) fn parse_tracker(text: &str) -> Result<TrackerUrl, String> {
    text.parse().map_err(|_| {
        "write for example http://tracker.example/announce or udp://tracker.example:6969".to_owned()
    })
}

/// Reads a piece length: what v1 can have; v2 and hybrid want a power of two, which is said when
/// the format is known.
pub(super) fn parse_piece_length(text: &str) -> Result<u64, String> {
    let length = parse_size(text)?;
    let possible = (PIECE_LENGTH_MIN..=PIECE_LENGTH_MAX).contains(&length);
    if possible && length.is_multiple_of(PIECE_LENGTH_MIN) {
        return Ok(length);
    }
    Err("it must be a power of two from 16KiB to 512MiB".to_owned())
}

/// Reads the memory of a tracker's peer tables.
pub(super) fn parse_memory(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size if size >= MEMORY_MIN => Ok(size),
        _ => Err("it must be at least 1MiB, for example 512MiB".to_owned()),
    }
}

/// Reads how often peers announce.
pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if (INTERVAL_MIN..=INTERVAL_MAX).contains(&time) => Ok(time),
        _ => Err("it must be from 10s to 8h, for example 30m".to_owned()),
    }
}

/// Reads where a node may be: a name or an address, and a port.
pub(super) fn parse_host(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(1..)) => Ok(text.to_owned()),
        _ => Err("a host and a port are needed, for example 192.0.2.7:6881".to_owned()),
    }
}

impl Seed {
    /// Whether every torrent has its content beside it.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let (_, rest) = self.pairs.as_chunks::<2>();
        let [torrent] = rest else {
            return Ok(());
        };
        let shown = torrent.display();
        let message = format!("`{shown}` has no PATH beside it: seed TORRENT PATH [TORRENT PATH]…");
        Err(wrong("seed", ErrorKind::WrongNumberOfValues, &message))
    }
}

impl Share {
    /// Whether the name can be one.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        match self.name.as_deref() {
            Some(name) if matches!(name, "" | "." | "..") || name.contains('/') => {
                let message = format!("--name `{name}` is not a file name");
                Err(wrong("share", ErrorKind::InvalidValue, &message))
            }
            _ => Ok(()),
        }
    }
}
