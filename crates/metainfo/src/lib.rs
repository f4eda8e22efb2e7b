//! Torrent files, magnet links, piece layout and creation plans (BEP 3, 9, 12, 19, 27, 47, 52, 53).
//!
//! Pure: bytes and listings in, descriptions and bytes out. Names in a torrent are made safe as it
//! is read, so a path from here never leads out of the output directory.

mod error;
mod hashes;
mod info;
mod layout;
pub mod limits;
mod magnet;
pub mod merkle;
mod names;
mod notice;
mod piece_hasher;
mod piece_layer;
mod plan;
mod text;
mod torrent;
mod urls;

// The public interface is:
pub use error::Error;
pub use hashes::{InfoHashes, Version};
pub use info::Info;
pub use layout::{FileEntry, Item, Layout, LayoutError, Span, Spans, V2Piece};
pub use magnet::{Magnet, Publisher};
pub use notice::Notice;
pub use piece_hasher::{PieceHasher, PieceHashes};
pub use piece_layer::{LayerFetch, PieceLayer, PieceLayers};
pub use plan::{Plan, PlanOptions, SourceEntry};
pub use torrent::Metainfo;
