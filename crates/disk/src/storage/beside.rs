//! Finding many files in their order without walking to each.

use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType};
use stdx::FileIndex;

use super::Storage;
use crate::{Error, FileStat};

/// What a file is called in its folder.
type Name<'a> = Cow<'a, Path>;

/// Keeps the folder of the last file open: most files lie beside the one before.
#[derive(Debug)]
pub(super) struct Beside<'a> {
    storage: &'a Storage,
    folder: Option<Folder<'a>>,
}

#[derive(Debug)]
struct Folder<'a> {
    base: Cow<'a, Path>,
    /// Relative to `base`.
    path: PathBuf,
    opened: OwnedFd,
}

impl<'a> Beside<'a> {
    pub(super) fn new(storage: &'a Storage) -> Self {
        Self { storage, folder: None }
    }

    pub(super) fn storage(&self) -> &'a Storage {
        self.storage
    }

    /// The folder that holds a file, and the file's name in it. No link is followed.
    pub(super) fn find(&mut self, file: FileIndex) -> Result<(&OwnedFd, Name<'a>), Error> {
        let (base, path) = self.storage.place(file);
        let (parent, name) = match &path {
            Cow::Borrowed(path) => split(path),
            Cow::Owned(path) => {
                let (parent, name) = split(path);
                (parent, name.into_owned().into())
            }
        };
        let is_it = |folder: &Folder<'_>| folder.base == base && folder.path == parent;
        let folder = if let Some(folder) = self.folder.take().filter(is_it) {
            folder
        } else {
            let opened = self.storage.folder_of(file, false)?.0;
            Folder { path: parent.to_owned(), base, opened }
        };
        Ok((&self.folder.insert(folder).opened, name))
    }

    /// One file's stat; `None` where there is no regular file.
    pub(super) fn stat(&mut self, file: FileIndex) -> Option<FileStat> {
        let storage = self.storage;
        let (folder, name) = match self.find(file) {
            Ok(found) => found,
            // With no handle to spare, or no leave to read the folder, one may look all the same.
            Err(Error::Io { .. }) => {
                let meta = storage.file_path(file).symlink_metadata().ok()?;
                return meta.is_file().then(|| FileStat::of(&meta));
            }
            Err(_) => return None,
        };
        let found = rustix::fs::statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        is_file.then(|| FileStat::of_raw(&found))
    }
}

/// The folder of a path, and the name in it.
fn split(path: &Path) -> (&Path, Name<'_>) {
    let mut parts = path.components();
    let name = parts.next_back().map_or(Path::new(""), |name| Path::new(name.as_os_str()));
    (parts.as_path(), name.into())
}
