use std::sync::Arc;

use crate::{Error, Info, InfoHashes, Notice, PieceLayers};

/// A `.torrent` file: the [`Info`] and what stands around it (BEP 3, 12, 19, 52).
#[derive(Clone, Debug)]
pub struct Metainfo {
    /// What the torrent consists of.
    pub info: Arc<Info>,
    /// What names it; the same as `info.hashes()`.
    pub hashes: InfoHashes,
    /// Tracker URLs in tiers, the first tier to be tried first (BEP 12).
    pub trackers: Vec<Vec<String>>,
    /// URLs that serve the content over HTTP (BEP 19).
    pub web_seeds: Vec<String>,
    /// A remark.
    pub comment: Option<String>,
    /// The program that made it.
    pub created_by: Option<String>,
    /// When it was made, in seconds since 1970.
    pub creation_date: Option<i64>,
    /// The SHA-256 hashes of the pieces, checked against the roots (BEP 52). All there when parsed
    /// from a file; after a magnet link, those fetched so far.
    pub piece_layers: PieceLayers,
    /// What was left out or is odd, besides `info.notices()`.
    pub notices: Vec<Notice>,
}

impl Metainfo {
    /// Metadata without anything around it, as after a magnet link.
    pub fn new(info: Arc<Info>) -> Self {
        Self {
            hashes: info.hashes(),
            info,
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            comment: None,
            created_by: None,
            creation_date: None,
            piece_layers: PieceLayers::default(),
            notices: Vec::new(),
        }
    }

    /// Reads a `.torrent` file.
    ///
    /// # Errors
    /// When it is not a usable torrent, or a v2 torrent whose piece layers are missing or wrong.
    pub fn parse(file: &[u8]) -> Result<Self, Error> {
        let _ = file;
        Err(Error::Missing("info"))
    }

    /// The bytes of a `.torrent` file that parses to this. The `info` dictionary is written as it
    /// was read, so the info-hashes stay.
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }
}
