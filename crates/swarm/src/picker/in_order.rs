//! What a mirror is given that gives whole files only: what lies ahead of where it reads, for going
//! back costs reading a file once more from its beginning.

use std::ops::Range;

use stdx::{Bitfield, BlockIndex, PieceIndex};

use super::order::BANDS;
use super::pick::Join;
use super::run::without;
use super::{Asker, Picker};

/// What others bring, or can bring, as far as a mirror is concerned that gives whole files only.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// What is left to them altogether.
    pub spared: Option<Bitfield>,
    /// What they have: that alone is not worth reading more in vain than it is itself.
    pub have: Option<Bitfield>,
}

impl Picker {
    /// Chooses up to `want` blocks for a mirror and marks them as asked for, along stretches of
    /// pieces (`ways`), each read without a break, as far as that is worth it.
    pub fn pick_in_order(
        &mut self,
        asker: &Asker<'_>,
        want: u32,
        ways: &(impl Iterator<Item = Range<u32>> + Clone),
        others: &Others,
    ) -> Vec<(PieceIndex, BlockIndex)> {
        let (mut out, want) = (Vec::new(), want as usize);
        if want == 0 || asker.have.ones() == 0 {
            return out;
        }
        self.order.refresh();
        let rest = others.spared.as_ref().map(|spared| without(asker.have, spared));
        let asker = Asker { have: rest.as_ref().unwrap_or(asker.have), ..*asker };
        for band in (0..BANDS).rev().filter(|band| self.has_any_of(*band)).collect::<Vec<_>>() {
            for way in ways.clone() {
                for piece in self.worth(&asker, band, way, others.have.as_ref()) {
                    if out.len() >= want {
                        return out;
                    }
                    if self.is_free(&asker, band, piece) {
                        self.take_from(&asker, piece, want, &mut out);
                    }
                }
            }
        }
        out
    }

    /// Whether a block of a piece is free before another.
    pub fn is_free_before(&self, piece: PieceIndex, block: BlockIndex) -> bool {
        let partial = self.partials.get(&piece.0);
        partial.is_some_and(|partial| partial.lowest_free().is_some_and(|free| free < block))
    }

    /// How much of a stretch is worth reading: as far as what nobody else has, and from there to
    /// where the most is gained over what is read in vain.
    fn worth(
        &mut self,
        asker: &Asker<'_>,
        band: usize,
        way: Range<u32>,
        elsewhere: Option<&Bitfield>,
    ) -> Range<u32> {
        let Some(elsewhere) = elsewhere else {
            return way;
        };
        self.order.count_steps(way.len() as u64);
        let (mut gain, mut most, mut end) = (0i64, 0, way.start);
        for piece in way.clone() {
            let free = self.is_free(asker, band, piece);
            gain += if free { 1 } else { -1 };
            if free && (gain > most || !elsewhere.get(piece)) {
                (most, end) = (gain, piece + 1);
            }
        }
        way.start..end
    }

    fn has_any_of(&self, band: usize) -> bool {
        let open = |&piece: &u32| self.order.priority(piece).band() == Some(band);
        !self.order.band(band).is_empty() || self.open.iter().any(open)
    }

    /// Whether some of a piece can be asked for.
    fn is_free(&self, asker: &Asker<'_>, band: usize, piece: u32) -> bool {
        let begun = || {
            self.open.contains(&piece)
                && asker.have.get(piece)
                && self.verifiable.get(piece)
                && self.order.priority(piece).band() == Some(band)
                && self.may_join(asker, piece) != Join::No
        };
        self.suits(asker, band, piece) || begun()
    }
}

#[cfg(test)]
mod tests;
