use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::{Error, InfoHashes};

/// A magnet link for a torrent (BEP 9, BEP 53), or what a bare info-hash stands for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Magnet {
    /// The torrent; at least one hash is present.
    pub hashes: InfoHashes,
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
}

impl Magnet {
    /// Reads a magnet link, or a bare info-hash: 40 hexadecimal or 32 base32 digits (v1), or 64
    /// hexadecimal digits, also after `1220` (v2). Unknown parameters are ignored.
    ///
    /// # Errors
    /// When it is too long, names no torrent, or names two.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let _ = text;
        Err(Error::Magnet("no info-hash".into()))
    }

    /// Whether `so` selects the file with this index (BEP 53).
    pub fn selects(&self, file: u32) -> bool {
        self.select_only
            .as_ref()
            .is_none_or(|all| all.iter().any(|it| it.contains(&file)))
    }
}

impl FromStr for Magnet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("magnet:?")
    }
}
