use stdx::{Bitfield, BlockIndex, ConnId, PieceIndex};

use super::order::BANDS;
use super::partial::{Block, Owner};
use super::{Picker, PieceOrder, fresh};

/// With fewer verified pieces than this, the next one is drawn at random: quickly something to
/// trade, and different from what the others have.
const RANDOM_FIRST: u32 = 4;
/// Partial pieces come before all others when there are more of them per peer than this ratio.
const PARTIALS_PER_PEER: (usize, usize) = (3, 2);
/// Partial pieces come before all others when they have more blocks than this together.
const PARTIAL_BLOCKS_MAX: u64 = 2048;
/// Steps along the order before candidates are drawn from the peer's own pieces instead.
const SCAN_MAX: u64 = 16_384;
/// Candidates drawn at a time from a peer's own pieces.
const SAMPLE: usize = 64;
/// Blocks asked for a second time in one go (endgame).
const ENDGAME_BATCH: usize = 4;
/// Blocks to choose from that are looked up (endgame).
const ENDGAME_CHOICE: usize = 1_024;
/// Connections asked for the same block at the same time (endgame).
const ENDGAME_ASKERS: usize = 3;

/// Who wants to be given something to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The connection.
    pub conn: ConnId,
    /// What the peer has.
    pub have: &'a Bitfield,
    /// While choked: the only pieces that may be asked for, its allowed-fast set (BEP 6).
    pub only: Option<&'a [PieceIndex]>,
    /// Pieces that the peer suggested (BEP 6), the first of them first: taken among equally rare
    /// ones.
    pub suggested: &'a [PieceIndex],
    /// The peer is fast enough to be given whole pieces.
    pub whole_pieces: bool,
    /// The peer is under suspicion: it is given whole pieces and nothing else.
    pub parole: bool,
    /// The peer does not deliver: it is given the most common pieces.
    pub snubbed: bool,
    /// Requests it has outstanding.
    pub outstanding: u32,
    /// How many peers there are.
    pub peers: usize,
}

/// Where the search for untouched pieces of a band stands.
struct Cursor {
    at: usize,
    left: usize,
    reverse: bool,
    steps: u64,
    sample: Vec<u32>,
}

impl Picker {
    /// Chooses up to `want` blocks for a peer and marks them as asked for.
    pub fn pick(&mut self, asker: &Asker<'_>, want: u32) -> Vec<(PieceIndex, BlockIndex)> {
        let out = self.pick_as_told(asker, want as usize);
        if !out.is_empty() || !asker.parole || asker.outstanding > 0 {
            return out;
        }
        // Pieces begun by several, of whom each is under suspicion, must not stay undone.
        self.pick_as_told(&Asker { parole: false, ..*asker }, want as usize)
    }

    fn pick_as_told(&mut self, asker: &Asker<'_>, want: usize) -> Vec<(PieceIndex, BlockIndex)> {
        let mut out = Vec::new();
        if want == 0 || asker.have.ones() == 0 {
            return out;
        }
        self.order.refresh();
        if let Some(only) = asker.only {
            for &piece in only {
                self.take_allowed(asker, piece, want, &mut out);
            }
            return out;
        }
        self.take_own(asker, want, &mut out);
        let forced = self.has_too_many_partials(asker.peers);
        for band in (0..BANDS).rev() {
            if out.len() < want {
                self.take_band(asker, band, forced, want, &mut out);
            }
        }
        if out.is_empty() && asker.outstanding == 0 && self.is_endgame() {
            self.take_busy(asker, want, &mut out);
        }
        out
    }

    /// Whether nothing is left that nobody was asked for and somebody connected has.
    pub fn is_endgame(&mut self) -> bool {
        self.order.refresh();
        let seeds = self.order.seeds() > 0;
        let left = (0..BANDS).any(|band| {
            let unavailable = if seeds { 0 } else { self.order.unavailable(band) };
            self.order.band(band).len() > unavailable as usize
        });
        let open =
            |&piece: &u32| self.is_pickable(piece) && (seeds || self.order.availability(piece) > 0);
        !left && !self.open.iter().any(open)
    }

    pub(super) fn is_pickable(&self, piece: u32) -> bool {
        self.order.priority(piece).band().is_some() && self.verifiable.get(piece)
    }

    fn has_too_many_partials(&self, peers: usize) -> bool {
        let open = self.open.len();
        let blocks = u64::from(self.shape.blocks(PieceIndex(0))) * open as u64;
        let (most, per) = PARTIALS_PER_PEER;
        open * per > most * peers.max(1) || (open > 1 && blocks > PARTIAL_BLOCKS_MAX)
    }

    fn take_allowed(
        &mut self,
        asker: &Asker<'_>,
        piece: PieceIndex,
        want: usize,
        out: &mut Vec<(PieceIndex, BlockIndex)>,
    ) {
        let piece = piece.0;
        if !asker.have.get(piece) || !self.is_pickable(piece) {
            return;
        }
        if self.order.is_listed(piece)
            || (self.open.contains(&piece) && self.may_join(asker, piece) != Join::No)
        {
            self.take_from(asker, piece, want, out);
        }
    }

