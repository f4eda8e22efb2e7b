use stdx::{BlockRange, PieceIndex};
use wire::{Kind, WireError};

/// Why a connection cannot go on, found by its [`crate::Peer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// What came is not the peer protocol.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A well-formed message that the protocol forbids.
    #[error("protocol violation: {0}")]
    Misbehaved(#[from] Misbehaviour),
    /// The remote did not finish its handshake in time.
    #[error("no handshake in time")]
    HandshakeTimeout,
    /// Nothing came for too long.
    #[error("silent for too long")]
    Inactive,
    /// The remote is this very process.
    #[error("connected to itself")]
    SelfConnection,
    /// The remote answered for another torrent.
    #[error("handshake for another torrent")]
    WrongTorrent,
}

impl PeerError {
    /// True when the remote broke the protocol, which counts against it; false for silence and
    /// honest mistakes.
    pub const fn is_misbehaviour(&self) -> bool {
        matches!(self, Self::Wire(_) | Self::Misbehaved(_))
    }
}

/// What a remote may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// A bitfield, have all or have none after other messages (BEP 3, BEP 6) that takes pieces
    /// back, or one too many.
    #[error("{0} message after the start of the conversation, and not instead of haves")]
    LateAvailability(Kind),
    /// A bitfield of the wrong size, or with spare bits set (BEP 3).
    #[error("bitfield of {size} bytes does not fit {pieces} pieces")]
    BadBitfield {
        /// Its size in bytes.
        size: usize,
        /// How many pieces there are.
        pieces: u32,
    },
    /// A piece number beyond the end.
    #[error("{kind} message for piece {piece} of {pieces}")]
    PieceOutOfRange {
        /// The message.
        kind: Kind,
        /// The piece it names.
        piece: PieceIndex,
        /// How many pieces there are.
        pieces: u32,
    },
    /// A message of the fast extension, which was not agreed on (BEP 6).
    #[error("{0} message without the fast extension")]
    FastNotAgreed(Kind),
    /// A request that goes beyond its piece, is empty or larger than a block.
    #[error("request for an impossible range: {length} bytes at {begin} of piece {piece}",
        piece = .0.piece, begin = .0.begin, length = .0.length)]
    ImpossibleRequest(BlockRange),
    /// A request for a piece that we never said to have.
    #[error("request for piece {0}, which was not announced")]
    RequestNotAnnounced(PieceIndex),
    /// More requests at a time than we said we would queue.
    #[error("{queued} requests outstanding, more than the {limit} allowed")]
    TooManyRequests {
        /// How many there are.
        queued: usize,
        /// How many we said we would queue.
        limit: u32,
    },
    /// Many blocks or rejects that answer no request.
    #[error("{0} answers without a request")]
    Unrequested(u32),
    /// Message after message that is of no use to anybody.
    #[error("flood of messages that are of no use")]
    Flood,
    /// Peer lists too soon after each other, or too long, again and again (BEP 11).
    #[error("{0} peer lists too soon or too long")]
    PeerLists(u32),
    /// More bytes than fit before the torrent was known.
    #[error("too much data right after the handshake")]
    TooEarly,
}
