//! What of the record can be trusted.

use std::collections::BTreeMap;

use redb::{ReadableDatabase as _, ReadableTable as _};
use stdx::{Bitfield, FileIndex, PieceIndex};

use super::{Resume, tables};
use crate::{Error, FileStat, Storage};

/// What a look at the files makes of the record.
#[derive(Clone, Debug)]
pub struct Found {
    /// Pieces that are held, trusted as they stand.
    pub have: Bitfield,
    /// Pieces to be checked before they are trusted: give them to [`crate::check`], add the good
    /// ones to `have`, and call [`Resume::adopt`].
    pub doubtful: Bitfield,
    /// Blocks on disk, unverified, of pieces not held; leave out those that prove good.
    pub partial: Vec<(PieceIndex, Bitfield)>,
    /// Files that changed since the record was made, or are gone.
    pub changed: Vec<FileIndex>,
    /// False when the last run did not end with [`Resume::close`].
    pub clean: bool,
    /// True when nothing was ever recorded: what is there already is the user's own.
    pub fresh: bool,
}

/// The record of the pieces.
struct Claims {
    pieces: Bitfield,
    partial: Vec<(PieceIndex, Bitfield)>,
    stats: BTreeMap<u32, FileStat>,
    clean: Option<bool>,
}

impl Resume {
    /// Compares the record with one stat per file. After [`Storage::select`], if not all is
    /// wanted.
    /// Call [`Self::adopt`] or [`Self::begin`] before the first write: until then a store that is
    /// new stays `fresh`, and one that was closed stays `clean`, so that a start which ends there
    /// leaves the user's files the user's own.
    ///
    /// A file as it was is trusted. One that changed puts its pieces in doubt: after a crash that
    /// is the normal case, because our own writes went on after the last commit. Pieces that are
    /// complete but were not recorded yet turn up in the same check, which after a crash looks for
    /// them in all files: a commit's stat may show writes that its claims do not have. What the
    /// file system knows to be holes is not checked. A file that is gone takes its pieces along.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn validate(&self, storage: &Storage) -> Result<Found, Error> {
        let claims = self.claims(storage).map_err(|error| self.failed(&error))?;
        let clean = claims.clean == Some(true);
        let layout = storage.content();
        let mut found = Found {
            have: claims.pieces,
            doubtful: Bitfield::new(layout.pieces()),
            partial: claims.partial,
            changed: Vec::new(),
            clean,
            fresh: claims.clean.is_none(),
        };
        for (index, stat) in storage.stat().into_iter().enumerate() {
            let file = FileIndex(index as u32);
            let recorded = claims.stats.get(&file.0).copied();
            // What is not wanted may never have been in the folder: it is in this store.
            let due = storage.is_wanted(file) && layout.files()[index].length > 0;
            match (recorded, stat) {
                (None, None) if due => found.lose(storage, file),
                (recorded, stat) if recorded == stat => {
                    if !clean && stat.is_some() {
                        found.doubt_unclaimed(storage, file);
                    }
                }
                (_, None) => {
                    found.changed.push(file);
                    found.lose(storage, file);
                }
                (_, Some(_)) => {
                    found.changed.push(file);
                    found.doubt(storage, file);
                }
            }
        }
        // A blocks' record in a file that somebody changed means nothing. After a crash it does:
        // those blocks were synced before they were recorded.
        let doubtful = &found.doubtful;
        found.partial.retain(|(piece, _)| !(clean && doubtful.get(piece.0)));
        Ok(found)
    }

    /// Counts the store as in use from here on, with the claims that [`Self::validate`] found and
    /// trusts.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn begin(&self) -> Result<(), Error> {
        self.write(|tables| tables.set_clean(false))
    }

    fn claims(&self, storage: &Storage) -> Result<Claims, redb::Error> {
        let layout = storage.content();
        let transaction = self.db.begin_read()?;
        let mut rows = Vec::new();
        for row in transaction.open_table(tables::PIECES)?.iter()? {
            let (row, bits) = row?;
            rows.push((row.value(), bits.value().to_vec()));
        }
        let mut partial = Vec::new();
        for row in transaction.open_table(tables::PARTIAL)?.iter()? {
            let (piece, value) = row?;
            let piece = PieceIndex(piece.value());
            let blocks = tables::partial_of(value.value());
            let count = layout.block_count(piece);
            partial.extend(blocks.filter(|it| it.len() == count).map(|it| (piece, it)));
        }
        let mut stats = BTreeMap::new();
        for row in transaction.open_table(tables::FILES)?.iter()? {
            let (file, stat) = row?;
            let (size, mtime) = stat.value();
            stats.insert(file.value(), FileStat { size, mtime });
        }
        let clean = transaction.open_table(tables::META)?.get("clean")?;
        let clean = clean.map(|value| value.value() == [1]);
        let pieces = tables::bits_of(rows.into_iter(), layout.pieces());
        Ok(Claims { pieces, partial, stats, clean })
    }
}

impl Found {
    fn doubt(&mut self, storage: &Storage, file: FileIndex) {
        self.doubt_unclaimed(storage, file);
        for piece in storage.content().file_pieces(file) {
            if self.have.clear(piece) {
                self.doubtful.set(piece);
            }
        }
    }

    /// Doubts what may have been written and is not claimed.
    fn doubt_unclaimed(&mut self, storage: &Storage, file: FileIndex) {
        for piece in storage.content().file_pieces(file) {
            if !self.have.get(piece) && storage.may_have_data(PieceIndex(piece)) {
                self.doubtful.set(piece);
            }
        }
    }

    fn lose(&mut self, storage: &Storage, file: FileIndex) {
        let pieces = storage.content().file_pieces(file);
        for piece in pieces.clone() {
            self.have.clear(piece);
            self.doubtful.clear(piece);
        }
        self.partial.retain(|(piece, _)| !pieces.contains(&piece.0));
    }
}
