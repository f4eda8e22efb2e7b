use std::net::SocketAddr;
use std::sync::Arc;

use metainfo::Info;
use peer::Totals;
use stdx::{ConnId, Instant, PeerId, PieceIndex};

/// What the owner of a torrent may want to know.
#[derive(Clone, Debug)]
pub enum Event {
    /// The metadata of a magnet link is here. Check the disk, then call
    /// [`crate::Swarm::start`].
    MetadataReady(Arc<Info>),
    /// Another v2 piece layer is complete: worth saving, see [`crate::Swarm::layers`].
    LayerReady,
    /// All that [`crate::Swarm::fetch_layers`] asked for is here.
    LayersReady,
    /// A piece is on disk, and announced.
    PieceDone(PieceIndex),
    /// A piece failed its check and is fetched anew.
    PieceFailed(PieceIndex),
    /// Everything selected is on disk. Comes again when the selection grew in between.
    Complete,
    /// This peer is proven to have lied and is no longer dealt with.
    Banned(SocketAddr, Offence),
    /// A mirror does not give something now, in words for people.
    Trouble(ConnId, String),
    /// The torrent contradicts itself or cannot be used; nothing more is asked for.
    BadTorrent(String),
}

/// What a peer is banned for. Each is proof: nobody else can have done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// All of a piece that failed its check came from it.
    #[error("banned: all of piece {0} came from it, and is not what the torrent says")]
    WholePiece(PieceIndex),
    /// The good copy of a piece shows that blocks of the bad one, which it sent, were wrong.
    #[error("banned: it sent wrong blocks of piece {0}")]
    Blocks(PieceIndex),
    /// It sent one block of a piece in two versions.
    #[error("banned: it sent two versions of one block of piece {0}")]
    TwoVersions(PieceIndex),
    /// All of the metadata came from it and has another hash than was asked for (BEP 9).
    #[error("banned: it sent metadata that is not what the info-hash names")]
    Metadata,
    /// The hashes that it sent do not lead to the root they belong to (BEP 52).
    #[error("banned: it sent hashes whose proof fails")]
    Hashes,
}

/// What the check of a piece says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right: write it.
    Good,
    /// It is wrong: drop it; it is fetched anew. What its blocks hash to, told to
    /// [`crate::Swarm::handle_block_digests`], helps to find out who is to blame.
    Bad,
    /// One version's hash fits and the other's does not: nobody is to blame but the torrent.
    BadTorrent,
    /// The hash that it should have is not known yet: drop it, it is fetched anew.
    Unknown,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The peer.
    Incoming,
    /// We.
    Outgoing,
}

/// Why a connection is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The peer sent bad data earlier.
    #[error("banned for bad data")]
    Banned,
    /// There is a connection to that peer.
    #[error("already connected to this peer")]
    Duplicate,
    /// There are as many connections as may be.
    #[error("too many connections")]
    Full,
    /// The torrent is stopped, or its data is still being checked.
    #[error("the torrent is not running")]
    NotRunning,
}

/// A connection as others may see it: for the choker, for people, for traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// The connection.
    pub conn: ConnId,
    /// Its remote end.
    pub addr: SocketAddr,
    /// Who opened it.
    pub direction: Direction,
    /// When it was taken in.
    pub since: Instant,
    /// The peer's name for itself, once it spoke.
    pub peer_id: Option<PeerId>,
    /// Its client's name and version, if it said so.
    pub client: Option<String>,
    /// It wants what we have.
    pub interested: bool,
    /// We want what it has.
    pub am_interested: bool,
    /// It does not answer our requests.
    pub choked: bool,
    /// We do not answer its requests.
    pub am_choking: bool,
    /// It owes us blocks and sends none.
    pub snubbed: bool,
    /// It has everything.
    pub is_seed: bool,
    /// It downloads nothing (BEP 21).
    pub upload_only: bool,
    /// It speaks v2.
    pub v2: bool,
    /// How many pieces it has.
    pub pieces: u32,
    /// Blocks it was asked for and still owes.
    pub outstanding: u32,
    /// What its uplink can do, in bytes per second, if it said so.
    pub uplink: Option<u64>,
    /// Traffic since the start.
    pub totals: Totals,
    /// Payload that it gives us, bytes per second.
    pub down_rate: u64,
    /// Payload that it takes from us, bytes per second.
    pub up_rate: u64,
    /// Bytes it sent that were of use.
    pub useful: u64,
}

/// One torrent in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of the selection that are verified.
    pub done: u64,
    /// Bytes of the selection.
    pub total: u64,
    /// Bytes that arrived and were not needed.
    pub wasted: u64,
    /// Bytes of pieces that failed their check.
    pub failed: u64,
    /// v2 piece hashes that peers gave (BEP 52).
    pub hashes: u64,
    /// Connections past their handshake.
    pub peers: usize,
    /// How many of these have everything.
    pub seeds: usize,
    /// Mirrors that are not at rest.
    pub mirrors: usize,
    /// Known addresses.
    pub known: usize,
    /// Blocks asked for and not here.
    pub outstanding: usize,
    /// Pieces in progress.
    pub partials: usize,
}
