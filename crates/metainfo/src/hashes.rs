use std::fmt;

use hash::{Sha1Digest, Sha256Digest};

/// The format of a torrent's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// BEP 3: pieces run across files and are named by SHA-1.
    V1,
    /// BEP 52: every file starts a piece and has its own SHA-256 tree.
    V2,
    /// Both at once, describing the same files (BEP 52, Upgrade Path).
    Hybrid,
}

impl Version {
    /// True when pieces have SHA-1 hashes.
    pub const fn has_v1(self) -> bool {
        matches!(self, Self::V1 | Self::Hybrid)
    }

    /// True when files have SHA-256 trees.
    pub const fn has_v2(self) -> bool {
        matches!(self, Self::V2 | Self::Hybrid)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
        })
    }
}

/// What names a torrent: a v1 info-hash, a v2 one, or both. As [`crate::Info`] and
/// [`crate::Magnet`] give it, at least one is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InfoHashes {
    /// SHA-1 of the `info` dictionary (BEP 3).
    pub v1: Option<Sha1Digest>,
    /// SHA-256 of the `info` dictionary (BEP 52).
    pub v2: Option<Sha256Digest>,
}

impl InfoHashes {
    /// The twenty bytes that stand for the torrent in handshakes and announces: the v1 hash, then
    /// the truncated v2 hash; whichever exist.
    pub fn handshake_hashes(&self) -> impl Iterator<Item = Sha1Digest> + use<> {
        let truncated = self.v2.map(|hash| hash.truncated());
        self.v1.into_iter().chain(truncated)
    }

    /// Which of the two hashes a handshake names; `None` when it names another torrent.
    pub fn version_of(&self, handshake: &Sha1Digest) -> Option<Version> {
        if self.v1.as_ref() == Some(handshake) {
            return Some(Version::V1);
        }
        let truncated = self.v2.map(|hash| hash.truncated());
        (truncated.as_ref() == Some(handshake)).then_some(Version::V2)
    }

    /// True when the two name the same torrent: a hash in common and none that differs.
    pub fn matches(&self, other: &Self) -> bool {
        let agree = |equal: Option<bool>| equal != Some(false);
        let v1 = self.v1.zip(other.v1).map(|(a, b)| a == b);
        let v2 = self.v2.zip(other.v2).map(|(a, b)| a == b);
        agree(v1) && agree(v2) && (v1.is_some() || v2.is_some())
    }
}

impl fmt::Display for InfoHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.v1, self.v2) {
            (Some(v1), Some(v2)) => write!(f, "{v1} ({v2})"),
            (Some(v1), None) => write!(f, "{v1}"),
            (None, Some(v2)) => write!(f, "{v2}"),
            (None, None) => f.write_str("no info-hash"),
        }
    }
}
