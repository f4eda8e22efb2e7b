//! What the fuzz targets call: each function takes any bytes and panics only when the code under
//! it breaks a promise.
//!
//! The targets in `fuzz/` are thin shells round these functions, so that an ordinary test replays
//! the committed corpora, and seeded mutations of them, on stable.

mod caches;
mod conversations;
mod formats;
mod hashes;
mod input;
mod ipfilters;
mod lsds;
mod mirrors;
mod mses;
mod overlays;
mod pages;
mod peers;
mod portmaps;
mod proxies;
mod rings;
mod sessions;
mod swarms;
mod tables;
mod trackers;
mod utps;

// The public interface is:
pub use caches::fuzz_cache;
pub use conversations::{fuzz_tracker_client, fuzz_tracker_server};
pub use formats::{fuzz_bencode, fuzz_magnet, fuzz_metainfo};
pub use hashes::fuzz_hash;
pub use ipfilters::fuzz_ip_filter;
pub use lsds::fuzz_lsd;
pub use mirrors::{fuzz_mirror, fuzz_mirror_words};
pub use mses::fuzz_mse;
pub use overlays::fuzz_overlay;
pub use pages::fuzz_page;
pub use peers::{fuzz_extended, fuzz_peer_sequence, fuzz_peer_stream, fuzz_wire};
pub use portmaps::fuzz_portmap;
pub use proxies::fuzz_proxy;
pub use rings::fuzz_ring;
pub use sessions::fuzz_session;
pub use swarms::fuzz_swarm;
pub use tables::{fuzz_dht, fuzz_dht_message};
pub use trackers::{
    fuzz_tracker_lists, fuzz_tracker_request, fuzz_tracker_response, fuzz_tracker_url,
};
pub use utps::{fuzz_utp_packet, fuzz_utp_pair};

/// A fuzz function and the name of its target, which is its folder's in `fuzz/corpus` too.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
    /// Mutations of each committed input that the tests on stable try: fewer where one is much.
    pub mutations: u32,
}

/// Every target.
pub const TARGETS: [Target; 31] = [
    target("bencode", fuzz_bencode),
    slow_target("cache", fuzz_cache),
    slow_target("dht", fuzz_dht),
    target("dht_message", fuzz_dht_message),
    target("extended", fuzz_extended),
    target("hash", fuzz_hash),
    target("ip_filter", fuzz_ip_filter),
    target("lsd", fuzz_lsd),
    target("magnet", fuzz_magnet),
    target("metainfo", fuzz_metainfo),
    slow_target("mirror", fuzz_mirror),
    target("mirror_words", fuzz_mirror_words),
    slow_target("mse", fuzz_mse),
    slow_target("overlay", fuzz_overlay),
    target("page", fuzz_page),
    target("peer_sequence", fuzz_peer_sequence),
    target("peer_stream", fuzz_peer_stream),
    target("portmap", fuzz_portmap),
    target("proxy", fuzz_proxy),
    target("ring", fuzz_ring),
    slow_target("session", fuzz_session),
    slow_target("swarm", fuzz_swarm),
    slow_target("tracker_client", fuzz_tracker_client),
    target("tracker_lists", fuzz_tracker_lists),
    target("tracker_request", fuzz_tracker_request),
    target("tracker_response", fuzz_tracker_response),
    target("tracker_server", fuzz_tracker_server),
    target("tracker_url", fuzz_tracker_url),
    target("utp_packet", fuzz_utp_packet),
    slow_target("utp_pair", fuzz_utp_pair),
    target("wire", fuzz_wire),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, mutations: 2_000 }
}

const fn slow_target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, mutations: 200 }
}

#[cfg(test)]
mod tests;
