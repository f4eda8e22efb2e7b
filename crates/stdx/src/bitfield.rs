use std::fmt;

/// A fixed number of bits in the wire's order: bit 0 is the highest of byte 0 (BEP 3).
///
/// The spare bits of the last byte are always zero, and the number of set bits is kept.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Bitfield {
    bytes: Vec<u8>,
    len: u32,
    ones: u32,
}

impl Bitfield {
    /// `len` bits, all zero.
    pub fn new(len: u32) -> Self {
        Self { bytes: vec![0; (len as usize).div_ceil(8)], len, ones: 0 }
    }

    /// `len` bits, all one.
    pub fn full(len: u32) -> Self {
        let mut bytes = vec![0xff; (len as usize).div_ceil(8)];
        if let Some(last) = bytes.last_mut() {
            *last &= spare_mask(len);
        }
        Self { bytes, len, ones: len }
    }

    /// Reads `len` bits from the wire; `None` when the size is wrong or a spare bit is set.
    pub fn from_bytes(bytes: &[u8], len: u32) -> Option<Self> {
        let fits = bytes.len() == (len as usize).div_ceil(8);
        let spare_clear = bytes.last().is_none_or(|last| last & !spare_mask(len) == 0);
        if !fits || !spare_clear {
            return None;
        }
        let ones = bytes.iter().map(|byte| byte.count_ones()).sum();
        Some(Self { bytes: bytes.to_vec(), len, ones })
    }

    /// The wire form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bits there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// True when there are no bits at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bits are one.
    pub fn ones(&self) -> u32 {
        self.ones
    }

    /// True when every bit is one.
    pub fn is_full(&self) -> bool {
        self.ones == self.len
    }

    /// The bit at `index`; false beyond the end.
    pub fn get(&self, index: u32) -> bool {
        index < self.len && self.bytes[index as usize / 8] & mask(index) != 0
    }

    /// Makes the bit at `index` one; returns whether it changed.
    ///
    /// # Panics
    /// When `index` is beyond the end.
    pub fn set(&mut self, index: u32) -> bool {
        assert!(index < self.len, "bit {index} of {}", self.len);
        let byte = &mut self.bytes[index as usize / 8];
        let changed = *byte & mask(index) == 0;
        *byte |= mask(index);
        self.ones += u32::from(changed);
        changed
    }

    /// Makes the bit at `index` zero; returns whether it changed.
    ///
    /// # Panics
    /// When `index` is beyond the end.
    pub fn clear(&mut self, index: u32) -> bool {
        assert!(index < self.len, "bit {index} of {}", self.len);
        let byte = &mut self.bytes[index as usize / 8];
        let changed = *byte & mask(index) != 0;
        *byte &= !mask(index);
        self.ones -= u32::from(changed);
        changed
    }

    /// The indices of the bits that are one, ascending.
    pub fn iter_ones(&self) -> impl Iterator<Item = u32> + '_ {
        self.bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).flat_map(|(at, &byte)| {
            (0..8).filter(move |bit| byte & (0x80 >> bit) != 0).map(move |bit| at as u32 * 8 + bit)
        })
    }

    /// The indices of the bits that are zero, ascending.
    pub fn iter_zeros(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len).filter(|&index| !self.get(index))
    }
}

impl fmt::Debug for Bitfield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitfield({} of {})", self.ones, self.len)
    }
}

fn mask(index: u32) -> u8 {
    0x80 >> (index % 8)
}

fn spare_mask(len: u32) -> u8 {
    match len % 8 {
        0 => 0xff,
        used => !(0xff >> used),
    }
}
