use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use hash::{Sha1Digest, Sha256Digest};

use crate::limits::{MAX_MAGNET_LENGTH, MAX_MAGNET_PEERS, MAX_MAGNET_RANGES, MAX_SALT_LENGTH};
use crate::text::showable;
use crate::urls::Urls;
use crate::{Error, InfoHashes, Notice};

/// Whose torrent a magnet link follows: whichever one the publisher signed last (BEP 46).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// The ed25519 public key (`xs=urn:btpk:`).
    pub key: [u8; 32],
    /// Which of the publisher's torrents (`s`); empty for the only one.
    pub salt: Vec<u8>,
}

/// A magnet link for a torrent (BEP 9, BEP 46, BEP 53), or what a bare info-hash stands for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Magnet {
    /// The torrent; at least one hash is present, unless there is a publisher.
    pub hashes: InfoHashes,
    /// Whose torrent it is, if it may change (`xs`, BEP 46).
    pub publisher: Option<Publisher>,
    /// A name to show until the metadata is there (`dn`). Not safe as a file name.
    pub name: Option<String>,
    /// Tracker URLs (`tr`).
    pub trackers: Vec<String>,
    /// Web seed URLs (`ws`, BEP 19).
    pub web_seeds: Vec<String>,
    /// Peers to try first (`x.pe`): `IPv4:port`, `[IPv6]:port` or `host:port`, syntax checked.
    pub peers: Vec<String>,
    /// Files to select, by index (`so`, BEP 53); `None` means all.
    pub select_only: Option<Vec<RangeInclusive<u32>>>,
    /// What of it was left out.
    pub notices: Vec<Notice>,
}

impl Magnet {
    /// Reads a magnet link, or a bare info-hash: 40 hexadecimal or 32 base32 digits (v1), or 64
    /// hexadecimal digits, also after `1220` (v2). Unknown parameters are ignored.
    ///
    /// # Errors
    /// When it is too long, names no torrent, or names two.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() > MAX_MAGNET_LENGTH {
            let (size, limit) = (text.len() as u64, MAX_MAGNET_LENGTH as u64);
            return Err(Error::TooLarge { what: "the magnet link", size, limit });
        }
        if let Some(hashes) = bare_hash(text) {
            return Ok(Self { hashes, ..Self::default() });
        }
        let query = text.split_at_checked("magnet:?".len());
        let Some((_, query)) = query.filter(|(head, _)| head.eq_ignore_ascii_case("magnet:?"))
        else {
            return fail("it does not start with `magnet:?` and is no info-hash");
        };
        let mut magnet = Self::default();
        let mut salt = None;
        let (mut trackers, mut web_seeds) = (Urls::trackers(), Urls::web_seeds());
        for parameter in query.split('&') {
            // Links copied from web pages may still be escaped for HTML.
            let parameter = parameter.strip_prefix("amp;").unwrap_or(parameter);
            let Some((key, value)) = parameter.split_once('=') else { continue };
            let key = key.to_ascii_lowercase();
            // `tr.1` and the like number what may occur more than once.
            let base = key.rsplit_once('.').filter(|(_, n)| n.bytes().all(|b| b.is_ascii_digit()));
            let raw = decode_percent(value);
            let notices = &mut magnet.notices;
            match base.map_or(&*key, |(base, _)| base) {
                "tr" => magnet.trackers.extend(trackers.take(&raw, notices)),
                "ws" => magnet.web_seeds.extend(web_seeds.take(&raw, notices)),
                "s" => salt = Some(raw),
                key => magnet.parameter(key, value, &raw)?,
            }
        }
        if let (Some(publisher), Some(salt)) = (&mut magnet.publisher, salt) {
            let Some(salt) = hexadecimal(&salt).filter(|salt| salt.len() <= MAX_SALT_LENGTH) else {
                return fail("s must be at most 64 bytes in hexadecimal");
            };
            publisher.salt = salt;
        }
        if magnet.hashes == InfoHashes::default() && magnet.publisher.is_none() {
            return fail("it has no xt=urn:btih: or xt=urn:btmh: info-hash");
        }
        Ok(magnet)
    }

    /// Takes one parameter; its value as it stands, and decoded.
    fn parameter(&mut self, key: &str, value: &str, raw: &[u8]) -> Result<(), Error> {
        match (key, std::str::from_utf8(raw).ok()) {
            ("xt", Some(topic)) => return self.topic(topic),
            ("xs", Some(source)) => return self.source(source),
            ("dn", _) => {
                let name = showable(&decode_percent(&value.replace('+', " ")));
                self.name = Some(name).filter(|name| !name.is_empty());
            }
            ("x.pe", Some(peer)) => {
                let new = !self.peers.iter().any(|known| known == peer);
                if new && self.peers.len() < MAX_MAGNET_PEERS && is_host_and_port(peer) {
                    self.peers.push(peer.to_owned());
                }
            }
            ("so", Some(list)) => {
                let ranges: Vec<_> =
                    list.split(',').filter_map(range).take(MAX_MAGNET_RANGES).collect();
                self.select_only = Some(ranges).filter(|ranges| !ranges.is_empty());
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads `urn:btih:` (BEP 9) or `urn:btmh:` (BEP 52); other topics are other networks'.
    fn topic(&mut self, topic: &str) -> Result<(), Error> {
        let Some((head, digits)) = topic.split_at_checked("urn:btih:".len()) else {
            return Ok(());
        };
        let found = match &*head.to_ascii_lowercase() {
            "urn:btih:" => match v1_hash(digits) {
                Some(hash) => InfoHashes { v1: Some(hash), v2: None },
                None => return fail("btih must be 40 hexadecimal or 32 base32 digits"),
            },
            "urn:btmh:" => match v2_multihash(digits) {
                Some(hash) => InfoHashes { v1: None, v2: Some(hash) },
                None => return fail("btmh must be 1220 and 64 hexadecimal digits"),
            },
            _ => return Ok(()),
        };
        let known = self.hashes;
        if found.v1.is_some_and(|hash| known.v1.is_some_and(|known| known != hash))
            || found.v2.is_some_and(|hash| known.v2.is_some_and(|known| known != hash))
        {
            return fail("it names two torrents");
        }
        self.hashes = InfoHashes { v1: known.v1.or(found.v1), v2: known.v2.or(found.v2) };
        Ok(())
    }

    /// Reads `urn:btpk:` (BEP 46); other sources are other programs'.
    fn source(&mut self, source: &str) -> Result<(), Error> {
        let head = source.split_at_checked("urn:btpk:".len());
        let Some((_, digits)) = head.filter(|(head, _)| head.eq_ignore_ascii_case("urn:btpk:"))
        else {
            return Ok(());
        };
        let key = hexadecimal(digits.as_bytes()).and_then(|key| key.try_into().ok());
        let Some(key) = key else {
            return fail("btpk must be 64 hexadecimal digits");
        };
        self.publisher = Some(Publisher { key, salt: Vec::new() });
        Ok(())
    }

    /// Whether `so` selects the file with this index (BEP 53).
    pub fn selects(&self, file: u32) -> bool {
        self.select_only.as_ref().is_none_or(|all| all.iter().any(|it| it.contains(&file)))
    }
}

fn fail<T>(why: &str) -> Result<T, Error> {
    Err(Error::Magnet(why.to_owned()))
}

fn bare_hash(text: &str) -> Option<InfoHashes> {
    let v2 = text.parse().ok().or_else(|| v2_multihash(text));
    let hashes = InfoHashes { v1: v1_hash(text), v2 };
    (hashes != InfoHashes::default()).then_some(hashes)
}

fn v1_hash(digits: &str) -> Option<Sha1Digest> {
    digits.parse().ok().or_else(|| base32(digits))
}

/// A multihash of SHA-256 (code 12) and 32 bytes (20), in hexadecimal.
fn v2_multihash(digits: &str) -> Option<Sha256Digest> {
    digits.strip_prefix("1220")?.parse().ok()
}

/// RFC 4648 §6, as old links have it; 32 digits are exactly 20 bytes.
fn base32(digits: &str) -> Option<Sha1Digest> {
    if digits.len() != 32 {
        return None;
    }
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for digit in digits.bytes() {
        let value = match digit.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            number @ b'2'..=b'7' => number - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Sha1Digest::from_slice(&out)
}

fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair.first()?)? * 16 + digit(pair.get(1)?)?) as u8);
    digits.chunks(2).map(byte).collect()
}

