use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{
    CheckReport, Extent, FileStat, Found, Judge, Resume, Storage, StorageOptions, Which, check,
};
use metainfo::{Info, PieceLayers};
use stdx::{Bitfield, FileIndex, PieceIndex};

/// Why a torrent's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk or the resume store.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// Files with other content stand where the download goes.
    #[error(
        "{0:?} exists and holds something else; move it away, choose another folder with -o, or \
         replace it with --overwrite"
    )]
    Occupied(PathBuf),
    /// A folder stands where a file belongs, or the other way round.
    #[error(
        "{path:?} is in the way: a {needed} belongs there; move it away, or choose another folder with -o"
    )]
    InTheWay {
        /// What stands there.
        path: PathBuf,
        /// `file`, `folder` or `link`.
        needed: &'static str,
    },
    /// There is nothing to be seeded.
    #[error("there is no {0:?}; name the content itself, not its folder")]
    Missing(PathBuf),
    /// What is to be seeded is not what the torrent says.
    #[error(
        "{path:?} is not whole: {bad} of {pieces} pieces are missing or wrong; `fluvial get` \
         completes it in place"
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
        /// Reserve disk space at the start.
        preallocate: bool,
        /// Wanted files by index; all when `None`.
        wanted: Option<Vec<bool>>,
    },
    /// Serve what is there; the path is the content itself.
    Seed {
        /// Trust the content without reading it: it was hashed just now.
        trusted: bool,
    },
}

/// A torrent's files, looked at.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) storage: Arc<Storage>,
    pub(crate) have: Bitfield,
    /// Blocks on disk, unverified, of pieces not held.
    pub(crate) partial: Vec<(PieceIndex, Bitfield)>,
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
    let storage = Arc::new(Storage::new(Arc::clone(info), path, resume.cloned(), options));
    let judge = Judge::new(Arc::clone(info), layers.clone());
    let mut look = Look { storage: &storage, judge: &judge, progress, notices: Vec::new() };
    let (have, partial) = match purpose {
        Purpose::Seed { trusted: true } => (Bitfield::full(info.layout().pieces()), Vec::new()),
        Purpose::Seed { trusted: false } => (look.seed(resume)?, Vec::new()),
        Purpose::Get { overwrite, wanted, .. } => {
            select(&storage, resume, wanted.as_deref())?;
            look.get(resume, *overwrite)?
        }
    };
    let notices = look.notices;
    Ok(Opened { storage, have, partial, notices })
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

/// Pieces held, and blocks on disk of others.
type Held = (Bitfield, Vec<(PieceIndex, Bitfield)>);

/// One look at the files.
struct Look<'a> {
    storage: &'a Storage,
    judge: &'a Judge,
    progress: Progress<'a>,
    notices: Vec<String>,
}

