//! Who talks about which torrent, and by which of its hashes.
//!
//! ```text
//!   connect                                    accept
//!   offer: v1 hash (v2 bit when hybrid) ───▶   Listening ── report ──▶ owner
//!   Asked                                      Reported  ◀─ welcome ── owner
//!     ▲ any hash of the same torrent           answer: v2 hash when the torrent has one and the
//!     └───────────────────────────────────     remote spoke it or set the bit; else the same
//! ```

use hash::Sha1Digest;
use metainfo::{InfoHashes, Version};
use stdx::{PeerId, Pool};
use wire::{HANDSHAKE_LENGTH, Handshake, Reserved};

use crate::{Misbehaviour, PeerError};

/// Bytes that are kept from the handshake to the owner's welcome: a bitfield of the largest
/// torrent and what may come with it.
const EARLY_MAX: usize = 1 << 20;

/// How far the handshake is.
#[derive(Debug)]
pub(crate) enum Greeting {
    /// Ours is on its way; the remote's is to come.
    Asked(Partial),
    /// The remote's is to come first.
    Listening(Partial),
    /// The remote's is with the owner.
    Reported { theirs: Handshake, early: Vec<u8>, pool: Pool },
    /// Both sides agree.
    Done,
}

/// A handshake that is arriving.
#[derive(Debug)]
pub(crate) struct Partial {
    bytes: [u8; HANDSHAKE_LENGTH],
    len: usize,
}

/// What both sides speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Agreed {
    /// The hash that the connection runs by.
    pub(crate) info_hash: Sha1Digest,
    pub(crate) fast: bool,
    pub(crate) extended: bool,
    pub(crate) v2: bool,
    /// The remote has a node of the DHT.
    pub(crate) dht: bool,
}

impl Partial {
    pub(crate) const EMPTY: Self = Self { bytes: [0; HANDSHAKE_LENGTH], len: 0 };

    /// Takes bytes off the front of `input`; returns the handshake once it is whole.
    pub(crate) fn take(&mut self, input: &mut &[u8]) -> Result<Option<Handshake>, PeerError> {
        let (taken, rest) = input.split_at(input.len().min(HANDSHAKE_LENGTH - self.len));
        *input = rest;
        self.bytes[self.len..self.len + taken.len()].copy_from_slice(taken);
        self.len += taken.len();
        Handshake::check_start(&self.bytes[..self.len])?;
        if self.len < HANDSHAKE_LENGTH {
            return Ok(None);
        }
        Ok(Some(Handshake::decode(&self.bytes)?))
    }
}

impl Greeting {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Keeps what comes before the owner's welcome.
    pub(crate) fn keep(&mut self, data: &[u8]) -> Result<(), PeerError> {
        let Self::Reported { early, .. } = self else {
            return Ok(());
        };
        if early.len() + data.len() > EARLY_MAX {
            return Err(Misbehaviour::TooEarly.into());
        }
        early.extend_from_slice(data);
        Ok(())
    }
}

/// What the connecting side sends.
pub(crate) fn offer(hashes: &InfoHashes, peer_id: PeerId, dht: bool) -> Option<Handshake> {
    let info_hash = hashes.handshake_hashes().next()?;
    Some(Handshake { reserved: reserved(hashes, dht), info_hash, peer_id })
}

/// What the connecting side makes of the answer.
pub(crate) fn conclude(hashes: &InfoHashes, theirs: &Handshake) -> Result<Agreed, PeerError> {
    let version = hashes.version_of(&theirs.info_hash).ok_or(PeerError::WrongTorrent)?;
    Ok(agreed(theirs, theirs.info_hash, version == Version::V2))
}

/// What the accepting side answers; `None` when this is not the torrent that was asked for.
pub(crate) fn answer(
    hashes: &InfoHashes,
    theirs: &Handshake,
    peer_id: PeerId,
    dht: bool,
) -> Option<(Handshake, Agreed)> {
    let asked = hashes.version_of(&theirs.info_hash)?;
    let upgrade = hashes.v2.filter(|_| asked == Version::V2 || theirs.reserved.v2());
    let info_hash = upgrade.map_or(theirs.info_hash, |hash| hash.truncated());
    let ours = Handshake { reserved: reserved(hashes, dht), info_hash, peer_id };
    Some((ours, agreed(theirs, info_hash, upgrade.is_some())))
}

fn reserved(hashes: &InfoHashes, dht: bool) -> Reserved {
    let reserved = Reserved::NONE.with_extended().with_fast();
    let reserved = if dht { reserved.with_dht() } else { reserved };
    // Without its hash an upgrade could not be recognised, so it is not offered.
    if hashes.v2.is_some() { reserved.with_v2() } else { reserved }
}

fn agreed(theirs: &Handshake, info_hash: Sha1Digest, v2: bool) -> Agreed {
    let (fast, extended) = (theirs.reserved.fast(), theirs.reserved.extended());
    Agreed { info_hash, fast, extended, v2, dht: theirs.reserved.dht() }
}

#[cfg(test)]
mod tests;
