use std::fmt::Write as _;
use std::net::SocketAddr;

use hash::Sha1Digest;

/// Info-hashes in one datagram: such a one stays below 1,400 bytes (BEP 14).
pub const HASHES_MAX: usize = 20;

/// The longest datagram that is read, in bytes.
const LENGTH_MAX: usize = 1_500;
/// The longest cookie that is kept, in bytes.
const COOKIE_MAX: usize = 64;

const FIRST_LINE: &str = "BT-SEARCH * HTTP/1.1";

/// One datagram: somebody has these torrents (BEP 14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// Where it listens for peers, TCP and uTP.
    pub port: u16,
    /// The torrents, [`HASHES_MAX`] at most.
    pub hashes: Vec<Sha1Digest>,
    /// By which its sender knows it for its own.
    pub cookie: Option<String>,
}

/// What is wrong with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is something else.
    #[error("no announce of BEP 14")]
    Foreign,
    /// It names no port.
    #[error("an announce without a port")]
    NoPort,
    /// It names no torrent.
    #[error("an announce without an info-hash")]
    NoHash,
}

impl Announce {
    /// Reads a datagram. Headers may come in any order and case; unknown ones are ignored, and so
    /// is every info-hash after the first [`HASHES_MAX`].
    ///
    /// # Errors
    /// When it is something else, or lacks what matters.
    pub fn parse(datagram: &[u8]) -> Result<Self, ParseError> {
        let text = datagram.get(..LENGTH_MAX.min(datagram.len())).unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| ParseError::Foreign)?;
        let mut lines = text.split("\r\n");
        if lines.next().is_none_or(|line| line.trim_end() != FIRST_LINE) {
            return Err(ParseError::Foreign);
        }
        let (mut port, mut hashes, mut cookie) = (None, Vec::new(), None);
        for line in lines.take_while(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match &*name.trim().to_ascii_lowercase() {
                "port" => port = value.parse().ok().filter(|&port: &u16| port != 0),
                "infohash" if hashes.len() < HASHES_MAX => {
                    hashes.extend(value.parse::<Sha1Digest>());
                }
                "cookie" => cookie = Some(value).filter(|it| it.len() <= COOKIE_MAX),
                _ => {}
            }
        }
        let port = port.ok_or(ParseError::NoPort)?;
        if hashes.is_empty() {
            return Err(ParseError::NoHash);
        }
        Ok(Self { port, hashes, cookie: cookie.map(str::to_owned) })
    }

    /// The datagram, to be sent to `group`.
    pub fn encode(&self, group: SocketAddr) -> Vec<u8> {
        let mut text = format!("{FIRST_LINE}\r\nHost: {group}\r\nPort: {}\r\n", self.port);
        for hash in self.hashes.iter().take(HASHES_MAX) {
            let _infallible = write!(text, "Infohash: {hash}\r\n");
        }
        if let Some(cookie) = &self.cookie {
            let _infallible = write!(text, "cookie: {cookie}\r\n");
        }
        text.push_str("\r\n\r\n");
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests;
