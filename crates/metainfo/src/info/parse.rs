use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bencode::{Dict, Limits, Mode, Value};
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
    let keys = Keys::of(dict);
    let version = keys.version()?;
    let hashes = InfoHashes {
        v1: version.has_v1().then(|| hash::sha1(raw)),
        v2: version.has_v2().then(|| hash::sha256(raw)),
    };
    let mut notices = Vec::new();
    if !canonical {
        notices.push(Notice::NotCanonical);
    }
    let raw_name = keys.raw_name(version);
    let mut names = NameNotices::default();
    let name = name(raw_name, &hashes, rules, &mut names);
    let listed = keys.list(version, raw_name)?;
    let piece_length = match keys.piece_length {
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
    let v1_hashes = if version.has_v1() { Some(keys.pieces(raw, &layout)?) } else { None };
    notices.extend(names.finish());
    Ok(Info {
        raw: Arc::from(raw),
        hashes,
        name,
        single_file: listed.single_file,
        // BEP 27 knows 1 alone; taking any other number but 0 for it leaks no peer.
        private: keys.private.and_then(Value::as_int).is_some_and(|private| private != 0),
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

fn name(raw: &[u8], hashes: &InfoHashes, rules: Rules, notices: &mut NameNotices) -> String {
    let safe = names::component(raw, rules);
    let (mut name, mut why) = (safe.name, safe.why);
    if name.is_empty() {
        why = Some("is no name");
        name = hashes
            .handshake_hashes()
            .map(|hash| hash.to_string())
            .take(1)
            .collect::<String>()
            .into();
    }
    if let Some(why) = why {
        let to = PathBuf::from(&*name);
        notices.add(|| Notice::Renamed { from: files::printable([raw]), to, why });
    }
    name.into_owned()
}

/// What is looked at, found in one walk: the values between may be long.
struct Keys<'a> {
    dict: Dict<'a>,
    file_tree: Option<Value<'a>>,
    files: Option<Value<'a>>,
    meta_version: Option<Value<'a>>,
    name: Option<Value<'a>>,
    name_utf8: Option<Value<'a>>,
    piece_length: Option<Value<'a>>,
    pieces: Option<Value<'a>>,
    private: Option<Value<'a>>,
}

impl<'a> Keys<'a> {
    fn of(dict: Dict<'a>) -> Self {
        let [file_tree, files, meta_version, name, name_utf8, piece_length, pieces, private] = dict
            .pick([
                "file tree",
                "files",
                "meta version",
                "name",
                "name.utf-8",
                "piece length",
                "pieces",
                "private",
            ]);
        Self {
            dict,
            file_tree,
            files,
            meta_version,
            name,
            name_utf8,
            piece_length,
            pieces,
            private,
        }
    }

    /// BEP 52: `meta version` decides before anything else is looked at.
    fn version(&self) -> Result<Version, Error> {
        let v1 = self.pieces.is_some();
        match self.meta_version.and_then(Value::as_int) {
            Some(newer) if newer > 2 => Err(Error::MetaVersion(newer)),
            Some(2) if v1 => Ok(Version::Hybrid),
            Some(2) => Ok(Version::V2),
            _ if v1 => Ok(Version::V1),
            _ if self.meta_version.is_some() => invalid("meta version", "it must be 2"),
            _ => Err(Error::Missing("pieces")),
        }
    }

    /// Old makers put the name in some local encoding and a second one in UTF-8.
    fn raw_name(&self, version: Version) -> &'a [u8] {
        let utf8 = self.name_utf8.filter(|_| version == Version::V1).and_then(Value::as_bytes);
        utf8.or_else(|| self.name.and_then(Value::as_bytes)).unwrap_or_default()
    }

    /// What the dictionary says of its files.
    fn list(&self, version: Version, name: &'a [u8]) -> Result<Build<'a>, Error> {
        let v1 = || files::list_v1(self.dict, self.files);
        let v1 = if version.has_v1() { Some(v1()?) } else { None };
        let v2 = || files::list_v2(self.file_tree, name);
        let v2 = if version.has_v2() { Some(v2()?) } else { None };
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
    fn pieces(&self, raw: &[u8], layout: &Layout) -> Result<Range<usize>, Error> {
        let Some(pieces) = self.pieces.and_then(Value::as_bytes) else {
            return invalid("pieces", "it must be a string");
        };
        if !pieces.len().is_multiple_of(Sha1Digest::LEN) {
            return invalid("pieces", "its length is not a multiple of 20");
        }
        if pieces.len() / Sha1Digest::LEN != layout.pieces() as usize {
            return invalid("pieces", "it has not as many hashes as the files have pieces");
        }
        let at = pieces.as_ptr().addr() - raw.as_ptr().addr();
        Ok(at..at + pieces.len())
    }
}

#[cfg(test)]
mod tests;
