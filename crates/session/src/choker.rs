//! Who may download from us: one choker for every connection of every torrent.
//!
//! While a torrent downloads, its peers are ranked by what they gave in the last rounds (tit for
//! tat, Cohen 2003); while it seeds, they take turns, so that everybody is served equally
//! (Legout et al., IMC 2006). One slot in five is optimistic: it goes to somebody drawn by lot.
//! Who has nothing yet comes first among those who give nothing: each becomes one more that gives.

use std::collections::BTreeMap;

use stdx::{ConnId, Duration, Instant, Rng};

use self::rank::Ranked;
use self::slots::Slots;

mod rank;
mod slots;

/// How often slots are given anew (BEP 3: every ten seconds).
pub const ROUND: Duration = Duration::from_secs(10);

/// How long an optimistic unchoke lasts (BEP 3: 30 seconds).
pub const OPTIMISTIC_ROUND: Duration = Duration::from_secs(30);

/// A connection counts as new, and is three times as likely to be drawn, for this long (BEP 3).
const NEW: Duration = Duration::from_mins(1);

/// While somebody hungry waits, it is seen this often whether a turn is over.
const LOOK: Duration = Duration::from_secs(1);

/// How likely a new connection is drawn, an old one being 1 (BEP 3).
const NEW_WEIGHT: u64 = 3;

/// What the choker knows about a connection, as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The connection.
    pub conn: ConnId,
    /// It wants something that we have.
    pub interested: bool,
    /// It has not a single piece yet.
    pub empty: bool,
    /// Its torrent is complete here (as far as selected): serve equally instead of by what it
    /// gives.
    pub seeding: bool,
    /// It owes us blocks and sends none.
    pub snubbed: bool,
    /// Payload bytes that it ever gave us.
    pub given: u64,
    /// Payload bytes that it ever took from us.
    pub taken: u64,
    /// Bytes in a piece of its torrent.
    pub piece_length: u32,
    /// When it connected.
    pub since: Instant,
}

impl Candidate {
    /// It has nothing, and had no piece from us: what it says of itself counts once.
    fn is_hungry(&self) -> bool {
        self.interested && self.empty && self.taken < u64::from(self.piece_length)
    }
}

/// By which rule slots are given. All but the first are there to be compared with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChokerPolicy {
    /// To those who give most while we download, in turns while we seed.
    #[default]
    TitForTat,
    /// Always in turns, as a seed does.
    Turns,
    /// Everybody interested has a slot.
    Open,
    /// Nobody has one: a free rider.
    Closed,
}

/// A change of who may download from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The connection.
    pub conn: ConnId,
    /// True: choke it. False: unchoke it.
    pub choke: bool,
}

/// Decides who may download from us. Pure; deterministic for a given generator.
///
/// Call [`rechoke`](Self::rechoke) when [`poll_timeout`](Self::poll_timeout) comes and whenever
/// a candidate appeared, vanished or changed its interest: freed slots are filled at once, and
/// everybody else keeps his until the round is over.
#[derive(Debug)]
pub struct Choker {
    rng: Rng,
    policy: ChokerPolicy,
    slots: Slots,
    seats: BTreeMap<ConnId, Seat>,
    next_round: Instant,
    next_draw: Instant,
    last_round: Instant,
    next_look: Instant,
    /// A slot is free.
    room: bool,
}

/// What the choker remembers of a connection.
#[derive(Clone, Debug)]
struct Seat {
    unchoked: Option<Unchoked>,
    /// Interested and without a slot since then; the order of the line.
    waiting: Instant,
    /// The order of those who came at the same time: drawn, or all would serve the same few first.
    lot: u64,
    /// `given` at the last two rounds, the older first.
    given: [u64; 2],
    /// `taken` at the last round.
    taken: u64,
}

#[derive(Clone, Copy, Debug)]
struct Unchoked {
    since: Instant,
    /// `Candidate::taken` at that time.
    taken: u64,
    optimistic: bool,
}

