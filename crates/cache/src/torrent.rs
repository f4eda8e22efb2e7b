use std::collections::{BTreeSet, VecDeque};

use stdx::{Bitfield, BlockRange, Buf, FileIndex, Instant, PieceIndex};

use crate::{Content, SyncJob};

/// A flush that is under way.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    /// Blocks that came after it; they count against the budget.
    pub(crate) backlog: VecDeque<(BlockRange, Buf)>,
    /// Another flush came after blocks of the backlog.
    pub(crate) again: bool,
    /// All is out and its sync was issued.
    pub(crate) last_sync: bool,
    /// That sync failed: end without another.
    pub(crate) gave_up: bool,
}

/// The sync in flight.
#[derive(Debug)]
pub(crate) struct Syncing {
    pub(crate) pieces: Vec<PieceIndex>,
    pub(crate) forget: Vec<PieceIndex>,
}

/// What the cache knows of a torrent as a whole; its pieces are in the cache's own map.
#[derive(Debug)]
pub(crate) struct Torrent {
    pub(crate) content: Content,
    /// Pieces held: on disk at the start, or written since.
    pub(crate) have: Bitfield,
    /// Pieces written since the last sync was issued.
    pub(crate) unsynced: Vec<PieceIndex>,
    /// Pieces spilled to since then.
    pub(crate) partial: BTreeSet<PieceIndex>,
    /// Pieces whose record has to go.
    pub(crate) forget: BTreeSet<PieceIndex>,
    /// Files written to since then.
    pub(crate) dirty: BTreeSet<FileIndex>,
    pub(crate) syncing: Option<Syncing>,
    pub(crate) sync_due: Option<Instant>,
    pub(crate) fence: Option<Fence>,
    /// A failure was reported.
    pub(crate) failed: bool,
}

impl Torrent {
    pub(crate) fn new(content: Content, have: Bitfield) -> Self {
        assert_eq!(have.len(), content.pieces(), "the bitfield is of another torrent");
        Self {
            content,
            have,
            unsynced: Vec::new(),
            partial: BTreeSet::new(),
            forget: BTreeSet::new(),
            dirty: BTreeSet::new(),
            syncing: None,
            sync_due: None,
            fence: None,
            failed: false,
        }
    }

    pub(crate) fn touch_files(&mut self, piece: PieceIndex) {
        let size = self.content.piece_size(piece);
        let files = self.content.spans(piece, 0, size).filter_map(|span| span.file);
        self.dirty.extend(files);
    }

    pub(crate) fn has_unsynced(&self) -> bool {
        !(self.unsynced.is_empty()
            && self.partial.is_empty()
            && self.forget.is_empty()
            && self.dirty.is_empty())
    }

    /// All that is to be made durable, but for the bits of `partial`.
    pub(crate) fn take_sync(&mut self) -> SyncJob {
        self.sync_due = None;
        SyncJob {
            files: std::mem::take(&mut self.dirty).into_iter().collect(),
            pieces: std::mem::take(&mut self.unsynced),
            partial: Vec::new(),
            forget: std::mem::take(&mut self.forget).into_iter().collect(),
        }
    }
}
