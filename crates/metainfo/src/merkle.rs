//! The SHA-256 trees of BEP 52: leaves are the hashes of 16 KiB blocks, each level above hashes
//! pairs. Layers count from the leaves (layer 0); missing leaves are all-zero hashes.

use std::ops::Range;

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
    /// [`MAX_HASH_REQUEST`] hashes. A length that is no power of two must end with the layer.
    pub fn is_valid(&self, blocks: u64) -> bool {
        let height = height_of(blocks);
        if self.base_layer >= height || !(2..=MAX_HASH_REQUEST).contains(&self.length) {
            return false;
        }
        let end = u64::from(self.index) + u64::from(self.length);
        let nodes = blocks.div_ceil(1 << self.base_layer);
        (self.length.is_power_of_two() || end == nodes)
            && self.index.is_multiple_of(self.width())
            && end <= 1 << (height - self.base_layer)
            && self.proof_layers < height - self.base_layer
    }

    /// How many uncle hashes follow the hashes asked for. Those that follow from the hashes
    /// themselves are left out: the first `log2(length) - 1` proof layers.
    pub fn uncles(&self) -> u32 {
        (self.proof_layers + 1).saturating_sub(self.width().ilog2())
    }

    /// The range with as many proof layers as it takes to reach the root of a tree of `blocks`.
    pub fn proven(self, blocks: u64) -> Self {
        let proof_layers = height_of(blocks).saturating_sub(self.base_layer + 1);
        Self { proof_layers, ..self }
    }

    /// The pieces whose block hashes it takes to answer this: those that a range below
    /// `piece_layer` touches; none for a range on that layer or above.
    pub fn pieces(&self, piece_layer: u32) -> Range<u32> {
        let Some(shift) = piece_layer.checked_sub(self.base_layer).filter(|&shift| shift > 0)
        else {
            return 0..0;
        };
        let end = u64::from(self.index) + u64::from(self.length);
        self.index >> shift..end.div_ceil(1 << shift) as u32
    }

    /// Leaves of the smallest whole subtree that holds the range.
    fn width(&self) -> u32 {
        self.length.clamp(1, MAX_HASH_REQUEST).next_power_of_two()
    }
}

/// How many blocks a file of `length` bytes has.
pub const fn blocks_of(length: u64) -> u64 {
    length.div_ceil(BLOCK_LENGTH as u64)
}

/// The layer of the root above so many blocks: zero when there is one block.
pub const fn height_of(blocks: u64) -> u32 {
    let leaves = if blocks == 0 { 1 } else { blocks.next_power_of_two() };
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
    let counts = hashes.len() == range.length as usize && uncles.len() == range.uncles() as usize;
    if !counts || !range.is_valid(blocks) {
        return false;
    }
    let width = range.width();
    let mut node = root(hashes, range.base_layer, u64::from(width));
    let mut index = range.index / width;
    let layer = range.base_layer + width.ilog2() + uncles.len() as u32;
    for uncle in uncles {
        let left = index.is_multiple_of(2);
        node = if left { sha256_pair(&node, uncle) } else { sha256_pair(uncle, &node) };
        index /= 2;
    }
    layer == height_of(blocks) && node == *expected
}

/// What answers `range`, a valid one, in a tree that `node` knows by layer and index: the hashes,
/// then the uncles from the lowest up.
pub(crate) fn answer(
    range: HashRange,
    node: impl Fn(u32, u64) -> Sha256Digest,
) -> Vec<Sha256Digest> {
    let first = u64::from(range.index);
    let hashes =
        (first..first + u64::from(range.length)).map(|index| node(range.base_layer, index));
    let depth = range.width().ilog2();
    let uncles = (0..range.uncles()).map(|step| {
        let up = depth + step;
        node(range.base_layer + up, (first >> up) ^ 1)
    });
    hashes.chain(uncles).collect()
}

/// A tree, or the part of one above `base` and below a node: every level, without the padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    base: u32,
    levels: Vec<Vec<Sha256Digest>>,
}

impl Tree {
    /// The tree over `hashes`, nodes of layer `base` padded up to `width`, a power of two.
    pub(crate) fn new(base: u32, hashes: Vec<Sha256Digest>, width: u64) -> Self {
        let mut levels = vec![hashes];
        let mut pad = pad_hash(base);
        for level in 0..width.trailing_zeros() as usize {
            levels.push(parents(&levels[level], &pad));
            pad = sha256_pair(&pad, &pad);
        }
        Self { base, levels }
    }

    pub(crate) fn hashes(&self) -> &[Sha256Digest] {
        &self.levels[0]
    }

    pub(crate) fn base(&self) -> u32 {
        self.base
    }

    /// The top node.
    pub(crate) fn root(&self) -> Sha256Digest {
        let top = self.base + self.levels.len() as u32 - 1;
        self.node(top, 0)
    }

    /// A node of a layer that the tree has; padding where nothing is stored.
    pub(crate) fn node(&self, layer: u32, index: u64) -> Sha256Digest {
        let level = layer.checked_sub(self.base).and_then(|at| self.levels.get(at as usize));
        let known = level.and_then(|level| level.get(usize::try_from(index).ok()?)).copied();
        known.unwrap_or_else(|| pad_hash(layer))
    }
}

/// What answers a `hash request` for a file no longer than a piece, from the hashes of all its
/// blocks; `None` when the range is not valid for it.
pub fn answer_small_file(blocks: &[Sha256Digest], range: HashRange) -> Option<Vec<Sha256Digest>> {
    let count = blocks.len() as u64;
    if !range.is_valid(count) {
        return None;
    }
    let tree = Tree::new(0, blocks.to_vec(), count.next_power_of_two());
    Some(answer(range, |layer, index| tree.node(layer, index)))
}

/// The layer above; an odd last node is paired with `pad`.
fn parents(nodes: &[Sha256Digest], pad: &Sha256Digest) -> Vec<Sha256Digest> {
    let pair = |pair: &[Sha256Digest]| sha256_pair(&pair[0], pair.get(1).unwrap_or(pad));
    nodes.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests;
