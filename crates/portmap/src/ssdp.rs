//! Finding UPnP devices (UPnP Device Architecture 1.1 §1.3).

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Where all devices of a network listen.
pub(crate) const GROUP: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1_900));

/// What is searched for; a device of version 2 answers to both.
pub(crate) const TARGETS: [&str; 2] = [
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];

/// A longer answer is none.
const LENGTH_MAX: usize = 2_048;
/// A longer path is none either.
pub(crate) const PATH_MAX: usize = 512;

/// Where a device describes itself, at the address that it spoke from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
}

/// The question who is there.
pub(crate) fn search(target: &str) -> Vec<u8> {
    let head = format!("M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}\r\nMAN: \"ssdp:discover\"\r\n");
    format!("{head}MX: 2\r\nST: {target}\r\n\r\n").into_bytes()
}

/// Reads an answer that came from `from`. Who answers for somebody else is not believed.
pub(crate) fn parse(from: SocketAddr, bytes: &[u8]) -> Option<Location> {
    if bytes.len() > LENGTH_MAX {
        return None;
    }
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    let mut status = lines.next()?.split(' ');
    if !status.next()?.starts_with("HTTP/1.") || status.next()? != "200" {
        return None;
    }
    let (mut location, mut is_gateway) = (None, false);
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("location") {
            location = parse_url(value.trim());
        } else if name.eq_ignore_ascii_case("st") {
            is_gateway = TARGETS.contains(&value.trim());
        }
    }
    location.filter(|location| is_gateway && location.address.ip() == from.ip())
}

/// Reads an `http` URL whose host is an address.
pub(crate) fn parse_url(url: &str) -> Option<Location> {
    let scheme = url.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"))?;
    let rest = &url[scheme.len()..];
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let address =
        authority.parse().or_else(|_| authority.parse().map(|ip| SocketAddr::new(ip, 80))).ok()?;
    let path = if path.is_empty() { "/" } else { path };
    is_path(path).then(|| Location { address, path: path.to_owned() })
}

/// Whether this can stand in a request as it is.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= PATH_MAX && path.bytes().all(|b| b.is_ascii_graphic())
}
