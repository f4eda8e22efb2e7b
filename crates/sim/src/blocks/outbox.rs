use std::sync::Arc;

use peer::Report;
use stdx::{BLOCK_LENGTH, BlockRange, Duration, PieceIndex};

use super::end::Mail;
use crate::NodeIndex;

/// What nodes leave behind when they have had their turns: nothing of it is seen by anybody
/// before all have.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Nodes in a shard.
    pub(super) shard: usize,
    /// Mail to nodes, by the shard of who gets it.
    pub(super) mail: Vec<Vec<(u32, Mail)>>,
    /// What the world is to know.
    pub(super) notes: Vec<(NodeIndex, Note)>,
    /// What the connections of the node whose turn it is have to say; `None` is the end of one.
    pub(super) inbox: Vec<(u32, Option<Report>)>,
    /// What every block consists of.
    pub(super) zeros: Arc<[u8]>,
}

/// What the world is to know of a node.
#[derive(Debug)]
pub(super) enum Note {
    /// A block came in.
    Block { end: u32, range: BlockRange },
    /// It has a piece.
    Piece(PieceIndex),
    /// It took a connection.
    Met { remote: NodeIndex, end: u32 },
    /// It serves another node.
    Unchoked { remote: NodeIndex, optimistic: bool },
    /// It does so no more.
    Choked { remote: NodeIndex },
    /// It asks the tracker.
    Asks,
    /// It goes for good, after a while.
    Goes(Duration),
    /// Something that must hold does not.
    Broken(Box<str>),
}

impl Outbox {
    /// An empty one in a world of so many shards, so many nodes in each.
    pub(super) fn new(shards: usize, shard: usize) -> Self {
        Self {
            shard,
            mail: (0..shards).map(|_| Vec::new()).collect(),
            notes: Vec::new(),
            inbox: Vec::new(),
            zeros: vec![0; BLOCK_LENGTH as usize].into(),
        }
    }

    pub(super) fn post(&mut self, node: u32, mail: Mail) {
        self.mail[node as usize / self.shard].push((node, mail));
    }
}
