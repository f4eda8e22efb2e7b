use stdx::{BlockIndex, ConnId};

/// How many connections are remembered as contributors of one piece.
const CONTRIBUTORS_MAX: usize = 256;

/// What is known of one block of a piece in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Nobody was asked.
    Free,
    /// This connection was asked first; see [`Partial::extra`] for the others.
    Asked(ConnId),
    /// It is here, sent by this connection.
    From(ConnId),
    /// It is here, found on disk, or needs no sending.
    Found,
}

impl Block {
    pub(super) fn is_here(self) -> bool {
        matches!(self, Self::From(_) | Self::Found)
    }
}

/// Who keeps a piece in progress for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) conn: ConnId,
    /// Nobody else may be asked (parole), instead of: only when there is nothing else to ask for.
    pub(super) strict: bool,
}

/// A piece in progress.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub(super) blocks: Vec<Block>,
    /// Blocks in state [`Block::Free`].
    pub(super) free: u32,
    /// Blocks that are not here.
    pub(super) missing: u32,
    /// No free block is below this one.
    first_free: u32,
    /// Those asked for a block besides the first (endgame).
    pub(super) extra: Vec<(BlockIndex, ConnId)>,
    /// Who was asked first for how many blocks that are not here yet.
    workers: Vec<(ConnId, u32)>,
    /// Whose blocks are in the piece.
    contributors: Vec<ConnId>,
    /// Some blocks are of unknown origin: found on disk at the start.
    unknown: bool,
    pub(super) owner: Option<Owner>,
}

/// Whose blocks made up a piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contributors {
    /// The connections that sent accepted blocks, in order of their first.
    pub conns: Vec<ConnId>,
    /// Some blocks came from elsewhere: found on disk, or from more connections than are noted.
    pub unknown: bool,
}

impl Contributors {
    /// The one connection that sent the whole piece, if it was one.
    pub fn single(&self) -> Option<ConnId> {
        match self.conns[..] {
            [conn] if !self.unknown => Some(conn),
            _ => None,
        }
    }
}

impl Partial {
    /// A piece of `count` blocks of which only those that `needed` names are asked for; the others
    /// are padding and count as here.
    pub(super) fn new(count: u32, needed: impl Fn(BlockIndex) -> bool) -> Self {
        let state = |at| {
            if needed(BlockIndex(at)) { Block::Free } else { Block::Found }
        };
        let blocks: Vec<_> = (0..count).map(state).collect();
        let free = blocks.iter().filter(|&&block| block == Block::Free).count() as u32;
        Self {
            blocks,
            free,
            missing: free,
            first_free: 0,
            extra: Vec::new(),
            workers: Vec::new(),
            contributors: Vec::new(),
            unknown: false,
            owner: None,
        }
    }

    /// Whether nothing of the piece was received or asked for.
    pub(super) fn is_untouched(&self) -> bool {
        self.free == self.missing && !self.has_any()
    }

    /// Whether some of the piece is here.
    pub(super) fn has_any(&self) -> bool {
        !self.contributors.is_empty() || self.unknown
    }

    /// Whether nobody but `conn` has sent, or was asked for, any of it.
    pub(super) fn is_only_of(&self, conn: ConnId) -> bool {
        !self.unknown
            && self.contributors.iter().all(|&it| it == conn)
            && self.workers.iter().all(|&(it, _)| it == conn)
            && self.extra.iter().all(|&(_, it)| it == conn)
    }

    pub(super) fn asked_blocks_of(&self, conn: ConnId) -> bool {
        self.workers.iter().any(|&(it, _)| it == conn)
    }

    /// The lowest block that nobody was asked for.
    pub(super) fn lowest_free(&self) -> Option<BlockIndex> {
        let rest = self.blocks.get(self.first_free as usize..)?;
        let at = rest.iter().position(|&block| block == Block::Free)?;
        Some(BlockIndex(at as u32 + self.first_free))
    }

