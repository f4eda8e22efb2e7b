use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::percent_encode_byte;

use announce::Scope;

/// The longest URL that is taken, in bytes.
const LENGTH_MAX: usize = 4_096;

/// What a mirror speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// FTP (RFC 959).
    Ftp,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Ftp => 21,
        }
    }
}

/// A URL that a mirror can be reached by, taken apart (RFC 3986). Fragments are dropped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    scheme: Scheme,
    /// `user:password`, percent-encoded as it stood.
    user: Option<String>,
    host: String,
    port: u16,
    /// Begins with a slash.
    path: String,
    /// Without its question mark.
    query: Option<String>,
}

/// Why a URL cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(&'static str);

impl UrlError {
    pub(crate) const NO_SCRIPT: Self = Self("only HTTP servers give pieces");
}

impl Url {
    /// What is spoken there.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host's name or address; that of IPv6 without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, which begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `user:password` as it stood, percent-encoded.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether there is a query.
    pub fn has_query(&self) -> bool {
        self.query.is_some()
    }

    /// What an HTTP request names: path and query.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Host and, unless it is the usual one, port: what a `Host` header says.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            return self.host.clone();
        }
        format!("{}:{}", self.host, self.port)
    }

    /// Whether both lead to the same server by the same means (RFC 6454).
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, self.port) == (other.scheme, other.port)
            && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// The same with more behind the path, as it is to stand there.
    #[must_use]
    pub fn with_path(&self, more: &str) -> Self {
        Self { path: format!("{}{more}", self.path), ..self.clone() }
    }

    /// The same with more in the query.
    #[must_use]
    pub fn with_query(&self, more: &str) -> Self {
        let query = self.query.as_ref().map_or_else(String::new, |query| format!("{query}&"));
        Self { query: Some(format!("{query}{more}")), ..self.clone() }
    }

    /// Where a `Location` header leads (RFC 3986 §5.2). The user name goes along only to the same
    /// server, and never by plainer means.
    ///
    /// # Errors
    /// When it leads nowhere that HTTP reaches.
    pub fn redirect(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.split('#').next().unwrap_or_default();
        let scheme = match self.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Ftp => return Err(UrlError("FTP does not redirect")),
        };
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let authority = format!("{}:{}", self.host, self.port);
        let full = if has_scheme(location) {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{scheme}://{rest}")
        } else {
            match location.as_bytes().first() {
                None => format!("{scheme}://{authority}{}", self.target()),
                Some(b'/') => format!("{scheme}://{authority}{location}"),
                Some(b'?') => format!("{scheme}://{authority}{}{location}", self.path),
                Some(_) => format!("{scheme}://{authority}{folder}/{location}"),
            }
        };
        let mut next: Self = full.parse()?;
        if next.scheme == Scheme::Ftp {
            return Err(UrlError("HTTP redirects to FTP are not followed"));
        }
        next.user = self.user.clone().filter(|_| next.same_origin(self));
        Ok(next)
    }

    /// Whether content may name this URL when its host is at `ip`: on loopback and private ranges
    /// without a query only, so that no torrent can make us call services of the machine or its
    /// network. What the user typed is not asked about.
    pub fn may_contact(&self, ip: IpAddr) -> bool {
        match Scope::of(ip) {
            Scope::Global => true,
            Scope::Local => !self.has_query(),
            Scope::Unusable => false,
        }
    }

    /// Whether a server at `from` may send us to this URL at `to`: never from a global to a local
    /// address, and otherwise where content may lead, or where the user led.
    pub fn may_follow(&self, from: IpAddr, to: IpAddr, typed: bool) -> bool {
        !Scope::is_inward(from, to) && (typed || self.may_contact(to))
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        let plain = |c: char| !c.is_control() && !c.is_whitespace();
        if text.len() > LENGTH_MAX || !text.chars().all(plain) {
            return Err(UrlError("too long, or with blanks or control characters in it"));
        }
        let text = text.split('#').next().unwrap_or_default();
        let (scheme, rest) = text.split_once("://").ok_or(NO_URL)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "ftp" => Scheme::Ftp,
            _ => return Err(NO_URL),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place, scheme)?;
        let path = if path.is_empty() { "/".to_owned() } else { escape_foreign(path) };
        let query = query.as_deref().map(escape_foreign);
        Ok(Self { scheme, user, host: host.to_owned(), port, path, query })
    }
}

/// As people may see it: no secrets of user names and queries.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Ftp => "ftp",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// As it is displayed: passwords have no place in logs.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

const NO_URL: UrlError = UrlError("it is no http, https or ftp URL");

fn host_and_port(place: &str, scheme: Scheme) -> Result<(&str, u16), UrlError> {
    let after_bracket = place.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match place[after_bracket..].rfind(':') {
        Some(at) => (&place[..after_bracket + at], &place[after_bracket + at + 1..]),
        None => (place, ""),
    };
    let port = match port {
        "" => scheme.port(),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|&port| port > 0).ok_or(UrlError("no such port"))?
        }
        _ => return Err(UrlError("no such port")),
    };
    let inner = host.strip_prefix('[').map(|rest| rest.strip_suffix(']').unwrap_or_default());
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let valid = if let Some(inner) = inner {
        inner.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty() && host.len() <= 253 && host.bytes().all(name)
    };
    if valid { Ok((host, port)) } else { Err(UrlError("no valid host")) }
}

/// Characters that a request line cannot hold, percent-encoded; everything else as it stands.
fn escape_foreign(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(percent_encode_byte(byte));
        }
    }
    escaped
}

/// True for `scheme:…` (RFC 3986 §3.1), not for a path that has a colon somewhere.
fn has_scheme(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once(':') else {
        return false;
    };
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(rest)
}

#[cfg(test)]
mod tests;
