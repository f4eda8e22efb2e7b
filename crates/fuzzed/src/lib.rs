//! What the fuzz targets call: each function takes any bytes and panics only when the code under
//! it breaks a promise.
//!
//! The targets in `fuzz/` are thin shells round these functions, so that an ordinary test replays
//! the committed corpora, and seeded mutations of them, on stable.

mod formats;
mod peers;
mod trackers;

// The public interface is:
pub use formats::{fuzz_bencode, fuzz_magnet, fuzz_metainfo};
pub use peers::{fuzz_extended, fuzz_wire};
pub use trackers::{fuzz_tracker_request, fuzz_tracker_response, fuzz_tracker_url};

/// A fuzz function and the name of its target, which is its folder's in `fuzz/corpus` too.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    target("bencode", fuzz_bencode),
    target("extended", fuzz_extended),
    target("magnet", fuzz_magnet),
    target("metainfo", fuzz_metainfo),
    target("tracker_request", fuzz_tracker_request),
    target("tracker_response", fuzz_tracker_response),
    target("tracker_url", fuzz_tracker_url),
    target("wire", fuzz_wire),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

#[cfg(test)]
mod tests;
