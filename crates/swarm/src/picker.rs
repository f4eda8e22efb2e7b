//! Which block to ask which peer for: rarest first within priority bands, and what goes with it
//! (partial pieces, whole pieces for fast peers, snubbed peers, suggestions, endgame).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use metainfo::{Info, Layout};
use stdx::{Bitfield, BlockIndex, ConnId, PieceIndex, Rng};

use order::Order;
use partial::Partial;

mod in_order;
mod order;
mod partial;
mod pick;
mod run;

pub use in_order::Others;
pub use partial::Contributors;
pub use pick::Asker;

/// How much a file or piece is wanted. A higher band is picked before a lower one, whatever the
/// rarity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Not at all.
    Skip,
    /// After everything else.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Before everything else.
    High,
}

impl Priority {
    /// From the scale that many clients show: 0 skip, 1–3 low, 4 normal, 5–7 high.
    pub const fn from_level(level: u8) -> Self {
        match level {
            0 => Self::Skip,
            1..=3 => Self::Low,
            4 => Self::Normal,
            _ => Self::High,
        }
    }

    fn band(self) -> Option<usize> {
        (self as usize).checked_sub(1)
    }
}

/// In which order pieces are asked for, within a band of [`Priority`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PieceOrder {
    /// What the fewest connected peers have comes first (Legout et al., IMC 2006).
    #[default]
    RarestFirst,
    /// Any; to compare with.
    Random,
    /// From the first piece to the last.
    Sequential,
}

/// How pieces are cut into blocks, as far as the picker needs to know.
pub trait Shape: fmt::Debug + Send + Sync {
    /// How many pieces there are.
    fn pieces(&self) -> u32;
    /// Blocks in a piece.
    fn blocks(&self, piece: PieceIndex) -> u32;
    /// Whether a block has content, and so is to be asked for.
    fn has_content(&self, piece: PieceIndex, block: BlockIndex) -> bool;
}

impl Shape for Layout {
    fn pieces(&self) -> u32 {
        Self::pieces(self)
    }

    fn blocks(&self, piece: PieceIndex) -> u32 {
        self.block_count(piece)
    }

    fn has_content(&self, piece: PieceIndex, block: BlockIndex) -> bool {
        self.request(piece, block).is_some()
    }
}

impl Shape for Info {
    fn pieces(&self) -> u32 {
        self.layout().pieces()
    }

    fn blocks(&self, piece: PieceIndex) -> u32 {
        self.layout().block_count(piece)
    }

    fn has_content(&self, piece: PieceIndex, block: BlockIndex) -> bool {
        self.layout().request(piece, block).is_some()
    }
}

/// What became of a block that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing needs it: it is here already, or its piece is not in progress.
    Wasted,
    /// It is kept.
    Accepted {
        /// Others who were asked for the same block and need not send it any more.
        cancel: Vec<ConnId>,
        /// It was the piece's last: the piece is to be hashed.
        complete: bool,
    },
}

/// Decides what to ask for, and knows what was asked, is here, and is had.
#[derive(Clone, Debug)]
pub struct Picker {
    shape: Arc<dyn Shape>,
    have: Bitfield,
    /// Pieces that may be picked: how to verify them is known.
    verifiable: Bitfield,
    partials: BTreeMap<u32, Partial>,
    /// The partial pieces with free blocks.
    open: BTreeSet<u32>,
    order: Order,
    sequence: PieceOrder,
}

impl Picker {
    /// Nothing had, everything wanted and verifiable, no peers.
    pub fn new(shape: Arc<dyn Shape>, rng: Rng) -> Self {
        let pieces = shape.pieces();
        let mut order = Order::new(pieces, rng);
        order.set_dirty();
        (0..pieces).for_each(|piece| order.list(piece));
        Self {
            have: Bitfield::new(pieces),
            verifiable: Bitfield::full(pieces),
            partials: BTreeMap::new(),
            open: BTreeSet::new(),
            order,
            sequence: PieceOrder::default(),
            shape,
        }
    }

    /// The verified pieces.
    pub fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Whether a piece is wanted and not had.
    pub fn is_wanted(&self, piece: PieceIndex) -> bool {
        piece.0 < self.have.len()
            && !self.have.get(piece.0)
            && self.order.priority(piece.0) != Priority::Skip
    }

