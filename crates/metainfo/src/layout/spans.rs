use stdx::{FileIndex, PieceIndex};

use super::{Extent, Layout};

/// A run of bytes of one file, or of padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The file; `None` for padding, which is zeros and is never stored.
    pub file: Option<FileIndex>,
    /// Where the run starts within the file; zero for padding.
    pub offset: u64,
    /// Length in bytes, never zero.
    pub length: u32,
}

/// The spans behind a run of bytes of one piece; made by [`Layout::spans`].
#[derive(Clone, Debug)]
pub struct Spans<'a> {
    extents: &'a [Extent],
    position: u64,
    end: u64,
}

impl<'a> Spans<'a> {
    pub(super) fn new(layout: &'a Layout, piece: PieceIndex, begin: u32, length: u32) -> Self {
        let size = layout.piece_size(piece);
        let from = begin.min(size);
        let to = begin.saturating_add(length).min(size);
        let start = layout.start_of(piece);
        let position = start + u64::from(from);
        let extents = layout.extents.get(layout.extent_at(position)..).unwrap_or_default();
        Self { extents, position, end: start + u64::from(to) }
    }
}

impl Iterator for Spans<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        if self.position >= self.end {
            return None;
        }
        while self.extents.first().is_some_and(|extent| extent.end <= self.position) {
            self.extents = &self.extents[1..];
        }
        let here = self.position;
        let (file, offset, end) = match self.extents.first() {
            Some(it) if it.start <= here => (Some(FileIndex(it.file)), here - it.start, it.end),
            Some(it) => (None, 0, it.start),
            None => (None, 0, self.end),
        };
        self.position = end.min(self.end);
        // At most a piece, which fits.
        Some(Span { file, offset, length: (self.position - here) as u32 })
    }
}
