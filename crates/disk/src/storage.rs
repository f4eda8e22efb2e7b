use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cache::Content;
use stdx::{FileIndex, PieceIndex};

use crate::sweep::on_all_cores;
use crate::{FileStat, Resume};

use handles::Handles;

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
        Self { preallocate: false, read_only: false, path_is_content: false, max_open: MAX_OPEN }
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
    /// Where the files are below `base`, when not where the torrent says.
    places: Option<Vec<PathBuf>>,
    /// Entries of the torrent's folder that are not below `base`.
    roots: Roots,
    resume: Option<Arc<Resume>>,
    /// By file; empty means all.
    wanted: RwLock<Vec<bool>>,
    handles: Mutex<Handles>,
    /// Folders with new entries, relative to `base`, to be synced with the next file.
    new_entries: Mutex<BTreeSet<PathBuf>>,
    watch: watch::Watch,
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
            places: None,
            roots: Roots::new(),
            resume,
            wanted: RwLock::new(Vec::new()),
            new_entries: Mutex::new(BTreeSet::new()),
            watch: watch::Watch::default(),
        }
    }

    /// The same with the files elsewhere below the path, by file.
    pub(crate) fn at(mut self, places: Vec<PathBuf>) -> Self {
        self.places = Some(places);
        self
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
        on_all_cores(&files, STATS_LEAST, |&file| self.stat_file(file))
    }

    /// One file's stat; `None` where there is no regular file.
    pub fn stat_file(&self, file: FileIndex) -> Option<FileStat> {
        let meta =
            self.file_path(file).symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(FileStat::of(&meta))
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
    fn place(&self, file: FileIndex) -> (PathBuf, PathBuf) {
        let entry = &self.content.files()[file.get()];
        if !self.options.path_is_content {
            return (self.base.clone(), entry.path.clone());
        }
        let inner: PathBuf = match &self.places {
            Some(places) => places[file.get()].clone(),
            None => entry.path.components().skip(1).collect(),
        };
        let mut below = inner.components();
        let first = below.next();
        let (base, inner) = match first.and_then(|first| self.roots.get(first.as_os_str())) {
            Some(root) => (root, below.collect()),
            None => (&self.base, inner),
        };
        if !inner.as_os_str().is_empty() {
            return (base.clone(), inner);
        }
        // The user may name a link to the file: it is followed, here alone.
        let real = base.canonicalize().unwrap_or_else(|_| base.clone());
        let folder = real.parent().unwrap_or(Path::new("")).to_owned();
        let name = real.file_name().map(PathBuf::from).unwrap_or_default();
        (folder, name)
    }

    fn note_new_entry(&self, folder: &Path) {
        let mut folders = self.new_entries.lock().unwrap_or_else(PoisonError::into_inner);
        folders.insert(folder.to_owned());
    }
}
