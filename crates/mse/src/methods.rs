/// Ways to disguise what follows the handshake, as a set (`crypto_provide`, `crypto_select`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods {
    /// Not at all.
    pub plaintext: bool,
    /// RC4.
    pub rc4: bool,
}

impl Methods {
    /// RC4 or nothing.
    pub const BOTH: Self = Self { plaintext: true, rc4: true };
    /// RC4 alone.
    pub const RC4: Self = Self { plaintext: false, rc4: true };

    pub(crate) fn bits(self) -> u32 {
        u32::from(self.plaintext) | u32::from(self.rc4) << 1
    }

    /// What a peer offers; what is unknown is left out.
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self { plaintext: bits & 1 != 0, rc4: bits & 2 != 0 }
    }

    /// The cheapest method that both sides allow, alone.
    pub(crate) fn select(self, offered: Self) -> Option<Self> {
        if self.plaintext && offered.plaintext {
            Some(Self { plaintext: true, rc4: false })
        } else if self.rc4 && offered.rc4 {
            Some(Self::RC4)
        } else {
            None
        }
    }
}
