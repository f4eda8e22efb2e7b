use hash::{Sha1, Sha1Digest, Sha256, Sha256Digest, update_both};
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
        match self {
            Self { v1: Some(v1), v2: Some(v2) } => {
                let mut parts = v2.open(bytes);
                let mut padding = bytes;
                for (block, part) in &mut parts {
                    update_both(v1, block, part);
                    padding = &padding[part.len()..];
                }
                v1.update(padding);
                v2.close(parts);
            }
            _ => Self::update_apart(&mut [(self, bytes)]),
        }
    }

    /// As [`Self::update`] for several pieces: in far less time than one after the other where
    /// there are [`hash::lanes`] of them, and about as many bytes of each.
    pub fn update_many(pieces: &mut [(&mut Self, &[u8])]) {
        // Two hashes of one piece keep busy what only two streams keep busy.
        let hybrid = pieces.iter().any(|(piece, _)| piece.v1.is_some() && piece.v2.is_some());
        if hybrid && (pieces.len() == 1 || hash::lanes() <= 2) {
            for (piece, bytes) in pieces {
                piece.update(bytes);
            }
        } else {
            Self::update_apart(pieces);
        }
    }

    /// One hash of all pieces, then the other.
    fn update_apart(pieces: &mut [(&mut Self, &[u8])]) {
        let v1 = pieces.iter_mut().map(|(piece, bytes)| (piece.v1.as_mut(), *bytes));
        Sha1::update_many(v1.filter_map(|(v1, bytes)| Some((v1?, bytes))));
        let v2 = pieces.iter_mut().map(|(piece, bytes)| (piece.v2.as_mut(), *bytes));
        let v2 = v2.filter_map(|(v2, bytes)| Some((v2?, bytes)));
        let mut parts: Vec<_> = v2.map(|(v2, bytes)| (v2.open(bytes), v2)).collect();
        let blocks = parts.iter_mut().flat_map(|(parts, _)| parts);
        Sha256::update_many(blocks.map(|(block, part)| (block, *part)));
        for (parts, v2) in parts {
            v2.close(parts);
        }
    }

    /// The hashes of what was given.
    pub fn finish(self) -> PieceHashes {
        PieceHashes { v1: self.v1.map(Sha1::finish), v2: self.v2.map(Blocks::finish) }
    }
}

impl Blocks {
    /// Splits the next bytes up among their blocks, each with its hash so far; what follows the
    /// file is left out. Once hashed they are due back.
    fn open<'a>(&mut self, bytes: &'a [u8]) -> Vec<(Sha256, &'a [u8])> {
        let bytes = &bytes[..bytes.len().min(self.left)];
        self.left -= bytes.len();
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK_LENGTH as usize - self.filled));
        let rest = rest.chunks(BLOCK_LENGTH as usize).map(|part| (Sha256::new(), part));
        let first = (!first.is_empty()).then(|| (std::mem::take(&mut self.current), first));
        first.into_iter().chain(rest).collect()
    }

    fn close(&mut self, parts: Vec<(Sha256, &[u8])>) {
        for (block, part) in parts {
            self.current = block;
            self.filled += part.len();
            if self.filled == BLOCK_LENGTH as usize {
                self.end_block();
            }
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

#[cfg(test)]
mod tests;
