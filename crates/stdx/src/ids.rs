use std::fmt;

/// The unit of request, transfer and v2 hashing: 16 KiB (BEP 3, BEP 52).
pub const BLOCK_LENGTH: u32 = 16 * 1024;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as a `usize`, for slices.
            pub const fn get(self) -> usize {
                self.0 as usize
            }
        }

        impl From<u32> for $name {
            fn from(value: u32) -> Self {
                Self(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

index!(
    /// A piece's number within its torrent.
    PieceIndex
);
index!(
    /// A block's number within its piece.
    BlockIndex
);
index!(
    /// A file's number within its torrent, in the order of the metadata.
    FileIndex
);
index!(
    /// A torrent's number within the running session; never reused while the session lives.
    TorrentId
);

/// A connection's number within the running session; never reused while the session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConnId(pub u64);

/// A run of bytes within a piece, as the `request`, `piece`, `cancel` and `reject` messages name
/// it (BEP 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRange {
    /// The piece.
    pub piece: PieceIndex,
    /// Offset of the first byte within the piece.
    pub begin: u32,
    /// Length in bytes.
    pub length: u32,
}

impl BlockRange {
    /// The block that holds the first byte.
    pub const fn block(self) -> BlockIndex {
        BlockIndex(self.begin / BLOCK_LENGTH)
    }
}

/// The 20 bytes by which a peer names itself (BEP 3, BEP 20).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PeerId(pub [u8; 20]);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in &self.0 {
            if byte.is_ascii_alphanumeric() || byte == b'-' {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}
