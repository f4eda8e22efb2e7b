use stdx::{Bitfield, PieceIndex, Rng};

use super::Priority;

/// How many priority bands are picked from: low, normal, high.
pub(super) const BANDS: usize = 3;

/// A bit field with at least one bit in this many of its pieces makes the order be built anew at
/// the next pick instead of moving the pieces one by one.
const REBUILD_SHARE: u32 = 8;

/// The pieces that nobody was asked for yet, rarest first within each priority band.
///
/// A band is one array cut into buckets by availability; a piece moves to the next bucket by one
/// swap, so a `have` message costs the same with ten pieces and with a million. Pieces of equal
/// availability stand in random order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// How many connected peers other than seeds have each piece.
    availability: Vec<u16>,
    /// How many connected peers have everything.
    seeds: u32,
    priority: Vec<Priority>,
    /// Where each listed piece stands in its band.
    place: Vec<u32>,
    listed: Bitfield,
    bands: [Band; BANDS],
    /// The bands are out of date.
    dirty: bool,
    rng: Rng,
    /// Elementary steps taken so far; the tests bound these instead of time.
    steps: u64,
}

#[derive(Clone, Debug, Default)]
struct Band {
    pieces: Vec<u32>,
    /// `ends[a]` is the position after the last piece of availability `a`.
    ends: Vec<u32>,
}

impl Band {
    fn start(&self, availability: usize) -> u32 {
        availability.checked_sub(1).map_or(0, |below| self.ends[below])
    }

    fn reach(&mut self, availability: usize) {
        while self.ends.len() <= availability {
            self.ends.push(self.pieces.len() as u32);
        }
    }
}

