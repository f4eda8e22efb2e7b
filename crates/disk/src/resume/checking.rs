//! Checks that go on where they were broken off.

use std::ops::ControlFlow;

use redb::{ReadableDatabase as _, TableError};
use stdx::{Bitfield, FileIndex, PieceIndex};

use super::{Resume, tables};
use crate::check::{Tally, go_on};
use crate::{CheckReport, Error, Judge, Seal, Storage, Which, check};

/// Bytes that a check may have to read again.
const KEEP_EVERY: u64 = 1 << 30;

impl Resume {
    /// Verifies as [`crate::check`] does, and notes now and then how far it came: as long as no
    /// file changes, the next call does not read that again. [`Self::adopt`] what it finds, which
    /// ends this.
    ///
    /// # Errors
    /// When cancelled.
    pub fn check(
        &self,
        storage: &Storage,
        judge: &Judge,
        which: Which<'_>,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<CheckReport, Error> {
        let layout = storage.content();
        let due = which.pieces(layout);
        let size = |piece| u64::from(layout.piece_size(PieceIndex(piece)));
        if due.iter_ones().map(size).sum::<u64>() < KEEP_EVERY {
            // What is read so soon is not worth a stat of every file.
            return check(storage, judge, which, 0, progress);
        }
        self.check_keeping(storage, judge, &due, KEEP_EVERY, progress)
    }

    pub(crate) fn check_keeping(
        &self,
        storage: &Storage,
        judge: &Judge,
        due: &Bitfield,
        every: u64,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<CheckReport, Error> {
        // Before anything is read: what changes meanwhile shows at the next call.
        let seal = storage.seal();
        let mut tally = self.tally(seal, due.len());
        let mut keeper = Keeper { resume: self, storage, seal, at: None, is_durable: false };
        let result = go_on(storage, judge, due, 0, &mut tally, &mut |tally, done, total| {
            if done - *keeper.at.get_or_insert(done) >= every {
                keeper.at = Some(done);
                keeper.keep(tally);
            }
            progress(done, total)
        });
        if matches!(result, Err(Error::Cancelled)) {
            keeper.keep(&tally);
        }
        result
    }

    /// What an earlier check found, if the files look as they did then. It is worth having, and no
    /// more: where the store fails, everything is read.
    fn tally(&self, seal: Seal, pieces: u32) -> Tally {
        let tally = self.try_tally(seal, pieces).unwrap_or_else(|error| {
            tracing::warn!(%error, "how far the last check came cannot be read");
            None
        });
        tally.unwrap_or_else(|| Tally::new(pieces))
    }

    fn try_tally(&self, seal: Seal, pieces: u32) -> Result<Option<Tally>, redb::Error> {
        let table = match self.db.begin_read()?.open_table(tables::CHECKED) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if table.get(tables::SEAL)?.is_none_or(|kept| kept.value() != seal.0) {
            return Ok(None);
        }
        let (mut seen, mut good) = (Vec::new(), Vec::new());
        for row in table.range(..tables::SEAL)? {
            let (row, bits) = row?;
            let (row, bits) = (row.value(), bits.value());
            let (first, second) = bits.split_at(bits.len() / 2);
            seen.push((row, first.to_vec()));
            good.push((row, second.to_vec()));
        }
        let [seen, good] = [seen, good].map(|rows| tables::bits_of(rows.into_iter(), pieces));
        Ok(Some(Tally { seen, good }))
    }
}

/// Notes how far a check came.
struct Keeper<'a> {
    resume: &'a Resume,
    storage: &'a Storage,
    seal: Seal,
    /// Bytes done when it was last noted.
    at: Option<u64>,
    /// Whether what is read is on disk: before a note says so it must be, for it may be in memory
    /// alone since a run that died. Nothing writes while a check runs, so once is enough.
    is_durable: bool,
}

impl Keeper<'_> {
    fn keep(&mut self, tally: &Tally) {
        if let Err(error) = self.try_keep(tally) {
            tracing::warn!(%error, "how far the check came cannot be noted");
        }
    }

    fn try_keep(&mut self, tally: &Tally) -> Result<(), Error> {
        if !self.is_durable {
            let files = self.storage.stat().into_iter().zip(0..);
            let there = files.filter_map(|(stat, file)| stat.map(|_| FileIndex(file)));
            self.storage.sync(&there.collect::<Vec<_>>())?;
            self.is_durable = true;
        }
        self.resume.write(|tables| tables.set_checked(self.seal, tally))
    }
}
