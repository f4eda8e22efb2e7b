//! The `info` dictionary of a magnet link, fetched from peers (BEP 9).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hash::{sha1, sha256};
use metainfo::limits::MAX_METADATA_SIZE;
use metainfo::{Info, InfoHashes};
use stdx::{ConnId, Duration, Instant};

/// The unit of transfer (BEP 9).
const PIECE: usize = 16 * 1024;
/// Requests outstanding at one peer.
const PER_PEER: usize = 4;
/// An answer is waited for this long.
const PATIENCE: Duration = Duration::from_secs(8);
/// A peer that rejected or did not answer is left alone for this long.
const PAUSE: Duration = Duration::from_secs(20);
/// Peers disagree about the size: the first attempt at one takes so long at most, and each
/// further one twice as long as the one before.
const ATTEMPT: Duration = Duration::from_secs(30);
/// As often as that.
const ATTEMPT_DOUBLINGS_MAX: u32 = 8;

/// What an answer led to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// More is needed.
    Continue,
    /// All here, and it is what the link named.
    Done(Arc<Info>),
    /// It hashes to something else. The peers named are certainly to blame.
    Wrong(Vec<ConnId>),
    /// It is what was named, and no usable torrent, says this reason.
    Unusable(String),
}

#[derive(Debug)]
struct Source {
    size: u32,
    asked: BTreeMap<u32, Instant>,
    not_before: Instant,
    /// When it answered last.
    answered: Instant,
    /// It took part in an attempt that failed.
    suspect: bool,
    /// When its turn began last, and how many it had.
    tried: Instant,
    attempts: u32,
}

/// One torrent's metadata on its way in.
///
/// Pieces come from all peers at once. When the result is wrong it cannot be told who lied, so
/// after that one peer after the other is asked for the whole, and a lie has a name. Where peers
/// state several sizes, one that leads nowhere makes way for another; each time its turn comes
/// again, it has longer.
#[derive(Debug)]
pub(crate) struct Fetch {
    expected: InfoHashes,
    sources: BTreeMap<ConnId, Source>,
    size: u32,
    /// When another size gets its turn, if peers state one.
    until: Instant,
    pieces: Vec<Option<Vec<u8>>>,
    contributors: BTreeSet<ConnId>,
    alone: bool,
    /// With `alone`: the peer of this attempt.
    chosen: Option<ConnId>,
}

impl Fetch {
    pub(crate) fn new(expected: InfoHashes) -> Self {
        Self {
            expected,
            sources: BTreeMap::new(),
            size: 0,
            until: Instant::ZERO,
            pieces: Vec::new(),
            contributors: BTreeSet::new(),
            alone: false,
            chosen: None,
        }
    }

