use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use cache::PieceDigests;
use hash::Sha256Digest;
use metainfo::{FileEntry, Info, Layout, PieceLayers};
use stdx::{Bitfield, FileIndex, PieceIndex};

use crate::sweep::sweep;
use crate::{Error, Storage};

/// Bytes between two calls of a progress callback.
pub(crate) const PROGRESS_STEP: u64 = 4 << 20;

/// Says whether a piece is what the torrent says.
#[derive(Clone, Debug)]
pub struct Judge {
    info: Arc<Info>,
    layers: PieceLayers,
}

impl Judge {
    /// From the metadata. A piece whose v2 hash is not known is judged by v1; where there is no
    /// v1 it is bad.
    pub fn new(info: Arc<Info>, layers: PieceLayers) -> Self {
        Self { info, layers }
    }

    /// True when every hash that is known of the piece is the one found, and one is.
    pub fn is_good(&self, piece: PieceIndex, found: &PieceDigests) -> bool {
        let v1 = self.info.v1_hash(piece).map(|hash| found.sha1 == Some(hash));
        let v2 = self.info.layout().v2_piece(piece);
        let v2 = v2.and_then(|v2| self.layers.piece_hash(&v2));
        let v2 = v2.map(|hash| found.root == Some(hash));
        match (v1, v2) {
            (None, None) => false,
            (v1, v2) => v1 != Some(false) && v2 != Some(false),
        }
    }

    /// The root of a file whose pieces nothing that is known tells from others (BEP 52: a magnet
    /// link brings no piece layers).
    fn unknown_root(&self, file: &FileEntry) -> Option<Sha256Digest> {
        let long = file.length > u64::from(self.info.piece_length());
        let root = file.root.filter(|_| long && !self.info.version().has_v1())?;
        self.layers.get(&root).is_none().then_some(root)
    }
}

/// Which pieces to check.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// All of them.
    All,
    /// These.
    Only(&'a Bitfield),
}

impl Which<'_> {
    pub(crate) fn pieces(self, layout: &Layout) -> Bitfield {
        match self {
            Self::All => Bitfield::full(layout.pieces()),
            Self::Only(pieces) => pieces.clone(),
        }
    }
}

/// How a file differs in size from what the torrent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// There is no regular file.
    Missing,
    /// So many bytes are there.
    Short(u64),
    /// So many bytes are there.
    Longer(u64),
}

/// A file whose size is not what the torrent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIssue {
    /// The file.
    pub file: FileIndex,
    /// How it differs.
    pub extent: Extent,
}

/// What a check found.
#[derive(Debug)]
pub struct CheckReport {
    /// Of the pieces checked, those that are good.
    pub good: Bitfield,
    /// How many pieces were checked.
    pub checked: u32,
    /// Files of the wrong size, links left out.
    pub files: Vec<FileIssue>,
    /// The first trouble in reading other than files that are missing or short.
    pub trouble: Option<Error>,
}

/// How far a check has come.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Pieces that were read.
    pub(crate) seen: Bitfield,
    /// Of these, those that are good.
    pub(crate) good: Bitfield,
}

impl Tally {
    pub(crate) fn new(pieces: u32) -> Self {
        Self { seen: Bitfield::new(pieces), good: Bitfield::new(pieces) }
    }
}

/// Verifies pieces on disk with `threads` threads (zero: all cores). `progress` hears now and then
/// how many bytes of how many are done, on the calling thread, and may break to cancel.
///
/// Memory: a mebibyte for each thread. Pieces that cannot be read are bad.
///
/// # Errors
/// When cancelled.
pub fn check(
    storage: &Storage,
    judge: &Judge,
    which: Which<'_>,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<CheckReport, Error> {
    let due = which.pieces(storage.content());
    let mut tally = Tally::new(due.len());
    go_on(storage, judge, &due, threads, &mut tally, &mut |_, done, total| progress(done, total))
}

/// Checks what is not seen yet. What a check that is cancelled has found is in the tally, of which
/// `progress` hears, too.
pub(crate) fn go_on(
    storage: &Storage,
    judge: &Judge,
    due: &Bitfield,
    threads: usize,
    tally: &mut Tally,
    progress: &mut dyn FnMut(&Tally, u64, u64) -> ControlFlow<()>,
) -> Result<CheckReport, Error> {
    let layout = storage.content();
    let size = |piece| u64::from(layout.piece_size(PieceIndex(piece)));
    let total: u64 = due.iter_ones().map(size).sum();
    let left: Vec<u32> = due.iter_ones().filter(|&piece| !tally.seen.get(piece)).collect();
    let mut done = total - left.iter().copied().map(size).sum::<u64>();
    let pieces: Vec<PieceIndex> = left.into_iter().map(PieceIndex).collect();
    let (mut told, mut trouble) = (done, None);
    let files = issues(storage);
    sweep(storage, &pieces, threads, &mut |swept| {
        match swept.digests {
            Ok(digests) => {
                tally.seen.set(swept.piece.0);
                if judge.is_good(swept.piece, &digests) {
                    tally.good.set(swept.piece.0);
                }
            }
            Err(error) => note(&mut trouble, error),
        }
        done += size(swept.piece.0);
        if done - told < PROGRESS_STEP && done < total {
            return ControlFlow::Continue(());
        }
        told = done;
        progress(tally, done, total)
    })?;
    let mut good = Bitfield::new(due.len());
    for piece in due.iter_ones().filter(|&piece| tally.good.get(piece)) {
        good.set(piece);
    }
    Ok(CheckReport { good, checked: due.ones(), files, trouble })
}

/// The roots of the files that cannot be checked before their piece layers are known: files that
/// are wanted and long enough to hold one of the pieces to check, of a torrent without v1 hashes.
pub fn layers_wanted(storage: &Storage, judge: &Judge, which: Which<'_>) -> BTreeSet<Sha256Digest> {
    let layout = storage.content();
    let mut wanted = BTreeSet::new();
    for (index, entry) in layout.files().iter().enumerate() {
        let file = FileIndex(index as u32);
        let Some(root) = judge.unknown_root(entry).filter(|_| storage.is_wanted(file)) else {
            continue;
        };
        let size = storage.stat_file(file).map_or(0, |stat| stat.size);
        let pieces = layout.file_pieces(file);
        let whole = size / u64::from(layout.piece_length()) + u64::from(size >= entry.length);
        let there = pieces.take(whole.min(u64::from(u32::MAX)) as usize);
        let due = |piece| match which {
            Which::All => true,
            Which::Only(pieces) => pieces.get(piece),
        };
        if there.into_iter().any(due) {
            wanted.insert(root);
        }
    }
    wanted
}

fn note(trouble: &mut Option<Error>, error: Error) {
    let expected = match &error {
        Error::Short { .. } => true,
        Error::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    };
    if !expected && trouble.is_none() {
        *trouble = Some(error);
    }
}

fn issues(storage: &Storage) -> Vec<FileIssue> {
    let files = storage.content().files().iter().zip(storage.stat()).enumerate();
    let issue = |(index, (entry, stat)): (usize, (&FileEntry, _))| {
        let stat: Option<crate::FileStat> = stat;
        let extent = match stat {
            _ if entry.symlink.is_some() => return None,
            None => Extent::Missing,
            Some(stat) if stat.size < entry.length => Extent::Short(stat.size),
            Some(stat) if stat.size > entry.length => Extent::Longer(stat.size),
            Some(_) => return None,
        };
        Some(FileIssue { file: FileIndex(index as u32), extent })
    };
    files.filter_map(issue).collect()
}
