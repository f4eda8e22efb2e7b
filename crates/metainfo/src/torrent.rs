use std::sync::Arc;

use bencode::{DictEncoder, ListEncoder};

use crate::{Error, Info, InfoHashes, Notice, PieceLayers};

mod parse;

/// A `.torrent` file: the [`Info`] and what stands around it (BEP 3, 12, 19, 52).
#[derive(Clone, Debug)]
pub struct Metainfo {
    /// What the torrent consists of.
    pub info: Arc<Info>,
    /// What names it; the same as `info.hashes()`.
    pub hashes: InfoHashes,
    /// Tracker URLs in tiers, the first tier to be tried first (BEP 12).
    pub trackers: Vec<Vec<String>>,
    /// URLs that serve the content over HTTP or FTP (BEP 19).
    pub web_seeds: Vec<String>,
    /// Nodes of the DHT to begin with, `host:port` (BEP 5), syntax checked.
    pub nodes: Vec<String>,
    /// URLs of scripts that serve pieces over HTTP (BEP 17).
    pub http_seeds: Vec<String>,
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
            nodes: Vec::new(),
            http_seeds: Vec::new(),
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
        parse::torrent(file)
    }

    /// The bytes of a `.torrent` file that parses to this. The `info` dictionary is written as it
    /// was read, so the info-hashes stay.
    pub fn to_bytes(&self) -> Vec<u8> {
        Outer {
            trackers: &self.trackers,
            comment: self.comment.as_deref(),
            created_by: self.created_by.as_deref(),
            creation_date: self.creation_date,
            info: self.info.raw(),
            layers: self.info.version().has_v2().then_some(&self.piece_layers),
            web_seeds: &self.web_seeds,
            nodes: &self.nodes,
            http_seeds: &self.http_seeds,
        }
        .to_bytes()
    }
}

/// The parts of a `.torrent` file.
pub(crate) struct Outer<'a> {
    pub(crate) trackers: &'a [Vec<String>],
    pub(crate) comment: Option<&'a str>,
    pub(crate) created_by: Option<&'a str>,
    pub(crate) creation_date: Option<i64>,
    pub(crate) info: &'a [u8],
    /// Present for v2, if only to be empty.
    pub(crate) layers: Option<&'a PieceLayers>,
    pub(crate) web_seeds: &'a [String],
    pub(crate) nodes: &'a [String],
    pub(crate) http_seeds: &'a [String],
}

impl Outer<'_> {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        bencode::encode(|e| e.dict(|d| self.write(d)))
    }

    fn write(&self, d: &mut DictEncoder<'_>) {
        if let Some(first) = self.trackers.iter().flatten().next() {
            d.bytes("announce", first);
        }
        if self.trackers.iter().flatten().nth(1).is_some() {
            d.list("announce-list", |list| {
                let tiers = self.trackers.iter().filter(|tier| !tier.is_empty());
                tiers.for_each(|tier| list.item().list(|list| write_all(list, tier)));
            });
        }
        for (key, text) in [("comment", self.comment), ("created by", self.created_by)] {
            if let Some(text) = text {
                d.bytes(key, text);
            }
        }
        if let Some(date) = self.creation_date {
            d.int("creation date", date);
        }
        if !self.http_seeds.is_empty() {
            d.list("httpseeds", |list| write_all(list, self.http_seeds));
        }
        d.key("info").raw(self.info);
        let parts = |node: &String| {
            let (host, port) = node.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            Some((host, port.parse::<i64>().ok()?))
        };
        let nodes: Vec<_> = self.nodes.iter().filter_map(parts).collect();
        if !nodes.is_empty() {
            d.list("nodes", |list| {
                for (host, port) in nodes {
                    list.item().list(|node| {
                        node.item().bytes(host);
                        node.item().int(port);
                    });
                }
            });
        }
        if let Some(layers) = self.layers {
            d.dict("piece layers", |d| {
                for layer in layers.iter() {
                    let hashes: Vec<u8> = layer.hashes().iter().flat_map(|hash| hash.0).collect();
                    d.bytes(layer.root().0, hashes);
                }
            });
        }
        if !self.web_seeds.is_empty() {
            d.list("url-list", |list| write_all(list, self.web_seeds));
        }
    }
}

fn write_all(list: &mut ListEncoder<'_>, texts: &[String]) {
    for text in texts {
        list.item().bytes(text);
    }
}

#[cfg(test)]
mod tests;
