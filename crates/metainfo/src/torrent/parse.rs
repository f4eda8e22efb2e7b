use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bencode::{Dict, Limits, Mode, Value};
use hash::Sha256Digest;

use super::Metainfo;
use crate::limits::{
    MAX_PATH_DEPTH, MAX_TOKENS, MAX_TORRENT_SIZE, MAX_TRACKERS, MAX_URL_LENGTH, MAX_WEB_SEEDS,
};
use crate::text::{TRACKER_SCHEMES, WEB_SEED_SCHEMES, one_line, showable, usable_url};
use crate::{Error, Info, Notice, PieceLayer, PieceLayers};

/// One level more than the `info` dictionary, and room for what stands around it.
const LIMITS: Limits =
    Limits { depth: MAX_PATH_DEPTH + 5, tokens: MAX_TOKENS + 100_000, size: MAX_TORRENT_SIZE };

/// Most bytes of a URL that is left out which are shown.
const MAX_URL_SHOWN: usize = 200;

/// Most URLs that are mentioned as left out.
const MAX_URL_NOTICES: usize = 20;

pub(super) fn torrent(file: &[u8]) -> Result<Metainfo, Error> {
    if file.len() > MAX_TORRENT_SIZE {
        let (size, limit) = (file.len() as u64, MAX_TORRENT_SIZE as u64);
        return Err(Error::TooLarge { what: "the torrent file", size, limit });
    }
    if let Some((what, advice)) = something_else(file) {
        return Err(Error::NotATorrent { what, advice });
    }
    // What the info-hash covers is checked strictly where it must be; around it, and after it (a
    // line end, as a rule), the wild is sloppy.
    let (value, _) = bencode::decode_prefix(file, Mode::Lenient, LIMITS)?;
    let top = value.as_dict().and_then(|top| Some((top, top.get("info")?)));
    let Some((top, info)) = top else {
        return Err(Error::Missing("info"));
    };
    let info = Info::parse(info.raw())?;
    let mut metainfo = Metainfo::new(Arc::new(info));
    let notices = &mut metainfo.notices;
    metainfo.trackers = trackers(top, notices);
    metainfo.web_seeds = web_seeds(top, notices);
    let text = |key| top.bytes(key).map(showable).filter(|text| !text.is_empty());
    metainfo.comment = text("comment.utf-8").or_else(|| text("comment"));
    metainfo.created_by = text("created by");
    metainfo.creation_date = top.int("creation date");
    metainfo.piece_layers = piece_layers(top, &metainfo.info)?;
    Ok(metainfo)
}

/// What people save by mistake, and what to do then.
fn something_else(file: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = file.trim_ascii_start();
    match () {
        () if file.is_empty() => Some(("the file is empty", "fetch it again")),
        () if text.starts_with(b"<") => Some(("it is a web page", "fetch the .torrent itself")),
        () if text.starts_with(b"magnet:") => {
            Some(("it holds a magnet link", "give the link itself instead of the file"))
        }
        () if file.starts_with(b"\x1f\x8b") => Some(("it is a gzip file", "unpack it first")),
        () => None,
    }
}

/// Tiers of `announce-list` (BEP 12), or else the one URL of `announce` (BEP 3).
fn trackers(top: Dict<'_>, notices: &mut Vec<Notice>) -> Vec<Vec<String>> {
    let why = "is no http, https or udp URL";
    let mut urls = Urls::new("tracker", TRACKER_SCHEMES, why, MAX_TRACKERS);
    let mut tiers = Vec::new();
    if let Some(list) = top.list("announce-list") {
        // A list of URLs rather than of tiers is a common mistake, and clear enough.
        tiers.extend(list.iter().map(|tier| urls.take(tier, notices)));
    }
    tiers.retain(|tier| !tier.is_empty());
    if tiers.is_empty() {
        tiers.extend(top.get("announce").map(|url| urls.take(url, notices)));
        tiers.retain(|tier| !tier.is_empty());
    }
    tiers
}

/// `url-list` (BEP 19): one URL or a list of them.
fn web_seeds(top: Dict<'_>, notices: &mut Vec<Notice>) -> Vec<String> {
    let list = top.get("url-list");
    let why = "is no http or https URL";
    let mut urls = Urls::new("web seed", WEB_SEED_SCHEMES, why, MAX_WEB_SEEDS);
    list.map(|list| urls.take(list, notices)).unwrap_or_default()
}

/// Collects URLs, each once.
struct Urls {
    what: &'static str,
    schemes: &'static [&'static str],
    /// What a URL is not, to be told.
    why: &'static str,
    seen: BTreeSet<String>,
    room: usize,
}

impl Urls {
    fn new(
        what: &'static str,
        schemes: &'static [&'static str],
        why: &'static str,
        room: usize,
    ) -> Self {
        Self { what, schemes, why, seen: BTreeSet::new(), room }
    }

    /// The new usable URLs of a string or a list of strings.
    fn take(&mut self, value: Value<'_>, notices: &mut Vec<Notice>) -> Vec<String> {
        let one = value.as_bytes().into_iter();
        let many = value.as_list().into_iter().flatten().filter_map(Value::as_bytes);
        let mut urls = Vec::new();
        for raw in one.chain(many).filter(|raw| !raw.is_empty()) {
            let text = std::str::from_utf8(raw).ok();
            let url = text.and_then(|text| usable_url(text, self.schemes));
            let why = match url {
                Some(url) if self.seen.contains(url) => continue,
                Some(url) if self.seen.len() < self.room => {
                    self.seen.insert(url.to_owned());
                    urls.push(url.to_owned());
                    continue;
                }
                Some(_) => "is one too many",
                None if raw.len() > MAX_URL_LENGTH => "is too long",
                None => self.why,
            };
            if notices.len() < MAX_URL_NOTICES {
                let url = one_line(&raw[..raw.len().min(MAX_URL_SHOWN)]);
                notices.push(Notice::UrlDropped { what: self.what, url, why });
            }
        }
        urls
    }
}

/// Every layer that the files need, checked (BEP 52); what else stands there is ignored.
fn piece_layers(top: Dict<'_>, info: &Info) -> Result<PieceLayers, Error> {
    let mut layers = PieceLayers::default();
    if !info.version().has_v2() {
        return Ok(layers);
    }
    let given = top.get("piece layers").ok_or(Error::Missing("piece layers"))?;
    let wrong = Error::Invalid { key: "piece layers", why: "it must be a dictionary" };
    let given = given.as_dict().ok_or(wrong)?;
    let given: BTreeMap<&[u8], &[u8]> =
        given.iter().filter_map(|(root, hashes)| Some((root, hashes.as_bytes()?))).collect();
    let piece_length = info.piece_length();
    for file in info.layout().files() {
        let Some(root) = file.root.filter(|_| file.length > u64::from(piece_length)) else {
            continue;
        };
        let pieces = file.length.div_ceil(u64::from(piece_length));
        if layers.get(&root).is_some_and(|layer| layer.hashes().len() as u64 == pieces) {
            continue;
        }
        let hashes = given.get(&root.0[..]).copied().unwrap_or_default();
        let whole = hashes.len().is_multiple_of(Sha256Digest::LEN);
        let hashes = hashes.chunks_exact(Sha256Digest::LEN).filter_map(Sha256Digest::from_slice);
        let layer = PieceLayer::new(root, file.length, piece_length, hashes.collect());
        match layer.filter(|_| whole) {
            Some(layer) => layers.insert(layer),
            None => return Err(Error::PieceLayer(file.path.clone())),
        }
    }
    Ok(layers)
}
