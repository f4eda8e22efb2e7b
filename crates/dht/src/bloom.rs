use std::net::IpAddr;

/// Bits of a filter.
const BITS: usize = 256 * 8;

/// A set of IP addresses as a Bloom filter of 256 bytes with two hashes, of which unions can be
/// made and the size be estimated (BEP 33).
#[derive(Clone, PartialEq, Eq)]
pub struct Bloom([u8; BITS / 8]);

impl Bloom {
    /// Bytes of a filter.
    pub const LEN: usize = BITS / 8;

    /// A filter that came by the network; `None` unless it is exactly 256 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The filter's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds an address.
    pub fn insert(&mut self, ip: IpAddr) {
        for bit in bits(ip) {
            self.0[bit / 8] |= 1 << (bit % 8);
        }
    }

    /// Whether an address was added; may be wrong when it says so, never when it denies.
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(ip).iter().all(|bit| self.0[bit / 8] >> (bit % 8) & 1 == 1)
    }

    /// Adds all of another filter.
    pub fn union(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte |= other);
    }

    /// About how many addresses were added; meaningless beyond some 6,000.
    pub fn estimate(&self) -> f64 {
        let ones: u32 = self.0.iter().map(|byte| byte.count_ones()).sum();
        let bits = BITS as f64;
        let zeros = (BITS - ones as usize).clamp(1, BITS - usize::from(ones > 0)) as f64;
        (zeros / bits).ln() / (2.0 * (1.0 - 1.0 / bits).ln())
    }
}

impl Default for Bloom {
    fn default() -> Self {
        Self([0; Self::LEN])
    }
}

impl std::fmt::Debug for Bloom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bloom(about {:.0})", self.estimate())
    }
}

fn bits(ip: IpAddr) -> [usize; 2] {
    let hash = match ip {
        IpAddr::V4(ip) => hash::sha1(&ip.octets()),
        IpAddr::V6(ip) => hash::sha1(&ip.octets()),
    };
    let index = |at: usize| usize::from(u16::from_le_bytes([hash.0[at], hash.0[at + 1]])) % BITS;
    [index(0), index(2)]
}

#[cfg(test)]
mod tests;
