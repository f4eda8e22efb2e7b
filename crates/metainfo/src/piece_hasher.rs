use hash::{Sha1, Sha1Digest, Sha256, Sha256Digest};
use stdx::{BLOCK_LENGTH, PieceIndex};

use crate::merkle;
use crate::{Layout, V2Piece};

/// The hashes of one piece; which are present depends on the torrent's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PieceHashes {
    /// SHA-1 of all its bytes, padding included (BEP 3).
    pub v1: Option<Sha1Digest>,
    /// The node of its blocks (BEP 52); none for a piece of padding alone.
    pub v2: Option<Sha256Digest>,
}

/// Hashes one piece as its torrent's format wants it, for creation and for checking. Pieces are
/// independent of each other, so that any number of threads may hash at once.
#[derive(Debug)]
pub struct PieceHasher {
    v1: Option<Sha1>,
    v2: Option<Blocks>,
}

#[derive(Debug)]
struct Blocks {
    piece: V2Piece,
    /// Bytes of the file still to come; padding after them is not hashed.
    left: usize,
    current: Sha256,
    /// Bytes in `current`.
    filled: usize,
    done: Vec<Sha256Digest>,
}

impl PieceHasher {
    /// Nothing hashed yet of `piece`.
    pub fn new(layout: &Layout, piece: PieceIndex) -> Self {
        let v1 = layout.version().has_v1().then(Sha1::new);
        let v2 = layout.v2_piece(piece).map(|piece| Blocks {
            left: piece.length as usize,
            current: Sha256::new(),
            filled: 0,
            done: Vec::with_capacity(piece.blocks as usize),
            piece,
        });
        Self { v1, v2 }
    }

    /// Hashes the piece's next bytes: the files' content, and zeros for padding, as
    /// [`Layout::spans`] orders them. In all [`Layout::piece_size`] bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(v1) = &mut self.v1 {
            v1.update(bytes);
        }
        if let Some(v2) = &mut self.v2 {
            v2.update(bytes);
        }
    }

    /// The hashes of what was given.
    pub fn finish(self) -> PieceHashes {
        PieceHashes { v1: self.v1.map(Sha1::finish), v2: self.v2.map(Blocks::finish) }
    }
}

impl Blocks {
    fn update(&mut self, bytes: &[u8]) {
        let mut bytes = &bytes[..bytes.len().min(self.left)];
        self.left -= bytes.len();
        while !bytes.is_empty() {
            let room = BLOCK_LENGTH as usize - self.filled;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.current.update(now);
            self.filled += now.len();
            if self.filled == BLOCK_LENGTH as usize {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn end_block(&mut self) {
        self.done.push(std::mem::take(&mut self.current).finish());
        self.filled = 0;
    }

    fn finish(mut self) -> Sha256Digest {
        if self.filled > 0 {
            self.end_block();
        }
        merkle::piece_root(&self.done, self.piece.leaves)
    }
}
