use std::fmt;

use hash::Sha256Digest;
use stdx::{BlockRange, Buf, PieceIndex};

use crate::WireError;

/// The most hashes in one `hashes` message: 8,192 of the layer asked for, the leaves of a piece of
/// 128 MiB, and the proof of a tree that cannot be higher than 64.
pub const HASHES_MAX: u32 = 8192 + 64;

/// A message of the peer protocol. Its variants borrow from the decoder's input where they can.
#[derive(Debug)]
pub enum Message<'a> {
    /// Nothing, to keep the connection (BEP 3).
    KeepAlive,
    /// The sender will answer no requests (BEP 3).
    Choke,
    /// The sender will answer requests (BEP 3).
    Unchoke,
    /// The sender wants what the receiver has (BEP 3).
    Interested,
    /// The sender wants nothing (BEP 3).
    NotInterested,
    /// The sender now has a piece (BEP 3).
    Have(PieceIndex),
    /// Which pieces the sender has, bit by bit; only as the first message (BEP 3).
    Bitfield(&'a [u8]),
    /// Asks for a block (BEP 3).
    Request(BlockRange),
    /// A block (BEP 3). `data` is as long as the range says.
    Piece(BlockRange, Buf),
    /// Takes a request back (BEP 3).
    Cancel(BlockRange),
    /// The UDP port of the sender's node (BEP 5).
    Port(u16),
    /// The sender would like to be asked for a piece (BEP 6).
    Suggest(PieceIndex),
    /// The sender has everything (BEP 6).
    HaveAll,
    /// The sender has nothing (BEP 6).
    HaveNone,
    /// The sender will not answer a request (BEP 6).
    Reject(BlockRange),
    /// The sender answers requests for a piece even while it chokes (BEP 6).
    AllowedFast(PieceIndex),
    /// A message of an extension, by the receiver's number for it; 0 is the handshake (BEP 10).
    Extended(u8, &'a [u8]),
    /// Asks for hashes of a v2 tree (BEP 52).
    HashRequest(HashRequest),
    /// Hashes of a v2 tree, then the proof from the lowest layer up (BEP 52).
    Hashes(HashRequest, Vec<Sha256Digest>),
    /// The sender will not answer a hash request (BEP 52).
    HashReject(HashRequest),
}

/// What a hash request asks for; its answer repeats it (BEP 52).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashRequest {
    /// The root of the file's tree.
    pub root: Sha256Digest,
    /// The layer, counted from the leaves, which are layer 0.
    pub base_layer: u32,
    /// The first hash within the layer, a multiple of `length`.
    pub index: u32,
    /// How many hashes, a power of two and at least two.
    pub length: u32,
    /// How many layers of uncle hashes above the base layer are to prove them.
    pub proof_layers: u32,
}

/// The kinds of messages, for errors and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the messages")]
pub enum Kind {
    Choke,
    Unchoke,
    Interested,
    NotInterested,
    Have,
    Bitfield,
    Request,
    Piece,
    Cancel,
    Port,
    Suggest,
    HaveAll,
    HaveNone,
    Reject,
    AllowedFast,
    Extended,
    HashRequest,
    Hashes,
    HashReject,
    Unknown(u8),
}

impl Kind {
    /// The kind that the message byte `id` names.
    pub const fn from_id(id: u8) -> Self {
        match id {
            0 => Self::Choke,
            1 => Self::Unchoke,
            2 => Self::Interested,
            3 => Self::NotInterested,
            4 => Self::Have,
            5 => Self::Bitfield,
            6 => Self::Request,
            7 => Self::Piece,
            8 => Self::Cancel,
            9 => Self::Port,
            13 => Self::Suggest,
            14 => Self::HaveAll,
            15 => Self::HaveNone,
            16 => Self::Reject,
            17 => Self::AllowedFast,
            20 => Self::Extended,
            21 => Self::HashRequest,
            22 => Self::Hashes,
            23 => Self::HashReject,
            other => Self::Unknown(other),
        }
    }

