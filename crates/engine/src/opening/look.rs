//! Looking at the files.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use disk::{
    CheckReport, Extent, FileStat, Found, Judge, Resume, Storage, Which, check, layers_wanted,
};
use stdx::{Bitfield, FileIndex, PieceIndex};

use super::{OpenError, Progress};

/// Pieces held, and blocks on disk of others.
pub(super) type Held = (Bitfield, Vec<(PieceIndex, Bitfield)>);

/// One look at the files.
pub(super) struct Look<'a> {
    pub(super) storage: &'a Storage,
    pub(super) judge: &'a Judge,
    pub(super) resume: Option<&'a Arc<Resume>>,
    pub(super) progress: Progress<'a>,
    pub(super) notices: Vec<String>,
}

impl Look<'_> {
    /// To download: what is there already, by the record or at first sight.
    pub(super) fn get(
        &mut self,
        overwrite: bool,
        former: &BTreeSet<PathBuf>,
    ) -> Result<Held, OpenError> {
        if let Some(resume) = self.resume {
            let found = resume.validate(self.storage)?;
            if !found.fresh {
                return self.recorded(resume, found);
            }
        }
        self.clear_way()?;
        let have = self.first_sight(overwrite, former)?;
        if let Some(resume) = self.resume {
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
            resume.begin()?;
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
    fn first_sight(
        &mut self,
        overwrite: bool,
        former: &BTreeSet<PathBuf>,
    ) -> Result<Bitfield, OpenError> {
        let none = Bitfield::new(self.storage.content().pieces());
        let occupied = |(index, stat): (usize, Option<FileStat>)| {
            let file = FileIndex(index as u32);
            // What is not wanted is not touched.
            let taken = stat.is_some_and(|stat| stat.size > 0) && self.storage.is_wanted(file);
            taken.then_some(file)
        };
        let stats = self.storage.stat().into_iter().enumerate();
        let occupied: Vec<FileIndex> = stats.filter_map(occupied).collect();
        if occupied.is_empty() {
            return Ok(none);
        }
        let report = self.check(Which::All)?;
        let files = self.storage.content().files();
        let mut others = occupied.into_iter().filter(|it| !former.contains(&files[it.get()].path));
        if report.good.ones() == 0
            && !overwrite
            && let Some(file) = others.next()
        {
            // What cannot be read may well be theirs.
            return Err(match report.trouble {
                Some(trouble) => trouble.into(),
                None => OpenError::Occupied(self.storage.file_path(file)),
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

    /// To seed: all of it must be there.
    pub(super) fn seed(&mut self) -> Result<Bitfield, OpenError> {
        let path = self.storage.content_path();
        if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(OpenError::Missing(path));
        }
        let have = match self.resume {
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
        if !have.is_full() && have.ones() == 0 {
            return Err(OpenError::Other(path));
        }
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
        let wanted = layers_wanted(self.storage, self.judge, which);
        if !wanted.is_empty() {
            return Err(OpenError::LayersWanted(wanted));
        }
        Ok(match self.resume {
            Some(resume) => resume.check(self.storage, self.judge, which, self.progress)?,
            None => check(self.storage, self.judge, which, 0, self.progress)?,
        })
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
