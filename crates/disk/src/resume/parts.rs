//! Blocks with bytes of files that are not wanted: they live here, not in the output folder.

use cache::Part;
use redb::{Durability, ReadableDatabase as _, ReadableTable as _};
use stdx::{BLOCK_LENGTH, BlockIndex, PieceIndex};

use super::tables::Tables;
use super::{Resume, tables};
use crate::Error;
use crate::storage::blocks;

impl Resume {
    /// Keeps blocks, durable with the next commit.
    pub(crate) fn put_parts(&self, piece: PieceIndex, parts: &[Part]) -> Result<(), Error> {
        let put = || -> Result<(), redb::Error> {
            let mut transaction = self.db.begin_write()?;
            transaction.set_durability(Durability::None)?;
            {
                let mut tables = Tables::open(&transaction)?;
                for part in parts {
                    let key = (piece.0, part.begin / BLOCK_LENGTH);
                    tables.parts.insert(key, &part.data[..])?;
                }
            }
            Ok(transaction.commit()?)
        };
        put().map_err(|error| self.failed(&error))
    }

    /// `length` bytes of a piece from `begin`; `None` when not all of them are here.
    pub(crate) fn parts(
        &self,
        piece: PieceIndex,
        begin: u32,
        length: u32,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut out = Vec::with_capacity(length as usize);
        let end = begin + length;
        for block in blocks(begin, length) {
            let Some(bytes) = self.part(piece, BlockIndex(block))? else {
                return Ok(None);
            };
            let start = block * BLOCK_LENGTH;
            let from = begin.max(start) - start;
            let to = end.min(start + BLOCK_LENGTH) - start;
            let Some(share) = bytes.get(from as usize..to as usize) else {
                return Ok(None);
            };
            out.extend_from_slice(share);
        }
        Ok(Some(out))
    }

    /// One block.
    pub(crate) fn part(
        &self,
        piece: PieceIndex,
        block: BlockIndex,
    ) -> Result<Option<Vec<u8>>, Error> {
        let find = || -> Result<Option<Vec<u8>>, redb::Error> {
            let table = self.db.begin_read()?.open_table(tables::PARTS)?;
            Ok(table.get((piece.0, block.0))?.map(|value| value.value().to_vec()))
        };
        find().map_err(|error| self.failed(&error))
    }

    /// All blocks kept.
    pub(crate) fn part_keys(&self) -> Result<Vec<(PieceIndex, BlockIndex)>, Error> {
        let list = || -> Result<Vec<(PieceIndex, BlockIndex)>, redb::Error> {
            let table = self.db.begin_read()?.open_table(tables::PARTS)?;
            let mut keys = Vec::new();
            for row in table.iter()? {
                let (piece, block) = row?.0.value();
                keys.push((PieceIndex(piece), BlockIndex(block)));
            }
            Ok(keys)
        };
        list().map_err(|error| self.failed(&error))
    }

    pub(crate) fn remove_parts(&self, keys: &[(PieceIndex, BlockIndex)]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        self.write(|tables| {
            for (piece, block) in keys {
                tables.parts.remove((piece.0, block.0))?;
            }
            Ok(())
        })
    }
}
