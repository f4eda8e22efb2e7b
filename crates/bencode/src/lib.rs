//! Bencode (BEP 3): a zero-copy decoder with bounded depth, tokens and size, in a strict and a
//! lenient mode, and an encoder that only writes the canonical form.
//!
//! A decoded [`Value`] is a checked slice of the input, so decoding allocates nothing that grows
//! with the input and [`Value::raw`] gives the exact bytes of any part, such as a torrent's `info`.

mod decode;
mod encode;
mod error;
mod value;

// The public interface is:
pub use decode::{Limits, Mode, decode, decode_prefix};
pub use encode::{DictEncoder, Encoder, ListEncoder, encode};
pub use error::{Error, ErrorKind};
pub use value::{Dict, DictIter, Kind, List, ListIter, Value};

#[cfg(test)]
mod tests;
