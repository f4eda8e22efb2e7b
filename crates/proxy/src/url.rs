use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The longest URL that is taken, in bytes.
const LENGTH_MAX: usize = 1_024;
/// The longest user name, password or host, in bytes (RFC 1929 §2, RFC 1928 §5).
pub(crate) const WORD_MAX: usize = 255;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// SOCKS5 (RFC 1928): connections and datagrams.
    Socks5,
    /// HTTP's CONNECT: connections.
    Http,
}

/// Where a proxy is and who asks: `socks5://[USER:PASSWORD@]HOST[:PORT]`, or `http://…`. It shows
/// itself without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    user: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why a URL names no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: write it as socks5://[USER:PASSWORD@]HOST:PORT or http://[USER:PASSWORD@]HOST:PORT")]
pub struct UrlError(&'static str);

impl ProxyUrl {
    /// What it speaks.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its name or address; that of IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its TCP port; 1080 where none is named, of HTTP 8080.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// User name and password.
    pub(crate) fn user(&self) -> Option<(&[u8], &[u8])> {
        self.user.as_ref().map(|(name, password)| (&**name, &**password))
    }
}

impl FromStr for ProxyUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > LENGTH_MAX {
            return Err(UrlError("it is too long"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError("it has no scheme"))?;
        let (scheme, usual) = match scheme.to_ascii_lowercase().as_str() {
            // The second is how some say that the proxy looks up names, as it always does here.
            "socks5" | "socks5h" => (Scheme::Socks5, 1_080),
            "http" => (Scheme::Http, 8_080),
            _ => return Err(UrlError("it is of a kind that is not known")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(parse_user(user)?), place),
            None => (None, rest),
        };
        let (host, port) = split_place(place)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
        if host.is_empty() || host.len() > WORD_MAX || !(is_v6 || host.bytes().all(is_name)) {
            return Err(UrlError("it names no host"));
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0),
            None => Some(usual),
        };
        let port = port.ok_or(UrlError("its port is none"))?;
        Ok(Self { scheme, host: host.to_owned(), port, user })
    }
}

/// `HOST:PORT`, `[IPV6]:PORT`, or either without the port.
fn split_place(place: &str) -> Result<(&str, Option<&str>), UrlError> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(UrlError("it names no host"))?;
        return match (rest, rest.strip_prefix(':')) {
            ("", _) => Ok((host, None)),
            (_, Some(port)) => Ok((host, Some(port))),
            _ => Err(UrlError("its port is none")),
        };
    }
    Ok(place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))))
}

fn parse_user(text: &str) -> Result<(Vec<u8>, Vec<u8>), UrlError> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    let word = |text: &str| -> Vec<u8> { percent_decode_str(text).collect() };
    let (name, password) = (word(name), word(password));
    if name.is_empty() || name.len() > WORD_MAX || password.len() > WORD_MAX {
        return Err(UrlError("its user name or password is empty or too long"));
    }
    Ok((name, password))
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Socks5 => "socks5",
            Scheme::Http => "http",
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