    /// Goes on with the pieces that this peer has for itself.
    pub(super) fn take_own(
        &mut self,
        asker: &Asker<'_>,
        want: usize,
        out: &mut Vec<(PieceIndex, BlockIndex)>,
    ) {
        let is_own = |piece: &&u32| {
            let owner = self.partials.get(piece).and_then(|partial| partial.owner);
            owner.is_some_and(|owner| owner.conn == asker.conn)
                && self.is_pickable(**piece)
                && asker.have.get(**piece)
        };
        let own: Vec<u32> = self.open.iter().filter(is_own).copied().collect();
        for piece in own {
            self.take_from(asker, piece, want, out);
        }
    }

    /// Takes from one band: partial pieces and untouched ones by rarity, a partial one before an
    /// untouched one that is as rare; then partial pieces that should rather be left to others.
    fn take_band(
        &mut self,
        asker: &Asker<'_>,
        band: usize,
        forced: bool,
        want: usize,
        out: &mut Vec<(PieceIndex, BlockIndex)>,
    ) {
        let (partials, last_resort) = self.partials_for(asker, band);
        let mut partials = partials.into_iter().peekable();
        let early = !self.is_sequential() && self.have.ones() < RANDOM_FIRST;
        let mut cursor = self.cursor(asker, band, early);
        let mut suggested = asker.suggested.iter();
        while out.len() < want {
            let next = self.next_fresh(asker, band, &mut cursor);
            let partial_first = |partial: u32, fresh: u32| {
                let key = |piece| self.rank(asker, piece);
                forced || early || key(partial) <= key(fresh)
            };
            let piece = match (partials.peek().copied(), next) {
                (Some(partial), Some(fresh)) if partial_first(partial, fresh) => {
                    partials.next();
                    partial
                }
                (_, Some(fresh)) => {
                    let as_rare = |piece: &PieceIndex| {
                        self.suits(asker, band, piece.0)
                            && (early || self.rank(asker, piece.0) <= self.rank(asker, fresh))
                    };
                    suggested.find(|&piece| as_rare(piece)).map_or(fresh, |piece| piece.0)
                }
                (Some(partial), None) => {
                    partials.next();
                    partial
                }
                (None, None) => break,
            };
            self.take_from(asker, piece, want, out);
        }
        for piece in last_resort {
            self.take_from(asker, piece, want, out);
        }
    }

    /// What is picked first has the lowest rank.
    fn rank(&self, asker: &Asker<'_>, piece: u32) -> u32 {
        match (self.sequence, asker.snubbed) {
            (PieceOrder::Sequential, _) => piece,
            (PieceOrder::Random, _) => 0,
            (PieceOrder::RarestFirst, false) => self.order.availability(piece),
            (PieceOrder::RarestFirst, true) => u32::MAX - self.order.availability(piece),
        }
    }

    fn is_sequential(&self) -> bool {
        self.sequence == PieceOrder::Sequential
    }

    /// Whether a piece is untouched, in the band, and the peer has it.
    pub(super) fn suits(&self, asker: &Asker<'_>, band: usize, piece: u32) -> bool {
        asker.have.get(piece)
            && self.order.is_listed(piece)
            && self.order.priority(piece).band() == Some(band)
    }

    /// The partial pieces of a band that the peer can go on with, in order of preference: those
    /// it should, and those it should only when there is nothing else.
    pub(super) fn partials_for(&mut self, asker: &Asker<'_>, band: usize) -> (Vec<u32>, Vec<u32>) {
        let (mut first, mut last) = (Vec::new(), Vec::new());
        self.order.count_steps(self.open.len() as u64);
        for &piece in &self.open {
            let in_band = self.order.priority(piece).band() == Some(band);
            if !in_band || !self.verifiable.get(piece) || !asker.have.get(piece) {
                continue;
            }
            match self.may_join(asker, piece) {
                Join::Yes => first.push(piece),
                Join::LastResort => last.push(piece),
                Join::No => {}
            }
        }
        for pieces in [&mut first, &mut last] {
            // Stable: of two equal ones the lower comes first.
            pieces.sort_by_key(|&piece| {
                (self.rank(asker, piece), self.partials.get(&piece).map(|it| it.free))
            });
        }
        (first, last)
    }

    pub(super) fn may_join(&self, asker: &Asker<'_>, piece: u32) -> Join {
        let Some(partial) = self.partials.get(&piece) else {
            return Join::No;
        };
        let alone = partial.is_only_of(asker.conn);
        match partial.owner {
            Some(owner) if owner.conn == asker.conn => Join::Yes,
            Some(Owner { strict: true, .. }) => Join::No,
            _ if asker.parole && !alone => Join::No,
            Some(Owner { strict: false, .. }) => Join::LastResort,
            None if asker.whole_pieces && !alone => Join::LastResort,
            None => Join::Yes,
        }
    }

    fn cursor(&mut self, asker: &Asker<'_>, band: usize, early: bool) -> Cursor {
        let left = self.order.band(band).len();
        let random = early || self.sequence == PieceOrder::Random;
        let reverse = asker.snubbed && !random;
        let at = match (random, reverse) {
            (true, _) if left > 0 => self.order.rng().index(left),
            (_, true) => left.saturating_sub(1),
            _ => 0,
        };
        Cursor { at, left, reverse, steps: 0, sample: Vec::new() }
    }

