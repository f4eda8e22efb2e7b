use std::fmt::Write;
use std::str::FromStr;

use hash::Sha1Digest;
use stdx::PeerId;

use super::query::{decode, encode, pairs};
use crate::message::MAX_TRACKER_ID;
use crate::{AnnounceRequest, Error, Event};

/// Info-hashes answered in one scrape, at most; as many as fit a UDP scrape (BEP 15).
pub(crate) const MAX_SCRAPED: usize = 74;

/// An announce as it came in a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceQuery {
    /// What the peer says.
    pub request: AnnounceRequest,
    /// Whether it takes peers as bytes (BEP 23); true unless it said `compact=0`.
    pub compact: bool,
}

/// The URL of an announce: `base`, with the query it may already have, and ours (BEP 3, 7, 23).
pub fn announce_url(base: &str, request: &AnnounceRequest) -> String {
    let mut url = with_open_query(base);
    url.push_str("info_hash=");
    encode(&request.info_hash.0, &mut url);
    url.push_str("&peer_id=");
    encode(&request.peer_id.0, &mut url);
    let AnnounceRequest { port, uploaded, downloaded, left, key, .. } = request;
    let counts = format!(
        "&port={port}&uploaded={uploaded}&downloaded={downloaded}&left={left}&key={key:08X}"
    );
    url.push_str(&counts);
    if let Some(event) = request.event.name() {
        url.push_str("&event=");
        url.push_str(event);
    }
    if let Some(numwant) = request.numwant {
        write!(url, "&numwant={numwant}").expect("a String takes every write");
    }
    url.push_str("&compact=1&no_peer_id=1");
    if let Some(tracker_id) = &request.tracker_id {
        url.push_str("&trackerid=");
        encode(tracker_id, &mut url);
    }
    url
}

/// The URL of a scrape by the convention of BEP 48: `announce` at the beginning of the path's
/// last part becomes `scrape`. `None` when there is none, so that the tracker has no scrape.
pub fn scrape_url(base: &str, info_hashes: &[Sha1Digest]) -> Option<String> {
    let base = base.split('#').next().unwrap_or_default();
    let path_end = base.find('?').unwrap_or(base.len());
    let last = base[..path_end].rfind('/')? + 1;
    let rest = base[last..].strip_prefix("announce")?;
    let mut url = with_open_query(&format!("{}scrape{rest}", &base[..last]));
    for (i, info_hash) in info_hashes.iter().take(MAX_SCRAPED).enumerate() {
        url.push_str(if i == 0 { "info_hash=" } else { "&info_hash=" });
        encode(&info_hash.0, &mut url);
    }
    Some(url)
}

/// Reads the query of an announce (what follows `?`).
///
/// The `ip`, `ipv4` and `ipv6` keys are ignored: an address that nobody verified could be anyone's.
///
/// # Errors
/// When `info_hash` or `port` is missing, or a key has an impossible value.
pub fn parse_announce_query(query: &[u8]) -> Result<AnnounceQuery, Error> {
    // A peer that does not say how much it lacks is no seeder.
    let mut request = AnnounceRequest { left: u64::MAX, ..AnnounceRequest::default() };
    let (mut info_hash, mut port, mut compact) = (None, None, true);
    for (key, value) in pairs(query) {
        match key {
            b"info_hash" => info_hash = Some(info_hash_from(value)?),
            b"peer_id" => {
                let bytes = decode(value);
                let id = bytes.try_into().map_err(|_| Error::BadValue("peer_id"))?;
                request.peer_id = PeerId(id);
            }
            b"port" => port = Some(number(value, "port")?),
            // Statistics only: a client that writes nonsense here is still a peer.
            b"uploaded" => request.uploaded = number(value, "uploaded").unwrap_or(0),
            b"downloaded" => request.downloaded = number(value, "downloaded").unwrap_or(0),
            b"left" => request.left = number(value, "left").unwrap_or(u64::MAX),
            b"event" => request.event = Event::from_name(value),
            b"numwant" => {
                let wanted: i64 = number(value, "numwant")?;
                request.numwant = u32::try_from(wanted).ok();
            }
            b"key" => request.key = key_from(value),
            b"compact" => compact = value != b"0",
            b"trackerid" => {
                let mut id = decode(value);
                id.truncate(MAX_TRACKER_ID);
                request.tracker_id = Some(id);
            }
            _ => {}
        }
    }
    request.info_hash = info_hash.ok_or(Error::MissingKey("info_hash"))?;
    request.port = port.ok_or(Error::MissingKey("port"))?;
    Ok(AnnounceQuery { request, compact })
}

/// Reads the query of a scrape; 74 info-hashes at most, the rest is ignored.
///
/// # Errors
/// When an `info_hash` is not twenty bytes.
pub fn parse_scrape_query(query: &[u8]) -> Result<Vec<Sha1Digest>, Error> {
    pairs(query)
        .filter(|&(key, _)| key == b"info_hash")
        .take(MAX_SCRAPED)
        .map(|(_, value)| info_hash_from(value))
        .collect()
}

/// `base` without its fragment, ready to take `key=value`.
fn with_open_query(base: &str) -> String {
    let base = base.split('#').next().unwrap_or_default();
    let separator = match base.find('?') {
        None => "?",
        Some(_) if base.ends_with(['?', '&']) => "",
        Some(_) => "&",
    };
    format!("{base}{separator}")
}

fn info_hash_from(value: &[u8]) -> Result<Sha1Digest, Error> {
    Sha1Digest::from_slice(&decode(value)).ok_or(Error::BadValue("info_hash"))
}

fn number<T: FromStr>(value: &[u8], key: &'static str) -> Result<T, Error> {
    let text = std::str::from_utf8(value).ok();
    text.and_then(|text| text.parse().ok()).ok_or(Error::BadValue(key))
}

/// The key is free text in HTTP; only its hexadecimal form has a meaning elsewhere.
fn key_from(value: &[u8]) -> u32 {
    let text = std::str::from_utf8(value).unwrap_or_default();
    u32::from_str_radix(text, 16).unwrap_or(0)
}
