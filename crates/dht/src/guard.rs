use std::net::SocketAddr;

use siphasher::sip::SipHasher13;
use stdx::{Duration, Instant, TokenBucket};

use crate::address::Holder;
use crate::krpc::DATAGRAM_OUT_MAX;

/// Questions of one address that are answered in a burst, and for each second from then on.
const BURST: u32 = 50;
const QUESTIONS_PER_SEC: u32 = 5;
/// Bytes that a stranger is given beyond those of its questions, at first and for each second.
const GIFT: u32 = 2_048;
const GIFT_PER_SEC: u32 = 30;
/// The same for all strangers together.
const GIFTS_PER_SEC: u64 = 32 * 1024;
/// Time for which an address counts as proven.
const PROVEN: Duration = Duration::from_mins(30);
/// Counts in tenths, so that a tick of a tenth of a second adds a whole number.
const TENTHS: u32 = 10;

/// What strangers may ask of a node, and what they get: rate limits for every address on earth in
/// constant memory, and a bound on amplification.
///
/// The rule: an address has *proven itself* when it sent back what was sent to it, an answer with
/// its transaction id or a token. To any other, an answer is no longer than its question, but for
/// a gift of 2 KiB and 30 bytes a second for each address, and of 32 KiB a second for all. So who
/// forges the sender of questions gets no more at his victim than he sends, up to a constant that
/// no number of forged questions raises.
///
/// Addresses share cells by a keyed hash, two each; only when both are exhausted is one refused. A
/// proof is nobody else's: a cell keeps the latest, with a tag of whose it is. Where two later ones
/// have pushed it out, an address is a stranger again until it answers the next time.
#[derive(Debug)]
pub(crate) struct Guard {
    hasher: SipHasher13,
    rows: [Vec<Cell>; 2],
    gifts: TokenBucket,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    /// Tenths of a second, when the rest was brought up to date.
    tick: u32,
    questions: u16,
    gift: u16,
    /// Whose proof is kept here, and until when it counts.
    proven: (Tag, u32),
}

/// What tells the addresses apart that share a cell.
type Tag = u32;

impl Guard {
    /// `cells` are 16 bytes each, twice.
    pub(crate) fn new(now: Instant, cells: usize, secret: &[u8; 16]) -> Self {
        let cell = Cell {
            tick: tick(now),
            questions: (BURST * TENTHS) as u16,
            gift: GIFT as u16,
            proven: (0, 0),
        };
        Self {
            hasher: SipHasher13::new_with_key(secret),
            rows: [vec![cell; cells.max(1)], vec![cell; cells.max(1)]],
            gifts: TokenBucket::new(GIFTS_PER_SEC, GIFTS_PER_SEC * 2, now),
        }
    }

    /// Whether a question of this address is answered at all.
    pub(crate) fn admit(&mut self, now: Instant, from: SocketAddr) -> bool {
        let (_, cells) = self.cells(now, from);
        let admitted = cells.iter().any(|cell| u32::from(cell.questions) >= TENTHS);
        for cell in cells {
            cell.questions = cell.questions.saturating_sub(TENTHS as u16);
        }
        admitted
    }

    /// The address was seen to receive what is sent to it.
    pub(crate) fn prove(&mut self, now: Instant, from: SocketAddr) {
        let until = tick(now + PROVEN);
        let (tag, cells) = self.cells(now, from);
        for cell in cells {
            cell.proven = (tag, until);
        }
    }

    /// The length that an answer to a question of `asked` bytes may have.
    pub(crate) fn allowance(&mut self, now: Instant, from: SocketAddr, asked: usize) -> usize {
        let tick = tick(now);
        let gifts = self.gifts.take(now, DATAGRAM_OUT_MAX as u64);
        self.gifts.give_back(gifts);
        let (tag, cells) = self.cells(now, from);
        if cells.iter().any(|cell| cell.proven.0 == tag && cell.proven.1 > tick) {
            return DATAGRAM_OUT_MAX;
        }
        let gift = cells.iter().map(|cell| u64::from(cell.gift)).max().unwrap_or(0);
        asked.saturating_add(gift.min(gifts) as usize).min(DATAGRAM_OUT_MAX)
    }

    /// So many bytes were given to a stranger beyond what it asked with.
    pub(crate) fn give(&mut self, now: Instant, to: SocketAddr, bytes: usize) {
        self.gifts.take(now, bytes as u64);
        for cell in self.cells(now, to).1 {
            cell.gift = cell.gift.saturating_sub(bytes.try_into().unwrap_or(u16::MAX));
        }
    }

    /// The tag of an address, and both its cells, brought up to date.
    fn cells(&mut self, now: Instant, from: SocketAddr) -> (Tag, [&mut Cell; 2]) {
        let hash = self.hasher.hash(&Holder::of(from).bytes());
        let tick = tick(now);
        // Of bits that hardly matter for the places.
        let tag = (hash >> 16) as u32 & 0xffff | (hash >> 32) as u32 & 0xffff_0000;
        let [one, other] = &mut self.rows;
        let places = [hash as u32, (hash >> 32) as u32].map(|half| half as usize % one.len());
        let cells = [&mut one[places[0]], &mut other[places[1]]];
        let cells = cells.map(|cell| {
            cell.refill(tick);
            cell
        });
        (tag, cells)
    }
}

impl Cell {
    fn refill(&mut self, tick: u32) {
        let ticks = tick.saturating_sub(self.tick);
        let add = |held: u16, each: u32, most: u32| {
            u32::from(held).saturating_add(each.saturating_mul(ticks)).min(most) as u16
        };
        self.questions = add(self.questions, QUESTIONS_PER_SEC, BURST * TENTHS);
        self.gift = add(self.gift, GIFT_PER_SEC / TENTHS, GIFT);
        self.tick = self.tick.max(tick);
    }
}

fn tick(now: Instant) -> u32 {
    u32::try_from(now.as_nanos() / 100_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
