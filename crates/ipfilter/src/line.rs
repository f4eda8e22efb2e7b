//! One line of a list, in any of the forms that are about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::filter::Range;

/// From this level on, an entry of an eMule list allows.
const LEVEL_ALLOWED: u32 = 128;
/// Longest text of a range: two IPv6 addresses and what is between them.
const RANGE_MAX: usize = 128;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It says nothing that is understood.
    #[error("it is no address, network or range")]
    Unknown,
    /// `192.0.2.9-192.0.2.1`.
    #[error("the range ends before it begins")]
    Backwards,
    /// `192.0.2.1-2001:db8::1`.
    #[error("the range begins in one address family and ends in the other")]
    Families,
    /// `192.0.2.0/33`.
    #[error("no network of that family has such a prefix length")]
    Prefix,
    /// Longer than any line of a list.
    #[error("the line is longer than any of such a list")]
    TooLong,
    /// More than there is room for.
    #[error("more ranges than any list has")]
    TooMany,
}

/// What a line says: a range to be forbidden, or nothing.
pub(crate) fn parse(line: &[u8]) -> Result<Option<Range>, Fault> {
    let line = line.trim_ascii();
    if line.is_empty() || [&b"#"[..], b";", b"//"].iter().any(|it| line.starts_with(it)) {
        return Ok(None);
    }
    match parse_range(line) {
        Err(Fault::Unknown) => {}
        plain => return plain.map(Some),
    }
    if let Some(said) = parse_levelled(line) {
        return said;
    }
    if let Some(said) = parse_named(line) {
        return said.map(Some);
    }
    // What follows it may be a remark.
    let end = line.iter().position(|byte| matches!(byte, b'#' | b';')).ok_or(Fault::Unknown)?;
    parse_range(&line[..end]).map(Some)
}

/// eMule's `ipfilter.dat`: `192.000.002.001 - 192.000.002.009 , 100 , name`.
fn parse_levelled(line: &[u8]) -> Option<Result<Option<Range>, Fault>> {
    let mut fields = line.splitn(3, |byte| *byte == b',');
    let range = match parse_range(fields.next()?) {
        Err(Fault::Unknown) => return None,
        range => range,
    };
    let level: u32 = std::str::from_utf8(fields.next()?.trim_ascii()).ok()?.parse().ok()?;
    Some(range.map(|range| (level < LEVEL_ALLOWED).then_some(range)))
}

/// PeerGuardian's: `name:192.0.2.1-192.0.2.9`. A name may have colons in it, and so do addresses of
/// IPv6: the first colon with a range behind it counts.
fn parse_named(line: &[u8]) -> Option<Result<Range, Fault>> {
    let from = line.len().saturating_sub(RANGE_MAX);
    let colons = (from..line.len()).filter(|at| line[*at] == b':');
    let mut ranges = colons.map(|at| parse_range(&line[at + 1..]));
    ranges.find(|range| *range != Err(Fault::Unknown))
}

/// An address, a network or a range.
fn parse_range(text: &[u8]) -> Result<Range, Fault> {
    let text = Some(text).filter(|text| text.len() <= RANGE_MAX);
    let text = text.and_then(|text| std::str::from_utf8(text).ok()).ok_or(Fault::Unknown)?;
    let ip = |text| parse_ip(text).ok_or(Fault::Unknown);
    if let Some((network, length)) = text.split_once('/') {
        let length = length.trim().parse().map_err(|_| Fault::Unknown)?;
        return parse_network(ip(network)?, length);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (ip(first)?.to_canonical(), ip(last)?.to_canonical()) {
        (first, last) if first.is_ipv4() != last.is_ipv4() => Err(Fault::Families),
        (first, last) if first > last => Err(Fault::Backwards),
        (IpAddr::V4(first), IpAddr::V4(last)) => Ok(Range::V4(first.to_bits(), last.to_bits())),
        (IpAddr::V6(first), IpAddr::V6(last)) => Ok(Range::V6(first.to_bits(), last.to_bits())),
        _ => Err(Fault::Families),
    }
}

/// A network, wherever in it the address is.
fn parse_network(ip: IpAddr, length: u32) -> Result<Range, Fault> {
    const MAPPED: u32 = 96;

    match ip {
        IpAddr::V4(ip) if length <= Ipv4Addr::BITS => {
            let host = u32::MAX.checked_shr(length).unwrap_or(0);
            Ok(Range::V4(ip.to_bits() & !host, ip.to_bits() | host))
        }
        IpAddr::V6(ip) if length <= Ipv6Addr::BITS => {
            if let (Some(ip), MAPPED..) = (ip.to_ipv4_mapped(), length) {
                return parse_network(ip.into(), length - MAPPED);
            }
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            Ok(Range::V6(ip.to_bits() & !host, ip.to_bits() | host))
        }
        _ => Err(Fault::Prefix),
    }
}

/// An address; of IPv4, numbers may begin with zeros and are decimal all the same.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if text.contains(':') {
        return text.parse().ok().map(IpAddr::V6);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets).into())
}
