//! Points on the circle.

use std::fmt;

use stdx::Rng;

/// The most bits that an identifier has: those of a v1 info-hash, so that content can be a key.
pub const BITS_MAX: u8 = 160;

const BYTES: usize = 20;

/// A point on the circle: an unsigned number of up to 160 bits, most significant byte first.
///
/// Bytes, not machine words: the digests that become keys are bytes, order is their order, and a
/// table of twenty pointers stays below half a kilobyte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id([u8; BYTES]);

/// A text that names no point of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Neither a decimal number nor a hexadecimal one behind `0x`.
    #[error("it is not a number; write for example 14 or 0x0e")]
    NotANumber,
    /// At or above 2^bits.
    #[error("it is not below 2^{0}")]
    TooLarge(u8),
}

impl Id {
    /// The point with these bytes, most significant first.
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes, most significant first.
    pub const fn bytes(self) -> [u8; BYTES] {
        self.0
    }

    /// Its number, where that is below 2^64.
    pub fn to_u64(self) -> Option<u64> {
        let (high, low) = self.0.split_at(BYTES - 8);
        let low = low.try_into().expect("eight bytes were split off");
        high.iter().all(|&byte| byte == 0).then_some(u64::from_be_bytes(low))
    }

    /// Whether it lies on the way clockwise from `from` to `to`, neither of them included. From a
    /// point to itself is the whole circle.
    pub fn is_between(self, from: Self, to: Self) -> bool {
        if from < to { from < self && self < to } else { from < self || self < to }
    }

    /// Whether it lies on the way clockwise from `from`, not included, to `to`, included. From a
    /// point to itself is the whole circle.
    pub fn is_within(self, from: Self, to: Self) -> bool {
        self == to || self.is_between(from, to)
    }

    fn wrapping_add(mut self, other: Self) -> Self {
        let mut carry = 0;
        for (byte, added) in self.0.iter_mut().zip(other.0).rev() {
            let sum = u16::from(*byte) + u16::from(added) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        self
    }

    fn wrapping_sub(self, other: Self) -> Self {
        let complement = Self(other.0.map(|byte| !byte));
        self.wrapping_add(complement).wrapping_add(Self::from(1))
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        let mut bytes = [0; BYTES];
        bytes[BYTES - 8..].copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }
}

/// Small numbers in decimal, others as the 40 hexadecimal digits of a digest.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_u64() {
            Some(number) => number.fmt(f),
            None => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The circle [0, 2^bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    bits: u8,
}

impl Space {
    /// All 160 bits: every content hash is a point.
    pub const FULL: Self = Self { bits: BITS_MAX };

    /// A circle of 2^bits points; `None` unless there are 1 to 160 bits.
    pub const fn new(bits: u8) -> Option<Self> {
        if bits == 0 || bits > BITS_MAX { None } else { Some(Self { bits }) }
    }

    /// Bits of an identifier.
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// How many points it has, where that is below 2^64.
    pub const fn room(self) -> Option<u64> {
        1_u64.checked_shl(self.bits as u32)
    }

    /// Whether a point is on this circle.
    pub fn contains(self, id: Id) -> bool {
        self.cut(id) == id
    }

    /// The point 2^`power` behind `id`, clockwise: where shortcut number `power` begins.
    pub fn jump(self, id: Id, power: u8) -> Id {
        let mut step = Id::default();
        let power = usize::from(power.min(self.bits - 1));
        step.0[BYTES - 1 - power / 8] = 1 << (power % 8);
        self.cut(id.wrapping_add(step))
    }

    /// How far clockwise it is from one point to another.
    pub fn distance(self, from: Id, to: Id) -> Id {
        self.cut(to.wrapping_sub(from))
    }

    /// The point of a digest: its first bits.
    pub fn of_digest(self, digest: [u8; BYTES]) -> Id {
        let away = usize::from(BITS_MAX - self.bits);
        let (bytes, bits) = (away / 8, away % 8);
        let mut id = [0; BYTES];
        for (at, byte) in id.iter_mut().enumerate().skip(bytes) {
            let low = digest[at - bytes];
            let high = if at > bytes { digest[at - bytes - 1] } else { 0 };
            *byte = (u16::from_be_bytes([high, low]) >> bits) as u8;
        }
        Id(id)
    }

    /// A uniform point.
    pub fn random(self, rng: &mut Rng) -> Id {
        let mut bytes = [0; BYTES];
        rng.fill(&mut bytes);
        self.cut(Id(bytes))
    }

    /// Reads a decimal number, or a hexadecimal one behind `0x`.
    pub fn parse(self, text: &str) -> Result<Id, IdError> {
        let (digits, radix) = match text.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (text, 10),
        };
        if digits.is_empty() {
            return Err(IdError::NotANumber);
        }
        let mut id = Id::default();
        for digit in digits.chars() {
            let digit = digit.to_digit(radix).ok_or(IdError::NotANumber)?;
            let mut carry = digit;
            for byte in id.0.iter_mut().rev() {
                carry += u32::from(*byte) * radix;
                *byte = carry as u8;
                carry >>= 8;
            }
            if carry > 0 || !self.contains(id) {
                return Err(IdError::TooLarge(self.bits));
            }
        }
        Ok(id)
    }

    /// The point modulo 2^bits.
    fn cut(self, mut id: Id) -> Id {
        let away = usize::from(BITS_MAX - self.bits);
        id.0[..away / 8].fill(0);
        if !away.is_multiple_of(8) {
            id.0[away / 8] &= 0xff >> (away % 8);
        }
        id
    }
}
