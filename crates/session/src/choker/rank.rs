use std::cmp::Reverse;

use stdx::{ConnId, Duration, Instant};

use super::{Candidate, Choker, ChokerPolicy, Seat};

/// After this many pieces a peer of a seeding torrent has had its turn (libtorrent's quota).
const QUOTA_PIECES: u64 = 20;

/// After this long it has had its turn, too, however little it took.
const TURN: Duration = Duration::from_mins(1);

/// An interested candidate, in the order in which slots are given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranked {
    pub(super) conn: ConnId,
    pub(super) seeding: bool,
    pub(super) since: Instant,
    /// The slot it has: optimistic or not.
    pub(super) holds: Option<bool>,
    /// It has had its turn, and somebody hungry waits.
    pub(super) yields: bool,
}

impl Choker {
    /// Every interested candidate, the first in line first.
    ///
    /// First come those who give, by how much. Then, in turns, peers of seeding torrents (at
    /// least a quarter of the slots is theirs), then those who give nothing, at the very end those
    /// who owe. Where turns are taken, the hungry come first, and while one of them waits, a seed's
    /// turn is over with the first piece.
    pub(super) fn rank(
        &self,
        now: Instant,
        candidates: &[Candidate],
        round: bool,
        hungry: bool,
    ) -> Vec<Ranked> {
        let (mut giving, mut seeding, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        let quota = if hungry { 1 } else { QUOTA_PIECES };
        for candidate in candidates.iter().filter(|candidate| candidate.interested) {
            let Some(seat) = self.seats.get(&candidate.conn) else {
                continue;
            };
            let gave = candidate.given.saturating_sub(seat.given[0]);
            if candidate.seeding || self.policy == ChokerPolicy::Turns {
                seeding.push((turn(now, candidate, seat, quota), candidate));
            } else if gave > 0 && !candidate.snubbed {
                giving.push(((Reverse(gave), candidate.conn), candidate));
            } else {
                let line = (!candidate.is_hungry(), line(now, seat, round), seat.lot);
                rest.push(((candidate.snubbed, line), candidate));
            }
        }
        giving.sort_by_key(|(key, _)| *key);
        seeding.sort_by_key(|(key, _)| *key);
        rest.sort_by_key(|(key, _)| *key);
        let reserved = (self.slots.regular() / 4).max(1).min(seeding.len());
        let first = giving.len().min(self.slots.regular() - reserved);
        let givers = |range: &[((Reverse<u64>, ConnId), &Candidate)]| {
            range.iter().map(|(_, candidate)| **candidate).collect::<Vec<_>>()
        };
        let mut order = givers(&giving[..first]);
        order.extend(seeding.iter().take(reserved).map(|(_, candidate)| **candidate));
        order.extend(givers(&giving[first..]));
        order.extend(seeding.iter().skip(reserved).map(|(_, candidate)| **candidate));
        order.extend(rest.iter().map(|(_, candidate)| **candidate));
        order.iter().map(|candidate| self.ranked(candidate, hungry)).collect()
    }

    fn ranked(&self, candidate: &Candidate, hungry: bool) -> Ranked {
        let unchoked = self.seats.get(&candidate.conn).and_then(|seat| seat.unchoked);
        let seeding = candidate.seeding || self.policy == ChokerPolicy::Turns;
        let took = unchoked.map_or(0, |it| candidate.taken.saturating_sub(it.taken));
        Ranked {
            conn: candidate.conn,
            seeding,
            since: candidate.since,
            holds: unchoked.map(|it| it.optimistic),
            yields: hungry && seeding && took >= u64::from(candidate.piece_length),
        }
    }
}

/// The round robin of a seed: whose turn is not over, then who is hungry, then who waits longest,
/// then whose turn is over, the fastest first.
fn turn(
    now: Instant,
    candidate: &Candidate,
    seat: &Seat,
    quota: u64,
) -> (u8, Instant, Reverse<u64>, u64) {
    let Some(unchoked) = seat.unchoked else {
        let place = if candidate.is_hungry() { 1 } else { 2 };
        return (place, seat.waiting, Reverse(0), seat.lot);
    };
    let took = candidate.taken.saturating_sub(unchoked.taken);
    let quota = quota * u64::from(candidate.piece_length);
    let over = took >= quota || now.since(unchoked.since) >= TURN;
    let rate = Reverse(candidate.taken.saturating_sub(seat.taken));
    if over { (3, Instant::ZERO, rate, seat.lot) } else { (0, unchoked.since, rate, seat.lot) }
}

/// Those who give nothing take turns, too, one round each.
fn line(now: Instant, seat: &Seat, round: bool) -> Instant {
    match seat.unchoked {
        Some(_) if round => now,
        Some(unchoked) => unchoked.since,
        None => seat.waiting,
    }
}
