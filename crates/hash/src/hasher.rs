use sha1::Digest as _;

use crate::{Sha1Digest, Sha256Digest};

macro_rules! hasher {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $digest:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        pub struct $name($inner);

        impl $name {
            /// Nothing hashed yet.
            pub fn new() -> Self {
                Self::default()
            }

            /// Hashes `data` after everything before it.
            pub fn update(&mut self, data: &[u8]) {
                self.0.update(data);
            }

            /// The digest of all that was given.
            pub fn finish(self) -> $digest {
                $digest(self.0.finalize().into())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

hasher!(
    /// Incremental SHA-1.
    Sha1,
    sha1::Sha1,
    Sha1Digest
);
hasher!(
    /// Incremental SHA-256.
    Sha256,
    sha2::Sha256,
    Sha256Digest
);

/// SHA-1 of `data`.
pub fn sha1(data: &[u8]) -> Sha1Digest {
    Sha1Digest(sha1::Sha1::digest(data).into())
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> Sha256Digest {
    Sha256Digest(sha2::Sha256::digest(data).into())
}

/// SHA-256 of two digests one after the other: a node of a v2 merkle tree (BEP 52).
pub fn sha256_pair(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    let mut both = [0; 64];
    both[..32].copy_from_slice(&left.0);
    both[32..].copy_from_slice(&right.0);
    sha256(&both)
}
