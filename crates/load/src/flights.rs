use std::collections::VecDeque;

use stdx::{Duration, Instant};

/// Requests on their way at once, at most: what a slot's number has room for in a [`Token`].
const SLOTS_MAX: usize = 1 << 20;

/// Names a request that is on its way; used as the transaction of a UDP request (BEP 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub u32);

/// What is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// A host asks for a connection id.
    Connect {
        /// Its number.
        host: u32,
    },
    /// A peer announces.
    Announce {
        /// Its number.
        peer: u64,
    },
    /// A peer asks about its torrent.
    Scrape {
        /// The torrent's number.
        torrent: u64,
    },
}

/// When a request was due, and when it left: later, where whoever asks was held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// By the schedule.
    pub due: Instant,
    /// Handed to the system.
    pub sent: Instant,
}

impl From<Instant> for Departure {
    /// On time.
    fn from(at: Instant) -> Self {
        Self { due: at, sent: at }
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    token: Token,
    flight: Option<(Flight, Departure)>,
}

/// Requests on their way, found again by their tokens.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// In the order in which they were due.
    order: VecDeque<Token>,
}

impl Flights {
    /// How many are on their way.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= SLOTS_MAX
    }

    /// Adds one. There must be room.
    pub(crate) fn add(&mut self, flight: Flight, departure: Departure) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            let index = self.slots.len() as u32;
            self.slots.push(Slot { token: Token(index), flight: None });
            index
        });
        let slot = &mut self.slots[index as usize];
        // Another token for each use, so that a late answer is not taken for a new one.
        slot.token = Token(slot.token.0.wrapping_add(SLOTS_MAX as u32));
        slot.flight = Some((flight, departure));
        self.order.push_back(slot.token);
        slot.token
    }

    /// Takes out the one of this token.
    pub(crate) fn take(&mut self, token: Token) -> Option<(Flight, Departure)> {
        let index = token.0 as usize % SLOTS_MAX;
        let slot = self.slots.get_mut(index).filter(|slot| slot.token == token)?;
        let found = slot.flight.take()?;
        self.free.push(index as u32);
        Some(found)
    }

    /// Takes out one that was due longer ago than `patience`.
    pub(crate) fn take_lost(&mut self, now: Instant, patience: Duration) -> Option<Flight> {
        while let Some(&token) = self.order.front() {
            let slot = &self.slots[token.0 as usize % SLOTS_MAX];
            let due = slot.flight.filter(|_| slot.token == token).map(|(_, it)| it.due);
            if due.is_some_and(|due| now - due <= patience) {
                return None;
            }
            self.order.pop_front();
            if due.is_some() {
                return self.take(token).map(|(flight, _)| flight);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
