//! Sending each piece once: what a first seed does for its swarm.
//!
//! Downloaders that see the same few copies choose the same pieces, and a seed that is asked for
//! the same piece by several sends fewer different ones. So the seed suggests (BEP 6) to each
//! downloader pieces that nobody else has or was suggested, enough to keep it busy; downloaders
//! take suggestions first among equally rare pieces. Nothing is refused, and nothing is hidden.

use std::collections::{BTreeMap, VecDeque};

use stdx::{ConnId, Duration, Instant, PieceIndex, Rng};

/// Suggestions ahead of a downloader, at most.
const AHEAD_MAX: usize = 48;
/// Suggestions ahead of a downloader cover so much time at the rate at which it is served: twice
/// what it has requested at any time, and so every request can follow a suggestion.
const AHEAD_SECONDS: u64 = 6;
/// Suggestions ahead of a downloader, at least.
const AHEAD_MIN: u64 = 3;
/// What a choked downloader was suggested is suggested to others after this time.
const CHOKED_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
struct Given {
    pieces: Vec<PieceIndex>,
    choked: Option<Instant>,
}

/// Which piece was suggested to whom.
#[derive(Clone, Debug)]
pub(crate) struct SendOnce {
    /// Pieces that nobody was suggested, in random order.
    queue: VecDeque<u32>,
    given: BTreeMap<ConnId, Given>,
}

impl SendOnce {
    pub(crate) fn new(pieces: u32, rng: &mut Rng) -> Self {
        let mut queue: Vec<u32> = (0..pieces).collect();
        rng.shuffle(&mut queue);
        Self { queue: queue.into(), given: BTreeMap::new() }
    }

    /// What to suggest to a downloader that is served at `rate` bytes per second.
    /// `is_out` tells which pieces some downloader has.
    pub(crate) fn top_up(
        &mut self,
        conn: ConnId,
        rate: u64,
        piece_length: u32,
        is_out: impl Fn(PieceIndex) -> bool,
    ) -> Vec<PieceIndex> {
        let given = self.given.entry(conn).or_default();
        given.choked = None;
        given.pieces.retain(|&piece| !is_out(piece));
        let wanted = rate * AHEAD_SECONDS / u64::from(piece_length.max(1)) + AHEAD_MIN;
        let wanted = usize::try_from(wanted).unwrap_or(AHEAD_MAX).min(AHEAD_MAX);
        let mut out = Vec::new();
        while given.pieces.len() < wanted {
            let Some(piece) = self.queue.pop_front().map(PieceIndex) else {
                break;
            };
            if !is_out(piece) {
                given.pieces.push(piece);
                out.push(piece);
            }
        }
        out
    }

    pub(crate) fn choked(&mut self, now: Instant, conn: ConnId) {
        if let Some(given) = self.given.get_mut(&conn) {
            given.choked = Some(now);
        }
    }

    /// Takes back what was suggested to a connection that is gone.
    pub(crate) fn closed(&mut self, conn: ConnId) {
        if let Some(given) = self.given.remove(&conn) {
            self.queue.extend(given.pieces.iter().map(|piece| piece.0));
        }
    }

    /// Takes back what those were suggested that have been choked for long.
    pub(crate) fn expire(&mut self, now: Instant) {
        let late = |given: &Given| given.choked.is_some_and(|since| now.since(since) >= CHOKED_MAX);
        let late: Vec<_> =
            self.given.iter().filter(|(_, given)| late(given)).map(|(&conn, _)| conn).collect();
        for conn in late {
            self.closed(conn);
        }
    }
}

#[cfg(test)]
mod tests;
