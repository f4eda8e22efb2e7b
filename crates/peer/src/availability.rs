use std::collections::VecDeque;

use stdx::{Bitfield, PieceIndex};
use wire::{Kind, PIECES_MAX};

use crate::Misbehaviour;
use crate::pieces::PieceSet;

/// Single announcements that are kept before the number of pieces is known.
const EARLY_HAVES_MAX: usize = 4_096;

/// Which pieces the remote has, also before it is known how many there are.
#[derive(Debug)]
pub(crate) enum Availability {
    /// Without metadata: as the remote put it.
    Early {
        claim: Claim,
        haves: VecDeque<PieceIndex>,
    },
    Known(PieceSet),
}

/// What a message said of all pieces at once.
#[derive(Debug)]
pub(crate) enum Claim {
    Nothing,
    Everything,
    Bits(Vec<u8>),
}

impl Availability {
    pub(crate) const UNKNOWN: Self = Self::Early { claim: Claim::Nothing, haves: VecDeque::new() };

    /// Takes the remote's word on all that it has; returns what is to be reported.
    pub(crate) fn claim(&mut self, new: Claim) -> Result<Option<Bitfield>, Misbehaviour> {
        match self {
            Self::Early { claim, .. } => {
                *claim = new;
                Ok(None)
            }
            Self::Known(set) => {
                let bits = read(&new, set.len())?;
                *set = PieceSet::new(bits.clone());
                Ok(Some(bits))
            }
        }
    }

    /// True when a claim lacks a piece that is known to be there.
    pub(crate) fn would_lose(&self, new: &Claim) -> Result<bool, Misbehaviour> {
        let Some(known) = self.known() else {
            return Ok(false);
        };
        let bits = read(new, known.len())?;
        Ok(match known {
            PieceSet::None(_) => false,
            PieceSet::All(_) => !bits.is_full(),
            PieceSet::Some(known) => known.iter_ones().any(|piece| !bits.get(piece)),
        })
    }

    /// Takes one more piece; returns whether it is news.
    pub(crate) fn add(&mut self, piece: PieceIndex) -> Result<bool, Misbehaviour> {
        match self {
            Self::Early { claim, haves } => {
                check(Kind::Have, piece, PIECES_MAX)?;
                match claim {
                    Claim::Bits(bytes) if piece.get() / 8 < bytes.len() => {
                        bytes[piece.get() / 8] |= 0x80 >> (piece.0 % 8);
                    }
                    // Beyond the bound the oldest go: it costs a little knowledge of one peer.
                    _ => {
                        if haves.len() == EARLY_HAVES_MAX {
                            haves.pop_front();
                        }
                        haves.push_back(piece);
                    }
                }
                Ok(false)
            }
            Self::Known(set) => {
                check(Kind::Have, piece, set.len())?;
                Ok(set.insert(piece))
            }
        }
    }

    /// Takes one piece less (BEP 54); returns whether it is news.
    pub(crate) fn remove(&mut self, piece: PieceIndex) -> Result<bool, Misbehaviour> {
        match self {
            Self::Early { claim, haves } => {
                haves.retain(|&have| have != piece);
                if let Claim::Bits(bytes) = claim
                    && let Some(byte) = bytes.get_mut(piece.get() / 8)
                {
                    *byte &= !(0x80 >> (piece.0 % 8));
                }
                Ok(false)
            }
            Self::Known(set) => {
                check(Kind::Extended, piece, set.len())?;
                Ok(set.remove(piece))
            }
        }
    }

    /// Learns how many pieces there are: what was claimed so far is checked, and is to be reported.
    pub(crate) fn resolve(&mut self, pieces: u32) -> Result<Option<Bitfield>, Misbehaviour> {
        let Self::Early { claim, haves } = self else {
            return Ok(None);
        };
        let mut bits = read(claim, pieces)?;
        for &piece in haves.iter() {
            check(Kind::Have, piece, pieces)?;
            bits.set(piece.0);
        }
        *self = Self::Known(PieceSet::new(bits.clone()));
        Ok(Some(bits))
    }

    pub(crate) fn known(&self) -> Option<&PieceSet> {
        match self {
            Self::Early { .. } => None,
            Self::Known(set) => Some(set),
        }
    }
}

/// Checks a piece number against the number of pieces.
pub(crate) fn check(kind: Kind, piece: PieceIndex, pieces: u32) -> Result<(), Misbehaviour> {
    if piece.0 < pieces {
        return Ok(());
    }
    Err(Misbehaviour::PieceOutOfRange { kind, piece, pieces })
}

fn read(claim: &Claim, pieces: u32) -> Result<Bitfield, Misbehaviour> {
    match claim {
        Claim::Nothing => Ok(Bitfield::new(pieces)),
        Claim::Everything => Ok(Bitfield::full(pieces)),
        Claim::Bits(bytes) => {
            let bad = Misbehaviour::BadBitfield { size: bytes.len(), pieces };
            Bitfield::from_bytes(bytes, pieces).ok_or(bad)
        }
    }
}
