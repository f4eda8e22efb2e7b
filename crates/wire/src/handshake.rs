use hash::Sha1Digest;
use stdx::PeerId;

use crate::WireError;

/// The size of a handshake in bytes (BEP 3).
pub const HANDSHAKE_LENGTH: usize = 68;

const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// The first thing each side sends (BEP 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// What the sender can do beyond BEP 3.
    pub reserved: Reserved,
    /// The torrent: the v1 info-hash, or the first 20 bytes of the v2 one (BEP 52).
    pub info_hash: Sha1Digest,
    /// Who sends it.
    pub peer_id: PeerId,
}

impl Handshake {
    /// Reads a whole handshake.
    ///
    /// # Errors
    /// [`WireError::NotBitTorrent`] when it starts otherwise.
    pub fn decode(bytes: &[u8; HANDSHAKE_LENGTH]) -> Result<Self, WireError> {
        Self::check_start(bytes)?;
        let (head, peer_id) = bytes.split_at(48);
        let (head, info_hash) = head.split_at(28);
        let (mut hash, mut id, mut reserved) = ([0; 20], [0; 20], [0; 8]);
        hash.copy_from_slice(info_hash);
        id.copy_from_slice(peer_id);
        reserved.copy_from_slice(&head[20..]);
        Ok(Self { reserved: Reserved(reserved), info_hash: Sha1Digest(hash), peer_id: PeerId(id) })
    }

    /// Says whether the first bytes of a connection, however few, can become a handshake, so that
    /// strangers are let go at their first byte.
    ///
    /// # Errors
    /// [`WireError::NotBitTorrent`] when they cannot.
    pub fn check_start(bytes: &[u8]) -> Result<(), WireError> {
        let known = bytes.len().min(PROTOCOL.len());
        if bytes[..known] == PROTOCOL[..known] {
            return Ok(());
        }
        Err(WireError::NotBitTorrent)
    }

    /// The wire form.
    pub fn encode(&self) -> [u8; HANDSHAKE_LENGTH] {
        let mut out = [0; HANDSHAKE_LENGTH];
        out[..20].copy_from_slice(PROTOCOL);
        out[20..28].copy_from_slice(&self.reserved.0);
        out[28..48].copy_from_slice(&self.info_hash.0);
        out[48..].copy_from_slice(&self.peer_id.0);
        out
    }
}

/// The eight bytes of capability bits in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reserved(pub [u8; 8]);

impl Reserved {
    /// No capability.
    pub const NONE: Self = Self([0; 8]);

    /// With the extension protocol (BEP 10).
    pub const fn with_extended(mut self) -> Self {
        self.0[5] |= 0x10;
        self
    }

    /// With the fast extension (BEP 6).
    pub const fn with_fast(mut self) -> Self {
        self.0[7] |= 0x04;
        self
    }

    /// With the distributed hash table (BEP 5).
    pub const fn with_dht(mut self) -> Self {
        self.0[7] |= 0x01;
        self
    }

    /// With the v2 protocol: in a handshake by the v1 info-hash, an offer to upgrade (BEP 52).
    pub const fn with_v2(mut self) -> Self {
        self.0[7] |= 0x10;
        self
    }

    /// Whether the extension protocol is spoken (BEP 10).
    pub const fn extended(self) -> bool {
        self.0[5] & 0x10 != 0
    }

    /// Whether the fast extension is spoken (BEP 6).
    pub const fn fast(self) -> bool {
        self.0[7] & 0x04 != 0
    }

    /// Whether there is a node of the distributed hash table (BEP 5).
    pub const fn dht(self) -> bool {
        self.0[7] & 0x01 != 0
    }

    /// Whether the v2 protocol is spoken (BEP 52).
    pub const fn v2(self) -> bool {
        self.0[7] & 0x10 != 0
    }
}