    /// How much a piece is wanted.
    pub fn priority(&self, piece: PieceIndex) -> Priority {
        self.order.priority(piece.0)
    }

    /// How many connected peers have the piece, seeds included.
    pub fn availability(&self, piece: PieceIndex) -> u32 {
        self.order.availability(piece.0) + self.order.seeds()
    }

    /// How many connected peers have everything.
    pub fn seeds(&self) -> u32 {
        self.order.seeds()
    }

    /// How many connected peers other than seeds have the piece.
    pub fn copies_beside_seeds(&self, piece: PieceIndex) -> u32 {
        self.order.availability(piece.0)
    }

    /// Whether all blocks of the piece are here and it waits for its verdict.
    pub fn is_hashing(&self, piece: PieceIndex) -> bool {
        self.partials.get(&piece.0).is_some_and(|it| it.missing == 0)
    }

    /// Whether the piece is in progress: some of it is here or was asked for.
    pub fn is_partial(&self, piece: PieceIndex) -> bool {
        self.partials.contains_key(&piece.0)
    }

    /// How many pieces are in progress.
    pub fn partial_count(&self) -> usize {
        self.partials.len()
    }

    /// The pieces in progress and the blocks of each that are here.
    pub fn partials(&self) -> impl Iterator<Item = (PieceIndex, Bitfield)> + '_ {
        self.partials.iter().map(|(&piece, partial)| {
            let mut got = Bitfield::new(partial.blocks.len() as u32);
            for (at, block) in partial.blocks.iter().enumerate() {
                if block.is_here() {
                    got.set(at as u32);
                }
            }
            (PieceIndex(piece), got)
        })
    }

    /// Elementary steps taken so far, for tests of cost.
    pub fn steps(&self) -> u64 {
        self.order.steps()
    }

    /// Sets which pieces come first.
    pub fn set_order(&mut self, order: PieceOrder) {
        self.sequence = order;
    }

    /// Announces that many pieces are about to change: the order is built anew once afterwards.
    pub fn prepare_many_changes(&mut self) {
        self.order.set_dirty();
    }

    /// Takes back all that a connection keeps for itself: it is choked, snubbed or closed.
    pub fn disown(&mut self, conn: ConnId) {
        for partial in self.partials.values_mut() {
            partial.owner = partial.owner.filter(|owner| owner.conn != conn);
        }
    }

    /// Sets how much each piece is wanted. Many changes at once cost one pass over all pieces.
    pub fn set_priorities(&mut self, priorities: impl Iterator<Item = (PieceIndex, Priority)>) {
        self.order.set_dirty();
        for (piece, priority) in priorities {
            self.order.set_priority(piece.0, priority);
            self.settle(piece.0);
        }
    }

    /// Says whether it is known how to verify a piece; one that cannot be is not picked.
    pub fn set_verifiable(&mut self, piece: PieceIndex, verifiable: bool) {
        if verifiable {
            self.verifiable.set(piece.0);
        } else {
            self.verifiable.clear(piece.0);
        }
        self.settle(piece.0);
    }

    /// Counts what a new connection has.
    pub fn peer_joined(&mut self, have: &Bitfield) {
        self.order.peer_joined(have);
    }

    /// Takes back what a closed connection had. Its requests are to be released one by one.
    pub fn peer_left(&mut self, have: &Bitfield) {
        self.order.peer_left(have);
    }

    /// Counts one more piece of a peer; `have` already holds it.
    pub fn peer_gained(&mut self, have: &Bitfield, piece: PieceIndex) {
        self.order.peer_gained(have, piece.0);
    }

    /// Counts one piece less of a peer (BEP 54); `have` no longer holds it.
    pub fn peer_lost(&mut self, have: &Bitfield, piece: PieceIndex) {
        self.order.peer_lost(have, piece.0);
    }

    /// Notes blocks found on disk, not verified. Returns whether the piece is complete and to be
    /// hashed.
    pub fn restore(&mut self, piece: PieceIndex, blocks: &Bitfield) -> bool {
        if piece.0 >= self.have.len() || self.have.get(piece.0) || blocks.ones() == 0 {
            return false;
        }
        let partial = self.partials.entry(piece.0).or_insert_with(|| fresh(&*self.shape, piece));
        for block in blocks.iter_ones() {
            partial.receive(BlockIndex(block), None);
        }
        let complete = partial.missing == 0;
        self.settle(piece.0);
        complete
    }

    /// Notes a block that arrived.
    pub fn received(&mut self, conn: ConnId, piece: PieceIndex, block: BlockIndex) -> Received {
        let Some(partial) = self.partials.get_mut(&piece.0) else {
            return Received::Wasted;
        };
        let foreign = partial.owner.is_some_and(|owner| owner.strict && owner.conn != conn);
        if foreign {
            return Received::Wasted;
        }
        let cancel = partial.askers(block).filter(|&it| it != conn).collect();
        if !partial.receive(block, Some(conn)) {
            return Received::Wasted;
        }
        let complete = partial.missing == 0;
        self.settle(piece.0);
        Received::Accepted { cancel, complete }
    }

    /// Takes back a request: rejected, cancelled, or its connection closed. False when there was
    /// none.
    pub fn release(&mut self, conn: ConnId, piece: PieceIndex, block: BlockIndex) -> bool {
        let Some(partial) = self.partials.get_mut(&piece.0) else {
            return false;
        };
        let released = partial.release(block, conn);
        if partial.owner.is_some_and(|it| it.conn == conn) && !partial.asked_blocks_of(conn) {
            partial.owner = None;
        }
        self.settle(piece.0);
        released
    }

    /// Takes back all requests for a piece of which nothing is here yet, so that it can be picked
    /// anew; returns them.
    pub fn reconsider(&mut self, piece: PieceIndex) -> Vec<(ConnId, BlockIndex)> {
        let untouched = |partial: &&Partial| !partial.has_any();
        let Some(partial) = self.partials.get(&piece.0).filter(untouched) else {
            return Vec::new();
        };
        let blocks = (0..partial.blocks.len() as u32).map(BlockIndex);
        let asked =
            blocks.flat_map(|block| partial.askers(block).map(move |conn| (conn, block))).collect();
        self.partials.remove(&piece.0);
        self.settle(piece.0);
        asked
    }

    /// Notes that a piece passed its check.
    pub fn verified(&mut self, piece: PieceIndex) {
        if piece.0 < self.have.len() {
            self.have.set(piece.0);
            self.settle(piece.0);
        }
    }

    /// Forgets a piece: it failed its check, or is lost from disk. It is wanted anew.
    pub fn forget(&mut self, piece: PieceIndex) {
        if piece.0 < self.have.len() {
            self.partials.remove(&piece.0);
            self.have.clear(piece.0);
            self.settle(piece.0);
        }
    }

    /// Whose blocks are in a piece in progress.
    pub fn contributors(&self, piece: PieceIndex) -> Contributors {
        self.partials.get(&piece.0).map(Partial::contributors).unwrap_or_default()
    }

    /// Who sent each block of a piece in progress; `None` where it is not here, was found on disk,
    /// or is padding. Empty for other pieces.
    pub fn senders(&self, piece: PieceIndex) -> Vec<Option<ConnId>> {
        self.partials.get(&piece.0).map(Partial::senders).unwrap_or_default()
    }

    /// Puts a piece into the lists that its state asks for.
    fn settle(&mut self, piece: u32) {
        if self.have.get(piece) || self.partials.get(&piece).is_some_and(Partial::is_untouched) {
            self.partials.remove(&piece);
        }
        let open = self.partials.get(&piece).is_some_and(|partial| partial.free > 0);
        if open {
            self.open.insert(piece);
        } else {
            self.open.remove(&piece);
        }
        let fresh = !self.have.get(piece) && !self.partials.contains_key(&piece);
        if fresh && self.verifiable.get(piece) {
            self.order.list(piece);
        } else {
            self.order.unlist(piece);
        }
    }
}

fn fresh(shape: &dyn Shape, piece: PieceIndex) -> Partial {
    Partial::new(shape.blocks(piece), |block| shape.has_content(piece, block))
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
