use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use metainfo::{Info, InfoHashes};
use stdx::{FileIndex, PieceIndex};

use crate::{Url, UrlError};

/// What of a name stands as it is (RFC 3986 §2.3, unreserved); the rest is percent-encoded.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a mirror is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// For ranges of files (BEP 19).
    Files,
    /// For pieces, by a script that knows the torrent (BEP 17).
    Pieces,
}

/// Where a mirror is, and what is to be believed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The mirror's own URL.
    pub url: Url,
    /// How it is asked.
    pub kind: Kind,
    /// A person named it: it may be anywhere.
    pub typed: bool,
}

impl Address {
    /// A mirror of files (BEP 19).
    ///
    /// # Errors
    /// When it is no URL that we can use.
    pub fn files(url: &str, typed: bool) -> Result<Self, UrlError> {
        Ok(Self { url: url.parse()?, kind: Kind::Files, typed })
    }

    /// A script that gives pieces (BEP 17).
    ///
    /// # Errors
    /// When it is no URL that we can use; FTP has no scripts.
    pub fn pieces(url: &str, typed: bool) -> Result<Self, UrlError> {
        let url: Url = url.parse()?;
        if url.scheme() == crate::Scheme::Ftp {
            return Err(UrlError::NO_SCRIPT);
        }
        Ok(Self { url, kind: Kind::Pieces, typed })
    }

    /// Where a file is (BEP 19): the URL itself for the only file of a torrent, unless it ends in a
    /// slash; below it otherwise. `info` has the names that the torrent has.
    pub fn of_file(&self, info: &Info, file: FileIndex) -> Url {
        let is_folder = self.url.path().ends_with('/');
        if info.is_single_file() && !is_folder {
            return self.url.clone();
        }
        let slash = if is_folder { "" } else { "/" };
        let path = info.layout().file(file).map(|file| file.path.as_path());
        let names = path.into_iter().flat_map(|path| path.components());
        let names: Vec<String> = names
            .map(|name| percent_encode(name.as_os_str().as_encoded_bytes(), NAME).to_string())
            .collect();
        self.url.with_path(&format!("{slash}{}", names.join("/")))
    }

    /// Where bytes of a piece are (BEP 17).
    pub fn of_piece(&self, hashes: &InfoHashes, piece: PieceIndex, from: u32, to: u32) -> Url {
        let hash = hashes.handshake_hashes().next().map(|hash| hash.0).unwrap_or_default();
        let hash = percent_encode(&hash, NAME);
        let last = to.saturating_sub(1);
        let piece = piece.0;
        self.url.with_query(&format!("info_hash={hash}&piece={piece}&ranges={from}-{last}"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
