//! Addresses of trackers, and which of them content may name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use crate::Error;

/// Longest tracker address, in bytes.
pub const MAX_URL: usize = 2_048;
/// The path that a tracker on a local address must have, when content named it.
const LOCAL_PATH: &str = "/announce";

/// How a tracker is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// BEP 3.
    Http,
    /// BEP 3 over TLS.
    Https,
    /// BEP 15.
    Udp,
}

/// A tracker's host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name, in lower case.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

/// A tracker's address: `http://`, `https://` or `udp://`. Cheap to clone: thousands of torrents may
/// name the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackerUrl(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    text: String,
    scheme: Scheme,
    host: Host,
    port: u16,
    path_at: usize,
}

impl TrackerUrl {
    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// Where.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// The port, by custom 80 or 443 when an HTTP address names none.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The whole, as given but for surrounding blanks and the fragment.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Path and query, as given; may be empty.
    pub fn path_and_query(&self) -> &str {
        &self.0.text[self.0.path_at..]
    }

    fn path(&self) -> &str {
        self.path_and_query().split('?').next().unwrap_or_default()
    }
}

impl FromStr for TrackerUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let error = |reason| Error::BadUrl { url: text.chars().take(80).collect(), reason };
        let trimmed = text.trim().split('#').next().unwrap_or_default();
        if trimmed.len() > MAX_URL {
            return Err(error("longer than 2048 bytes"));
        }
        if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(error("only printable ASCII may occur; encode the rest"));
        }
        let (scheme, rest) = trimmed.split_once("://").ok_or(error("no scheme"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "udp" => Scheme::Udp,
            _ => return Err(error("the scheme must be http, https or udp")),
        };
        let authority = rest.split(['/', '?', '\\']).next().unwrap_or_default();
        let path_at = trimmed.len() - rest.len() + authority.len();
        if trimmed[path_at..].starts_with('\\') || authority.contains('@') {
            return Err(error("backslashes and user names are not accepted"));
        }
        let (host, port) = split_port(authority).ok_or(error("the port is not a number"))?;
        let port = match (port, scheme) {
            (Some(0), _) => return Err(error("port 0")),
            (Some(port), _) => port,
            (None, Scheme::Http) => 80,
            (None, Scheme::Https) => 443,
            (None, Scheme::Udp) => return Err(error("a UDP tracker needs a port")),
        };
        let host = host_from(host).ok_or(error("no valid host"))?;
        Ok(Self(Arc::new(Parts { text: trimmed.to_owned(), scheme, host, port, path_at })))
    }
}

impl fmt::Display for TrackerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// Which part of the network an address belongs to, as far as trust goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reachable from anywhere.
    Global,
    /// This machine or a network near it: loopback, unspecified, private, link-local,
    /// carrier-grade NAT, unique local.
    Local,
    /// No host's address: multicast, broadcast, reserved.
    Unusable,
}

impl Scope {
    /// The scope of `ip`; IPv6 addresses that stand for an IPv4 one (mapped, NAT64, 6to4) have
    /// that one's.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    /// Whether one who is sent from a server at `from` to one at `to` comes from outside into a
    /// network near us: nobody out there may have us do that.
    pub fn is_inward(from: IpAddr, to: IpAddr) -> bool {
        Self::of(from) == Self::Global && Self::of(to) == Self::Local
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        let [a, b, ..] = ip.octets();
        let shared = a == 100 && (64..128).contains(&b);
        if a == 0 || ip.is_loopback() || ip.is_private() || ip.is_link_local() || shared {
            Self::Local
        } else if a >= 224 {
            Self::Unusable
        } else {
            Self::Global
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        let segments = ip.segments();
        let embedded = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Self::of_v4(Ipv4Addr::new(a, b, c, d))
        };
        match segments {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Self::Local,
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            | [0x2002, high, low, ..] => embedded(high, low),
            _ if ip.is_multicast() => Self::Unusable,
            // Unique local, link-local and the deprecated site-local addresses.
            [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xff80 == 0xfe80 => Self::Local,
            _ => Self::Global,
        }
    }
}

/// Whether a tracker that content names may be contacted at `ip`, one of the addresses that its
/// host resolved to: at a local address only when the path begins with `/announce`, so that no
/// torrent can make us call other services of the machine or its network. What the user typed is
/// not asked about.
pub fn content_may_contact(url: &TrackerUrl, ip: IpAddr) -> bool {
    match Scope::of(ip) {
        Scope::Global => true,
        Scope::Local => {
            let path = url.path();
            let lower = path.to_ascii_lowercase();
            // A server might resolve dot segments and so end up elsewhere.
            let dots = path.contains("/.") || lower.contains("%2e") || lower.contains("%2f");
            path.starts_with(LOCAL_PATH) && !dots
        }
        Scope::Unusable => false,
    }
}

/// Whether a tracker at `from` may redirect to `url` at `to`: never from a global to a local
/// address, and otherwise where content may lead.
pub fn may_redirect(from: IpAddr, url: &TrackerUrl, to: IpAddr) -> bool {
    url.scheme() != Scheme::Udp && !Scope::is_inward(from, to) && content_may_contact(url, to)
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_bracket..].rfind(':') {
        None => Some((authority, None)),
        Some(at) => {
            let (host, port) = authority.split_at(after_bracket + at);
            let digits = &port[1..];
            let valid = digits.bytes().all(|byte| byte.is_ascii_digit());
            if digits.is_empty() {
                return Some((host, None));
            }
            Some((host, Some(digits.parse().ok().filter(|_| valid)?)))
        }
    }
}

fn host_from(host: &str) -> Option<Host> {
    if let Some(inner) = host.strip_prefix('[') {
        let ip: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(Host::Ip(ip.into()));
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Some(Host::Ip(ip.into()));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let valid = !host.is_empty() && host.len() <= 253 && host.bytes().all(allowed);
    valid.then(|| Host::Name(host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests;
