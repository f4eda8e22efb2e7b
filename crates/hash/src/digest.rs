use std::fmt;
use std::str::FromStr;

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDigestError {
    expected: usize,
}

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} hexadecimal digits", self.expected)
    }
}

impl std::error::Error for ParseDigestError {}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Size in bytes.
            pub const LEN: usize = $len;

            /// Reads exactly the digest's bytes; `None` for any other length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Some(Self(bytes.try_into().ok()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<Self, ParseDigestError> {
                let error = ParseDigestError { expected: $len * 2 };
                let digits = text.as_bytes();
                if digits.len() != $len * 2 {
                    return Err(error);
                }
                let mut out = [0; $len];
                for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
                    let nibble = |digit: u8| char::from(digit).to_digit(16);
                    let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else {
                        return Err(error);
                    };
                    *byte = (high * 16 + low) as u8;
                }
                Ok(Self(out))
            }
        }
    };
}

digest!(
    /// Twenty bytes of SHA-1.
    Sha1Digest,
    20
);
digest!(
    /// Thirty-two bytes of SHA-256.
    Sha256Digest,
    32
);

impl Sha256Digest {
    /// The first twenty bytes, which stand for a v2 info-hash wherever the protocol has room for
    /// no more: handshakes and announces (BEP 52).
    pub fn truncated(&self) -> Sha1Digest {
        let mut out = [0; 20];
        out.copy_from_slice(&self.0[..20]);
        Sha1Digest(out)
    }
}
