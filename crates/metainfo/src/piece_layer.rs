use std::collections::BTreeMap;
use std::sync::Arc;

use hash::Sha256Digest;
use stdx::BLOCK_LENGTH;

use crate::limits::MAX_PIECES;
use crate::merkle::{self, HashRange, Tree};
use crate::{FileEntry, Layout, V2Piece};

/// The hashes of a file's pieces, checked against the file's root (BEP 52, `piece layers`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceLayer {
    root: Sha256Digest,
    blocks: u64,
    /// Levels are kept: a peer's hash request must not cost us hashing a whole layer.
    tree: Tree,
}

impl PieceLayer {
    /// Checks `hashes`, one for each piece of a file longer than a piece, against `root`.
    /// `None` when their number or their root differs.
    pub fn new(
        root: Sha256Digest,
        file_length: u64,
        piece_length: u32,
        hashes: Vec<Sha256Digest>,
    ) -> Option<Self> {
        let fetch = LayerFetch::new(root, file_length, piece_length)?;
        if hashes.len() != fetch.hashes.len() {
            return None;
        }
        let tree = Tree::new(fetch.layer, hashes, fetch.width());
        (tree.root() == root).then_some(Self { root, blocks: fetch.blocks, tree })
    }

    /// The file's root.
    pub fn root(&self) -> Sha256Digest {
        self.root
    }

    /// The hashes, in the order of the file's pieces.
    pub fn hashes(&self) -> &[Sha256Digest] {
        self.tree.hashes()
    }

    /// The layer that the hashes are on, counted from the leaves.
    pub fn layer(&self) -> u32 {
        self.tree.base()
    }

    /// What answers a `hash request` on this layer or above it: the hashes asked for, then the
    /// uncles. `None` when the range is not valid or lies below, for which see
    /// [`Self::answer_with_blocks`].
    pub fn answer(&self, range: HashRange) -> Option<Vec<Sha256Digest>> {
        let valid = range.is_valid(self.blocks) && range.base_layer >= self.layer();
        valid.then(|| merkle::answer(range, |layer, index| self.tree.node(layer, index)))
    }

    /// What answers a `hash request` below this layer. `blocks` are the hashes of all blocks of
    /// the pieces that [`HashRange::pieces`] names, in order. `None` when the range is not valid
    /// or the number of blocks is wrong.
    pub fn answer_with_blocks(
        &self,
        range: HashRange,
        blocks: &[Sha256Digest],
    ) -> Option<Vec<Sha256Digest>> {
        if !range.is_valid(self.blocks) || range.base_layer >= self.layer() {
            return None;
        }
        let pieces = range.pieces(self.layer());
        let first = u64::from(pieces.start) << self.layer();
        let end = self.blocks.min(u64::from(pieces.end) << self.layer());
        if end.saturating_sub(first) != blocks.len() as u64 {
            return None;
        }
        let width = u64::from(pieces.end - pieces.start) << self.layer();
        let below = Tree::new(0, blocks.to_vec(), width.next_power_of_two());
        Some(merkle::answer(range, |layer, index| {
            if layer >= self.layer() {
                return self.tree.node(layer, index);
            }
            // Everything below the piece layer stays within the named pieces.
            below.node(layer, index - (first >> layer))
        }))
    }
}

/// A piece layer being fetched from peers with `hash request`s, range by range (BEP 52).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerFetch {
    root: Sha256Digest,
    blocks: u64,
    layer: u32,
    hashes: Vec<Option<Sha256Digest>>,
}

impl LayerFetch {
    /// Hashes asked for at once (BEP 52 says no more).
    pub const RANGE: u32 = 512;

    /// Nothing fetched yet. `None` for a file that has no piece layer, being no longer than a
    /// piece, or for sizes beyond the limits.
    pub fn new(root: Sha256Digest, file_length: u64, piece_length: u32) -> Option<Self> {
        let whole = u64::from(piece_length);
        if !piece_length.is_power_of_two() || piece_length < BLOCK_LENGTH || file_length <= whole {
            return None;
        }
        let pieces = file_length.div_ceil(whole);
        (pieces <= u64::from(MAX_PIECES)).then(|| Self {
            root,
            blocks: merkle::blocks_of(file_length),
            layer: merkle::piece_layer_of(piece_length),
            hashes: vec![None; pieces as usize],
        })
    }