    /// The message byte.
    pub const fn id(self) -> u8 {
        match self {
            Self::Choke => 0,
            Self::Unchoke => 1,
            Self::Interested => 2,
            Self::NotInterested => 3,
            Self::Have => 4,
            Self::Bitfield => 5,
            Self::Request => 6,
            Self::Piece => 7,
            Self::Cancel => 8,
            Self::Port => 9,
            Self::Suggest => 13,
            Self::HaveAll => 14,
            Self::HaveNone => 15,
            Self::Reject => 16,
            Self::AllowedFast => 17,
            Self::Extended => 20,
            Self::HashRequest => 21,
            Self::Hashes => 22,
            Self::HashReject => 23,
            Self::Unknown(id) => id,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Choke => "choke",
            Self::Unchoke => "unchoke",
            Self::Interested => "interested",
            Self::NotInterested => "not interested",
            Self::Have => "have",
            Self::Bitfield => "bitfield",
            Self::Request => "request",
            Self::Piece => "piece",
            Self::Cancel => "cancel",
            Self::Port => "port",
            Self::Suggest => "suggest piece",
            Self::HaveAll => "have all",
            Self::HaveNone => "have none",
            Self::Reject => "reject request",
            Self::AllowedFast => "allowed fast",
            Self::Extended => "extended",
            Self::HashRequest => "hash request",
            Self::Hashes => "hashes",
            Self::HashReject => "hash reject",
            Self::Unknown(id) => return write!(f, "unknown ({id})"),
        })
    }
}

impl<'a> Message<'a> {
    /// Reads the body of a whole message: what follows its byte `kind`. The decoder has checked
    /// the size.
    pub(crate) fn parse(kind: Kind, body: &'a [u8]) -> Result<Self, WireError> {
        let malformed = WireError::Malformed { what: "message" };
        let mut body = Reader(body);
        let message = match kind {
            Kind::Choke => Self::Choke,
            Kind::Unchoke => Self::Unchoke,
            Kind::Interested => Self::Interested,
            Kind::NotInterested => Self::NotInterested,
            Kind::HaveAll => Self::HaveAll,
            Kind::HaveNone => Self::HaveNone,
            Kind::Have => Self::Have(body.piece().ok_or(malformed)?),
            Kind::Suggest => Self::Suggest(body.piece().ok_or(malformed)?),
            Kind::AllowedFast => Self::AllowedFast(body.piece().ok_or(malformed)?),
            Kind::Request => Self::Request(body.range().ok_or(malformed)?),
            Kind::Cancel => Self::Cancel(body.range().ok_or(malformed)?),
            Kind::Reject => Self::Reject(body.range().ok_or(malformed)?),
            Kind::Port => Self::Port(u16::from_be_bytes(body.take().ok_or(malformed)?)),
            Kind::Bitfield => Self::Bitfield(body.0),
            Kind::Extended => {
                let [id] = body.take().ok_or(malformed)?;
                Self::Extended(id, body.0)
            }
            Kind::HashRequest => Self::HashRequest(body.hash_request().ok_or(malformed)?),
            Kind::HashReject => Self::HashReject(body.hash_request().ok_or(malformed)?),
            Kind::Hashes => {
                let request = body.hash_request().ok_or(malformed)?;
                let (hashes, rest) = body.0.as_chunks::<{ Sha256Digest::LEN }>();
                if !rest.is_empty() {
                    return Err(WireError::Malformed { what: "hashes message" });
                }
                Self::Hashes(request, hashes.iter().map(|&bytes| Sha256Digest(bytes)).collect())
            }
            Kind::Piece | Kind::Unknown(_) => return Err(malformed),
        };
        Ok(message)
    }

