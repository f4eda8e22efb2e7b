use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// Something in a torrent, or in what one is made of, that was changed or left out, and why it is
/// not as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A name was unsafe or impossible; the file goes to `to` instead.
    Renamed {
        /// The path as the torrent has it, made printable.
        from: String,
        /// The path used.
        to: PathBuf,
    },
    /// Two files had the same path; the later one goes to `to` instead.
    Duplicate {
        /// The path of both.
        from: PathBuf,
        /// The path used for the later.
        to: PathBuf,
    },
    /// A symbolic link was left out, because its target is not inside the torrent.
    LinkDropped {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: String,
    },
    /// Something was left out of a new torrent.
    Skipped {
        /// What.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The metadata is not in canonical form; it is used as it stands.
    NotCanonical,
    /// A tracker or web seed was left out.
    UrlDropped {
        /// The URL, made printable and cut.
        url: String,
    },
    /// The automatic format is v1, because only v1 takes this piece length.
    V1PieceLength {
        /// Bytes of a piece.
        length: u64,
    },
    /// The automatic format is v1, because a hybrid would need too much padding.
    HybridPadding {
        /// Padding in bytes.
        padding: u64,
        /// Content in bytes.
        content: u64,
    },
    /// The automatic format is v1, because a hybrid's metadata would be too large.
    HybridMetadata {
        /// The metadata's size in bytes.
        size: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { from, to } => {
                write!(f, "{from:?} is not a safe name; using {:?}", text(to))
            }
            Self::Duplicate { from, to } => {
                write!(f, "{:?} occurs twice; the second is {:?}", text(from), text(to))
            }
            Self::LinkDropped { path, target } => {
                write!(
                    f,
                    "link {:?} left out: its target {target:?} is not in the torrent",
                    text(path)
                )
            }
            Self::Skipped { path, reason } => write!(f, "{:?} left out: {reason}", text(path)),
            Self::NotCanonical => {
                f.write_str("the torrent is not canonical bencode; used as it stands")
            }
            Self::UrlDropped { url } => write!(f, "URL {url:?} left out: not usable"),
            Self::V1PieceLength { length } => write!(
                f,
                "made a v1 torrent: a piece length of {length} bytes is no power of two, as v2 \
                 and hybrid need"
            ),
            Self::HybridPadding { padding, content } => write!(
                f,
                "made a v1 torrent: a hybrid would need {padding} bytes of padding for {content} \
                 bytes of content (--format hybrid makes it anyway)"
            ),
            Self::HybridMetadata { size } => write!(
                f,
                "made a v1 torrent: a hybrid's metadata would be {size} bytes \
                 (--format hybrid makes it anyway)"
            ),
        }
    }
}

/// A path as text, to be shown with its control characters escaped.
fn text(path: &Path) -> Cow<'_, str> {
    path.to_string_lossy()
}
