use bencode::{Limits, Mode};

use crate::WireError;

/// The size of every piece of the metadata but the last, in bytes (BEP 9).
pub const METADATA_PIECE_LENGTH: u32 = 16 * 1024;

/// A message of the extension `ut_metadata` (BEP 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataMessage<'a> {
    /// Asks for a piece of the metadata.
    Request(u32),
    /// A piece of the metadata.
    Data {
        /// Which piece.
        piece: u32,
        /// The size of the whole metadata, as the sender states it; 0 when it does not.
        total_size: u64,
        /// The bytes of the piece.
        data: &'a [u8],
    },
    /// The sender does not have, or does not give, a piece.
    Reject(u32),
}

impl<'a> MetadataMessage<'a> {
    /// Reads the payload of an extended message; `None` for a type that BEP 9 does not know, which
    /// is to be ignored.
    ///
    /// # Errors
    /// When it is not a dictionary with the keys that its type needs.
    pub fn decode(payload: &'a [u8]) -> Result<Option<Self>, WireError> {
        let malformed = WireError::Malformed { what: "ut_metadata message" };
        let decoded = bencode::decode_prefix(payload, Mode::Lenient, Limits::MESSAGE);
        let (value, rest) = decoded.map_err(|_| malformed)?;
        let dict = value.as_dict().ok_or(malformed)?;
        let kind = dict.uint("msg_type").ok_or(malformed)?;
        let piece = dict.uint("piece").and_then(|piece| piece.try_into().ok()).ok_or(malformed)?;
        Ok(match kind {
            0 => Some(Self::Request(piece)),
            1 => {
                let total_size = dict.uint("total_size").unwrap_or(0);
                Some(Self::Data { piece, total_size, data: rest })
            }
            2 => Some(Self::Reject(piece)),
            _ => None,
        })
    }

    /// Appends the payload of the extended message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, piece) = match *self {
            Self::Request(piece) => (0, piece),
            Self::Data { piece, .. } => (1, piece),
            Self::Reject(piece) => (2, piece),
        };
        bencode::Encoder::new(out).dict(|dict| {
            dict.int("msg_type", kind);
            dict.int("piece", piece);
            if let Self::Data { total_size, .. } = *self {
                dict.int("total_size", total_size);
            }
        });
        if let Self::Data { data, .. } = *self {
            out.extend_from_slice(data);
        }
    }
}
