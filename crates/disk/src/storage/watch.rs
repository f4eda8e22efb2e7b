//! Files that change while they are served.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use stdx::{FileIndex, PieceIndex};

use super::Storage;
use crate::sweep::{CHUNK, hash_piece};
use crate::{Error, FileStat, Judge};

/// Files looked at in one round: with more, it takes several rounds to come to each.
const LOOKS_MAX: usize = 256;
/// How long a changed file must stay as it is before it is verified anew.
const SETTLED: Duration = Duration::from_secs(1);
/// When a file that could not be read is tried again.
const RETRY: Duration = Duration::from_mins(1);

/// What tells one state of a file from another without reading it: which file it is, how large,
/// and when it was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
    inode: u64,
    device: u64,
}

impl Fingerprint {
    /// Of a file, by its path or by its handle.
    pub fn of(meta: &Metadata) -> Self {
        Self {
            size: meta.size(),
            seconds: meta.mtime(),
            nanoseconds: meta.mtime_nsec(),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }
}

/// How a file differs from what was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// No regular file is there.
    Gone,
    /// Bytes lack at its end.
    Shorter,
    /// Bytes were added.
    Longer,
    /// Another file took its place.
    Replaced,
    /// It was written to, or touched.
    Written,
    /// It looks the same, and cannot be read.
    Unreadable,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "is gone",
            Self::Shorter => "has become shorter",
            Self::Longer => "has become longer",
            Self::Replaced => "was replaced",
            Self::Written => "was written to",
            Self::Unreadable => "cannot be read",
        })
    }
}

/// What one look at the files found.
#[derive(Debug, Default)]
pub struct Look {
    /// Files that changed: their pieces are to be taken back.
    pub changed: Vec<(FileIndex, Change)>,
    /// Files that changed earlier and have been at rest: for [`Storage::recheck`].
    pub settled: Vec<FileIndex>,
}

/// What is right of a file that changed.
#[derive(Debug)]
pub struct Rechecked {
    /// Pieces that are as they should be, and may be served.
    pub good: Vec<PieceIndex>,
    /// How many pieces the file has a part in.
    pub pieces: u32,
}

/// The watched files, once there are any.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// By file; `None` for what is not watched.
    files: RwLock<Vec<Option<Watched>>>,
    /// The file that the next round begins with.
    next: AtomicUsize,
    alarm: OnceLock<Alarm>,
}

struct Alarm(Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alarm")
    }
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    /// When its pieces were verified.
    verified: Option<Fingerprint>,
    /// All of its pieces were right then.
    whole: bool,
    changed: Option<Changed>,
}

/// Since it is no longer what was verified.
#[derive(Clone, Copy, Debug)]
struct Changed {
    /// It was in a [`Look`].
    told: bool,
    seen: Option<Fingerprint>,
    /// When it may be verified, should it stay as it was seen.
    due: Instant,
}

impl Changed {
    fn new(told: bool, seen: Option<Fingerprint>) -> Self {
        Self { told, seen, due: Instant::now() + SETTLED }
    }
}

impl Watch {
    fn read(&self) -> RwLockReadGuard<'_, Vec<Option<Watched>>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Option<Watched>>> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, file: FileIndex) -> Option<Watched> {
        self.read().get(file.get()).copied().flatten()
    }

    /// Begins to distrust a file; true when it was trusted until now.
    fn distrust(&self, file: FileIndex) -> bool {
        let mut files = self.write();
        let Some(Some(watched)) = files.get_mut(file.get()) else {
            return false;
        };
        let news = watched.changed.is_none();
        watched.changed.get_or_insert_with(|| Changed::new(false, watched.verified));
        drop(files);
        if let (true, Some(alarm)) = (news, self.alarm.get()) {
            (alarm.0)();
        }
        news
    }
}

