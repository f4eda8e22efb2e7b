use hash::Sha256Digest;
use stdx::{PieceIndex, TorrentId};

use crate::{Fault, PieceDigests};

/// What the owner has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// All blocks are here and hashed. Answer with [`crate::Cache::verdict`], at once or when it
    /// can be told.
    Hashed {
        /// The torrent.
        torrent: TorrentId,
        /// The piece.
        piece: PieceIndex,
        /// What its bytes hash to.
        digests: PieceDigests,
    },
    /// What the blocks of a piece that was judged bad hashed to, so that it can be told which of
    /// them were wrong once right ones are here. Comes before the next [`Event::Hashed`] of the
    /// piece; not at all when the disk failed, or a piece was judged late and is being spilled.
    Blocks {
        /// The torrent.
        torrent: TorrentId,
        /// The piece.
        piece: PieceIndex,
        /// SHA-256 of each block without padding: what [`metainfo::Layout::request`] cuts.
        digests: Vec<Sha256Digest>,
    },
    /// The piece was judged good and is on disk, readable, though a power cut could still take it.
    Written {
        /// The torrent.
        torrent: TorrentId,
        /// The piece.
        piece: PieceIndex,
    },
    /// The pieces are recorded as held and survive a power cut.
    Durable {
        /// The torrent.
        torrent: TorrentId,
        /// The pieces.
        pieces: Vec<PieceIndex>,
    },
    /// A fence is over: nothing of the torrent that came before it is in memory or in flight.
    Flushed {
        /// The torrent.
        torrent: TorrentId,
    },
    /// All blocks of the piece were lost to a failure, written or not; they must be fetched again.
    Forgotten {
        /// The torrent.
        torrent: TorrentId,
        /// The piece.
        piece: PieceIndex,
    },
    /// The disk refused. Said once, until [`crate::Cache::retry`].
    Failed {
        /// The torrent.
        torrent: TorrentId,
        /// Why.
        fault: Fault,
    },
}
