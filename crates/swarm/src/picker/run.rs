//! What a mirror is given: long runs, for it answers few large requests better than many small
//! ones, and away from where peers are at work.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use stdx::{Bitfield, BlockIndex, PieceIndex};

use super::order::BANDS;
use super::{Asker, Picker, PieceOrder};

impl Picker {
    /// Chooses up to `want` blocks for a mirror and marks them as asked for: of pieces one behind
    /// the other as far as can be, beginning behind `last`, or else in the longest gap; first what
    /// no peer but seeds has, so that those who take from one mirror have something to trade. What
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
            self.take_runs(&asker, (band, true), want, last, &mut out);
            self.take_runs(&asker, (band, false), want, last, &mut out);
            for piece in last_resort {
                self.take_from(&asker, piece, want, &mut out);
            }
        }
        if out.is_empty() && asker.outstanding == 0 && self.is_endgame() {
            self.take_busy(&asker, want, &mut out);
        }
        out
    }

    /// Takes untouched pieces of a band; with `rare`, only such as no peer but seeds has.
    fn take_runs(
        &mut self,
        asker: &Asker<'_>,
        (band, rare): (usize, bool),
        want: usize,
        last: Option<PieceIndex>,
        out: &mut Vec<(PieceIndex, BlockIndex)>,
    ) {
        let sequential = self.sequence == PieceOrder::Sequential;
        if out.len() >= want || (rare && sequential) {
            return;
        }
        let mut next = last.map_or(u32::MAX, |last| last.0 + 1);
        while out.len() < want && self.is_in(asker, (band, rare), next) {
            self.take_from(asker, next, want, out);
            next += 1;
        }
        if sequential {
            while out.len() < want
                && let Some(piece) = self.order.next_listed(asker.have, band, 0)
            {
                self.take_from(asker, piece.0, want, out);
            }
        } else if out.len() < want {
            self.take_gaps(asker, (band, rare), want, last.is_none(), out);
        }
    }

    fn is_in(&self, asker: &Asker<'_>, (band, rare): (usize, bool), piece: u32) -> bool {
        piece < asker.have.len()
            && self.suits(asker, band, piece)
            && !(rare && self.order.availability(piece) > 0)
    }

    /// Takes pieces out of the longest runs of those that nobody was asked for: from the start on,
    /// unless somebody is at work right before and may go on there; then from the middle. Who is
    /// `new` begins somewhere, or else all who come at once would fetch the same.
    fn take_gaps(
        &mut self,
        asker: &Asker<'_>,
        which: (usize, bool),
        want: usize,
        mut new: bool,
        out: &mut Vec<(PieceIndex, BlockIndex)>,
    ) {
        let mut gaps = self.gaps(asker, which);
        while out.len() < want
            && let Some((length, Reverse(start))) = gaps.pop()
        {
            let busy = start.checked_sub(1).is_some_and(|it| self.partials.contains_key(&it));
            let skip = match (new, busy) {
                (true, _) => self.order.rng().index(length as usize) as u32,
                (false, true) => length / 2,
                (false, false) => 0,
            };
            new = false;
            if skip > 0 {
                gaps.push((skip, Reverse(start)));
            }
            for piece in start + skip..start + length {
                if out.len() >= want {
                    return;
                }
                self.take_from(asker, piece, want, out);
            }
        }
    }

    /// The runs of pieces that may be taken, by length and where they start: the longest comes
    /// first, and of two equal ones the lower.
    fn gaps(&mut self, asker: &Asker<'_>, which: (usize, bool)) -> BinaryHeap<(u32, Reverse<u32>)> {
        let pieces = asker.have.len();
        self.order.count_steps(u64::from(pieces));
        let (mut gaps, mut start) = (Vec::new(), None);
        for piece in 0..=pieces {
            match (self.is_in(asker, which, piece), start) {
                (true, None) => start = Some(piece),
                (false, Some(from)) => {
                    gaps.push((piece - from, Reverse(from)));
                    start = None;
                }
                _ => {}
            }
        }
        gaps.into()
    }
}

/// What of `some` is not in `others`.
pub(super) fn without(some: &Bitfield, others: &Bitfield) -> Bitfield {
    let bytes = some.as_bytes().iter().zip(others.as_bytes());
    let rest: Vec<u8> = bytes.map(|(some, others)| some & !others).collect();
    Bitfield::from_bytes(&rest, some.len()).unwrap_or_else(|| some.clone())
}

#[cfg(test)]
pub(super) mod tests;