    /// The file's root.
    pub fn root(&self) -> Sha256Digest {
        self.root
    }

    /// The range to ask for to get the hash of a piece of the file, with its proof.
    pub fn range_of(&self, piece: u32) -> HashRange {
        let length = u64::from(Self::RANGE).min(self.width()) as u32;
        let index = piece - piece % length;
        let range = HashRange { base_layer: self.layer, index, length, proof_layers: 0 };
        range.proven(self.blocks)
    }

    /// The ranges that are not here yet.
    pub fn missing(&self) -> impl Iterator<Item = HashRange> {
        let step = Self::RANGE as usize;
        let absent = |(_, hashes): &(usize, &[Option<Sha256Digest>])| hashes.contains(&None);
        let chunks = self.hashes.chunks(step).enumerate().filter(absent);
        chunks.map(move |(at, _)| self.range_of((at * step) as u32))
    }

    /// Takes the answer to a `hash request` (hashes, then uncles) if its proof holds; false, and
    /// nothing taken, otherwise.
    pub fn add(&mut self, range: HashRange, answer: &[Sha256Digest]) -> bool {
        let Some((hashes, uncles)) = answer.split_at_checked(range.length as usize) else {
            return false;
        };
        let proven = range.base_layer == self.layer
            && merkle::verify_hashes(&self.root, self.blocks, range, hashes, uncles);
        if proven {
            let places = self.hashes.iter_mut().skip(range.index as usize);
            places.zip(hashes).for_each(|(place, hash)| *place = Some(*hash));
        }
        proven
    }

    /// The hash of a piece of the file, once fetched.
    pub fn hash(&self, piece: u32) -> Option<Sha256Digest> {
        self.hashes.get(piece as usize).copied().flatten()
    }

    /// The layer, once all of it is here.
    pub fn finish(&self) -> Option<PieceLayer> {
        let hashes = self.hashes.iter().copied().collect::<Option<Vec<_>>>()?;
        let tree = Tree::new(self.layer, hashes, self.width());
        Some(PieceLayer { root: self.root, blocks: self.blocks, tree })
    }

    /// Nodes on the piece layer, padding included.
    fn width(&self) -> u64 {
        (self.hashes.len() as u64).next_power_of_two()
    }
}

/// The piece layers of a torrent, by the root of the file; identical files share one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PieceLayers {
    layers: BTreeMap<Sha256Digest, Arc<PieceLayer>>,
}

impl PieceLayers {
    /// The layer of the file with this root.
    pub fn get(&self, root: &Sha256Digest) -> Option<&Arc<PieceLayer>> {
        self.layers.get(root)
    }

    /// Adds a layer; it takes the place of one with the same root.
    pub fn insert(&mut self, layer: PieceLayer) {
        self.layers.insert(layer.root, Arc::new(layer));
    }

    /// All layers, by root.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<PieceLayer>> {
        self.layers.values()
    }

    /// The hash that a piece must have: the file's root if the file is no longer than a piece,
    /// otherwise from its layer; `None` while that is not here.
    pub fn piece_hash(&self, piece: &V2Piece) -> Option<Sha256Digest> {
        if piece.whole_file {
            return Some(piece.root);
        }
        self.get(&piece.root)?.hashes().get(piece.index_in_file as usize).copied()
    }

    /// True when every file that needs a layer has one; always for v1.
    pub fn is_complete(&self, layout: &Layout) -> bool {
        let long = |file: &&FileEntry| file.length > u64::from(layout.piece_length());
        let mut roots = layout.files().iter().filter(long).filter_map(|file| file.root);
        roots.all(|root| self.layers.contains_key(&root))
    }
}
