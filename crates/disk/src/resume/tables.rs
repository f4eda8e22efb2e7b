//! The store's format, version 1 ([`crate::database`]). Numbers are little-endian.

use redb::{ReadableTable as _, Table, TableDefinition, WriteTransaction};
use stdx::{Bitfield, FileIndex, PieceIndex};

use crate::check::Tally;
use crate::{FileStat, Seal};

/// Pieces in one row of [`PIECES`]: a commit rewrites only the rows it touches.
const ROW: u32 = 4_096;
const ROW_BYTES: usize = ROW as usize / 8;

/// `version`, `info`, `trackers`, `web_seeds`, `magnet`, `wanted`, `totals`, `clean`.
pub(super) use crate::database::META;
/// Piece layers by root.
pub(super) const LAYERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("layers");
/// Pieces held: bits in rows, the highest bit first.
pub(super) const PIECES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("pieces");
/// Blocks on disk, unverified, by piece: their number, then bits.
pub(super) const PARTIAL: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("partial");
/// Size and time of change by file, as of the last commit that synced it.
pub(super) const FILES: TableDefinition<'_, u32, (u64, u64)> = TableDefinition::new("files");
/// Blocks that have bytes of files not wanted, by piece and block.
pub(super) const PARTS: TableDefinition<'_, (u32, u32), &[u8]> = TableDefinition::new("parts");
/// How far a check has come that was broken off: by `SEAL` what the files looked like when it
/// began, by row which pieces it saw, then which of them are good. Older stores lack it.
pub(super) const CHECKED: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("checked");
/// The row of the seal in [`CHECKED`]: no row of pieces has this number.
pub(super) const SEAL: u32 = u32::MAX;

/// All tables, open for writing.
pub(super) struct Tables<'a> {
    pub(super) meta: Table<'a, &'static str, &'static [u8]>,
    pub(super) layers: Table<'a, &'static [u8], &'static [u8]>,
    pub(super) pieces: Table<'a, u32, &'static [u8]>,
    pub(super) partial: Table<'a, u32, &'static [u8]>,
    pub(super) files: Table<'a, u32, (u64, u64)>,
    pub(super) parts: Table<'a, (u32, u32), &'static [u8]>,
    pub(super) checked: Table<'a, u32, &'static [u8]>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            layers: transaction.open_table(LAYERS)?,
            pieces: transaction.open_table(PIECES)?,
            partial: transaction.open_table(PARTIAL)?,
            files: transaction.open_table(FILES)?,
            parts: transaction.open_table(PARTS)?,
            checked: transaction.open_table(CHECKED)?,
        })
    }

    pub(super) fn set_piece(&mut self, piece: PieceIndex, held: bool) -> Result<(), redb::Error> {
        let row = self.pieces.get(piece.0 / ROW)?.map(|row| row.value().to_vec());
        let mut bits = row.unwrap_or_default();
        bits.resize(ROW_BYTES, 0);
        let (at, mask) = ((piece.0 % ROW / 8) as usize, 0x80 >> (piece.0 % 8));
        if held {
            bits[at] |= mask;
        } else {
            bits[at] &= !mask;
        }
        self.pieces.insert(piece.0 / ROW, &bits[..])?;
        Ok(())
    }

    pub(super) fn set_pieces(&mut self, have: &Bitfield) -> Result<(), redb::Error> {
        for (row, bits) in have.as_bytes().chunks(ROW_BYTES).enumerate() {
            self.pieces.insert(row as u32, bits)?;
        }
        Ok(())
    }

    pub(super) fn set_checked(&mut self, seal: Seal, tally: &Tally) -> Result<(), redb::Error> {
        let [seen, good] = [&tally.seen, &tally.good].map(|it| it.as_bytes().chunks(ROW_BYTES));
        for (row, (seen, good)) in (0..).zip(seen.zip(good)) {
            self.checked.insert(row, &[seen, good].concat()[..])?;
        }
        self.checked.insert(SEAL, &seal.0[..])?;
        Ok(())
    }

    pub(super) fn set_partial(
        &mut self,
        piece: PieceIndex,
        blocks: &Bitfield,
    ) -> Result<(), redb::Error> {
        let mut value = blocks.len().to_le_bytes().to_vec();
        value.extend(blocks.as_bytes());
        self.partial.insert(piece.0, &value[..])?;
        Ok(())
    }

    pub(super) fn set_stats(
        &mut self,
        stats: &[(FileIndex, Option<FileStat>)],
    ) -> Result<(), redb::Error> {
        for (file, stat) in stats {
            match stat {
                Some(stat) => self.files.insert(file.0, (stat.size, stat.mtime))?,
                None => self.files.remove(file.0)?,
            };
        }
        Ok(())
    }

    pub(super) fn set_clean(&mut self, clean: bool) -> Result<(), redb::Error> {
        self.meta.insert("clean", &[u8::from(clean)][..])?;
        Ok(())
    }

    pub(super) fn clear_claims(&mut self) -> Result<(), redb::Error> {
        self.pieces.retain(|_, _| false)?;
        self.partial.retain(|_, _| false)?;
        self.files.retain(|_, _| false)?;
        self.checked.retain(|_, _| false)?;
        Ok(())
    }
}

/// Puts rows of bits together.
pub(super) fn bits_of(rows: impl Iterator<Item = (u32, Vec<u8>)>, len: u32) -> Bitfield {
    let mut bits = Bitfield::new(len);
    for (row, bytes) in rows {
        let ones = bytes.iter().enumerate().flat_map(|(at, &byte)| {
            let ones = (0..8u32).filter(move |bit| byte & (0x80 >> bit) != 0);
            ones.map(move |bit| row.saturating_mul(ROW).saturating_add(at as u32 * 8 + bit))
        });
        ones.filter(|&piece| piece < len).for_each(|piece| {
            bits.set(piece);
        });
    }
    bits
}

/// Reads a value of [`PARTIAL`].
pub(super) fn partial_of(value: &[u8]) -> Option<Bitfield> {
    let (len, bits) = value.split_first_chunk()?;
    Bitfield::from_bytes(bits, u32::from_le_bytes(*len))
}
