use std::collections::VecDeque;
use std::sync::Arc;

use metainfo::Info;
use peer::{Batch, CloseReason, Order, Report, Totals};
use stdx::{
    BLOCK_LENGTH, Bitfield, BlockRange, Buf, Duration, FileIndex, Instant, PieceIndex, Pool, Rng,
};

use crate::line::{Segment, Work};
use crate::{Address, Asked, Fault, Fetch, Kind, LineId, Weight};

/// Connections to one mirror.
pub const LINES_MAX: usize = 4;

/// Connections to begin with.
const LINES_FIRST: usize = 2;
/// Blocks fetched in one go over one connection: at first and at least, and at most.
const CHUNK_MIN: usize = 16;
const CHUNK_MAX: usize = 512;
/// A chunk that took less than the first is followed by a larger one, one that took longer than
/// the second by a smaller.
const QUICK: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(8);

/// How long a mirror that fails is left alone: at first, doubled each time, and at most.
const REST_FIRST: Duration = Duration::from_secs(2);
const REST_MAX: Duration = Duration::from_mins(10);
/// Failures one after the other while other connections are at work; more are the mirror's.
const STREAK_MAX: u32 = 2;
/// Files one after the other that are not there; there is no hope for the others.
const DENIED_MAX: u32 = 16;
/// Files of which people are told that they are not there.
const DENIED_TOLD: u32 = 4;
/// People are told when at least so many bytes are read past, for that can take long.
const PAST_TOLD: u64 = 64 * 1024 * 1024;

/// After so much waiting, an answer that came slower than this is given up, in bytes per second.
const PATIENCE: Duration = Duration::from_secs(30);
const SLOWEST: u64 = 1_024;

/// Whether so few bytes after so much waiting for the network are as good as none.
pub fn is_too_slow(bytes: u64, waited: Duration) -> bool {
    waited >= PATIENCE && bytes < SLOWEST * waited.as_secs()
}

/// One mirror of a torrent.
///
/// Orders come by [`Self::handle_order`]; after any input drain [`Self::poll_abort`], then
/// [`Self::poll_fetch`], and hand on [`Self::poll_batch`]; then read [`Self::poll_timeout`].
/// Of every fetch tell by [`Self::handle_data`] what came, and at its end either
/// [`Self::handle_done`] or [`Self::handle_fault`]; of those that were aborted nothing more.
#[derive(Debug)]
pub struct Mirror {
    /// With the names that the torrent has.
    info: Arc<Info>,
    address: Address,
    pool: Pool,
    rng: Rng,
    /// What the mirror has, as far as is known: everything, at first.
    have: Bitfield,
    /// To be fetched, and nobody is at it.
    queue: VecDeque<BlockRange>,
    lines: [Option<Work>; LINES_MAX],
    lines_max: usize,
    chunk: usize,
    /// The server gives whole files only: one connection reads them from their beginnings, and
    /// stands there. What is behind it costs another beginning.
    in_order: bool,
    at: Option<(FileIndex, u64)>,
    /// Rests since anything came, and failures of single connections.
    failures: u32,
    streak: u32,
    /// Something has come since the beginning, or the last rest.
    gives: bool,
    /// Files that were not there since anything came, and all in all.
    denied: u32,
    lost: u32,
    /// Nothing is asked for until then.
    rest: Option<Instant>,
    /// What people were told last.
    told: String,
    told_past: bool,
    fetches: VecDeque<Fetch>,
    aborts: VecDeque<LineId>,
    reports: Vec<Report>,
    taken: u64,
    totals: Totals,
}

