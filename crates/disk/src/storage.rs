use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use cache::Content;
use stdx::{FileIndex, PieceIndex};

use crate::spindle::Spindle;
use crate::sweep::on_all_cores;
use crate::{FileStat, Resume};

use beside::Beside;
use handles::Handles;

mod beside;
mod finish;
mod handles;
mod reader;
mod select;
mod transfer;
mod watch;

pub(crate) use reader::Reader;
pub(crate) use transfer::blocks;
pub use watch::{Change, Fingerprint, Look, Rechecked};

/// How a [`Storage`] treats its files.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Reserve the whole of each file when it is created, instead of leaving it sparse.
    pub preallocate: bool,
    /// Never write: for seeding and verifying what is there.
    pub read_only: bool,
    /// Where PATH is the content itself (`seed`, `verify`) rather than the folder that holds it.
    pub path_is_content: bool,
    /// All were found to be regular files and will be looked at again when they were read: opening
    /// them need not.
    pub looked_at: bool,
    /// Files kept open at most.
    pub max_open: usize,
}

/// Files that a [`Storage`] keeps open by default: few enough for ten torrents under the usual
/// limit of 1,024.
const MAX_OPEN: usize = 64;

/// Files that are looked at one after the other before another thread is worth its while.
const STATS_LEAST: usize = 1_000;

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            preallocate: false,
            read_only: false,
            path_is_content: false,
            looked_at: false,
            max_open: MAX_OPEN,
        }
    }
}

/// Where the entries of a torrent's folder are, by name, when not in one folder: files and folders
/// that were gathered from several places. Links among these paths are the user's own.
pub type Roots = BTreeMap<OsString, PathBuf>;

/// The files of one torrent, by piece and offset. Shared among threads.
///
/// Below the folder that the user named, no symbolic link is ever followed.
#[derive(Debug)]
pub struct Storage {
    content: Content,
    /// The folder that the files' relative paths start from; links in it are the user's own.
    base: PathBuf,
    options: StorageOptions,
    /// Entries of the torrent's folder that are not below `base`.
    roots: Roots,
    resume: Option<Arc<Resume>>,
    /// By file; empty means all.
    wanted: RwLock<Vec<bool>>,
    handles: Mutex<Handles>,
    /// Folders with new entries, relative to `base`, to be synced with the next file.
    new_entries: Mutex<BTreeSet<PathBuf>>,
    watch: watch::Watch,
    /// The turning disk that the files are on, if any.
    spindle: OnceLock<Option<Spindle>>,
}

impl Storage {
    /// The torrent's files under `path`. Touches nothing yet. Parts of files that are not wanted
    /// go to `resume`; without one they go to their files.
    pub fn new(
        content: impl Into<Content>,
        path: &Path,
        resume: Option<Arc<Resume>>,
        options: StorageOptions,
    ) -> Self {
        Self {
            content: content.into(),
            base: path.to_owned(),
            handles: Mutex::new(Handles::new(options.max_open)),
            options,
            roots: Roots::new(),
            resume,
            wanted: RwLock::new(Vec::new()),
            new_entries: Mutex::new(BTreeSet::new()),
            watch: watch::Watch::default(),
            spindle: OnceLock::new(),
        }
    }

    /// The same on such a disk.
    #[cfg(test)]
    pub(crate) fn on(self, spindle: Option<Spindle>) -> Self {
        Self { spindle: OnceLock::from(spindle), ..self }
    }

    /// The turning disk that the files are on: those of several places count as on the first.
    pub(crate) fn spindle(&self) -> Option<Spindle> {
        let place = || self.roots.values().next().unwrap_or(&self.base);
        *self.spindle.get_or_init(|| Spindle::of(place()))
    }

    /// The same with entries of the torrent's folder elsewhere. For content that is there, with
    /// [`StorageOptions::path_is_content`].
    #[must_use]
    pub fn with_roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// The layout.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Where the content is: `DIR/NAME`, or the path itself when that is the content.
    pub fn content_path(&self) -> PathBuf {
        let first = self.content.files().first().and_then(|file| file.path.components().next());
        match first {
            Some(name) if !self.options.path_is_content => self.base.join(name),
            _ => self.base.clone(),
        }
    }

    /// Where a file is.
    pub fn file_path(&self, file: FileIndex) -> PathBuf {
        let (folder, relative) = self.place(file);
        folder.join(relative)
    }

    /// One stat per file, by index; `None` where there is no regular file.
    pub fn stat(&self) -> Vec<Option<FileStat>> {
        let files: Vec<FileIndex> = (0..self.content.files().len() as u32).map(FileIndex).collect();
        let stats = on_all_cores(&files.chunks(STATS_LEAST).collect::<Vec<_>>(), 1, |files| {
            let mut beside = Beside::new(self);
            files.iter().map(|&file| beside.stat(file)).collect::<Vec<_>>()
        });
        stats.into_iter().flatten().collect()
    }

    /// One file's stat; `None` where there is no regular file.
    pub fn stat_file(&self, file: FileIndex) -> Option<FileStat> {
        Beside::new(self).stat(file)
    }

    /// True when the file is to be had; all are until [`Self::select`].
    pub fn is_wanted(&self, file: FileIndex) -> bool {
        let wanted = self.wanted.read().unwrap_or_else(PoisonError::into_inner);
        wanted.get(file.get()).copied().unwrap_or(true)
    }

    /// True unless the file system knows that nothing was ever written to the piece's place.
    pub fn may_have_data(&self, piece: PieceIndex) -> bool {
        let size = self.content.piece_size(piece);
        self.content.spans(piece, 0, size).any(|span| {
            let Some(file) = span.file else { return false };
            let Ok(handle) = self.open_to_read(file) else {
                return false;
            };
            let end = span.offset + u64::from(span.length);
            match rustix::fs::seek(&*handle, rustix::fs::SeekFrom::Data(span.offset)) {
                Ok(data) => data < end,
                Err(rustix::io::Errno::NXIO) => false,
                Err(_) => true,
            }
        })
    }

    /// The folder that a file's path starts from, and the path.
    fn place(&self, file: FileIndex) -> (Cow<'_, Path>, Cow<'_, Path>) {
        let entry = &self.content.files()[file.get()];
        if !self.options.path_is_content {
            return (self.base.as_path().into(), entry.path.as_path().into());
        }
        let mut below = entry.path.components();
        // The torrent's name.
        below.next();
        let inner = below.as_path();
        let root = below.next().and_then(|first| self.roots.get(first.as_os_str()));
        let (base, inner) = match root {
            Some(root) => (root, below.as_path()),
            None => (&self.base, inner),
        };
        if !inner.as_os_str().is_empty() {
            return (base.into(), inner.into());
        }
        // The user may name a link to the file: it is followed, here alone.
        let real = base.canonicalize().unwrap_or_else(|_| base.clone());
        let folder = real.parent().unwrap_or(Path::new("")).to_owned();
        let name = real.file_name().map(PathBuf::from).unwrap_or_default();
        (folder.into(), name.into())
    }

    fn note_new_entry(&self, folder: &Path) {
        let mut folders = self.new_entries.lock().unwrap_or_else(PoisonError::into_inner);
        folders.insert(folder.to_owned());
    }
}
