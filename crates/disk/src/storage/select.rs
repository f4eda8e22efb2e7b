//! Which files are wanted.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use stdx::{BLOCK_LENGTH, BlockIndex, FileIndex, PieceIndex};

use super::Storage;
use crate::Error;

impl Storage {
    /// Says which files are wanted, by index; all are at first. Parts of files that become wanted
    /// move from the resume store to their places. Not while operations of the torrent are in
    /// flight. After a restart say what was wanted before, and then what is wanted now.
    ///
    /// # Errors
    /// When parts cannot be moved; then the choice stays as it was.
    pub fn select(&self, wanted: &[bool]) -> Result<(), Error> {
        let will = |file: FileIndex| wanted.get(file.get()).copied().unwrap_or(true);
        if let Some(resume) = &self.resume {
            let (mut files, mut moved) = (BTreeSet::new(), Vec::new());
            for (piece, block) in resume.part_keys()? {
                let Some(range) = self.content.request(piece, block) else {
                    continue;
                };
                let spans = self.content.spans(piece, range.begin, range.length);
                let inside: Vec<FileIndex> = spans.filter_map(|span| span.file).collect();
                let new = |&file: &FileIndex| will(file) && !self.is_wanted(file);
                let new: Vec<FileIndex> = inside.iter().copied().filter(new).collect();
                self.promote(piece, block, &new)?;
                files.extend(new);
                if inside.into_iter().all(will) {
                    moved.push((piece, block));
                }
            }
            self.sync(&files.into_iter().collect::<Vec<_>>())?;
            resume.remove_parts(&moved)?;
        }
        let mut now = self.wanted.write().unwrap_or_else(PoisonError::into_inner);
        wanted.clone_into(&mut now);
        Ok(())
    }

    /// Writes these files' shares of a stored block to their places.
    fn promote(
        &self,
        piece: PieceIndex,
        block: BlockIndex,
        files: &[FileIndex],
    ) -> Result<(), Error> {
        let Some(resume) = self.resume.as_ref().filter(|_| !files.is_empty()) else {
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
            if let Some(file) = span.file.filter(|file| files.contains(file)) {
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