impl Storage {
    /// Takes the files, as they are now, for those that are verified: whatever changes from here
    /// on is not served before [`Self::recheck`]. Call it when nothing is written any more, and
    /// before what is to be verified is read.
    pub fn watch(&self) {
        let watched = |(index, entry): (usize, &metainfo::FileEntry)| {
            let file = FileIndex(index as u32);
            let served = entry.symlink.is_none() && entry.length > 0 && self.is_wanted(file);
            let verified = served.then(|| self.fingerprint(file))?;
            Some(Watched { verified, whole: true, changed: None })
        };
        let files = self.content().files().iter().enumerate().map(watched).collect();
        *self.watch.write() = files;
    }

    /// Has `alarm` called, on any thread, when a file turns out to have changed between two
    /// looks. It must not block. The first one stays.
    pub fn on_change(&self, alarm: impl Fn() + Send + Sync + 'static) {
        let _first = self.watch.alarm.set(Alarm(Box::new(alarm)));
    }

    /// Whether a file is as it was when it was verified; true where none is watched. Costs one
    /// `fstat` of a file that is open. Ask after reading: then what was read is what was verified.
    pub fn is_unchanged(&self, file: FileIndex) -> bool {
        let Some(watched) = self.watch.get(file) else {
            return true;
        };
        if watched.changed.is_some() {
            return false;
        }
        let opened = self.open_to_read(file).ok().and_then(|handle| handle.metadata().ok());
        if opened.is_some_and(|meta| Some(Fingerprint::of(&meta)) == watched.verified) {
            return true;
        }
        self.watch.distrust(file);
        false
    }

    /// Whether a file can be given out whole: it is as it was when it was verified, and all of it
    /// was right then. Costs what [`Self::is_unchanged`] does.
    pub fn is_whole(&self, file: FileIndex) -> bool {
        self.is_unchanged(file) && self.watch.get(file).is_none_or(|watched| watched.whole)
    }

    /// Whether bytes that were just read of a piece may be given to others.
    pub(crate) fn may_serve(&self, piece: PieceIndex, begin: u32, length: u32) -> bool {
        let mut files = self.content().spans(piece, begin, length).filter_map(|span| span.file);
        files.all(|file| self.is_unchanged(file))
    }

    /// Takes note that a piece could not be read.
    pub(crate) fn suspect(&self, piece: PieceIndex, error: &Error) {
        let size = self.content().piece_size(piece);
        let mut files = self.content().spans(piece, 0, size).filter_map(|span| span.file);
        let file = files.find(|&file| error.path() == Some(&self.file_path(file)));
        let watched = file.is_some_and(|file| self.watch.get(file).is_some());
        if let Some(file) = file.filter(|_| watched) {
            if self.watch.distrust(file) {
                tracing::info!(%error, "cannot read for an upload");
            }
        } else {
            tracing::warn!(%error, piece = piece.0, "cannot read for an upload");
        }
    }

    /// Looks at some files, in turn, and at those that changed. Blocks for as many `lstat`s.
    pub fn look(&self) -> Look {
        let due = self.due().into_iter();
        let seen: Vec<_> = due.map(|file| (file, self.fingerprint(file))).collect();
        let mut look = Look::default();
        let mut files = self.watch.write();
        for (file, now) in seen {
            let Some(Some(watched)) = files.get_mut(file.get()) else { continue };
            match &mut watched.changed {
                Some(changed) if changed.told && changed.seen == now => {
                    let at_rest = Instant::now() >= changed.due;
                    look.settled.extend(at_rest.then_some(file));
                }
                Some(changed) if changed.told => *changed = Changed::new(true, now),
                None if now == watched.verified => {}
                changed => {
                    *changed = Some(Changed::new(true, now));
                    look.changed.push((file, change(watched.verified, now)));
                }
            }
        }
        drop(files);
        for (file, _) in &look.changed {
            self.close_file(*file);
        }
        look
    }