/// `6` or `6-8`, both ends included (BEP 53).
fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}

pub(crate) fn is_host_and_port(text: &str) -> bool {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return address.port() != 0;
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let port = port.parse::<u16>().is_ok_and(|port| port != 0);
    port && (1..=253).contains(&host.len()) && host.bytes().all(plain)
}

/// RFC 3986 §2.1; a `%` without two digits stands for itself.
fn decode_percent(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        if let (b'%', Some((high, low))) = (byte, digit(0).zip(digit(1))) {
            out.push((high * 16 + low) as u8);
            rest = &after[2..];
        } else {
            out.push(byte);
            rest = after;
        }
    }
    out
}

impl FromStr for Magnet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// The link, fit to be pasted into a shell within single quotes.
impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("magnet:?")?;
        let v1 = self.hashes.v1.map(|hash| format!("xt=urn:btih:{hash}"));
        let v2 = self.hashes.v2.map(|hash| format!("xt=urn:btmh:1220{hash}"));
        let source = self.publisher.as_ref().map(|it| format!("xs=urn:btpk:{}", Hex(&it.key)));
        let salt = self.publisher.as_ref().filter(|it| !it.salt.is_empty());
        let salt = salt.map(|it| format!("s={}", Hex(&it.salt)));
        let topics: Vec<String> = v1.into_iter().chain(v2).chain(source).chain(salt).collect();
        f.write_str(&topics.join("&"))?;
        if let Some(name) = &self.name {
            write!(f, "&dn={}", Escaped(name, ""))?;
        }
        for (key, values) in
            [("tr", &self.trackers), ("ws", &self.web_seeds), ("x.pe", &self.peers)]
        {
            // A peer's address is easier on the eye as it is.
            let plain = if key == "x.pe" { ":[]" } else { "" };
            values.iter().try_for_each(|value| write!(f, "&{key}={}", Escaped(value, plain)))?;
        }
        if let Some(ranges) = &self.select_only {
            let show = |range: &RangeInclusive<u32>| {
                let (first, last) = (range.start(), range.end());
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            };
            write!(f, "&so={}", ranges.iter().map(show).collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }
}

/// Two digits for each byte.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters and a few others.
struct Escaped<'a>(&'a str, &'static str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| {
            let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            if unreserved || self.1.as_bytes().contains(&byte) {
                write!(f, "{}", char::from(byte))
            } else {
                write!(f, "%{byte:02X}")
            }
        })
    }
}

#[cfg(test)]
mod tests;
