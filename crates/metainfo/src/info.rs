use std::ops::Range;
use std::sync::Arc;

use hash::Sha1Digest;
use stdx::PieceIndex;

use crate::names::Rules;
use crate::{Error, InfoHashes, Layout, Notice, Version};

pub(crate) use files::relative;

mod files;
mod hybrid;
mod parse;

/// A torrent's `info` dictionary: what its info-hashes are the hashes of.
#[derive(Clone, Debug)]
pub struct Info {
    raw: Arc<[u8]>,
    hashes: InfoHashes,
    name: String,
    single_file: bool,
    private: bool,
    layout: Layout,
    /// Where in `raw` the SHA-1 hashes of the pieces stand (BEP 3, `pieces`).
    v1_hashes: Option<Range<usize>>,
    notices: Vec<Notice>,
}

impl Info {
    /// Reads an `info` dictionary, as it stands in a torrent file or as peers send it (BEP 9).
    ///
    /// # Errors
    /// When it is not a usable description of files. Unsafe names are no error: they are changed,
    /// with a [`Notice`] each, to what every system can hold, so that they are the same everywhere.
    pub fn parse(raw: &[u8]) -> Result<Self, Error> {
        parse::info(raw, Rules::PORTABLE)
    }

    /// The same torrent with the names that it has itself, where the system at hand can hold them:
    /// what other clients may have written. `None` when those are the names used already.
    pub fn with_original_names(&self) -> Option<Self> {
        let changed = |notice: &Notice| matches!(notice, Notice::Renamed { .. });
        if !self.notices.iter().any(changed) {
            return None;
        }
        let info = parse::info(&self.raw, Rules::ORIGINAL).ok()?;
        (info.layout != self.layout).then_some(info)
    }

    /// Reads an `info` dictionary that must be the one named, such as the metadata that a magnet
    /// link stands for (BEP 9).
    ///
    /// # Errors
    /// As [`Self::parse`], and when it hashes to something else.
    pub fn parse_expecting(raw: &[u8], expected: &InfoHashes) -> Result<Self, Error> {
        // The hash comes first: nothing of a stranger's bytes is looked at before they are known.
        let v1 = expected.v1.is_none_or(|hash| hash::sha1(raw) == hash);
        let v2 = expected.v2.is_none_or(|hash| hash::sha256(raw) == hash);
        if !v1 || !v2 {
            return Err(Error::WrongInfoHash);
        }
        let info = Self::parse(raw)?;
        if info.hashes.matches(expected) { Ok(info) } else { Err(Error::WrongInfoHash) }
    }

    /// The dictionary's bytes, to be served to peers (BEP 9).
    pub fn raw(&self) -> &Arc<[u8]> {
        &self.raw
    }

    /// The info-hashes: one for each format that the dictionary has.
    pub fn hashes(&self) -> InfoHashes {
        self.hashes
    }

    /// The format of the metadata.
    pub fn version(&self) -> Version {
        self.layout.version()
    }

    /// The torrent's name, safe as a file name: the first component of every path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True when the content is one file rather than a folder.
    pub fn is_single_file(&self) -> bool {
        self.single_file
    }

    /// True when peers may only come from the torrent's own trackers (BEP 27).
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// The nominal size of a piece in bytes.
    pub fn piece_length(&self) -> u32 {
        self.layout.piece_length()
    }

    /// The files and how pieces map to them.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The SHA-1 of a piece, padding included; `None` for v2 torrents and beyond the last piece.
    pub fn v1_hash(&self, piece: PieceIndex) -> Option<Sha1Digest> {
        let hashes = &self.raw[self.v1_hashes.clone()?];
        Sha1Digest::from_slice(hashes.chunks_exact(Sha1Digest::LEN).nth(piece.get())?)
    }

    /// What was changed or left out for safety, one by one up to
    /// [`crate::limits::MAX_NAME_NOTICES`].
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}