impl Look<'_> {
    fn get(&mut self, resume: Option<&Arc<Resume>>, overwrite: bool) -> Result<Held, OpenError> {
        if let Some(resume) = resume {
            let found = resume.validate(self.storage)?;
            if !found.fresh {
                return self.recorded(resume, found);
            }
        }
        self.clear_way()?;
        let have = self.first_sight(overwrite)?;
        if let Some(resume) = resume {
            resume.adopt(self.storage, &have, &[])?;
        }
        Ok((have, Vec::new()))
    }

    /// Finds what would stop the download only when it gets there.
    fn clear_way(&self) -> Result<(), OpenError> {
        let root = self.storage.content_path();
        for (index, entry) in self.storage.content().files().iter().enumerate() {
            let file = FileIndex(index as u32);
            if !self.storage.is_wanted(file) {
                continue;
            }
            let path = self.storage.file_path(file);
            let above = path.ancestors().skip(1).take_while(|above| above.starts_with(&root));
            for above in above {
                if above.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
                    return Err(OpenError::InTheWay { path: above.to_owned(), needed: "folder" });
                }
            }
            let Ok(meta) = path.symlink_metadata() else {
                continue;
            };
            let (needed, fits) = match &entry.symlink {
                Some(target) => ("link", path.read_link().is_ok_and(|found| found == *target)),
                None => ("file", meta.is_file()),
            };
            if !fits {
                return Err(OpenError::InTheWay { path, needed });
            }
        }
        Ok(())
    }

    /// What the record claims, with what is in doubt verified.
    fn recorded(&mut self, resume: &Resume, mut found: Found) -> Result<Held, OpenError> {
        if found.doubtful.ones() == 0 {
            return Ok((found.have, found.partial));
        }
        let report = self.check(Which::Only(&found.doubtful))?;
        for piece in report.good.iter_ones() {
            found.have.set(piece);
        }
        found.partial.retain(|(piece, _)| !found.have.get(piece.0));
        resume.adopt(self.storage, &found.have, &found.partial)?;
        Ok((found.have, found.partial))
    }

    /// Files that no record tells of: theirs, if any piece matches; otherwise someone else's.
    fn first_sight(&mut self, overwrite: bool) -> Result<Bitfield, OpenError> {
        let none = Bitfield::new(self.storage.content().pieces());
        let occupied = |(index, stat): (usize, Option<FileStat>)| {
            let file = FileIndex(index as u32);
            // What is not wanted is not touched.
            let taken = stat.is_some_and(|stat| stat.size > 0) && self.storage.is_wanted(file);
            taken.then_some(file)
        };
        let Some(occupied) = self.storage.stat().into_iter().enumerate().find_map(occupied) else {
            return Ok(none);
        };
        let report = self.check(Which::All)?;
        if report.good.ones() == 0 && !overwrite {
            // What cannot be read may well be theirs.
            return Err(match report.trouble {
                Some(trouble) => trouble.into(),
                None => OpenError::Occupied(self.storage.file_path(occupied)),
            });
        }
        if report.good.ones() == 0 {
            return Ok(none);
        }
        self.notices.push(format!(
            "found {} of {} pieces in place",
            report.good.ones(),
            report.good.len()
        ));
        if let Some(trouble) = &report.trouble {
            self.notices.push(format!("some of it is fetched again: {trouble}"));
        }
        self.note_longer(&report);
        Ok(report.good)
    }

    fn seed(&mut self, resume: Option<&Arc<Resume>>) -> Result<Bitfield, OpenError> {
        let path = self.storage.content_path();
        if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(OpenError::Missing(path));
        }
        let have = match resume {
            None => self.whole()?,
            Some(resume) => {
                let found = resume.validate(self.storage)?;
                let have = if found.fresh {
                    let good = self.whole()?;
                    resume.adopt(self.storage, &good, &[])?;
                    good
                } else {
                    self.recorded(resume, found)?.0
                };
                // Nothing is written from here on, so the next start may trust the files.
                resume.close(self.storage)?;
                have
            }
        };
        if !have.is_full() {
            return Err(OpenError::NotWhole {
                path,
                bad: have.len() - have.ones(),
                pieces: have.len(),
            });
        }
        Ok(have)
    }

    /// Verifies everything; what cannot be read is told, rather than called wrong.
    fn whole(&mut self) -> Result<Bitfield, OpenError> {
        let report = self.check(Which::All)?;
        report.trouble.map_or(Ok(report.good), |trouble| Err(trouble.into()))
    }

    fn check(&mut self, which: Which<'_>) -> Result<CheckReport, OpenError> {
        Ok(check(self.storage, self.judge, which, 0, self.progress)?)
    }

    fn note_longer(&mut self, report: &CheckReport) {
        for issue in &report.files {
            if let Extent::Longer(size) = issue.extent {
                let path = self.storage.file_path(issue.file);
                self.notices.push(format!(
                    "`{}` is longer ({size} bytes) than the torrent says; it will be cut",
                    path.display()
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
