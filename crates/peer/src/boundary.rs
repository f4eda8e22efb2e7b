use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hash::{Sha1Digest, Sha256Digest};
use metainfo::{Info, InfoHashes};
use stdx::{Bitfield, BlockRange, Buf, PeerId, PieceIndex, TorrentId};
use wire::{HashRequest, Holepunch, Pex};

use crate::PeerError;

/// What every connection of one torrent shares. It is replaced whole when metadata arrives.
#[derive(Clone, Debug)]
pub struct Torrent {
    /// Its number in this session.
    pub id: TorrentId,
    /// Its names on the wire.
    pub hashes: InfoHashes,
    /// The metadata; `None` for a magnet whose metadata has not come yet.
    pub info: Option<Arc<Info>>,
    /// Peers come only from its trackers: no peer exchange (BEP 27).
    pub private: bool,
}

/// What the owner of a torrent tells a connection to do.
#[derive(Clone, Debug)]
pub enum Order {
    /// Answers [`Report::Handshake`] of an incoming connection: go on, with this torrent.
    /// Outgoing connections know it from the start.
    Welcome {
        /// The torrent that the remote asked for.
        torrent: Arc<Torrent>,
        /// What we have, to be announced; empty without metadata.
        have: Bitfield,
        /// We download nothing (BEP 21).
        upload_only: bool,
    },
    /// Metadata became known; what the remote announced so far is now validated and reported.
    Metadata {
        /// The torrent with its metadata.
        torrent: Arc<Torrent>,
        /// What we have, to be announced.
        have: Bitfield,
    },
    /// Answer no requests of the remote.
    Choke,
    /// Answer requests of the remote.
    Unchoke,
    /// We want what the remote has, or nothing any more.
    Interested(bool),
    /// Ask for blocks.
    Request(Vec<BlockRange>),
    /// Take requests back. A block that comes all the same is reported, and has no owner then.
    Cancel(Vec<BlockRange>),
    /// Announce a piece.
    Have(PieceIndex),
    /// Take an announcement back (BEP 54).
    Lost(PieceIndex),
    /// Suggest a piece (BEP 6).
    Suggest(PieceIndex),
    /// We download nothing from now on, or do again (BEP 21).
    UploadOnly(bool),
    /// Ask for a piece of the metadata (BEP 9). Ends as [`Report::Metadata`] or
    /// [`Report::MetadataRejected`].
    RequestMetadata(u32),
    /// Ask for hashes (BEP 52). Ends as [`Report::Hashes`] or [`Report::HashesRejected`].
    RequestHashes(HashRequest),
    /// Answers [`Report::HashRequest`].
    Hashes(HashRequest, Vec<Sha256Digest>),
    /// Refuses [`Report::HashRequest`].
    RejectHashes(HashRequest),
    /// Tell of other peers (BEP 11). Dropped where the remote, or we, do not exchange any.
    Pex(Pex),
    /// Bring two peers together (BEP 55). Dropped where the remote, or we, do not speak it.
    Holepunch(Holepunch),
    /// End the connection.
    Close(CloseReason),
}

/// What a connection tells the owner of its torrent.
#[derive(Debug)]
pub enum Report {
    /// The remote's handshake. An incoming connection now waits for [`Order::Welcome`] or
    /// [`Order::Close`].
    Handshake {
        /// The torrent, as the remote names it.
        info_hash: Sha1Digest,
        /// The remote's name for itself.
        peer_id: PeerId,
        /// It speaks the fast extension (BEP 6).
        fast: bool,
        /// It speaks the extension protocol (BEP 10).
        extended: bool,
        /// Hashes can be asked for (BEP 52): the remote answered by the v2 info-hash or, of an
        /// incoming connection, set the v2 bit. Who comes by the v2 info-hash itself may leave the
        /// bit out, so look at `info_hash` too.
        v2: bool,
    },
    /// What the remote's extension handshakes say so far.
    Extended(ExtendedInfo),
    /// Everything that the remote has: bitfield, have all and have none alike. It may come again,
    /// with more pieces.
    Pieces(Bitfield),
    /// The remote has one piece more.
    Have(PieceIndex),
    /// The remote has one piece less (BEP 54).
    Lost(PieceIndex),
    /// Whether the remote wants what we have.
    Interested(bool),
    /// The remote answers no requests from now on. What is outstanding comes, or is rejected.
    Choked,
    /// The remote answers requests.
    Unchoked,
    /// A block came.
    Block {
        /// Which one.
        range: BlockRange,
        /// Its bytes, as many as the range says.
        data: Buf,
    },
    /// Requests that will not be answered: choked, rejected or timed out.
    Rejected(Vec<BlockRange>),
    /// The piece may be asked for even while choked (BEP 6).
    AllowedFast(PieceIndex),
    /// The remote would like to be asked for the piece (BEP 6).
    Suggested(PieceIndex),
    /// The remote stopped sending although it owes blocks, or has begun again.
    Snubbed(bool),
    /// A piece of the metadata (BEP 9).
    Metadata {
        /// Which one.
        piece: u32,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// The remote will not send this piece of the metadata.
    MetadataRejected(u32),
    /// The remote asks for hashes; answer with [`Order::Hashes`] or [`Order::RejectHashes`].
    HashRequest(HashRequest),
    /// Hashes that were asked for, not verified.
    Hashes(HashRequest, Vec<Sha256Digest>),
    /// The remote will not send these hashes.
    HashesRejected(HashRequest),
    /// Where the remote's node of the DHT is (BEP 5); never of private torrents.
    Node(SocketAddr),
    /// A mirror, which is no peer, does not give something now: why, in words for people.
    Trouble(String),
    /// A mirror gives whole files only, and is at the beginning of none: what it is asked for it
    /// brings at little cost in the order of the content. It comes again when it begins anew.
    InOrder,
    /// Other peers that the remote knows (BEP 11).
    Pex(Pex),
    /// How two peers are brought together, one of them us or not (BEP 55).
    Holepunch(Holepunch),
    /// The conversation opens, over this, where it is not plain TCP.
    Carried(Carrier),
}

/// What carries a connection, as far as it matters to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Carrier {
    /// uTP (BEP 29), not TCP.
    pub utp: bool,
    /// It is encrypted.
    pub encrypted: bool,
}

