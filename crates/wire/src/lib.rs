//! The peer protocol as bytes: handshake, messages and extensions (BEP 3, 6, 9, 10, 11, 21, 52,
//! 54).
//!
//! [`Decoder`] takes whatever slices the transport gives and copies each payload once, straight
//! into a pooled block. [`Message::encode`] appends to a plain vector; a block's payload is left
//! out of it, so that it can go to the socket from where it lies. Nothing here knows what a
//! message means for a connection: that is the crate `peer`.

mod decoder;
mod error;
mod extended;
mod handshake;
mod holepunch;
mod landing;
mod message;
mod metadata;
mod pex;

// The public interface is:
pub use decoder::{Decoder, EXTENDED_MAX, PIECES_MAX, UNKNOWN_MAX};
pub use error::WireError;
pub use extended::{ExtendedHandshake, Extension, ExtensionIds};
pub use handshake::{HANDSHAKE_LENGTH, Handshake, Reserved};
pub use holepunch::{Holepunch, HolepunchError};
pub use landing::Landing;
pub use message::{HASHES_MAX, HashRequest, Kind, Message, PIECE_HEADER_LENGTH, piece_header};
pub use metadata::{METADATA_PIECE_LENGTH, MetadataMessage};
pub use pex::{PEX_MAX, Pex, PexPeer};

#[cfg(test)]
mod tests;
