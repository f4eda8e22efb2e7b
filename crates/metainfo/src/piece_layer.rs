use std::collections::BTreeMap;
use std::sync::Arc;

use hash::Sha256Digest;

use crate::merkle::HashRange;
use crate::{Layout, V2Piece};

/// The hashes of a file's pieces, checked against the file's root (BEP 52, `piece layers`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceLayer {
    root: Sha256Digest,
    /// The layer that the hashes are on, counted from the leaves.
    layer: u32,
    hashes: Vec<Sha256Digest>,
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
        let _ = (root, file_length, piece_length, hashes);
        None
    }

    /// The file's root.
    pub fn root(&self) -> Sha256Digest {
        self.root
    }

    /// The hashes, in the order of the file's pieces.
    pub fn hashes(&self) -> &[Sha256Digest] {
        &self.hashes
    }

    /// The layer that the hashes are on, counted from the leaves.
    pub fn layer(&self) -> u32 {
        self.layer
    }

    /// What answers a `hash request` on this layer or above it: the hashes asked for, then the
    /// uncles. `None` when the range is not valid or lies below, for which see
    /// [`Self::answer_with_blocks`].
    pub fn answer(&self, range: HashRange) -> Option<Vec<Sha256Digest>> {
        let _ = range;
        None
    }

    /// What answers a `hash request` below this layer, from the block hashes of the piece that the
    /// range lies in (or, when it spans pieces, of all of them, in order).
    pub fn answer_with_blocks(
        &self,
        range: HashRange,
        first_piece: u32,
        blocks: &[Sha256Digest],
    ) -> Option<Vec<Sha256Digest>> {
        let _ = (range, first_piece, blocks);
        None
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
        self.get(&piece.root)?
            .hashes
            .get(piece.index_in_file as usize)
            .copied()
    }

    /// True when every file that needs a layer has one; always for v1.
    pub fn is_complete(&self, layout: &Layout) -> bool {
        let long = |file: &&crate::FileEntry| file.length > u64::from(layout.piece_length());
        let mut roots = layout
            .files()
            .iter()
            .filter(long)
            .filter_map(|file| file.root);
        roots.all(|root| self.layers.contains_key(&root))
    }
}
