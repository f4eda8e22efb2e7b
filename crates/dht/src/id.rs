use std::fmt;
use std::str::FromStr;

use hash::{ParseDigestError, Sha1Digest};
use stdx::Rng;

/// A point of the 160-bit space that nodes, info-hashes and items share (BEP 5, BEP 44).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub [u8; 20]);

impl Id {
    /// Bits of an id.
    pub const BITS: u32 = 160;

    /// Reads exactly twenty bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// A uniform id.
    pub fn random(rng: &mut Rng) -> Self {
        let mut bytes = [0; 20];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// The XOR of both: how far they are from each other, as a big-endian number.
    pub fn distance(self, other: Self) -> Self {
        let mut bytes = self.0;
        bytes.iter_mut().zip(other.0).for_each(|(byte, other)| *byte ^= other);
        Self(bytes)
    }

    /// How many leading bits both have in common: 160 when they are the same.
    pub fn common_bits(self, other: Self) -> u32 {
        let distance = self.distance(other);
        let zeros = distance.0.iter().take_while(|byte| **byte == 0).count();
        let next = distance.0.get(zeros).map_or(0, |byte| byte.leading_zeros());
        zeros as u32 * 8 + next
    }

    /// The same but for bit number `bit`, counted from the most significant.
    pub fn flipped(mut self, bit: u32) -> Self {
        if let Some(byte) = self.0.get_mut(bit as usize / 8) {
            *byte ^= 0x80 >> (bit % 8);
        }
        self
    }

    /// An id that has exactly the first `bits` bits in common with this one.
    pub fn random_beside(self, bits: u32, rng: &mut Rng) -> Self {
        let mut out = Self::random(rng);
        let (whole, rest) = ((bits / 8) as usize, bits % 8);
        if whole >= out.0.len() {
            return self;
        }
        out.0[..whole].copy_from_slice(&self.0[..whole]);
        let keep = !(0xff >> rest);
        out.0[whole] = self.0[whole] & keep | out.0[whole] & !keep;
        if out.common_bits(self) > bits { out.flipped(bits) } else { out }
    }

    /// As a share of the whole space: what part of it is nearer than this distance.
    pub fn share(self) -> f64 {
        self.leading() as f64 / 2f64.powi(64)
    }

    /// `bits` (at most 32) bits from bit number `from` on.
    pub(crate) fn bits(self, from: u32, bits: u32) -> u32 {
        let bit = |at: u32| self.0.get(at as usize / 8).map_or(0, |it| it >> (7 - at % 8) & 1);
        (from..from + bits).fold(0, |sum, at| sum << 1 | u32::from(bit(at)))
    }

    fn leading(self) -> u64 {
        self.0[..8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

impl From<Sha1Digest> for Id {
    fn from(digest: Sha1Digest) -> Self {
        Self(digest.0)
    }
}

impl From<Id> for Sha1Digest {
    fn from(id: Id) -> Self {
        Self(id.0)
    }
}

impl FromStr for Id {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        text.parse::<Sha1Digest>().map(Self::from)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Sha1Digest::from(*self).fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
