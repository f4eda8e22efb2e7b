use std::net::{IpAddr, SocketAddr};

use bencode::{Dict, Encoder, Limits, Mode, Value, decode_prefix};
use hash::Sha1Digest;
use stdx::Duration;

use crate::message::{MAX_PEERS_PER_ANSWER, MAX_TRACKER_ID, printable};
use crate::{AnnounceResponse, Error, Failure, RetryIn, ScrapeEntry, ScrapeResponse, compact};

/// Swarms read from one scrape answer, at most.
const MAX_FILES: usize = 1_000;
/// Longest interval in seconds that is believed.
const MAX_SECS: u64 = 7 * 24 * 3600;
/// The interval where a tracker gives peers and none, as some do: the one by custom.
const USUAL_INTERVAL: Duration = Duration::from_mins(30);

/// Reads the body of an answer to an announce (BEP 3, 7, 23, 24, 31).
///
/// # Errors
/// The tracker's own failure reason, or what is wrong with the answer.
pub fn parse_announce_response(body: &[u8]) -> Result<AnnounceResponse, Failure> {
    let answer = answer(body)?;
    let count = |key| answer.uint(key).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let gives_peers = ["peers", "peers6"].iter().any(|key| answer.get(key).is_some());
    let interval = answer.uint("interval").map(secs);
    let interval = interval.or(gives_peers.then_some(USUAL_INTERVAL));
    let tracker_id = answer.bytes("tracker id").filter(|id| id.len() <= MAX_TRACKER_ID);
    Ok(AnnounceResponse {
        interval: interval.ok_or(Error::BadAnswer("interval"))?,
        min_interval: answer.uint("min interval").map(secs),
        seeders: count("complete"),
        leechers: count("incomplete"),
        peers: peers(answer),
        tracker_id: tracker_id.map(<[u8]>::to_vec),
        external_ip: answer.bytes("external ip").and_then(ip_from),
        warning: answer.bytes("warning message").map(printable),
    })
}

/// Reads the body of an answer to a scrape (BEP 48).
///
/// # Errors
/// The tracker's own failure reason, or what is wrong with the answer.
pub fn parse_scrape_response(body: &[u8]) -> Result<ScrapeResponse, Failure> {
    let answer = answer(body)?;
    let count =
        |file: Dict<'_>, key| u32::try_from(file.uint(key).unwrap_or(0)).unwrap_or(u32::MAX);
    let files = answer.dict("files").ok_or(Error::BadAnswer("files"))?;
    let files = files.iter().filter_map(|(info_hash, file)| {
        let file = file.as_dict()?;
        let entry = ScrapeEntry {
            seeders: count(file, "complete"),
            completed: count(file, "downloaded"),
            leechers: count(file, "incomplete"),
        };
        Some((Sha1Digest::from_slice(info_hash)?, entry))
    });
    let flags = answer.dict("flags");
    Ok(ScrapeResponse {
        files: files.take(MAX_FILES).collect(),
        min_interval: flags.and_then(|flags| flags.uint("min_request_interval")).map(secs),
    })
}

/// Appends the body of an answer to an announce: peers as bytes (`peers`, `peers6`) when
/// `compact`, else as dictionaries, without peer ids (BEP 23, BEP 7).
pub fn write_announce_response(answer: &AnnounceResponse, compact: bool, out: &mut Vec<u8>) {
    Encoder::new(out).dict(|dict| {
        if let Some(seeders) = answer.seeders {
            dict.int("complete", seeders);
        }
        if let Some(ip) = answer.external_ip {
            match ip {
                IpAddr::V4(ip) => dict.bytes("external ip", ip.octets()),
                IpAddr::V6(ip) => dict.bytes("external ip", ip.octets()),
            }
        }
        if let Some(leechers) = answer.leechers {
            dict.int("incomplete", leechers);
        }
        dict.int("interval", answer.interval.as_secs());
        if let Some(interval) = answer.min_interval {
            dict.int("min interval", interval.as_secs());
        }
        write_peers(&answer.peers, compact, dict);
        if let Some(id) = &answer.tracker_id {
            dict.bytes("tracker id", id);
        }
        if let Some(warning) = &answer.warning {
            dict.bytes("warning message", warning);
        }
    });
}

