//! SHA-1 and SHA-256: typed digests, one-shot and incremental hashing, many streams at once.
//!
//! SHA-1 identifies pieces and torrents in v1 (BEP 3), SHA-256 in v2 (BEP 52). One stream is
//! hashed by the RustCrypto crates, which use the processor's SHA instructions where they exist.
//! Several at once take functions of our own, on x86-64; elsewhere they are hashed one by one.

mod constants;
mod digest;
mod hasher;
mod lanes;
mod state;

#[cfg(not(target_arch = "x86_64"))]
mod absent;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(not(target_arch = "x86_64"))]
use absent as vectors;
#[cfg(target_arch = "x86_64")]
use x86 as vectors;

// The public interface is:
pub use digest::{ParseDigestError, Sha1Digest, Sha256Digest};
pub use hasher::{Sha1, Sha256, lanes, sha1, sha256, sha256_many, sha256_pair, update_both};

/// What the hashes take in at a time.
type Block = [u8; 64];

#[cfg(test)]
mod tests;
