//! The binary, used as a person or a script would, over loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its stage fails, and says where")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd names are best seen escaped")]

mod abuse;
mod changed;
mod contract;
mod dht;
mod existing;
mod filters;
mod found;
mod hostile;
mod kill;
mod link;
#[cfg(target_os = "linux")]
mod load;
mod lookups;
mod manual;
mod mirrors;
mod overlay;
mod page;
mod plan;
mod ring;
mod several;
mod shelf;
mod support;
mod swarm;
mod torrents;
mod tracker;
mod transfer;
mod usage;