impl Order {
    pub(super) fn new(pieces: u32, rng: Rng) -> Self {
        Self {
            availability: vec![0; pieces as usize],
            seeds: 0,
            priority: vec![Priority::Normal; pieces as usize],
            place: vec![0; pieces as usize],
            listed: Bitfield::new(pieces),
            bands: Default::default(),
            dirty: false,
            rng,
            steps: 0,
        }
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn count_steps(&mut self, steps: u64) {
        self.steps += steps;
    }

    pub(super) fn availability(&self, piece: u32) -> u32 {
        u32::from(self.availability[piece as usize])
    }

    pub(super) fn seeds(&self) -> u32 {
        self.seeds
    }

    pub(super) fn priority(&self, piece: u32) -> Priority {
        self.priority[piece as usize]
    }

    pub(super) fn is_listed(&self, piece: u32) -> bool {
        self.listed.get(piece)
    }

    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// The pieces of a band, rarest first. Call [`Self::refresh`] before.
    pub(super) fn band(&self, band: usize) -> &[u32] {
        &self.bands[band].pieces
    }

    /// How many pieces of a band no connected peer except seeds has.
    pub(super) fn unavailable(&self, band: usize) -> u32 {
        self.bands[band].ends.first().copied().unwrap_or(0)
    }

    pub(super) fn peer_joined(&mut self, have: &Bitfield) {
        if have.is_full() {
            self.seeds += 1;
            return;
        }
        self.dirty |= is_bulk(have);
        for piece in have.iter_ones() {
            self.raise(piece);
        }
    }

    pub(super) fn peer_left(&mut self, have: &Bitfield) {
        if have.is_full() {
            self.seeds -= 1;
            return;
        }
        self.dirty |= is_bulk(have);
        for piece in have.iter_ones() {
            self.lower(piece);
        }
    }

    /// Counts a `have`; `have` already holds the piece.
    pub(super) fn peer_gained(&mut self, have: &Bitfield, piece: u32) {
        self.raise(piece);
        if !have.is_full() {
            return;
        }
        // The peer became a seed: from now on it is counted once. Every piece has it counted, so
        // the first bucket is empty and all buckets move down by one.
        self.seeds += 1;
        for count in &mut self.availability {
            *count -= 1;
        }
        for band in &mut self.bands {
            if !self.dirty && !band.ends.is_empty() {
                band.ends.remove(0);
            }
        }
    }

    /// Counts a piece that a peer no longer has; `have` no longer holds it.
    pub(super) fn peer_lost(&mut self, have: &Bitfield, piece: u32) {
        if have.ones() + 1 == have.len() {
            self.seeds -= 1;
            self.dirty = true;
            for count in &mut self.availability {
                *count += 1;
            }
        }
        self.lower(piece);
    }

    pub(super) fn set_priority(&mut self, piece: u32, priority: Priority) {
        let was_listed = self.is_listed(piece);
        if was_listed {
            self.unlist(piece);
        }
        self.priority[piece as usize] = priority;
        if was_listed {
            self.list(piece);
        }
    }

    /// Bands will be built anew at the next pick: cheaper than many single changes.
    pub(super) fn set_dirty(&mut self) {
        self.dirty = true;
    }

    /// Makes a piece pickable; one that is to be skipped stays out.
    pub(super) fn list(&mut self, piece: u32) {
        let Some(band) = self.priority(piece).band() else {
            return;
        };
        if !self.listed.set(piece) || self.dirty {
            return;
        }
        let availability = self.availability(piece) as usize;
        let band = &mut self.bands[band];
        band.reach(availability);
        let mut hole = band.pieces.len() as u32;
        band.pieces.push(piece);
        for bucket in (availability + 1..band.ends.len()).rev() {
            let first = band.start(bucket);
            // An empty bucket has nothing to move.
            if first != hole {
                let moved = band.pieces[first as usize];
                band.pieces[hole as usize] = moved;
                self.place[moved as usize] = hole;
            }
            band.ends[bucket] += 1;
            hole = first;
            self.steps += 1;
        }
        band.pieces[hole as usize] = piece;
        self.place[piece as usize] = hole;
        band.ends[availability] += 1;
        self.mix(piece);
    }

    pub(super) fn unlist(&mut self, piece: u32) {
        if !self.is_listed(piece) {
            return;
        }
        self.listed.clear(piece);
        let Some(band) = self.priority(piece).band() else {
            return;
        };
        if self.dirty {
            return;
        }
        let band = &mut self.bands[band];
        let mut hole = self.place[piece as usize];
        for bucket in usize::from(self.availability[piece as usize])..band.ends.len() {
            let last = band.ends[bucket] - 1;
            if last != hole {
                let moved = band.pieces[last as usize];
                band.pieces[hole as usize] = moved;
                self.place[moved as usize] = hole;
            }
            band.ends[bucket] = last;
            hole = last;
            self.steps += 1;
        }
        band.pieces.pop();
    }

    /// Sorts the bands anew if they are out of date: a counting sort, shuffled per bucket.
    pub(super) fn refresh(&mut self) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        for (index, band) in self.bands.iter_mut().enumerate() {
            band.ends.clear();
            let of_band = |&piece: &u32| self.priority[piece as usize].band() == Some(index);
            for piece in self.listed.iter_ones().filter(of_band) {
                let availability = usize::from(self.availability[piece as usize]);
                if band.ends.len() <= availability {
                    band.ends.resize(availability + 1, 0);
                }
                band.ends[availability] += 1;
            }
            let mut total = 0;
            for end in &mut band.ends {
                total += std::mem::replace(end, total);
            }
            // `ends` holds the starts now, and grows to the ends while the pieces are placed.
            band.pieces.clear();
            band.pieces.resize(total as usize, 0);
            for piece in self.listed.iter_ones().filter(of_band) {
                let end = &mut band.ends[usize::from(self.availability[piece as usize])];
                band.pieces[*end as usize] = piece;
                *end += 1;
            }
            let mut start = 0;
            for &end in &band.ends {
                self.rng.shuffle(&mut band.pieces[start..end as usize]);
                start = end as usize;
            }
            for (place, &piece) in band.pieces.iter().enumerate() {
                self.place[piece as usize] = place as u32;
            }
            self.steps += u64::from(total);
        }
    }

