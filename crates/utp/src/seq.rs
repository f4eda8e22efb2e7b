/// The number of a packet (BEP 29): 16 bits, which wrap round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seq(pub u16);

impl Seq {
    /// The number `n` packets later.
    pub const fn plus(self, n: u16) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// The number `n` packets earlier.
    pub const fn minus(self, n: u16) -> Self {
        Self(self.0.wrapping_sub(n))
    }

    /// How many packets later than `earlier` this is; what is earlier comes out as more than
    /// 32,767.
    pub const fn since(self, earlier: Self) -> u16 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// Whether the microsecond stamp `a` is before `b`, on the shorter way round.
pub(crate) const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}
