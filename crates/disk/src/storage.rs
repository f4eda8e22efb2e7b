use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::{Content, Part};
use stdx::{Buf, FileIndex, PieceIndex};

use crate::{Error, FileStat, Resume};

/// How a [`Storage`] treats its files.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Reserve the whole of each file when it is created, instead of leaving it sparse.
    pub preallocate: bool,
    /// Never write: for seeding and verifying what is there.
    pub read_only: bool,
    /// Where PATH is the content itself (`seed`, `verify`) rather than the folder that holds it.
    pub path_is_content: bool,
    /// Files kept open at most.
    pub max_open: usize,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            preallocate: false,
            read_only: false,
            path_is_content: false,
            max_open: 64,
        }
    }
}

/// The files of one torrent.
#[derive(Debug)]
pub struct Storage {}

impl Storage {
    /// The torrent's files under `path`. Touches nothing yet. Parts of files that are not selected
    /// go to `resume`.
    pub fn new(
        content: impl Into<Content>,
        path: &Path,
        resume: Option<Arc<Resume>>,
        options: StorageOptions,
    ) -> Self {
        let _ = (content.into(), path, resume, options);
        Self {}
    }

    /// The layout.
    pub fn content(&self) -> &Content {
        unimplemented!()
    }

    /// Where the content is: `DIR/NAME`.
    pub fn content_path(&self) -> PathBuf {
        unimplemented!()
    }

    /// Where a file is.
    pub fn file_path(&self, file: FileIndex) -> PathBuf {
        let _ = file;
        unimplemented!()
    }

    /// Says which files are wanted, by index; all are at first. Parts of newly wanted files move
    /// from the resume store to their places.
    ///
    /// # Errors
    /// When they cannot be moved.
    pub fn select(&self, wanted: &[bool]) -> Result<(), Error> {
        let _ = wanted;
        Ok(())
    }

    /// Writes parts of one piece to their places; padding is skipped.
    ///
    /// # Errors
    /// When a file cannot be opened or written.
    pub fn write(&self, piece: PieceIndex, parts: &[Part]) -> Result<(), Error> {
        let _ = (piece, parts);
        Ok(())
    }

    /// Fills `out` with the bytes of a piece from `begin`; padding reads as zeros.
    ///
    /// # Errors
    /// When a file is missing, too short or unreadable.
    pub fn read(&self, piece: PieceIndex, begin: u32, out: &mut [&mut [u8]]) -> Result<(), Error> {
        let _ = (piece, begin, out);
        Ok(())
    }

    /// Reads a run into one buffer.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_block(&self, range: stdx::BlockRange, out: &mut Buf) -> Result<(), Error> {
        let _ = (range, out);
        Ok(())
    }

    /// Makes the contents of files durable, and the folders of new ones.
    ///
    /// # Errors
    /// When the system reports that data was lost.
    pub fn sync(&self, files: &[FileIndex]) -> Result<(), Error> {
        let _ = files;
        Ok(())
    }

    /// When the selection is complete: creates wanted files of length zero and links, and sets
    /// executable attributes (BEP 47).
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn finish(&self) -> Result<(), Error> {
        Ok(())
    }

    /// One stat per file, by index; `None` where there is no regular file.
    pub fn stat(&self) -> Vec<Option<FileStat>> {
        Vec::new()
    }

    /// Closes every file.
    pub fn close(&self) {}
}
