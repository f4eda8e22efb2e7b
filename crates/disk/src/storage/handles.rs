//! Opening files safely, and keeping a few open.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use rustix::fs::{CWD, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;
use stdx::FileIndex;

use super::Storage;
use crate::Error;

/// Links are never followed; a pipe in a file's place must not block us.
const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// The open files, least recently used out first.
#[derive(Debug)]
pub(super) struct Handles {
    open: BTreeMap<FileIndex, Handle>,
    uses: u64,
    max: usize,
}

#[derive(Debug)]
struct Handle {
    file: Arc<File>,
    writable: bool,
    used: u64,
}

impl Handles {
    pub(super) fn new(max: usize) -> Self {
        Self { open: BTreeMap::new(), uses: 0, max: max.max(1) }
    }

    fn find(&mut self, file: FileIndex, write: bool) -> Option<Arc<File>> {
        let handle = self.open.get_mut(&file).filter(|handle| handle.writable || !write)?;
        self.uses += 1;
        handle.used = self.uses;
        Some(Arc::clone(&handle.file))
    }

    fn keep(&mut self, file: FileIndex, handle: Arc<File>, writable: bool) {
        self.uses += 1;
        self.open.insert(file, Handle { file: handle, writable, used: self.uses });
        if self.open.len() > self.max {
            let oldest = self.open.iter().min_by_key(|(_, handle)| handle.used);
            let oldest = oldest.map(|(&file, _)| file).expect("there are more than the limit");
            self.open.remove(&oldest);
        }
    }

    pub(super) fn forget(&mut self, file: FileIndex) {
        self.open.remove(&file);
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}

impl Storage {
    /// Closes every file.
    pub fn close(&self) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn open_to_read(&self, file: FileIndex) -> Result<Arc<File>, Error> {
        self.open(file, false)
    }

    /// Opens a file for writing; makes it, and the folders on the way, when it is not there.
    pub(super) fn open_to_write(&self, file: FileIndex) -> Result<Arc<File>, Error> {
        self.open(file, true)
    }

    fn open(&self, file: FileIndex, write: bool) -> Result<Arc<File>, Error> {
        // Held while opening, so that two threads do not both create and size a file.
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = handles.find(file, write) {
            return Ok(found);
        }
        let path = self.file_path(file);
        let opened = if write { self.make(file, &path)? } else { self.find(file)? };
        let opened = Arc::new(opened);
        handles.keep(file, Arc::clone(&opened), write);
        Ok(opened)
    }

    fn find(&self, file: FileIndex) -> Result<File, Error> {
        let (folder, name) = self.folder_of(file, false)?;
        self.find_in(&folder, &name, file)
    }

    /// Opens a file to read it: the one of this name in its folder.
    pub(super) fn find_in(
        &self,
        folder: &OwnedFd,
        name: &Path,
        file: FileIndex,
    ) -> Result<File, Error> {
        let path = || self.file_path(file);
        let opened = rustix::fs::openat(folder, name, SAFE | OFlags::RDONLY, Mode::empty());
        let opened = opened.map_err(|error| refused("read", &path(), error))?.into();
        if self.options.looked_at { Ok(opened) } else { regular(opened, path) }
    }

    fn make(&self, file: FileIndex, path: &Path) -> Result<File, Error> {
        if self.options.read_only {
            return Err(refused("write", path, Errno::ROFS));
        }
        let (folder, name) = self.folder_of(file, true)?;
        let mode = Mode::from_raw_mode(0o666);
        let flags = SAFE | OFlags::RDWR;
        let opened = match rustix::fs::openat(&folder, &name, flags, mode) {
            Err(Errno::NOENT) => {
                let (_, relative) = self.place(file);
                self.note_new_entry(relative.parent().unwrap_or(Path::new("")));
                rustix::fs::openat(&folder, &name, flags | OFlags::CREATE, mode)
            }
            opened => opened,
        };
        let opened = opened.map_err(|error| refused("write", path, error))?;
        let opened = regular(opened.into(), || path.to_owned())?;
        self.size(&opened, file, path)?;
        Ok(opened)
    }

    /// Gives a file its full size at once, so that writes need not grow it one by one.
    fn size(&self, opened: &File, file: FileIndex, path: &Path) -> Result<(), Error> {
        let length = self.content.files()[file.get()].length;
        let size = opened.metadata().map_err(|error| Error::io("look at", path, error))?.len();
        if self.options.preallocate && length > 0 {
            match rustix::fs::fallocate(opened, FallocateFlags::empty(), 0, length) {
                // Not every file system can; sparse does as well.
                Ok(()) | Err(Errno::OPNOTSUPP) => {}
                Err(error) => return Err(Error::io("reserve space for", path, error)),
            }
        }
        if size < length {
            opened.set_len(length).map_err(|error| Error::io("set the size of", path, error))?;
        }
        Ok(())
    }

    /// Walks to the folder that holds a file, one component at a time and following no link;
    /// returns it with the file's name.
    pub(super) fn folder_of(
        &self,
        file: FileIndex,
        make: bool,
    ) -> Result<(OwnedFd, PathBuf), Error> {
        let (base, relative) = self.place(file);
        let base = if base.as_os_str().is_empty() { Path::new(".") } else { &base };
        if make && !base.exists() {
            std::fs::create_dir_all(base)
                .map_err(|error| Error::io("make the folder", base, error))?;
        }
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut folder = rustix::fs::openat(CWD, base, flags | OFlags::RDONLY, Mode::empty())
            .map_err(|error| Error::io("open the folder", base, error))?;
        let mut at = PathBuf::new();
        let parents = relative.parent().into_iter().flat_map(Path::components);
        for component in parents {
            folder = self.step_into(&folder, base, &at, component.as_os_str(), make)?;
            at.push(component);
        }
        let name = relative.file_name().map(PathBuf::from).unwrap_or_default();
        Ok((folder, name))
    }

    fn step_into(
        &self,
        folder: &OwnedFd,
        base: &Path,
        at: &Path,
        name: &std::ffi::OsStr,
        make: bool,
    ) -> Result<OwnedFd, Error> {
        let path = || base.join(at).join(name);
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let open = || rustix::fs::openat(folder, name, flags, Mode::empty());
        let opened = match open() {
            Err(Errno::NOENT) if make => {
                match rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => self.note_new_entry(at),
                    Err(error) => return Err(Error::io("make the folder", &path(), error)),
                }
                open()
            }
            opened => opened,
        };
        opened.map_err(|error| refused("open the folder", &path(), error))
    }
}

fn regular(file: File, path: impl Fn() -> PathBuf) -> Result<File, Error> {
    let meta = file.metadata().map_err(|error| Error::io("look at", &path(), error))?;
    if meta.is_file() { Ok(file) } else { Err(Error::NotAFile { path: path() }) }
}

/// `O_NOFOLLOW` makes a link look like a loop, or with `O_DIRECTORY` like something else.
fn refused(what: &'static str, path: &Path, error: Errno) -> Error {
    let is_link = || path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    match error {
        Errno::LOOP | Errno::NOTDIR if is_link() => Error::Link { path: path.to_owned() },
        Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Error::NotAFile { path: path.to_owned() },
        error => Error::io(what, path, error),
    }
}
