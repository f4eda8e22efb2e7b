//! URLs: what they name, how they are joined, how they are shown.

use hyper::Uri;

use super::FetchError;

/// Where one request goes.
#[derive(Debug)]
pub(super) struct Target {
    uri: Uri,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, FetchError> {
        let wrong = || FetchError::Url(shown(url));
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let host = uri.host().ok_or_else(wrong)?.to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { uri, host, port, tls })
    }

    /// Resolves a `Location` header against this request (RFC 3986 §5.2). User names do not go
    /// along.
    pub(super) fn join(&self, next: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let next = next.split('#').next().unwrap_or_default();
        if has_scheme(next) {
            return next.to_owned();
        }
        if let Some(rest) = next.strip_prefix("//") {
            return format!("{scheme}://{rest}");
        }
        let path = self.uri.path();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = match next.as_bytes().first() {
            None => self.path().to_owned(),
            Some(b'/') => next.to_owned(),
            Some(b'?') => format!("{path}{next}"),
            Some(_) => format!("{folder}/{next}"),
        };
        format!("{scheme}://{}{path}", self.authority())
    }

    pub(super) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// Host and port, without a user name.
    pub(super) fn authority(&self) -> &str {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        authority.rsplit('@').next().unwrap_or_default()
    }
}

/// A URL as people may see it: no secrets of user names and queries, and not too long.
pub(super) fn shown(url: &str) -> String {
    const LONGEST: usize = 200;
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    scheme.chars().chain(rest[host..].chars()).take(LONGEST).collect()
}

/// True for `scheme:…` (RFC 3986 §3.1), not for a path that has a colon somewhere.
fn has_scheme(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once(':') else {
        return false;
    };
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(rest)
}

pub(super) fn host_of(url: &str) -> String {
    Target::parse(url).map_or_else(|_| shown(url), |target| target.host)
}
