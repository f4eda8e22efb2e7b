//! Torrent files, magnet links, piece layout and creation plans (BEP 3, 9, 12, 19, 27, 47, 52).

mod hashes;
mod layout;
pub mod limits;
mod notice;

// The public interface is:
pub use hashes::{InfoHashes, Version};
pub use layout::{FileEntry, Item, Layout, LayoutError, Span, Spans, V2Piece};
pub use notice::Notice;
