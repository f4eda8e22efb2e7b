use std::path::PathBuf;
use std::sync::Arc;

use bencode::{Dict, Limits, Mode};
use hash::Sha1Digest;

use super::files::{self, Build, RawFile};
use super::{Info, hybrid};
use crate::layout::Layout;
use crate::limits::{MAX_METADATA_SIZE, MAX_PATH_DEPTH, MAX_TOKENS};
use crate::names::{self, Rules};
use crate::notice::NameNotices;
use crate::{Error, InfoHashes, Notice, Version};

/// Limits for an `info` dictionary: each folder of a v2 file tree is one level.
const LIMITS: Limits =
    Limits { depth: MAX_PATH_DEPTH + 4, tokens: MAX_TOKENS, size: MAX_METADATA_SIZE };

/// The longest file listing is an error of one line.
pub(super) fn invalid<T>(key: &'static str, why: &'static str) -> Result<T, Error> {
    Err(Error::Invalid { key, why })
}

pub(super) fn info(raw: &[u8], rules: Rules) -> Result<Info, Error> {
    let size = raw.len() as u64;
    let limit = MAX_METADATA_SIZE as u64;
    if size > limit {
        return Err(Error::TooLarge { what: "the torrent's info", size, limit });
    }
    let (dict, canonical) = decode(raw)?;
    let version = version(dict)?;
    let hashes = InfoHashes {
        v1: version.has_v1().then(|| hash::sha1(raw)),
        v2: version.has_v2().then(|| hash::sha256(raw)),
    };
    let mut notices = Vec::new();
    if !canonical {
        notices.push(Notice::NotCanonical);
    }
    let raw_name = raw_name(dict, version);
    let mut names = NameNotices::default();
    let name = name(raw_name, &hashes, rules, &mut names);
    let listed = list(dict, version, raw_name)?;
    let piece_length = match dict.get("piece length") {
        None => return Err(Error::Missing("piece length")),
        Some(value) => match value.as_uint() {
            Some(length) => length,
            None => return invalid("piece length", "it must be a positive number"),
        },
    };
    let items = files::build(&name, &listed, rules, &mut names)?;
    let layout = Layout::new(version, piece_length, items)?;
    if version == Version::Hybrid {
        hybrid::check_alignment(&listed, &layout)?;
    }
    let v1_hashes = if version.has_v1() { Some(pieces(raw, dict, &layout)?) } else { None };
    notices.extend(names.finish());
    Ok(Info {
        raw: Arc::from(raw),
        hashes,
        name,
        single_file: listed.single_file,
        // BEP 27 knows 1 alone; taking any other number but 0 for it leaks no peer.
        private: dict.int("private").is_some_and(|private| private != 0),
        layout,
        v1_hashes,
        notices,
    })
}

/// Decodes strictly; v1 alone may also be lenient, because old makers did not sort.
fn decode(raw: &[u8]) -> Result<(Dict<'_>, bool), Error> {
    let (value, canonical) = match bencode::decode(raw, Mode::Strict, LIMITS) {
        Ok(value) => (value, true),
        Err(error) => {
            let value = bencode::decode(raw, Mode::Lenient, LIMITS)?;
            if value.as_dict().and_then(|info| info.int("meta version")).is_some() {
                return Err(error.into());
            }
            (value, false)
        }
    };
    let dict = value.as_dict();
    dict.map(|dict| (dict, canonical)).ok_or(Error::Invalid { key: "info", why: "no dictionary" })
}

/// BEP 52: `meta version` decides before anything else is looked at.
fn version(info: Dict<'_>) -> Result<Version, Error> {
    let v1 = info.get("pieces").is_some();
    match info.int("meta version") {
        Some(newer) if newer > 2 => Err(Error::MetaVersion(newer)),
        Some(2) if v1 => Ok(Version::Hybrid),
        Some(2) => Ok(Version::V2),
        _ if v1 => Ok(Version::V1),
        _ if info.get("meta version").is_some() => invalid("meta version", "it must be 2"),
        _ => Err(Error::Missing("pieces")),
    }
}

/// Old makers put the name in some local encoding and a second one in UTF-8.
fn raw_name(info: Dict<'_>, version: Version) -> &[u8] {
    let utf8 = if version == Version::V1 { info.bytes("name.utf-8") } else { None };
    utf8.or_else(|| info.bytes("name")).unwrap_or_default()
}

fn name(raw: &[u8], hashes: &InfoHashes, rules: Rules, notices: &mut NameNotices) -> String {
    let safe = names::component(raw, rules);
    let (mut name, mut why) = (safe.name, safe.why);
    if name.is_empty() {
        why = Some("is no name");
        name = hashes.handshake_hashes().map(|hash| hash.to_string()).take(1).collect();
    }
    if let Some(why) = why {
        let to = PathBuf::from(&name);
        notices.add(|| Notice::Renamed { from: files::printable([raw]), to, why });
    }
    name
}

/// What the dictionary says of its files.
fn list<'a>(info: Dict<'a>, version: Version, name: &'a [u8]) -> Result<Build<'a>, Error> {
    let v1 = if version.has_v1() { Some(files::list_v1(info)?) } else { None };
    let v2 = if version.has_v2() { Some(files::list_v2(info, name)?) } else { None };
    let listed = match (v1, v2) {
        (Some(v1), Some(v2)) => hybrid::merge(v1, v2, name)?,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Err(Error::Missing("pieces")),
    };
    let real = |file: &RawFile<'_>| !file.padding;
    if !listed.files.iter().any(real) {
        return invalid("files", "there is no file in it");
    }
    Ok(listed)
}

/// Where the piece hashes stand in `raw`, as many as there are pieces.
fn pieces(raw: &[u8], info: Dict<'_>, layout: &Layout) -> Result<std::ops::Range<usize>, Error> {
    let Some(pieces) = info.bytes("pieces") else {
        return invalid("pieces", "it must be a string");
    };
    if !pieces.len().is_multiple_of(Sha1Digest::LEN) {
        return invalid("pieces", "its length is not a multiple of 20");
    }
    if pieces.len() / Sha1Digest::LEN != layout.pieces() as usize {
        return invalid("pieces", "it has not as many hashes as the files have pieces");
    }
    let value = info.get("pieces").expect("it was just there").raw();
    let at = value.as_ptr().addr() - raw.as_ptr().addr() + value.len() - pieces.len();
    Ok(at..at + pieces.len())
}

#[cfg(test)]
mod tests;