    fn raise(&mut self, piece: u32) {
        self.steps += 1;
        let old = usize::from(self.availability[piece as usize]);
        self.availability[piece as usize] += 1;
        let Some(band) = self.live_band(piece) else {
            return;
        };
        let band = &mut self.bands[band];
        band.reach(old + 1);
        let last = band.ends[old] - 1;
        swap(&mut band.pieces, &mut self.place, piece, last);
        band.ends[old] = last;
        self.mix(piece);
    }

    fn lower(&mut self, piece: u32) {
        self.steps += 1;
        let old = usize::from(self.availability[piece as usize]);
        self.availability[piece as usize] -= 1;
        let Some(band) = self.live_band(piece) else {
            return;
        };
        let band = &mut self.bands[band];
        let first = band.ends[old - 1];
        swap(&mut band.pieces, &mut self.place, piece, first);
        band.ends[old - 1] += 1;
        self.mix(piece);
    }

    /// The band that holds the piece at its right place, if one does.
    fn live_band(&self, piece: u32) -> Option<usize> {
        if self.dirty || !self.is_listed(piece) {
            return None;
        }
        self.priority(piece).band()
    }

    /// Moves a piece to a random place in its bucket: the bucket stays a uniform permutation.
    fn mix(&mut self, piece: u32) {
        let Some(band) = self.live_band(piece) else {
            return;
        };
        let availability = usize::from(self.availability[piece as usize]);
        let band = &mut self.bands[band];
        let (start, end) = (band.start(availability), band.ends[availability]);
        let target = start + self.rng.below(u64::from(end - start)) as u32;
        swap(&mut band.pieces, &mut self.place, piece, target);
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        if self.dirty {
            return;
        }
        for (index, band) in self.bands.iter().enumerate() {
            assert_eq!(band.ends.last().copied().unwrap_or(0) as usize, band.pieces.len());
            for (place, &piece) in band.pieces.iter().enumerate() {
                assert!(self.is_listed(piece));
                assert_eq!(self.priority(piece).band(), Some(index));
                assert_eq!(self.place[piece as usize] as usize, place);
                let availability = self.availability(piece) as usize;
                assert!(
                    (band.start(availability)..band.ends[availability]).contains(&(place as u32))
                );
            }
        }
        let held: usize = self.bands.iter().map(|band| band.pieces.len()).sum();
        assert_eq!(held, self.listed.ones() as usize);
    }
}

fn is_bulk(have: &Bitfield) -> bool {
    have.ones() > have.len() / REBUILD_SHARE && have.ones() > REBUILD_SHARE
}

fn swap(pieces: &mut [u32], place: &mut [u32], piece: u32, to: u32) {
    let from = place[piece as usize];
    let other = pieces[to as usize];
    pieces.swap(from as usize, to as usize);
    place[piece as usize] = to;
    // Second, so that it holds when `other` is `piece`.
    place[other as usize] = if other == piece { to } else { from };
}

impl Order {
    /// The lowest piece at or after `from` that is listed, in `band`, and set in `have`.
    pub(super) fn next_listed(
        &mut self,
        have: &Bitfield,
        band: usize,
        from: u32,
    ) -> Option<PieceIndex> {
        let (listed, offered) = (self.listed.as_bytes(), have.as_bytes());
        let mut at = from as usize / 8;
        let mut mask = 0xff >> (from % 8);
        while at < listed.len() {
            // Skips eight bytes at a time where nothing is common.
            if mask == 0xff && at + 8 <= listed.len() {
                let word = |bytes: &[u8]| {
                    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
                };
                if word(listed) & word(offered) == 0 {
                    at += 8;
                    self.steps += 1;
                    continue;
                }
            }
            let mut both = listed[at] & offered[at] & mask;
            while both != 0 {
                let bit = both.leading_zeros();
                let piece = at as u32 * 8 + bit;
                if self.priority[piece as usize].band() == Some(band) {
                    return Some(PieceIndex(piece));
                }
                both &= !(0x80 >> bit);
            }
            at += 1;
            mask = 0xff;
            self.steps += 1;
        }
        None
    }
}
