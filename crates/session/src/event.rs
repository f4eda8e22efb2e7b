use std::net::SocketAddr;
use std::sync::Arc;

use announce::TrackerUrl;
use cache::Fault;
use metainfo::{Info, InfoHashes};
use stdx::{PieceIndex, TorrentId};
use swarm::Offence;

/// What the driver or the person has to know.
#[derive(Clone, Debug)]
pub enum Event {
    /// The metadata of a magnet came, and is what the info-hash names (BEP 9). Make the files
    /// ready, choose among them with [`crate::Session::select`], then call
    /// [`crate::Session::start`].
    MetadataReady {
        /// The torrent.
        torrent: TorrentId,
        /// Its metadata.
        info: Arc<Info>,
    },
    /// A piece is verified, on disk and readable; it is announced to others now.
    PieceDone {
        /// The torrent.
        torrent: TorrentId,
        /// The piece.
        piece: PieceIndex,
    },
    /// A piece failed its check and is fetched anew.
    PieceFailed {
        /// The torrent.
        torrent: TorrentId,
        /// The piece.
        piece: PieceIndex,
    },
    /// Another piece layer is complete and worth saving, see [`crate::Session::layers`] (BEP 52).
    LayerReady {
        /// The torrent.
        torrent: TorrentId,
    },
    /// All piece layers that [`crate::Session::fetch_layers`] asked for are known: check the
    /// files, then call [`crate::Session::start`].
    LayersReady {
        /// The torrent.
        torrent: TorrentId,
    },
    /// These pieces are recorded and survive a power cut.
    Durable {
        /// The torrent.
        torrent: TorrentId,
        /// The pieces.
        pieces: Vec<PieceIndex>,
    },
    /// Everything that is selected is verified, on disk and readable; from now on the torrent
    /// seeds. Said right at the start when nothing was lacking. It is durable once stopped.
    Complete {
        /// The torrent.
        torrent: TorrentId,
    },
    /// A peer sent bad data and is no longer dealt with.
    PeerBanned {
        /// The torrent.
        torrent: TorrentId,
        /// The peer.
        addr: SocketAddr,
        /// What it did.
        offence: Offence,
    },
    /// A peer was dropped for what it did, in words for people. What comes again and again is told
    /// ever more seldom, so that no flood of bad peers becomes one of events.
    PeerDropped {
        /// The peer.
        addr: SocketAddr,
        /// What it did.
        reason: String,
        /// It is no longer dealt with.
        banned: bool,
        /// How often its address had to be dropped for that so far.
        times: u64,
    },
    /// A tracker answered with something that a person should read.
    TrackerWarning {
        /// The torrent.
        torrent: TorrentId,
        /// The tracker.
        url: TrackerUrl,
        /// What it says.
        message: String,
    },
    /// An announce failed; it is repeated in time, or the next tracker is asked.
    TrackerFailed {
        /// The torrent.
        torrent: TorrentId,
        /// The tracker.
        url: TrackerUrl,
        /// Why.
        message: String,
    },
    /// A mirror does not give what it should; it is asked again in time, or not at all.
    MirrorFailed {
        /// The torrent.
        torrent: TorrentId,
        /// The mirror.
        url: String,
        /// Why, in words for people.
        message: String,
        /// It is left out: for long, or for good.
        left_out: bool,
    },
    /// Files changed under us; what may be wrong of them is no longer given to others.
    ContentChanged {
        /// The torrent.
        torrent: TorrentId,
        /// Which, how, and what to do.
        message: String,
    },
    /// Files that had changed were verified anew; what is right of them is given to others again.
    ContentVerified {
        /// The torrent.
        torrent: TorrentId,
        /// Which, and how much.
        message: String,
    },
    /// The torrent cannot go on. It asks for nothing more, until [`crate::Session::retry`].
    Failed {
        /// The torrent.
        torrent: TorrentId,
        /// Why.
        error: TorrentError,
    },
    /// A torrent that was woken sleeps again: let go of its files and of all that is known of it.
    Asleep {
        /// The torrent.
        torrent: TorrentId,
    },
    /// Everything is said, written and recorded; the torrent is gone from the session.
    Stopped {
        /// The torrent.
        torrent: TorrentId,
        /// What named it.
        hashes: InfoHashes,
    },
}

/// Why a torrent cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TorrentError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] Fault),
    /// It contradicts itself: a piece passes the hash of one version and fails that of the other
    /// (BEP 52), or the like. Nobody but its publisher is to blame.
    #[error("the torrent is not usable: {0}; get it anew from its publisher")]
    Inconsistent(String),
}
