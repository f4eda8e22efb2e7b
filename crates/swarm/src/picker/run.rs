//! What a mirror is given: long runs, for it answers few large requests better than many small
//! ones, and away from where peers are at work.

use stdx::{Bitfield, BlockIndex, PieceIndex};

use super::order::BANDS;
use super::{Asker, Picker, PieceOrder};

impl Picker {
    /// Chooses up to `want` blocks for a mirror and marks them as asked for: of pieces one behind
    /// the other as far as can be, beginning behind `last`, or else in the longest gap. What
    /// `spared` names is left to others.
    pub fn pick_run(
        &mut self,
        asker: &Asker<'_>,
        want: u32,
        last: Option<PieceIndex>,
        spared: Option<&Bitfield>,
    ) -> Vec<(PieceIndex, BlockIndex)> {
        let (mut out, want) = (Vec::new(), want as usize);
        if want == 0 || asker.have.ones() == 0 {
            return out;
        }
        self.order.refresh();
        // What it has begun it ends, whoever has come since.
        self.take_own(asker, want, &mut out);
        let rest = spared.map(|spared| without(asker.have, spared));
        let asker = Asker { have: rest.as_ref().unwrap_or(asker.have), ..*asker };
        for band in (0..BANDS).rev() {
            let (partials, last_resort) = self.partials_for(&asker, band);
            for piece in partials {
                self.take_from(&asker, piece, want, &mut out);
            }
            let mut next = last.map(|last| last.0 + 1);
            while out.len() < want {
                let here = next.filter(|&piece| self.is_in(&asker, band, piece));
                let Some(piece) = here.or_else(|| self.gap(&asker, band)) else {
                    break;
                };
                self.take_from(&asker, piece, want, &mut out);
                next = Some(piece + 1);
            }
            for piece in last_resort {
                self.take_from(&asker, piece, want, &mut out);
            }
        }
        if out.is_empty() && asker.outstanding == 0 && self.is_endgame() {
            self.take_busy(&asker, want, &mut out);
        }
        out
    }

    fn is_in(&self, asker: &Asker<'_>, band: usize, piece: u32) -> bool {
        piece < asker.have.len() && self.suits(asker, band, piece)
    }

    /// Where to begin in the longest run of pieces that nobody was asked for: at its start, unless
    /// somebody is at work right before and may go on there; then in its middle.
    fn gap(&mut self, asker: &Asker<'_>, band: usize) -> Option<u32> {
        if self.sequence == PieceOrder::Sequential {
            return self.order.next_listed(asker.have, band, 0).map(|piece| piece.0);
        }
        let pieces = asker.have.len();
        self.order.count_steps(u64::from(pieces));
        let (mut longest, mut start) = (0..0, None);
        for piece in 0..=pieces {
            match (piece < pieces && self.suits(asker, band, piece), start) {
                (true, None) => start = Some(piece),
                (false, Some(from)) => {
                    if piece - from > longest.len() as u32 {
                        longest = from..piece;
                    }
                    start = None;
                }
                _ => {}
            }
        }
        if longest.is_empty() {
            return None;
        }
        let busy = longest.start.checked_sub(1).is_some_and(|it| self.partials.contains_key(&it));
        let skip = if busy { longest.len() as u32 / 2 } else { 0 };
        Some(longest.start + skip)
    }
}

/// What of `some` is not in `others`.
fn without(some: &Bitfield, others: &Bitfield) -> Bitfield {
    let bytes = some.as_bytes().iter().zip(others.as_bytes());
    let rest: Vec<u8> = bytes.map(|(some, others)| some & !others).collect();
    Bitfield::from_bytes(&rest, some.len()).unwrap_or_else(|| some.clone())
}

#[cfg(test)]
mod tests;
