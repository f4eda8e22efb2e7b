mod extensions;
mod golden;
mod malformed;
mod round_trip;

use stdx::{BlockRange, PieceIndex, Pool};

use crate::{Decoder, WireError};

/// Every message in `bytes`, as its debug text and, of a block, its payload; fed in the slices
/// that `cuts` make.
fn decode_all(bytes: &[u8], cuts: &[usize]) -> Result<Vec<String>, WireError> {
    let pool = Pool::new(4);
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&bytes.len()]) {
        let mut input = &bytes[start..end];
        while let Some(message) = decoder.decode(&mut input, &pool)? {
            out.push(describe(&message));
        }
        assert!(input.is_empty(), "input left over");
        start = end;
    }
    Ok(out)
}

fn describe(message: &crate::Message<'_>) -> String {
    match message {
        crate::Message::Piece(range, data) => format!("Piece({range:?}, {:?})", &data[..]),
        other => format!("{other:?}"),
    }
}

fn range(piece: u32, begin: u32, length: u32) -> BlockRange {
    BlockRange { piece: PieceIndex(piece), begin, length }
}
