use stdx::{Bitfield, PieceIndex};

use super::NodeIndex;

/// Who has what on disk, of those that run.
#[derive(Debug)]
pub(crate) struct Copies {
    pieces: u32,
    /// By node.
    held: Vec<Bitfield>,
    /// By piece: how many nodes have it.
    count: Vec<u32>,
}

impl Copies {
    pub(crate) fn new(pieces: u32) -> Self {
        Self { pieces, held: Vec::new(), count: vec![0; pieces as usize] }
    }

    /// One node more.
    pub(crate) fn grow(&mut self) {
        self.held.push(Bitfield::new(self.pieces));
    }

    pub(crate) fn add(&mut self, node: NodeIndex, have: &Bitfield) {
        have.iter_ones().for_each(|piece| self.add_one(node, PieceIndex(piece)));
    }

    pub(crate) fn add_one(&mut self, node: NodeIndex, piece: PieceIndex) {
        if self.held[node.get()].set(piece.0) {
            self.count[piece.0 as usize] += 1;
        }
    }

    /// A node's process ended.
    pub(crate) fn remove(&mut self, node: NodeIndex) {
        let gone = std::mem::replace(&mut self.held[node.get()], Bitfield::new(self.pieces));
        for piece in gone.iter_ones() {
            self.count[piece as usize] -= 1;
        }
    }

    /// How many have the piece that the fewest have.
    pub(crate) fn rarest(&self) -> u32 {
        self.count.iter().copied().min().unwrap_or(0)
    }

    /// How many pieces a node has.
    pub(crate) fn of(&self, node: NodeIndex) -> u32 {
        self.held[node.get()].ones()
    }
}