impl Choker {
    /// A choker without connections. `up_limit` is in bytes per second.
    pub fn new(now: Instant, up_limit: Option<u64>, rng: Rng) -> Self {
        Self {
            rng,
            policy: ChokerPolicy::default(),
            slots: Slots::new(up_limit),
            seats: BTreeMap::new(),
            next_round: now + ROUND,
            next_draw: now + OPTIMISTIC_ROUND,
            last_round: now,
            next_look: Instant::FAR_FUTURE,
            room: true,
        }
    }

    /// With another rule than the usual one.
    pub fn with_policy(self, policy: ChokerPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Follows a changed upload limit, in bytes per second; the slots change with the next round.
    pub fn set_up_limit(&mut self, up_limit: Option<u64>) {
        self.slots.set_limit(up_limit);
    }

    /// How many connections may download from us at once, the optimistic ones included.
    pub fn slots(&self) -> usize {
        self.slots.regular() + self.slots.optimistic()
    }

    /// True when `conn` may download from us.
    pub fn is_unchoked(&self, conn: ConnId) -> bool {
        self.seats.get(&conn).is_some_and(|seat| seat.unchoked.is_some())
    }

    /// Whether `conn` has its slot by lot; `None` when it has none.
    pub fn is_optimistic(&self, conn: ConnId) -> Option<bool> {
        let seat = self.seats.get(&conn)?;
        seat.unchoked.map(|unchoked| unchoked.optimistic)
    }

    /// True when a slot is free: whoever becomes interested should be told of at once.
    pub fn has_room(&self) -> bool {
        self.room
    }

    /// When slots are to be given again.
    pub fn poll_timeout(&self) -> Instant {
        self.next_round.min(self.next_draw).min(self.next_look)
    }

    /// Gives the slots: all of them anew when a round is due, only free ones otherwise.
    ///
    /// `candidates` are all open connections, each once; who is missing has lost its slot. The
    /// decisions come in the order of the connections.
    pub fn rechoke(&mut self, now: Instant, candidates: &[Candidate]) -> Vec<Decision> {
        self.seat(now, candidates);
        let round = now >= self.next_round;
        let draw = now >= self.next_draw;
        let hungry = candidates.iter().any(|it| it.is_hungry() && !self.is_unchoked(it.conn));
        self.next_look = if hungry { now + LOOK } else { Instant::FAR_FUTURE };
        let ranked = self.rank(now, candidates, round, hungry);
        if round {
            self.end_round(now, candidates, ranked.len());
        }
        if draw {
            self.next_draw = now + OPTIMISTIC_ROUND;
        }
        let chosen = match self.policy {
            ChokerPolicy::TitForTat | ChokerPolicy::Turns => self.choose(now, &ranked, round, draw),
            ChokerPolicy::Open => ranked.iter().map(|peer| (peer.conn, false)).collect(),
            ChokerPolicy::Closed => BTreeMap::new(),
        };
        self.room = chosen.len() < self.slots() || self.policy == ChokerPolicy::Open;
        self.decide(now, candidates, &chosen, round)
    }

    /// Seats newcomers and forgets who is gone.
    fn seat(&mut self, now: Instant, candidates: &[Candidate]) {
        let mut seats = BTreeMap::new();
        for candidate in candidates {
            let mut seat = self.seats.remove(&candidate.conn).unwrap_or_else(|| Seat {
                unchoked: None,
                waiting: now,
                lot: self.rng.next_u64(),
                given: [candidate.given; 2],
                taken: candidate.taken,
            });
            if !candidate.interested {
                seat.waiting = now;
            }
            seats.insert(candidate.conn, seat);
        }
        self.seats = seats;
    }

    fn end_round(&mut self, now: Instant, candidates: &[Candidate], interested: usize) {
        let mut sent = 0;
        for candidate in candidates {
            if let Some(seat) = self.seats.get_mut(&candidate.conn) {
                sent += candidate.taken.saturating_sub(seat.taken);
                seat.taken = candidate.taken;
                seat.given = [seat.given[1], candidate.given];
            }
        }
        let millis = now.since(self.last_round).as_millis().max(1) as u64;
        let rate = sent.saturating_mul(1_000) / millis;
        self.slots.adapt(rate, interested > self.slots());
        self.last_round = now;
        self.next_round = now + ROUND;
    }

    /// The connections that get or keep a slot, each with whether the slot is optimistic.
    fn choose(
        &mut self,
        now: Instant,
        ranked: &[Ranked],
        round: bool,
        draw: bool,
    ) -> BTreeMap<ConnId, bool> {
        let regular = self.slots.regular();
        let total = self.slots();
        let mut chosen = BTreeMap::new();
        let keeps = |peer: &&Ranked| !round && peer.holds == Some(false) && !peer.yields;
        let holders = ranked.iter().filter(keeps);
        chosen.extend(holders.take(regular).map(|peer| (peer.conn, false)));
        for peer in ranked {
            let luck = peer.holds == Some(true) && !draw && !round;
            if chosen.len() < regular && !luck {
                chosen.entry(peer.conn).or_insert(false);
            }
        }
        let luck = self.slots.optimistic().min(total - chosen.len());
        let mut left: Vec<&Ranked> =
            ranked.iter().filter(|peer| !chosen.contains_key(&peer.conn)).collect();
        if !draw {
            let lucky = left.iter().filter(|peer| peer.holds == Some(true)).take(luck);
            chosen.extend(lucky.map(|peer| (peer.conn, true)).collect::<Vec<_>>());
        }
        left.retain(|peer| !chosen.contains_key(&peer.conn));
        let mut pool: Vec<&Ranked> = left.iter().copied().filter(|peer| !peer.seeding).collect();
        while chosen.values().filter(|lucky| **lucky).count() < luck {
            let Some(at) = self.draw(now, &pool) else {
                break;
            };
            chosen.insert(pool.swap_remove(at).conn, true);
        }
        // Luck that nobody needs (all are served in turn anyway) is one more regular slot.
        for peer in left {
            if chosen.len() < total {
                chosen.entry(peer.conn).or_insert(false);
            }
        }
        chosen
    }

    /// Draws one of `pool` by lot.
    fn draw(&mut self, now: Instant, pool: &[&Ranked]) -> Option<usize> {
        let weight = |peer: &&Ranked| {
            if now.since(peer.since) < NEW { NEW_WEIGHT } else { 1 }
        };
        let sum: u64 = pool.iter().map(weight).sum();
        let mut lot = if sum == 0 {
            return None;
        } else {
            self.rng.below(sum)
        };
        pool.iter().position(|peer| {
            let hit = lot < weight(peer);
            lot = lot.saturating_sub(weight(peer));
            hit
        })
    }

    fn decide(
        &mut self,
        now: Instant,
        candidates: &[Candidate],
        chosen: &BTreeMap<ConnId, bool>,
        round: bool,
    ) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for candidate in candidates {
            let Some(seat) = self.seats.get_mut(&candidate.conn) else {
                continue;
            };
            match (&mut seat.unchoked, chosen.get(&candidate.conn)) {
                (None, Some(&optimistic)) => {
                    let taken = candidate.taken;
                    seat.unchoked = Some(Unchoked { since: now, taken, optimistic });
                    decisions.push(Decision { conn: candidate.conn, choke: false });
                }
                (Some(unchoked), Some(&optimistic)) => unchoked.optimistic = optimistic,
                // Who lost interest takes no slot, and is choked only when the round ends:
                // interest often comes back with the next piece.
                (Some(_), None) if candidate.interested || round => {
                    seat.unchoked = None;
                    seat.waiting = now;
                    decisions.push(Decision { conn: candidate.conn, choke: true });
                }
                _ => {}
            }
        }
        decisions.sort_by_key(|decision| decision.conn);
        decisions
    }
}

#[cfg(test)]
mod tests;
