use crate::Kind;

/// Why bytes are not the peer protocol. Each is the remote's fault; the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The first bytes are not a BitTorrent handshake.
    #[error("the first bytes are not a BitTorrent handshake")]
    NotBitTorrent,
    /// A message longer than its kind may be.
    #[error("{kind} message of {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// What it claims to be.
        kind: Kind,
        /// Its stated length, without the four bytes of the prefix.
        size: u32,
        /// The most that is accepted.
        limit: u32,
    },
    /// A message of a fixed size that has another.
    #[error("{kind} message of {size} bytes instead of {expected}")]
    WrongSize {
        /// What it claims to be.
        kind: Kind,
        /// Its stated length, without the four bytes of the prefix.
        size: u32,
        /// The length of every such message, or the least one.
        expected: u32,
    },
    /// A content that does not parse.
    #[error("malformed {what}")]
    Malformed {
        /// Which message.
        what: &'static str,
    },
}
