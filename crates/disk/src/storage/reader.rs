//! One thread's way along many files.

use std::collections::VecDeque;
use std::fs::File;
use std::num::NonZeroU64;
use std::sync::Arc;

use rustix::fs::Advice;
use stdx::{FileIndex, PieceIndex};

use super::Storage;
use super::beside::Beside;
use crate::Error;

/// Files that one thread keeps open: enough for the pieces that it hashes at once.
const OPEN_MAX: usize = 64;
/// Of these, so many may be opened before they are read.
const EARLY_MAX: usize = 32;
/// Bytes that Linux reads for one advice, about: whatever more it says is passed over.
const ADVICE: u32 = 1 << 20;

/// Reads pieces for one thread, which opens its files for itself: with thousands of small ones,
/// threads would else wait for each other, and close what another one is about to read.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    beside: Beside<'a>,
    /// The oldest first.
    open: VecDeque<(FileIndex, Arc<File>)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(storage: &'a Storage) -> Self {
        Self { beside: Beside::new(storage), open: VecDeque::new() }
    }

    pub(crate) fn storage(&self) -> &'a Storage {
        self.beside.storage()
    }

    /// As [`Storage::read`].
    pub(crate) fn read(
        &mut self,
        piece: PieceIndex,
        begin: u32,
        out: &mut [&mut [u8]],
    ) -> Result<(), Error> {
        let storage = self.storage();
        storage.read_through(piece, begin, out, &mut |file| self.open(file))
    }

    /// Has the system start reading a part of these pieces, as far as few files are opened for
    /// that. Only advice: failures do not matter.
    pub(crate) fn read_ahead(&mut self, pieces: &[PieceIndex], begin: u32, length: u32) {
        let content = self.storage().content();
        let steps = pieces.iter().flat_map(|&piece| {
            let end = content.piece_size(piece).min(begin.saturating_add(length));
            let steps = (begin..end).step_by(ADVICE as usize);
            steps.map(move |from| (piece, from, ADVICE.min(end - from)))
        });
        let mut early = 0;
        for span in steps.flat_map(|(piece, from, length)| content.spans(piece, from, length)) {
            let Some(file) = span.file else { continue };
            early += usize::from(self.find(file).is_none());
            if early > EARLY_MAX {
                return;
            }
            if let Ok(handle) = self.open(file) {
                let length = NonZeroU64::new(u64::from(span.length));
                let _ = rustix::fs::fadvise(&*handle, span.offset, length, Advice::WillNeed);
            }
        }
    }

    fn find(&self, file: FileIndex) -> Option<Arc<File>> {
        // What was opened last is wanted most.
        let found = self.open.iter().rev().find(|(index, _)| *index == file);
        found.map(|(_, handle)| Arc::clone(handle))
    }

    fn open(&mut self, file: FileIndex) -> Result<Arc<File>, Error> {
        if let Some(found) = self.find(file) {
            return Ok(found);
        }
        let storage = self.storage();
        let (folder, name) = self.beside.find(file)?;
        let opened = Arc::new(storage.find_in(folder, &name, file)?);
        if self.open.len() >= OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back((file, Arc::clone(&opened)));
        Ok(opened)
    }
}
