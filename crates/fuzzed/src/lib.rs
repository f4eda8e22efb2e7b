//! What the fuzz targets call: each function takes any bytes and panics only when the code under
//! it breaks a promise.
//!
//! The targets in `fuzz/` are thin shells round these functions, so that an ordinary test replays
//! the committed corpora, and seeded mutations of them, on stable.

mod formats;

// The public interface is:
pub use formats::{fuzz_bencode, fuzz_magnet, fuzz_metainfo};

/// A fuzz function and the name of its target, which is its folder's in `fuzz/corpus` too.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 3] = [
    target("bencode", fuzz_bencode),
    target("magnet", fuzz_magnet),
    target("metainfo", fuzz_metainfo),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

#[cfg(test)]
mod tests;