/// What the remote's extension handshakes say, all of them together (BEP 10).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExtendedInfo {
    /// Its name and version.
    pub client: Option<String>,
    /// How many requests it queues.
    pub reqq: Option<u32>,
    /// The size of the metadata in bytes, when it has it.
    pub metadata_size: Option<u64>,
    /// It downloads nothing (BEP 21).
    pub upload_only: bool,
    /// Where it listens.
    pub listen_port: Option<u16>,
    /// Our address as it sees us.
    pub your_ip: Option<IpAddr>,
    /// What it can upload at, in bytes per second; only Fluvial says so.
    pub uplink: Option<u64>,
    /// It gives metadata (BEP 9).
    pub supports_metadata: bool,
    /// It exchanges peers with us (BEP 11).
    pub supports_pex: bool,
    /// It brings peers together, and is brought (BEP 55), and so do we.
    pub supports_holepunch: bool,
    /// It understands that a piece is lost (BEP 54).
    pub supports_dont_have: bool,
}

/// What one turn of a connection produced.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order they happened.
    pub reports: Vec<Report>,
    /// How many more blocks the request queue would take now; while the remote chokes, only
    /// blocks of pieces that it allowed.
    pub want: u32,
    /// Blocks of every [`Order::Request`] so far. What the owner gave beyond that was on its way
    /// when `want` was counted, and is to be taken off it.
    pub taken: u64,
    /// Traffic so far.
    pub totals: Totals,
}

/// Bytes since the connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// Blocks received, wanted or not.
    pub down_payload: u64,
    /// Blocks sent.
    pub up_payload: u64,
    /// All else received: handshake, headers, messages.
    pub down_protocol: u64,
    /// All else sent.
    pub up_protocol: u64,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The remote closed it.
    #[error("closed by the peer")]
    Remote,
    /// The transport failed, as the system says.
    #[error("{0}")]
    Transport(String),
    /// The connection itself found a fault.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// No such torrent here.
    #[error("unknown torrent")]
    UnknownTorrent,
    /// There is another connection to the same peer.
    #[error("already connected to this peer")]
    Duplicate,
    /// Neither side needs anything of the other.
    #[error("nothing to exchange")]
    Redundant,
    /// Made room for a more useful peer.
    #[error("replaced by another peer")]
    Replaced,
    /// Too many connections.
    #[error("too many connections")]
    Limit,
    /// Its address is one that the user does not deal with.
    #[error("forbidden by the IP filter")]
    Filtered,
    /// The peer sent bad data and is no longer dealt with.
    #[error("banned for bad data")]
    Banned,
    /// We have less than we announced, and the peer cannot be told otherwise than by beginning
    /// anew (without BEP 54).
    #[error("what we have changed; connect again")]
    Changed,
    /// A mirror, which is no peer, is of no use: why, in words for people.
    #[error("{0}")]
    Mirror(String),
    /// A mirror is far slower than the others and holds what they could bring.
    #[error("far slower than the other sources")]
    Slow,
    /// The torrent or the process stops.
    #[error("stopped")]
    Stopped,
}