impl Mirror {
    /// A mirror that is taken to have everything.
    pub fn new(info: Arc<Info>, address: Address, pool: Pool, rng: Rng) -> Self {
        let info = info.with_original_names().map_or(info, Arc::new);
        let have = Bitfield::full(info.layout().pieces());
        Self {
            reports: vec![Report::Pieces(have.clone()), Report::Unchoked],
            info,
            address,
            pool,
            rng,
            have,
            queue: VecDeque::new(),
            lines: Default::default(),
            lines_max: LINES_FIRST,
            chunk: CHUNK_MIN,
            in_order: false,
            at: None,
            failures: 0,
            streak: 0,
            gives: false,
            denied: 0,
            lost: 0,
            rest: None,
            told: String::new(),
            told_past: false,
            fetches: VecDeque::new(),
            aborts: VecDeque::new(),
            taken: 0,
            totals: Totals::default(),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Traffic so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Takes an order. What only peers understand is nothing to a mirror.
    ///
    /// # Errors
    /// [`Order::Close`]: it is over.
    pub fn handle_order(&mut self, now: Instant, order: Order) -> Result<(), CloseReason> {
        match order {
            Order::Request(ranges) => self.request(now, ranges),
            Order::Cancel(ranges) => self.cancel(now, &ranges),
            Order::Close(reason) => return Err(reason),
            _ => {}
        }
        Ok(())
    }

    /// Takes bytes of a fetch.
    pub fn handle_data(&mut self, line: LineId, data: &[u8]) {
        let mut whole = Vec::new();
        if let Some(work) = self.lines.get_mut(line.0).and_then(Option::as_mut) {
            work.take(data, &self.pool, &mut whole);
        }
        self.deliver(whole);
    }

    /// Counts bytes that were received besides the content: heads, and what TLS adds.
    pub fn handle_overhead(&mut self, bytes: u64) {
        self.totals.down_protocol += bytes;
    }

    /// A fetch is through.
    ///
    /// # Errors
    /// When the mirror is of no use any more.
    pub fn handle_done(&mut self, now: Instant, line: LineId) -> Result<(), CloseReason> {
        let Some(work) = self.lines.get_mut(line.0).and_then(Option::as_mut) else {
            return Ok(());
        };
        if !work.finish() {
            return self.handle_fault(now, line, &Fault::Short);
        }
        let took = now.since(work.since);
        if !self.go_on(line) {
            self.lines[line.0] = None;
            self.learn(took);
        }
        self.assign(now);
        Ok(())
    }

    /// A fetch failed.
    ///
    /// # Errors
    /// When the mirror is of no use any more.
    pub fn handle_fault(
        &mut self,
        now: Instant,
        line: LineId,
        fault: &Fault,
    ) -> Result<(), CloseReason> {
        let Some(work) = self.lines.get_mut(line.0).and_then(Option::take) else {
            return Ok(());
        };
        let (file, piece) = (work.file(), work.piece());
        for block in work.into_wanted().into_iter().rev() {
            self.queue.push_front(block);
        }
        let others = self.lines.iter().flatten().count();
        match fault.weight() {
            Weight::Whole => return Err(CloseReason::Mirror(fault.to_string())),
            Weight::Ranges if !self.in_order => self.go_in_order(),
            Weight::Ranges | Weight::File => self.lose(file, piece, fault)?,
            // As many as are served now are what it likes.
            Weight::Busy(_) if others > 0 => self.lines_max = others,
            Weight::Passing if others > 0 && self.gives && self.streak < STREAK_MAX => {
                self.streak += 1;
            }
            Weight::Busy(rest) => self.take_rest(now, rest, fault),
            Weight::Passing => self.take_rest(now, None, fault),
        }
        self.assign(now);
        Ok(())
    }

    /// Goes on after a rest.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.rest.is_some_and(|until| until <= now) {
            self.rest = None;
            self.reports.push(Report::Unchoked);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.rest
    }

    /// The next fetch that is to be broken off.
    pub fn poll_abort(&mut self) -> Option<LineId> {
        self.aborts.pop_front()
    }

    /// The next fetch to begin.
    pub fn poll_fetch(&mut self) -> Option<Fetch> {
        self.fetches.pop_front()
    }

    /// What is to be told.
    pub fn poll_batch(&mut self) -> Batch {
        Batch {
            reports: std::mem::take(&mut self.reports),
            want: self.want(),
            taken: self.taken,
            totals: self.totals,
        }
    }

    /// How many more blocks it would take; none rather than few, for long runs are cheap and short
    /// ones are not.
    fn want(&self) -> u32 {
        if self.rest.is_some() {
            return 0;
        }
        let busy: usize = self.lines.iter().flatten().map(Work::len).sum();
        let room = ((self.lines_max + 1) * self.chunk).saturating_sub(busy + self.queue.len());
        if room >= self.chunk { room as u32 } else { 0 }
    }

    fn request(&mut self, now: Instant, ranges: Vec<BlockRange>) {
        self.taken += ranges.len() as u64;
        let resting = self.rest.is_some();
        let fits = |range: &BlockRange| {
            !resting
                && self.have.get(range.piece.0)
                && self.info.layout().is_valid_request(*range)
                && range.length <= BLOCK_LENGTH
        };
        let (good, bad): (Vec<_>, Vec<_>) = ranges.into_iter().partition(fits);
        self.queue.extend(good);
        self.reject(bad);
        self.assign(now);
    }

    fn cancel(&mut self, now: Instant, ranges: &[BlockRange]) {
        self.queue.retain(|range| !ranges.contains(range));
        for (at, line) in self.lines.iter_mut().enumerate() {
            let Some(work) = line else { continue };
            let hit = ranges.iter().filter(|range| work.cancel(**range)).count();
            if hit > 0 && work.is_void() {
                *line = None;
                self.fetches.retain(|fetch| fetch.line != LineId(at));
                self.aborts.push_back(LineId(at));
                if self.in_order {
                    self.at = None;
                    self.reports.push(Report::InOrder);
                }
            }
        }
        self.assign(now);
    }

    /// Gives what waits to connections that have nothing to do.
    fn assign(&mut self, now: Instant) {
        while self.rest.is_none() && !self.queue.is_empty() {
            let idle = self.lines[..self.lines_max].iter().filter(|line| line.is_none()).count();
            let Some(at) = self.lines[..self.lines_max].iter().position(Option::is_none) else {
                return;
            };
            let share = self.queue.len().div_ceil(idle.max(1)).max(CHUNK_MIN);
            let blocks = self.queue.drain(..share.min(self.chunk).min(self.queue.len())).collect();
            let work = Work::new(now, self.info.layout(), self.address.kind, blocks);
            self.lines[at] = Some(work);
            if !self.go_on(LineId(at)) {
                self.lines[at] = None;
            }
        }
    }

    /// Has a connection fetch what is next for it. False when nothing is.
    fn go_on(&mut self, line: LineId) -> bool {
        let mut whole = Vec::new();
        let Some(work) = self.lines.get_mut(line.0).and_then(Option::as_mut) else {
            return false;
        };
        let segment = work.next(&self.pool, &mut whole);
        self.deliver(whole);
        let (url, asked) = match segment {
            Some(Segment::File { file, from, to }) => {
                let whole = self.info.layout().file(file).map(|file| file.length);
                let asked = Asked { from, to, whole, streamed: self.in_order };
                self.note_place(file, from, to);
                (self.address.of_file(&self.info, file), asked)
            }
            Some(Segment::Piece { piece, from, to }) => {
                let url = self.address.of_piece(&self.info.hashes(), piece, from, to);
                let (from, to) = (u64::from(from), u64::from(to));
                (url, Asked { from, to, whole: None, streamed: false })
            }
            Some(Segment::Zeros(_)) | None => return false,
        };
        self.fetches.push_back(Fetch { line, url, asked });
        true
    }

    /// From now on one connection asks for whole files, and for what is in them in that order.
    fn go_in_order(&mut self) {
        self.in_order = true;
        let gone = self.let_go();
        self.reports.push(Report::Choked);
        self.reject(gone);
        self.reports.extend([Report::InOrder, Report::Unchoked]);
    }

    /// Notes how far a file is read, and tells when much of it is read in vain.
    fn note_place(&mut self, file: FileIndex, from: u64, to: u64) {
        if !self.in_order {
            return;
        }
        let goes_on = self.at.is_some_and(|(it, at)| it == file && at <= from);
        self.at = Some((file, to));
        if !goes_on && from >= PAST_TOLD && !std::mem::replace(&mut self.told_past, true) {
            let text = format!(
                "the server gives whole files only, so {} MiB of one are read that are not needed",
                from >> 20
            );
            self.reports.push(Report::Trouble(text));
        }
    }

    fn deliver(&mut self, whole: Vec<(BlockRange, Buf)>) {
        for (range, data) in whole {
            (self.failures, self.streak, self.denied) = (0, 0, 0);
            self.gives = true;
            self.totals.down_payload += u64::from(range.length);
            self.reports.push(Report::Block { range, data });
        }
    }

    /// Fits what is fetched at a time to how fast it comes.
    fn learn(&mut self, took: Duration) {
        if took < QUICK {
            self.chunk = (self.chunk * 2).min(CHUNK_MAX);
            self.lines_max = if self.in_order { 1 } else { (self.lines_max + 1).min(LINES_MAX) };
        } else if took > SLOW {
            self.chunk = (self.chunk / 2).max(CHUNK_MIN);
        }
    }

    /// A file, or piece, is not there.
    fn lose(
        &mut self,
        file: Option<FileIndex>,
        piece: Option<PieceIndex>,
        fault: &Fault,
    ) -> Result<(), CloseReason> {
        let of_file = file.map(|file| self.info.layout().file_pieces(file));
        let pieces = of_file.or(piece.map(|piece| piece.0..piece.0 + 1)).unwrap_or(0..0);
        for piece in pieces {
            self.have.clear(piece);
        }
        self.denied += 1;
        let layout = self.info.layout();
        let text = match file.and_then(|file| Some((file, layout.file(file)?))) {
            Some((_, it)) if !self.info.is_single_file() => {
                format!("`{}`: {fault}", it.path.display())
            }
            // In a folder it was looked for by its name.
            Some((file, _)) if self.address.url.path().ends_with('/') => {
                format!("`{}`: {fault}", self.address.of_file(&self.info, file))
            }
            _ => fault.to_string(),
        };
        if self.have.ones() == 0 || self.denied >= DENIED_MAX {
            return Err(CloseReason::Mirror(text));
        }
        self.lost += 1;
        if self.lost <= DENIED_TOLD && self.address.kind == Kind::Files {
            self.reports.push(Report::Trouble(text));
        }
        self.reports.push(Report::Pieces(self.have.clone()));
        let have = &self.have;
        let (kept, gone): (VecDeque<_>, VecDeque<_>) =
            self.queue.drain(..).partition(|range| have.get(range.piece.0));
        self.queue = kept;
        self.reject(gone.into());
        Ok(())
    }

    /// Leaves the mirror alone for a while, and others what it was asked for.
    fn take_rest(&mut self, now: Instant, wish: Option<Duration>, fault: &Fault) {
        let doubled = REST_FIRST.saturating_mul(1 << self.failures.min(16)).min(REST_MAX);
        self.failures += 1;
        // So that those whom it failed at once do not all come back at once.
        let jitter = doubled.mul_f64(self.rng.unit() / 4.0);
        let rest = wish.unwrap_or_default().max(doubled) + jitter;
        self.rest = Some(now + rest);
        let text = fault.to_string();
        if text != self.told {
            let seconds = rest.as_secs().max(1);
            self.reports.push(Report::Trouble(format!("{text}; trying again in {seconds} s")));
            self.told = text;
        }
        let gone = self.let_go();
        self.reports.push(Report::Choked);
        self.reject(gone);
        if self.in_order {
            self.reports.push(Report::InOrder);
        }
    }

    /// Breaks everything off. Returns what was wanted of it.
    fn let_go(&mut self) -> Vec<BlockRange> {
        let mut gone: Vec<BlockRange> = self.queue.drain(..).collect();
        for (at, line) in self.lines.iter_mut().enumerate() {
            if let Some(work) = line.take() {
                gone.extend(work.into_wanted());
                self.aborts.push_back(LineId(at));
            }
        }
        self.fetches.clear();
        self.at = None;
        self.lines_max = if self.in_order { 1 } else { LINES_FIRST };
        (self.streak, self.gives) = (0, false);
        gone
    }

    fn reject(&mut self, ranges: Vec<BlockRange>) {
        if !ranges.is_empty() {
            self.reports.push(Report::Rejected(ranges));
        }
    }
}

#[cfg(test)]
mod tests;
