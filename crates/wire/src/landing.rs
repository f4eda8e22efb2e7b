use std::fmt;

use stdx::{BLOCK_LENGTH, BlockRange, Buf, PieceIndex, Pool};

use crate::{Kind, PIECE_HEADER_LENGTH};

/// Room for bytes that are likely to be blocks of full length, one behind the other: each `piece`
/// message's head has a place, and its payload a block of the pool, where it can stay. Goes with
/// any [`crate::Decoder`] for the time of one read.
#[derive(Default)]
pub struct Landing {
    places: Vec<Place>,
    used: usize,
}

pub(crate) struct Place {
    pub(crate) head: [u8; PIECE_HEADER_LENGTH],
    /// Empty; its spare room is what is read into.
    pub(crate) block: Buf,
}

impl Landing {
    /// Bytes that one block and its head take.
    pub const PLACE: usize = PIECE_HEADER_LENGTH + BLOCK_LENGTH as usize;

    /// Room for so many blocks, in the order in which it is to be filled. Tell
    /// [`crate::Decoder::decode_landed`] how much was.
    pub fn room(&mut self, blocks: usize, pool: &Pool) -> impl Iterator<Item = &mut [u8]> {
        while self.places.len() < blocks {
            self.places.push(Place { head: [0; PIECE_HEADER_LENGTH], block: pool.take() });
        }
        self.used = blocks;
        let places = self.places[..blocks].iter_mut();
        places.flat_map(|place| {
            [&mut place.head[..], &mut place.block.spare()[..BLOCK_LENGTH as usize]]
        })
    }

    pub(crate) fn places(&mut self) -> &mut [Place] {
        &mut self.places[..self.used]
    }
}

impl Place {
    /// What the head says, if it is that of a block of full length.
    pub(crate) fn full_block(&self) -> Option<BlockRange> {
        let word = |at| self.head[at..].first_chunk().map(|word| u32::from_be_bytes(*word));
        let (length, piece, begin) = (word(0)?, word(5)?, word(9)?);
        let is_full = length == 9 + BLOCK_LENGTH && Kind::from_id(self.head[4]) == Kind::Piece;
        is_full.then_some(BlockRange { piece: PieceIndex(piece), begin, length: BLOCK_LENGTH })
    }
}

impl fmt::Debug for Landing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Landing({} of {} blocks)", self.used, self.places.len())
    }
}