    /// Notes that a peer has the metadata, of so many bytes. Impossible sizes are ignored.
    pub(crate) fn offered(&mut self, now: Instant, conn: ConnId, size: u32) {
        if size == 0 || size as usize > MAX_METADATA_SIZE || self.sources.contains_key(&conn) {
            return;
        }
        let source = Source {
            size,
            asked: BTreeMap::new(),
            not_before: now,
            answered: Instant::ZERO,
            suspect: false,
            tried: Instant::ZERO,
            attempts: 0,
        };
        self.sources.insert(conn, source);
    }

    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.sources.remove(&conn);
        if self.chosen == Some(conn) {
            self.restart();
        }
    }

    pub(crate) fn rejected(&mut self, now: Instant, conn: ConnId, piece: u32) {
        if let Some(source) = self.sources.get_mut(&conn)
            && source.asked.remove(&piece).is_some()
        {
            self.pause(now, conn);
        }
    }

    /// Takes an answer; one that was not asked for is ignored.
    pub(crate) fn received(
        &mut self,
        now: Instant,
        conn: ConnId,
        piece: u32,
        data: Vec<u8>,
    ) -> Outcome {
        let Some(source) = self.sources.get_mut(&conn) else {
            return Outcome::Continue;
        };
        if source.asked.remove(&piece).is_none() || source.size != self.size {
            return Outcome::Continue;
        }
        let begin = piece as usize * PIECE;
        let length = (self.size as usize).saturating_sub(begin).min(PIECE);
        let Some(slot) = self.pieces.get_mut(piece as usize) else {
            return Outcome::Continue;
        };
        if data.len() != length {
            // It contradicts the size that it stated itself.
            source.suspect = true;
            self.pause(now, conn);
            return Outcome::Continue;
        }
        if slot.is_some() {
            return Outcome::Continue;
        }
        *slot = Some(data);
        source.answered = now;
        self.contributors.insert(conn);
        if self.pieces.iter().all(Option::is_some) { self.judge() } else { Outcome::Continue }
    }

    /// What to ask whom now: pieces of the metadata, by connection.
    pub(crate) fn requests(&mut self, now: Instant) -> Vec<(ConnId, u32)> {
        self.give_up_late(now);
        self.choose(now);
        let asked: BTreeSet<u32> =
            self.sources.values().flat_map(|source| source.asked.keys().copied()).collect();
        let free = |piece: &u32| self.pieces[*piece as usize].is_none() && !asked.contains(piece);
        let mut free = (0..self.pieces.len() as u32).filter(free).collect::<Vec<_>>().into_iter();
        let mut out = Vec::new();
        // In turns, so that a slow peer does not get all of a short list.
        for _ in 0..PER_PEER {
            for (&conn, source) in &mut self.sources {
                let usable = source.size == self.size
                    && source.not_before <= now
                    && source.asked.len() < PER_PEER
                    && self.chosen.is_none_or(|chosen| chosen == conn);
                if usable && let Some(piece) = free.next() {
                    source.asked.insert(piece, now);
                    out.push((conn, piece));
                }
            }
        }
        out
    }

    fn give_up_late(&mut self, now: Instant) {
        let mut late = Vec::new();
        for (&conn, source) in &mut self.sources {
            let before = source.asked.len();
            // A slow one answers one request after the other.
            let heard = source.answered;
            source.asked.retain(|_, &mut at| now.since(at.max(heard)) < PATIENCE);
            if source.asked.len() < before {
                late.push(conn);
            }
        }
        for conn in late {
            self.pause(now, conn);
        }
    }

    fn pause(&mut self, now: Instant, conn: ConnId) {
        if let Some(source) = self.sources.get_mut(&conn) {
            source.not_before = now + PAUSE;
        }
        if self.chosen == Some(conn) {
            // What it has brought is kept: it may be chosen again.
            self.chosen = None;
        }
    }

    /// Settles on a size, and on a peer when only one is to be asked. What takes too long makes
    /// way for what somebody else states.
    fn choose(&mut self, now: Instant) {
        if self.alone {
            self.choose_peer(now);
        } else {
            self.choose_size(now);
        }
    }

    fn choose_peer(&mut self, now: Instant) {
        let ready = |(_, source): &(&ConnId, &Source)| source.not_before <= now;
        let other = self.sources.iter().filter(ready).any(|(&conn, _)| Some(conn) != self.chosen);
        if let Some(conn) = self.chosen.filter(|_| other && now >= self.until) {
            self.pause(now, conn);
        }
        if self.chosen.is_none() {
            let next = self.sources.iter().filter(ready);
            let next = next.min_by_key(|(_, source)| (source.suspect, source.not_before));
            if let Some((&conn, source)) = next {
                let size = source.size;
                let goes_on = self.contributors.iter().eq([&conn]);
                if !goes_on {
                    self.restart();
                    self.set_size(size);
                }
                self.attempt(now, |it, _| it == conn);
                self.chosen = Some(conn);
            }
        }
    }

    /// Leaves a size that leads nowhere for another: one that most honest peers state, or else
    /// the one whose turn was longest ago.
    fn choose_size(&mut self, now: Instant) {
        let stated = |source: &&Source| source.size == self.size;
        let ready = |source: &&Source| source.not_before <= now;
        let alive = |source: &Source| ready(&source) || !source.asked.is_empty();
        if self.sources.values().filter(stated).any(alive) && now < self.until {
            return;
        }
        let mut votes: BTreeMap<u32, (u32, Reverse<Instant>)> = BTreeMap::new();
        for source in self.sources.values().filter(ready).filter(|it| !stated(it)) {
            let (honest, tried) = votes.entry(source.size).or_insert((0, Reverse(source.tried)));
            *honest += u32::from(!source.suspect);
            tried.0 = tried.0.max(source.tried);
        }
        let Some((&size, _)) = votes.iter().max_by_key(|&(_, votes)| votes) else {
            return;
        };
        for source in self.sources.values_mut().filter(|source| source.size == self.size) {
            source.suspect = true;
        }
        self.restart();
        self.set_size(size);
        self.attempt(now, |_, source| source.size == size);
    }

    /// Begins the turn of some, which is as long as suits the one that had most.
    fn attempt(&mut self, now: Instant, whose: impl Fn(ConnId, &Source) -> bool) {
        let mut attempts = 0;
        for (&conn, source) in &mut self.sources {
            if whose(conn, source) {
                attempts = attempts.max(source.attempts);
                source.attempts += 1;
                source.tried = now;
            }
        }
        self.until = now + ATTEMPT * 2u32.pow(attempts.min(ATTEMPT_DOUBLINGS_MAX));
    }

    fn set_size(&mut self, size: u32) {
        self.size = size;
        self.pieces = vec![None; (size as usize).div_ceil(PIECE)];
        self.contributors.clear();
    }

    fn restart(&mut self) {
        self.set_size(0);
        self.chosen = None;
        for source in self.sources.values_mut() {
            source.asked.clear();
        }
    }

    fn judge(&mut self) -> Outcome {
        let raw = self.pieces.iter().flatten().flatten().copied().collect::<Vec<u8>>();
        let v1 = self.expected.v1.map(|hash| hash == sha1(&raw));
        let v2 = self.expected.v2.map(|hash| hash == sha256(&raw));
        if v1 == Some(true) && v2 == Some(false) || v1 == Some(false) && v2 == Some(true) {
            return Outcome::Unusable("its two info-hashes belong to different metadata".into());
        }
        if v1 != Some(false) && v2 != Some(false) {
            return match Info::parse_expecting(&raw, &self.expected) {
                Ok(info) => Outcome::Done(Arc::new(info)),
                Err(error) => Outcome::Unusable(error.to_string()),
            };
        }
        let blamed = std::mem::take(&mut self.contributors);
        for conn in &blamed {
            if let Some(source) = self.sources.get_mut(conn) {
                source.suspect = true;
            }
        }
        let certain = if blamed.len() == 1 { blamed.into_iter().collect() } else { Vec::new() };
        for conn in &certain {
            self.sources.remove(conn);
        }
        self.alone = true;
        self.restart();
        Outcome::Wrong(certain)
    }
}

#[cfg(test)]
mod tests;
