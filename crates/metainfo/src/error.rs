use std::path::{Path, PathBuf};

use crate::layout::LayoutError;
use crate::text::one_line;

/// Why a torrent, a magnet link or a creation plan cannot be used. Each message names what, where
/// and, when there is something to do, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something else altogether.
    #[error("{what}")]
    NotATorrent {
        /// What it is.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Not bencode, or not canonical where BEP 52 requires it.
    #[error("not a torrent: {0}")]
    Bencode(#[from] bencode::Error),
    /// Larger than a named limit.
    #[error("{what}: {size} is more than the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A key that must be there is not.
    #[error("the torrent has no `{0}`")]
    Missing(&'static str),
    /// A key has a value that cannot be.
    #[error("the torrent's `{key}` is not valid: {why}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        why: &'static str,
    },
    /// A file entry has a value that cannot be.
    #[error("file {file} of the torrent: {why}")]
    File {
        /// The entry, counted from zero, or its path in backticks.
        file: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A `meta version` above 2 (BEP 52).
    #[error("meta version {0} is newer than this program understands")]
    MetaVersion(i64),
    /// Files and pieces do not fit each other.
    #[error("the torrent's pieces: {0}")]
    Layout(#[from] LayoutError),
    /// A hybrid torrent whose two halves describe different content.
    #[error("the v1 and v2 parts of the hybrid torrent differ: {0}")]
    HybridMismatch(String),
    /// A piece layer that does not hash to its file's root.
    #[error("the piece layer of file `{}` is missing or does not match its root", .0.display())]
    PieceLayer(PathBuf),
    /// The metadata hashes to something else than was asked for.
    #[error("the metadata is that of another torrent")]
    WrongInfoHash,
    /// Not a magnet link for a torrent.
    #[error("not a usable magnet link: {0}")]
    Magnet(String),
    /// Nothing to put into a new torrent.
    #[error("nothing to share: {0}")]
    NothingToShare(&'static str),
    /// A path that a torrent cannot carry safely.
    #[error("`{}` cannot be shared: it {why}; rename it or leave it out", shown(path))]
    Unshareable {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A creation option that cannot be.
    #[error("{option}: {why}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// What a person can do about it, to follow the message in the same line; for errors of what
    /// was read.
    pub fn advice(&self) -> &'static str {
        use bencode::ErrorKind::{BadLength, UnexpectedEnd};
        match self {
            Self::Bencode(error) if matches!(error.kind, UnexpectedEnd | BadLength) => {
                "it may be cut short: fetch it again"
            }
            Self::NotATorrent { advice, .. } => advice,
            Self::Bencode(_) | Self::PieceLayer(_) => {
                "fetch it again, or ask its maker for another"
            }
            Self::TooLarge { .. } => "ask its maker for a smaller one",
            Self::MetaVersion(_) => "a newer version of this program may read it",
            Self::Magnet(_) => "copy the whole link again",
            _ => "ask its maker for another",
        }
    }
}

fn shown(path: &Path) -> String {
    one_line(path.as_os_str().as_encoded_bytes())
}
