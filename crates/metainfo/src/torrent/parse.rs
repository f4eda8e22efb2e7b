use std::collections::BTreeMap;
use std::sync::Arc;

use bencode::{Limits, Mode, Value};
use hash::Sha256Digest;

use super::Metainfo;
use crate::limits::{MAX_NODES, MAX_PATH_DEPTH, MAX_TOKENS, MAX_TORRENT_SIZE};
use crate::magnet::is_host_and_port;
use crate::text::showable;
use crate::urls::Urls;
use crate::{Error, Info, Notice, PieceLayer, PieceLayers};

/// One level more than the `info` dictionary, and room for what stands around it.
const LIMITS: Limits =
    Limits { depth: MAX_PATH_DEPTH + 5, tokens: MAX_TOKENS + 100_000, size: MAX_TORRENT_SIZE };

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
    let top = value.as_dict().ok_or(Error::Missing("info"))?;
    // In one walk: `info` may be long.
    let [
        announce,
        announce_list,
        comment,
        comment_utf8,
        created_by,
        creation_date,
        httpseeds,
        info,
        nodes,
        piece_layers,
        url_list,
    ] = top.pick([
        "announce",
        "announce-list",
        "comment",
        "comment.utf-8",
        "created by",
        "creation date",
        "httpseeds",
        "info",
        "nodes",
        "piece layers",
        "url-list",
    ]);
    let info = Info::parse(info.ok_or(Error::Missing("info"))?.raw())?;
    let mut metainfo = Metainfo::new(Arc::new(info));
    let notices = &mut metainfo.notices;
    metainfo.trackers = trackers(announce_list, announce, notices);
    metainfo.web_seeds = web_seeds(url_list, notices);
    metainfo.http_seeds = web_seeds(httpseeds, notices);
    metainfo.nodes = self::nodes(nodes);
    metainfo.comment = text(comment_utf8).or_else(|| text(comment));
    metainfo.created_by = text(created_by);
    metainfo.creation_date = creation_date.and_then(Value::as_int);
    metainfo.piece_layers = self::piece_layers(piece_layers, &metainfo.info)?;
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
        // Bencode begins with one of these.
        () if !matches!(file[0], b'd' | b'l' | b'i' | b'0'..=b'9') => {
            Some(("it is some other kind of file", "a .torrent file is needed"))
        }
        () => None,
    }
}

/// Tiers of `announce-list` (BEP 12), or else the one URL of `announce` (BEP 3).
fn trackers(
    list: Option<Value<'_>>,
    one: Option<Value<'_>>,
    notices: &mut Vec<Notice>,
) -> Vec<Vec<String>> {
    let mut urls = Urls::trackers();
    let mut tiers = Vec::new();
    if let Some(list) = list.and_then(Value::as_list) {
        // A list of URLs rather than of tiers is a common mistake, and clear enough.
        tiers.extend(list.iter().map(|tier| strings(tier, &mut urls, notices)));
    }
    tiers.retain(|tier| !tier.is_empty());
    if tiers.is_empty() {
        tiers.extend(one.map(|url| strings(url, &mut urls, notices)));
        tiers.retain(|tier| !tier.is_empty());
    }
    tiers
}

/// `nodes` (BEP 5): pairs of a host and a port.
fn nodes(list: Option<Value<'_>>) -> Vec<String> {
    let node = |pair: Value<'_>| {
        let mut pair = pair.as_list()?.iter();
        let (host, port) = (pair.next()?.as_str()?, pair.next()?.as_int()?);
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Some(format!("{host}:{port}")).filter(|node| is_host_and_port(node))
    };
    let list = list.and_then(Value::as_list).into_iter().flatten();
    list.filter_map(node).take(MAX_NODES).collect()
}

/// Every layer that the files need, checked (BEP 52); what else stands there is ignored.
fn piece_layers(given: Option<Value<'_>>, info: &Info) -> Result<PieceLayers, Error> {
    let mut layers = PieceLayers::default();
    if !info.version().has_v2() {
        return Ok(layers);
    }
    let given = given.ok_or(Error::Missing("piece layers"))?;
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

/// `url-list` (BEP 19) or `httpseeds` (BEP 17): one URL or a list of them.
fn web_seeds(list: Option<Value<'_>>, notices: &mut Vec<Notice>) -> Vec<String> {
    let mut urls = Urls::web_seeds();
    list.map(|list| strings(list, &mut urls, notices)).unwrap_or_default()
}

fn text(value: Option<Value<'_>>) -> Option<String> {
    value.and_then(Value::as_bytes).map(showable).filter(|text| !text.is_empty())
}

/// The new usable URLs of a string or a list of strings.
fn strings(value: Value<'_>, urls: &mut Urls, notices: &mut Vec<Notice>) -> Vec<String> {
    let one = value.as_bytes().into_iter();
    let many = value.as_list().into_iter().flatten().filter_map(Value::as_bytes);
    one.chain(many).filter_map(|raw| urls.take(raw, notices)).collect()
}