    /// Appends the wire form. A `Piece` is written with its payload; to send the payload from
    /// where it lies, use [`piece_header`] instead.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::KeepAlive => out.extend([0; 4]),
            Self::Choke => head(out, Kind::Choke, 0),
            Self::Unchoke => head(out, Kind::Unchoke, 0),
            Self::Interested => head(out, Kind::Interested, 0),
            Self::NotInterested => head(out, Kind::NotInterested, 0),
            Self::HaveAll => head(out, Kind::HaveAll, 0),
            Self::HaveNone => head(out, Kind::HaveNone, 0),
            Self::Have(piece) => put_piece(out, Kind::Have, *piece),
            Self::Suggest(piece) => put_piece(out, Kind::Suggest, *piece),
            Self::AllowedFast(piece) => put_piece(out, Kind::AllowedFast, *piece),
            Self::Request(range) => put_range(out, Kind::Request, *range),
            Self::Cancel(range) => put_range(out, Kind::Cancel, *range),
            Self::Reject(range) => put_range(out, Kind::Reject, *range),
            Self::Port(port) => {
                head(out, Kind::Port, 2);
                out.extend(port.to_be_bytes());
            }
            Self::Bitfield(bits) => {
                head(out, Kind::Bitfield, bits.len());
                out.extend_from_slice(bits);
            }
            Self::Piece(range, data) => {
                out.extend(piece_header(*range));
                out.extend_from_slice(data);
            }
            Self::Extended(id, payload) => {
                head(out, Kind::Extended, 1 + payload.len());
                out.push(*id);
                out.extend_from_slice(payload);
            }
            Self::HashRequest(request) => put_hashes(out, Kind::HashRequest, request, &[]),
            Self::HashReject(request) => put_hashes(out, Kind::HashReject, request, &[]),
            Self::Hashes(request, hashes) => put_hashes(out, Kind::Hashes, request, hashes),
        }
    }
}

/// The size of what comes before the payload of a `piece` message, in bytes.
pub const PIECE_HEADER_LENGTH: usize = 13;

/// What comes before the payload of a `piece` message (BEP 3).
pub fn piece_header(range: BlockRange) -> [u8; PIECE_HEADER_LENGTH] {
    let mut out = [0; PIECE_HEADER_LENGTH];
    out[..4].copy_from_slice(&range.length.saturating_add(9).to_be_bytes());
    out[4] = Kind::Piece.id();
    out[5..9].copy_from_slice(&range.piece.0.to_be_bytes());
    out[9..].copy_from_slice(&range.begin.to_be_bytes());
    out
}

fn head(out: &mut Vec<u8>, kind: Kind, body: usize) {
    out.extend((body as u32 + 1).to_be_bytes());
    out.push(kind.id());
}

fn put_piece(out: &mut Vec<u8>, kind: Kind, piece: PieceIndex) {
    head(out, kind, 4);
    out.extend(piece.0.to_be_bytes());
}

fn put_range(out: &mut Vec<u8>, kind: Kind, range: BlockRange) {
    head(out, kind, 12);
    for word in [range.piece.0, range.begin, range.length] {
        out.extend(word.to_be_bytes());
    }
}

fn put_hashes(out: &mut Vec<u8>, kind: Kind, request: &HashRequest, hashes: &[Sha256Digest]) {
    head(out, kind, 48 + hashes.len() * Sha256Digest::LEN);
    out.extend(request.root.0);
    for word in [request.base_layer, request.index, request.length, request.proof_layers] {
        out.extend(word.to_be_bytes());
    }
    out.extend(hashes.iter().flat_map(|hash| hash.0));
}

/// Fixed-size fields from the front of a slice.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn word(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn piece(&mut self) -> Option<PieceIndex> {
        self.word().map(PieceIndex)
    }

    fn range(&mut self) -> Option<BlockRange> {
        Some(BlockRange { piece: self.piece()?, begin: self.word()?, length: self.word()? })
    }

    fn hash_request(&mut self) -> Option<HashRequest> {
        Some(HashRequest {
            root: Sha256Digest(self.take()?),
            base_layer: self.word()?,
            index: self.word()?,
            length: self.word()?,
            proof_layers: self.word()?,
        })
    }
}
