use std::sync::Arc;

use metainfo::{Info, Layout};
use stdx::{Bitfield, BlockIndex, FileIndex, PieceIndex, Rng};

use crate::layers::Layers;
use crate::suggest::SendOnce;
use crate::{Picker, Priority};

/// What a torrent has from the moment when its metadata is known and its disk was checked.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) info: Arc<Info>,
    pub(crate) picker: Picker,
    /// Wanted and not verified.
    pub(crate) wanted: Bitfield,
    /// Verified, on disk, and announced.
    pub(crate) on_disk: Bitfield,
    /// Verified once, and not given to others: the file changed on disk since.
    pub(crate) withheld: Bitfield,
    /// The pieces in the order in which they were announced.
    pub(crate) log: Vec<PieceIndex>,
    /// By file.
    pub(crate) priorities: Vec<Priority>,
    pub(crate) send_once: Option<SendOnce>,
    /// Bytes of the selection: all, and those verified.
    pub(crate) total: u64,
    pub(crate) done: u64,
    /// Wanted pieces that are not on disk.
    pub(crate) pending: u32,
}

impl Content {
    pub(crate) fn new(info: Arc<Info>, layers: &Layers, have: &Bitfield, rng: &mut Rng) -> Self {
        let layout = info.layout();
        let pieces = layout.pieces();
        let mut picker = Picker::new(info.clone(), rng.fork());
        let mut on_disk = Bitfield::new(pieces);
        let is_empty = |piece: u32| {
            let blocks = 0..layout.block_count(PieceIndex(piece));
            blocks.rev().all(|block| layout.request(PieceIndex(piece), BlockIndex(block)).is_none())
        };
        let hash_known =
            |piece| info.v1_hash(piece).is_some() || layers.piece_hash(&info, piece).is_some();
        picker.prepare_many_changes();
        for piece in (0..pieces).map(PieceIndex) {
            // A piece of padding alone is zeros: nobody needs to send it.
            if have.get(piece.0) || is_empty(piece.0) {
                picker.verified(piece);
                on_disk.set(piece.0);
            } else if !hash_known(piece) {
                picker.set_verifiable(piece, false);
            }
        }
        let priorities = vec![Priority::Normal; layout.files().len()];
        let mut it = Self {
            wanted: Bitfield::new(pieces),
            on_disk,
            withheld: Bitfield::new(pieces),
            log: Vec::new(),
            send_once: None,
            total: 0,
            done: 0,
            pending: 0,
            priorities: Vec::new(),
            info,
            picker,
        };
        it.select(priorities);
        it
    }

    pub(crate) fn layout(&self) -> &Layout {
        self.info.layout()
    }

    /// Sets the priorities of the files; missing ones are normal.
    pub(crate) fn select(&mut self, mut priorities: Vec<Priority>) {
        priorities.resize(self.layout().files().len(), Priority::Normal);
        self.priorities = priorities;
        let pieces = self.layout().pieces();
        let mut of_piece = vec![Priority::Skip; pieces as usize];
        for (file, &priority) in self.priorities.iter().enumerate() {
            for piece in self.layout().file_pieces(FileIndex(file as u32)) {
                let slot = &mut of_piece[piece as usize];
                *slot = priority.max(*slot);
            }
        }
        self.picker.set_priorities((0..).map(PieceIndex).zip(of_piece));
        self.wanted = Bitfield::new(pieces);
        (self.total, self.done, self.pending) = (0, 0, 0);
        for piece in (0..pieces).map(PieceIndex) {
            let selected = self.selected_bytes(piece);
            self.total += selected;
            if self.picker.have().get(piece.0) {
                self.done += selected;
            } else if self.picker.priority(piece) != Priority::Skip {
                self.wanted.set(piece.0);
            }
            let skipped = self.picker.priority(piece) == Priority::Skip;
            let here = self.on_disk.get(piece.0) || self.withheld.get(piece.0);
            self.pending += u32::from(!skipped && !here);
        }
    }

    /// Bytes of the piece that belong to selected files.
    pub(crate) fn selected_bytes(&self, piece: PieceIndex) -> u64 {
        let spans = self.layout().spans(piece, 0, self.layout().piece_size(piece));
        let selected = |file: FileIndex| self.priorities.get(file.get()) != Some(&Priority::Skip);
        let lengths = spans.filter(|span| span.file.is_some_and(selected));
        lengths.map(|span| u64::from(span.length)).sum()
    }

    /// How many wanted pieces somebody has.
    pub(crate) fn useful(&self, have: &Bitfield) -> u32 {
        let bytes = self.wanted.as_bytes().iter().zip(have.as_bytes());
        bytes.map(|(wanted, have)| (wanted & have).count_ones()).sum()
    }

    /// Whether everything selected is on disk.
    pub(crate) fn is_complete(&self) -> bool {
        self.pending == 0
    }
}