    /// Asks `conn` for the lowest free block.
    pub(super) fn take(&mut self, conn: ConnId) -> Option<BlockIndex> {
        let block = self.lowest_free()?;
        self.blocks[block.get()] = Block::Asked(conn);
        self.first_free = block.0 + 1;
        self.free -= 1;
        self.count(conn, true);
        Some(block)
    }

    /// Asks one more connection for a block that others were asked for.
    pub(super) fn take_extra(&mut self, block: BlockIndex, conn: ConnId) {
        self.extra.push((block, conn));
    }

    /// Everyone who was asked for a block.
    pub(super) fn askers(&self, block: BlockIndex) -> impl Iterator<Item = ConnId> + '_ {
        let first = match self.blocks.get(block.get()) {
            Some(Block::Asked(conn)) => Some(*conn),
            _ => None,
        };
        let extra = self.extra.iter().filter(move |&&(at, _)| at == block);
        first.into_iter().chain(extra.map(|&(_, conn)| conn))
    }

    /// Notes a block that arrived. False when it was here already.
    pub(super) fn receive(&mut self, block: BlockIndex, from: Option<ConnId>) -> bool {
        match self.blocks.get(block.get()) {
            None | Some(Block::From(_) | Block::Found) => return false,
            Some(Block::Free) => self.free -= 1,
            Some(&Block::Asked(conn)) => self.count(conn, false),
        }
        self.blocks[block.get()] = from.map_or(Block::Found, Block::From);
        self.missing -= 1;
        self.extra.retain(|&(at, _)| at != block);
        match from {
            Some(conn) if self.contributors.contains(&conn) => {}
            Some(conn) if self.contributors.len() < CONTRIBUTORS_MAX => {
                self.contributors.push(conn);
            }
            _ => self.unknown = true,
        }
        true
    }

    /// Takes back a request; false when there was none.
    pub(super) fn release(&mut self, block: BlockIndex, conn: ConnId) -> bool {
        let others = self.extra.iter().position(|&(at, it)| at == block && it == conn);
        if let Some(at) = others {
            self.extra.swap_remove(at);
            return true;
        }
        if self.blocks.get(block.get()) != Some(&Block::Asked(conn)) {
            return false;
        }
        self.count(conn, false);
        if let Some(at) = self.extra.iter().position(|&(at, _)| at == block) {
            let (_, next) = self.extra.swap_remove(at);
            self.blocks[block.get()] = Block::Asked(next);
            self.count(next, true);
        } else {
            self.blocks[block.get()] = Block::Free;
            self.free += 1;
            self.first_free = self.first_free.min(block.0);
        }
        true
    }

    pub(super) fn contributors(&self) -> Contributors {
        Contributors { conns: self.contributors.clone(), unknown: self.unknown }
    }

    /// Who sent each block; `None` where it is not here, was found, or needs no sending.
    pub(super) fn senders(&self) -> Vec<Option<ConnId>> {
        let sender = |block: &Block| match *block {
            Block::From(conn) => Some(conn),
            Block::Free | Block::Asked(_) | Block::Found => None,
        };
        self.blocks.iter().map(sender).collect()
    }

    fn count(&mut self, conn: ConnId, more: bool) {
        match self.workers.iter().position(|&(it, _)| it == conn) {
            Some(at) if more => self.workers[at].1 += 1,
            Some(at) => {
                self.workers[at].1 -= 1;
                if self.workers[at].1 == 0 {
                    self.workers.swap_remove(at);
                }
            }
            None => self.workers.push((conn, 1)),
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let count = |wanted: fn(&Block) -> bool| {
            self.blocks.iter().filter(|block| wanted(block)).count() as u32
        };
        assert_eq!(self.free, count(|block| *block == Block::Free));
        assert_eq!(self.missing, count(|block| !block.is_here()));
        let asked: u32 = self.workers.iter().map(|worker| worker.1).sum();
        assert_eq!(asked, self.missing - self.free);
        assert!(self.blocks[..self.first_free as usize].iter().all(|block| *block != Block::Free));
        for (block, conn) in &self.extra {
            let first = self.blocks[block.get()];
            assert!(matches!(first, Block::Asked(other) if other != *conn));
        }
    }
}
