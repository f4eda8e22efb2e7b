//! SHA-1 and SHA-256: typed digests, one-shot and incremental hashing.
//!
//! SHA-1 identifies pieces and torrents in v1 (BEP 3), SHA-256 in v2 (BEP 52). The work is done by
//! the RustCrypto crates, which use the processor's SHA instructions where they exist.

mod digest;
mod hasher;

// The public interface is:
pub use digest::{ParseDigestError, Sha1Digest, Sha256Digest};
pub use hasher::{Sha1, Sha256, sha1, sha256, sha256_pair};

#[cfg(test)]
mod tests;
