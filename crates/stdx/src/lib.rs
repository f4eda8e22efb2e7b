//! The ground every core stands on: time as a value, seeded randomness, rates, typed indices,
//! bit fields, pooled block buffers and numbers for people. Nothing here does I/O or reads a clock.

mod address;
mod bitfield;
mod bucket;
mod ids;
mod pool;
mod rate;
mod read;
mod rng;
mod show;
mod time;

// The public interface is:
pub use address::{is_local, may_name};
pub use bitfield::Bitfield;
pub use bucket::TokenBucket;
pub use ids::{
    BLOCK_LENGTH, BlockIndex, BlockRange, ConnId, FileIndex, PeerId, PieceIndex, TorrentId,
};
pub use pool::{Buf, Pool};
pub use rate::RateMeter;
pub use read::{Rate, parse_duration, parse_rate, parse_size};
pub use rng::Rng;
pub use show::{show_count, show_number, show_size};
pub use std::time::Duration;
pub use time::Instant;

#[cfg(test)]
mod tests;
