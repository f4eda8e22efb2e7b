use std::sync::Arc;

use hash::{Sha1, Sha1Digest, Sha256, Sha256Digest, sha256};
use metainfo::{Layout, merkle};
use stdx::{BLOCK_LENGTH, Buf, PieceIndex};

/// What a piece's bytes hash to, in the versions that the torrent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PieceDigests {
    /// v1 and hybrid: SHA-1 of the piece, padding included as zeros (BEP 3).
    pub sha1: Option<Sha1Digest>,
    /// v2 and hybrid: the piece's node above its 16 KiB leaves (BEP 52); `None` for padding alone.
    pub root: Option<Sha256Digest>,
}

const ZEROS: [u8; BLOCK_LENGTH as usize] = [0; BLOCK_LENGTH as usize];

/// Hashes a piece from its bytes in order, padding included.
#[derive(Clone, Debug)]
pub struct PieceHasher {
    sha1: Option<Sha1>,
    leaf: Sha256,
    leaves: Vec<Sha256Digest>,
    width: u32,
    /// Bytes that leaves are made of; the rest is padding.
    content: u32,
    position: u32,
}

impl PieceHasher {
    /// For one piece of a torrent.
    pub fn new(layout: &Layout, piece: PieceIndex) -> Self {
        let v2 = layout.v2_piece(piece);
        Self {
            sha1: layout.version().has_v1().then(Sha1::new),
            leaf: Sha256::new(),
            leaves: Vec::with_capacity(v2.map_or(0, |v2| v2.blocks as usize)),
            width: v2.map_or(0, |v2| v2.leaves),
            content: v2.map_or(0, |v2| v2.length),
            position: 0,
        }
    }

    /// Takes the bytes that follow. Both hashes see each 16 KiB while it is in the processor's
    /// cache.
    pub fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let room = BLOCK_LENGTH - self.position % BLOCK_LENGTH;
            let (now, later) = data.split_at(data.len().min(room as usize));
            if let Some(sha1) = &mut self.sha1 {
                sha1.update(now);
            }
            self.update_leaf(now);
            data = later;
        }
    }

    /// As [`Self::update`] with `length` zeros.
    pub fn update_zeros(&mut self, mut length: u32) {
        while length > 0 {
            let now = length.min(BLOCK_LENGTH);
            self.update(&ZEROS[..now as usize]);
            length -= now;
        }
    }

    /// What it all hashes to.
    pub fn finish(self) -> PieceDigests {
        let root = (self.width > 0).then(|| merkle::piece_root(&self.leaves, self.width));
        PieceDigests {
            sha1: self.sha1.map(Sha1::finish),
            root,
        }
    }

    /// The leaves so far: one for each complete block.
    pub fn leaves(&self) -> &[Sha256Digest] {
        &self.leaves
    }

    fn update_leaf(&mut self, data: &[u8]) {
        let take = self
            .content
            .saturating_sub(self.position)
            .min(data.len() as u32);
        self.position += data.len() as u32;
        if take == 0 {
            return;
        }
        self.leaf.update(&data[..take as usize]);
        let end = self.position.min(self.content);
        if end == self.content || end.is_multiple_of(BLOCK_LENGTH) {
            self.leaves.push(std::mem::take(&mut self.leaf).finish());
        }
    }
}

/// A piece's hashes so far; travels with the job and comes back with the answer.
#[derive(Clone, Debug, Default)]
pub struct HashState {
    sha1: Option<Sha1>,
    /// One for each block with content; zero until hashed.
    leaves: Vec<Sha256Digest>,
    width: u32,
}

impl HashState {
    /// Nothing hashed yet.
    pub(crate) fn new(layout: &Layout, piece: PieceIndex) -> Self {
        let v2 = layout.v2_piece(piece);
        Self {
            sha1: layout.version().has_v1().then(Sha1::new),
            leaves: vec![Sha256Digest::default(); v2.map_or(0, |v2| v2.blocks as usize)],
            width: v2.map_or(0, |v2| v2.leaves),
        }
    }
}

/// One block to hash.
#[derive(Clone, Debug)]
pub struct HashBlock {
    /// Its number in the piece.
    pub index: u32,
    /// Its bytes; `None` for a block of padding alone.
    pub data: Option<Arc<Buf>>,
    /// Zeros that follow: padding.
    pub zeros: u32,
}

/// Blocks of one piece to hash, ascending. With SHA-1, they continue the contiguous prefix.
#[derive(Debug)]
pub struct HashJob {
    /// The piece.
    pub piece: PieceIndex,
    /// The hashes so far.
    pub state: HashState,
    /// What to hash now.
    pub blocks: Vec<HashBlock>,
    /// True when nothing is left after these blocks, so that digests are due.
    pub last: bool,
}

/// The answer to a [`HashJob`].
#[derive(Debug)]
pub struct Hashed {
    /// The hashes so far.
    pub state: HashState,
    /// The digests, after the last job of a piece.
    pub digests: Option<PieceDigests>,
}

impl HashJob {
    /// Does the work: the only place where arriving blocks are hashed, in drivers and simulations
    /// alike. Drops the buffers.
    pub fn run(self) -> Hashed {
        let mut state = self.state;
        for block in self.blocks {
            let data = block.data.as_deref().map_or(&[][..], |buf| buf);
            if let Some(sha1) = &mut state.sha1 {
                sha1.update(data);
                sha1.update(&ZEROS[..block.zeros as usize]);
            }
            if let Some(leaf) = state.leaves.get_mut(block.index as usize) {
                *leaf = sha256(data);
            }
        }
        let digests = self.last.then(|| PieceDigests {
            sha1: state.sha1.clone().map(Sha1::finish),
            root: (state.width > 0).then(|| merkle::piece_root(&state.leaves, state.width)),
        });
        Hashed { state, digests }
    }
}