    /// The next untouched piece of a band that the peer has. It stays where it is; asked again
    /// without it being taken, the answer is the same.
    fn next_fresh(&mut self, asker: &Asker<'_>, band: usize, cursor: &mut Cursor) -> Option<u32> {
        if self.is_sequential() {
            return self.order.next_listed(asker.have, band, 0).map(|piece| piece.0);
        }
        while cursor.left > 0 && cursor.steps < SCAN_MAX {
            let pieces = self.order.band(band);
            if pieces.is_empty() {
                return None;
            }
            // Pieces taken since the last step made the array shorter.
            if cursor.at >= pieces.len() {
                cursor.at = if cursor.reverse { pieces.len() - 1 } else { 0 };
            }
            let piece = pieces[cursor.at];
            if asker.have.get(piece) {
                return Some(piece);
            }
            cursor.at = match (cursor.reverse, cursor.at) {
                (false, at) => at + 1,
                (true, 0) => pieces.len(),
                (true, at) => at - 1,
            };
            cursor.left -= 1;
            cursor.steps += 1;
            self.order.count_steps(1);
        }
        if cursor.left == 0 { None } else { self.sampled(asker, band, cursor) }
    }

    /// The best of a sample of the peer's pieces: when few of what the band holds is there, going
    /// along the band would take long.
    fn sampled(&mut self, asker: &Asker<'_>, band: usize, cursor: &mut Cursor) -> Option<u32> {
        loop {
            while let Some(&piece) = cursor.sample.last() {
                if self.suits(asker, band, piece) {
                    return Some(piece);
                }
                cursor.sample.pop();
            }
            let start = self.order.rng().below(u64::from(asker.have.len())) as u32;
            let mut from = start;
            let mut wrapped = false;
            while cursor.sample.len() < SAMPLE {
                let next = self.order.next_listed(asker.have, band, from);
                match next {
                    Some(piece) if !wrapped || piece.0 < start => {
                        cursor.sample.push(piece.0);
                        from = piece.0 + 1;
                    }
                    None if !wrapped => {
                        wrapped = true;
                        from = 0;
                    }
                    _ => break,
                }
            }
            if cursor.sample.is_empty() {
                return None;
            }
            let rank = |piece: &u32| std::cmp::Reverse(self.rank(asker, *piece));
            cursor.sample.sort_by_key(rank);
        }
    }

    /// Asks for free blocks of a piece, from the first on.
    pub(super) fn take_from(
        &mut self,
        asker: &Asker<'_>,
        piece: u32,
        want: usize,
        out: &mut Vec<(PieceIndex, BlockIndex)>,
    ) {
        let index = PieceIndex(piece);
        let shape = &*self.shape;
        let partial = self.partials.entry(piece).or_insert_with(|| fresh(shape, index));
        let untouched = partial.is_only_of(asker.conn);
        while out.len() < want {
            let Some(block) = partial.take(asker.conn) else {
                break;
            };
            out.push((index, block));
        }
        if untouched && partial.owner.is_none() && (asker.parole || asker.whole_pieces) {
            partial.owner = Some(Owner { conn: asker.conn, strict: asker.parole });
        }
        self.settle(piece);
    }

    /// Asks for blocks that others were asked for, those with the fewest askers first.
    pub(super) fn take_busy(
        &mut self,
        asker: &Asker<'_>,
        want: usize,
        out: &mut Vec<(PieceIndex, BlockIndex)>,
    ) {
        let mut busy = Vec::new();
        let pieces = u64::from(asker.have.len());
        let start = self.order.rng().below(pieces) as u32;
        for (&piece, partial) in self.partials.range(start..).chain(self.partials.range(..start)) {
            if busy.len() >= ENDGAME_CHOICE {
                break;
            }
            let strict = partial.owner.is_some_and(|owner| owner.strict);
            if strict || asker.parole || !asker.have.get(piece) || !self.is_pickable(piece) {
                continue;
            }
            for (at, state) in partial.blocks.iter().enumerate() {
                let block = BlockIndex(at as u32);
                let askers = partial.askers(block).count();
                let asked_already = partial.askers(block).any(|it| it == asker.conn);
                if matches!(state, Block::Asked(_)) && !asked_already && askers < ENDGAME_ASKERS {
                    busy.push((askers, PieceIndex(piece), block));
                }
            }
        }
        // Random among equals, or all peers would ask for the same block.
        self.order.rng().shuffle(&mut busy);
        busy.sort_by_key(|&(askers, ..)| askers);
        for (_, piece, block) in busy.into_iter().take(want.min(ENDGAME_BATCH)) {
            if let Some(partial) = self.partials.get_mut(&piece.0) {
                partial.take_extra(block, asker.conn);
                out.push((piece, block));
            }
        }
    }
}

/// Whether a peer should be given blocks of a piece that is in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Yes,
    /// Only when there is nothing else.
    LastResort,
    No,
}
