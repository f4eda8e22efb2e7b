//! Which files are wanted.

use std::sync::PoisonError;

use stdx::{BLOCK_LENGTH, BlockIndex, FileIndex, PieceIndex};

use super::Storage;
use crate::Error;

impl Storage {
    /// Says which files are wanted, by index; all are at first. Parts of newly wanted files move
    /// from the resume store to their places. Not while operations of the torrent are in flight.
    ///
    /// # Errors
    /// When they cannot be moved; the choice stands, and the parts stay for the next call.
    pub fn select(&self, wanted: &[bool]) -> Result<(), Error> {
        let mut now = self.wanted.write().unwrap_or_else(PoisonError::into_inner);
        wanted.clone_into(&mut now);
        drop(now);
        let Some(resume) = &self.resume else {
            return Ok(());
        };
        let mut moved = Vec::new();
        let mut files = Vec::new();
        for (piece, block) in resume.part_keys()? {
            let Some(range) = self.content.request(piece, block) else {
                continue;
            };
            let spans = || self.content.spans(piece, range.begin, range.length);
            let wanted = || {
                spans()
                    .filter_map(|span| span.file)
                    .filter(|&it| self.is_wanted(it))
            };
            if wanted().next().is_none() {
                continue;
            }
            files.extend(wanted());
            self.promote(piece, block)?;
            if spans()
                .filter_map(|span| span.file)
                .all(|file| self.is_wanted(file))
            {
                moved.push((piece, block));
            }
        }
        files.sort_unstable();
        files.dedup();
        self.sync(&files)?;
        resume.remove_parts(&moved)
    }

    /// Writes the wanted files' shares of a stored block to their places.
    fn promote(&self, piece: PieceIndex, block: BlockIndex) -> Result<(), Error> {
        let Some(resume) = &self.resume else {
            return Ok(());
        };
        let Some(bytes) = resume.part(piece, block)? else {
            return Ok(());
        };
        let begin = block.0 * BLOCK_LENGTH;
        let mut at = 0;
        for span in self.content.spans(piece, begin, bytes.len() as u32) {
            let share = &bytes[at..at + span.length as usize];
            at += span.length as usize;
            if let Some(file) = span.file.filter(|&file| self.is_wanted(file)) {
                self.write_share(file, span.offset, share)?;
            }
        }
        Ok(())
    }

    fn write_share(&self, file: FileIndex, offset: u64, share: &[u8]) -> Result<(), Error> {
        use std::os::unix::fs::FileExt as _;
        self.open_to_write(file)?
            .write_all_at(share, offset)
            .map_err(|error| Error::io("write", &self.file_path(file), error))
    }
}