/// Appends the body that says that a request failed (BEP 3), and when to try again (BEP 31: in
/// minutes, rounded up).
pub fn write_failure(failure: &Failure, out: &mut Vec<u8>) {
    Encoder::new(out).dict(|dict| {
        dict.bytes("failure reason", &failure.reason);
        match failure.retry {
            None => {}
            Some(RetryIn::Never) => dict.bytes("retry in", "never"),
            Some(RetryIn::After(time)) => dict.int("retry in", time.as_secs().div_ceil(60)),
        }
    });
}

/// Appends the body of an answer to a scrape (BEP 48). An info-hash that occurs twice is written
/// once.
pub fn write_scrape_response(answer: &ScrapeResponse, out: &mut Vec<u8>) {
    let mut files = answer.files.clone();
    files.sort_unstable_by_key(|(info_hash, _)| *info_hash);
    files.dedup_by_key(|(info_hash, _)| *info_hash);
    Encoder::new(out).dict(|dict| {
        dict.dict("files", |dict| {
            for (info_hash, entry) in &files {
                dict.dict(info_hash.0, |file| {
                    file.int("complete", entry.seeders);
                    file.int("downloaded", entry.completed);
                    file.int("incomplete", entry.leechers);
                });
            }
        });
        if let Some(interval) = answer.min_interval {
            dict.dict("flags", |flags| {
                flags.int("min_request_interval", interval.as_secs());
            });
        }
    });
}

fn write_peers(peers: &[SocketAddr], compact: bool, dict: &mut bencode::DictEncoder<'_>) {
    if !compact {
        dict.list("peers", |list| {
            for peer in peers {
                list.item().dict(|entry| {
                    entry.bytes("ip", peer.ip().to_string());
                    entry.int("port", peer.port());
                });
            }
        });
        return;
    }
    let mut run = Vec::with_capacity(peers.len() * compact::V4);
    compact::write(peers, false, &mut run);
    // Clients expect the key even where there are only IPv6 peers.
    dict.bytes("peers", &run);
    run.clear();
    compact::write(peers, true, &mut run);
    if !run.is_empty() {
        dict.bytes("peers6", &run);
    }
}

fn answer(body: &[u8]) -> Result<Dict<'_>, Failure> {
    // Some trackers end with a newline; what follows the value is of no interest.
    let (value, _) = decode_prefix(body, Mode::Lenient, Limits::MESSAGE).map_err(Error::from)?;
    let answer = value.as_dict().ok_or(Error::BadAnswer("dictionary"))?;
    match answer.bytes("failure reason") {
        Some(reason) => Err(Failure { retry: retry_in(answer), ..Failure::new(reason) }),
        None => Ok(answer),
    }
}

/// BEP 31: minutes, or "never". Some trackers write the number as a string.
fn retry_in(answer: Dict<'_>) -> Option<RetryIn> {
    let value = answer.get("retry in")?;
    let text = value.as_str();
    if text == Some("never") {
        return Some(RetryIn::Never);
    }
    let minutes = value.as_uint().or_else(|| text?.parse().ok())?;
    Some(RetryIn::After(secs(minutes.saturating_mul(60))))
}

fn peers(answer: Dict<'_>) -> Vec<SocketAddr> {
    let mut out = Vec::new();
    if let Some(run) = answer.bytes("peers") {
        compact::read(run, false, MAX_PEERS_PER_ANSWER, &mut out);
    } else if let Some(list) = answer.list("peers") {
        out.extend(list.iter().filter_map(peer_from).take(MAX_PEERS_PER_ANSWER));
    }
    if let Some(run) = answer.bytes("peers6") {
        compact::read(run, true, MAX_PEERS_PER_ANSWER - out.len(), &mut out);
    }
    out
}

/// A peer in dictionary form; one that is named by a host name is passed over.
fn peer_from(value: Value<'_>) -> Option<SocketAddr> {
    let peer = value.as_dict()?;
    let port = u16::try_from(peer.uint("port")?).ok().filter(|&port| port != 0)?;
    let ip: IpAddr = peer.str("ip")?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

fn ip_from(bytes: &[u8]) -> Option<IpAddr> {
    match *bytes {
        [a, b, c, d] => Some(IpAddr::from([a, b, c, d])),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs.min(MAX_SECS))
}