    /// Verifies a file anew that has changed. `None` when it went on changing or could not be read,
    /// which is tried again, or `cancelled`. What is returned may be served from now on; a piece
    /// that another changed file has a part in is left to that file's turn.
    pub fn recheck(
        &self,
        judge: &Judge,
        file: FileIndex,
        cancelled: &AtomicBool,
    ) -> Option<Rechecked> {
        let before = self.fingerprint(file);
        // What was opened earlier may be another file.
        self.close_file(file);
        let (mut good, mut trouble, mut buffer) = (Vec::new(), false, vec![0; CHUNK]);
        let pieces = self.content().file_pieces(file);
        for piece in pieces.clone().map(PieceIndex) {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            match hash_piece(self, piece, &mut buffer) {
                Ok(digests) if judge.is_good(piece, &digests) => good.push(piece),
                Ok(_) | Err(Error::Short { .. }) => {}
                Err(_) => trouble = before.is_some(),
            }
        }
        let opened = self.open_to_read(file).ok().and_then(|handle| handle.metadata().ok());
        let read = opened.map(|meta| Fingerprint::of(&meta));
        let same = self.fingerprint(file) == before && (read == before || trouble);
        let mut files = self.watch.write();
        let Some(Some(watched)) = files.get_mut(file.get()) else {
            return None;
        };
        if !same {
            watched.changed = Some(Changed::new(true, None));
            return None;
        }
        if trouble {
            let due = Instant::now() + RETRY;
            watched.changed = Some(Changed { told: true, seen: before, due });
            return None;
        }
        let pieces = pieces.len() as u32;
        let whole = good.len() as u32 == pieces;
        *watched = Watched { verified: before, whole, changed: None };
        let is_changed = |file: FileIndex| {
            files.get(file.get()).copied().flatten().is_some_and(|it| it.changed.is_some())
        };
        good.retain(|&piece| {
            let size = self.content().piece_size(piece);
            let mut parts = self.content().spans(piece, 0, size).filter_map(|span| span.file);
            !parts.any(is_changed)
        });
        Some(Rechecked { good, pieces })
    }

    /// The stat that a record may name, so that the next start trusts the file: that of the
    /// moment when it was verified; `None` for one that changed since.
    pub(crate) fn trusted_stat(&self, file: FileIndex) -> Option<FileStat> {
        let Some(watched) = self.watch.get(file) else {
            return self.stat_file(file);
        };
        let now = self.stat_file(file);
        let same = watched.changed.is_none() && self.fingerprint(file) == watched.verified;
        now.filter(|_| same && watched.whole)
    }

    /// The next files to look at: some in turn, and those that changed.
    fn due(&self) -> Vec<FileIndex> {
        let files = self.watch.read();
        let count = files.len();
        let from = self.watch.next.fetch_add(LOOKS_MAX, Ordering::Relaxed);
        let in_turn = (from..from + LOOKS_MAX.min(count)).map(|at| at % count);
        let changed = files.iter().enumerate();
        let changed = changed.filter(|(_, it)| it.is_some_and(|it| it.changed.is_some()));
        let changed = changed.map(|(index, _)| index).take(LOOKS_MAX);
        let mut due: Vec<_> = in_turn.chain(changed).collect();
        due.sort_unstable();
        due.dedup();
        due.into_iter().map(|index| FileIndex(index as u32)).collect()
    }

    fn fingerprint(&self, file: FileIndex) -> Option<Fingerprint> {
        let meta = self.file_path(file).symlink_metadata().ok()?;
        meta.is_file().then(|| Fingerprint::of(&meta))
    }

    fn close_file(&self, file: FileIndex) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).forget(file);
    }
}

fn change(verified: Option<Fingerprint>, now: Option<Fingerprint>) -> Change {
    let Some(now) = now else { return Change::Gone };
    let Some(verified) = verified else { return Change::Replaced };
    if now.size != verified.size {
        return if now.size < verified.size { Change::Shorter } else { Change::Longer };
    }
    if (now.inode, now.device) != (verified.inode, verified.device) {
        return Change::Replaced;
    }
    if now == verified { Change::Unreadable } else { Change::Written }
}
