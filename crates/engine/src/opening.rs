use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Judge, Resume, Roots, Seal, Storage, StorageOptions};
use hash::Sha256Digest;
use metainfo::{Info, PieceLayers};
use stdx::{Bitfield, PieceIndex};

use look::Look;

mod look;

/// Why a torrent's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk or the resume store.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// Files with other content stand where the download goes.
    #[error(
        "`{}` exists and holds something else; move it away, choose another folder with -o, or \
         replace it with --overwrite",
        .0.display()
    )]
    Occupied(PathBuf),
    /// A folder stands where a file belongs, or the other way round.
    #[error(
        "`{}` is in the way: a {needed} belongs there; move it away, or choose another folder \
         with -o",
        .path.display()
    )]
    InTheWay {
        /// What stands there.
        path: PathBuf,
        /// `file`, `folder` or `link`.
        needed: &'static str,
    },
    /// What stands there cannot be judged before the piece layers below these roots are known
    /// (BEP 52). Nothing was touched.
    #[error("the piece hashes of {} files are not known, so they cannot be checked", .0.len())]
    LayersWanted(BTreeSet<Sha256Digest>),
    /// There is nothing to be seeded.
    #[error("there is no `{}`; name the content itself, not its folder", .0.display())]
    Missing(PathBuf),
    /// No piece of what is to be seeded is what the torrent says.
    #[error("`{}` holds something else than the torrent; name the content itself", .0.display())]
    Other(PathBuf),
    /// Part of what is to be seeded is not what the torrent says.
    #[error(
        "`{}` is not whole: {bad} of {pieces} pieces are missing or wrong; `fluvial get` \
         completes it in place",
        .path.display()
    )]
    NotWhole {
        /// The content.
        path: PathBuf,
        /// Pieces that are missing or wrong.
        bad: u32,
        /// Pieces in all.
        pieces: u32,
    },
}

/// What is done with the files.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// Download into this folder.
    Get {
        /// Replace files that hold something else.
        overwrite: bool,
        /// Files that are replaced in any case, by their paths in the folder: what this one comes
        /// in the place of.
        former: BTreeSet<PathBuf>,
        /// Reserve disk space at the start.
        preallocate: bool,
        /// Wanted files by index; all when `None`.
        wanted: Option<Vec<bool>>,
    },
    /// Serve what is there; the path is the content itself.
    Seed {
        /// Whether the content is read first.
        trust: Trust,
        /// Where the entries of the content's folder are, by name, when not all below the path.
        roots: Roots,
    },
}

/// Whether content is taken for what its torrent says without being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is verified, as far as no resume store vouches for it.
    No,
    /// As long as the files look as they did when they were verified.
    Sealed(Seal),
    /// It was hashed just now.
    Full,
}

/// A torrent's files, looked at.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) storage: Arc<Storage>,
    pub(crate) have: Bitfield,
    /// Blocks on disk, unverified, of pieces not held.
    pub(crate) partial: Vec<(PieceIndex, Bitfield)>,
    /// Of what is seeded: what the files looked like before anything was read.
    pub(crate) seal: Option<Seal>,
    /// What a person should know.
    pub(crate) notices: Vec<String>,
}

/// Hears how many bytes of how many are checked; may break to cancel.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(u64, u64) -> ControlFlow<()> + 'a);

/// Looks at the files of `info` under `path` and finds out which pieces are there. Blocks.
pub(crate) fn open(
    info: &Arc<Info>,
    layers: &PieceLayers,
    path: &Path,
    resume: Option<&Arc<Resume>>,
    purpose: &Purpose,
    progress: Progress<'_>,
) -> Result<Opened, OpenError> {
    let options = match purpose {
        Purpose::Get { preallocate, .. } => {
            StorageOptions { preallocate: *preallocate, ..StorageOptions::default() }
        }
        Purpose::Seed { .. } => {
            StorageOptions { read_only: true, path_is_content: true, ..StorageOptions::default() }
        }
    };
    let mut storage = Storage::new(Arc::clone(info), path, resume.cloned(), options);
    let mut seal = None;
    if let Purpose::Seed { roots, .. } = purpose {
        storage = storage.with_roots(roots.clone());
        // Before anything is read: what changes meanwhile shows afterwards.
        storage.watch();
        seal = Some(storage.seal());
    }
    let storage = Arc::new(storage);
    let judge = Judge::new(Arc::clone(info), layers.clone());
    let notices = Vec::new();
    let mut look = Look { storage: &storage, judge: &judge, resume, progress, notices };
    let (have, partial) = match purpose {
        Purpose::Seed { trust, .. } => {
            let is_trusted = match trust {
                Trust::No => false,
                Trust::Sealed(before) => seal == Some(*before),
                Trust::Full => true,
            };
            let all = || Bitfield::full(info.layout().pieces());
            (if is_trusted { all() } else { look.seed()? }, Vec::new())
        }
        Purpose::Get { overwrite, former, wanted, .. } => {
            select(&storage, resume, wanted.as_deref())?;
            look.get(*overwrite, former)?
        }
    };
    let notices = look.notices;
    Ok(Opened { storage, have, partial, seal, notices })
}

/// Says which files are wanted now, after what was wanted before: parts that were kept aside for
/// files that were not wanted then move to their places.
fn select(
    storage: &Storage,
    resume: Option<&Arc<Resume>>,
    wanted: Option<&[bool]>,
) -> Result<(), OpenError> {
    let before = match resume {
        Some(resume) => resume.load()?.wanted,
        None => None,
    };
    let all = vec![true; storage.content().files().len()];
    if let Some(before) = before.filter(|before| before.len() == all.len()) {
        storage.select(&before)?;
    }
    let wanted = wanted.unwrap_or(&all);
    storage.select(wanted)?;
    if let Some(resume) = resume {
        resume.set_wanted(wanted)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
