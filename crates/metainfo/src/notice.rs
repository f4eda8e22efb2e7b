use std::fmt;
use std::path::PathBuf;

use crate::limits::MAX_NAME_NOTICES;
use crate::text::one_line;

/// Something in a torrent, or in what one is made of, that was changed or left out, and why it is
/// not as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A name was unsafe, impossible on some system, or taken; the file goes to `to` instead.
    Renamed {
        /// The path as the torrent has it, made printable.
        from: String,
        /// The path used.
        to: PathBuf,
        /// What is wrong with `from`, to follow it in a sentence.
        why: &'static str,
    },
    /// A symbolic link was left out.
    LinkDropped {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: String,
        /// What is wrong with the target, to follow it in a sentence.
        why: &'static str,
    },
    /// So many more names were changed or links left out than are mentioned one by one.
    MoreNames(u64),
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
        /// `tracker` or `web seed`.
        what: &'static str,
        /// The URL, made printable and cut.
        url: String,
        /// What is wrong with it, to follow it in a sentence.
        why: &'static str,
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
            Self::Renamed { from, to, why } => {
                write!(f, "`{from}` {why}; it becomes `{}`", to.display())
            }
            Self::LinkDropped { path, target, why } => {
                write!(f, "link `{}` left out: its target `{target}` {why}", path.display())
            }
            Self::MoreNames(more) => write!(f, "… and {more} more names changed or left out"),
            Self::Skipped { path, reason } => {
                let path = one_line(path.as_os_str().as_encoded_bytes());
                write!(f, "`{path}` left out: {reason}")
            }
            Self::NotCanonical => {
                f.write_str("the torrent is not canonical bencode; used as it stands")
            }
            Self::V1PieceLength { length } => write!(
                f,
                "made a v1 torrent: a piece length of {length} bytes is no power of two, as v2 \
                 and hybrid need"
            ),
            Self::UrlDropped { what, url, why } => write!(f, "{what} `{url}` left out: it {why}"),
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

/// Collects what is said of names: each once, up to a limit, then their number.
#[derive(Debug, Default)]
pub(crate) struct NameNotices {
    notices: Vec<Notice>,
    more: u64,
}

impl NameNotices {
    pub(crate) fn add(&mut self, notice: impl FnOnce() -> Notice) {
        if self.notices.len() < MAX_NAME_NOTICES {
            self.notices.push(notice());
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn finish(self) -> impl Iterator<Item = Notice> {
        let more = (self.more > 0).then_some(Notice::MoreNames(self.more));
        self.notices.into_iter().chain(more)
    }
}
