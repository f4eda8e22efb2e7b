use std::collections::VecDeque;

use super::{Keeper, from_share};
use crate::Id;
use crate::address::Contact;

/// So many times nearer than expected the K-th nearest node must be for it to be a crowd: by
/// chance that happens in one of 100,000 look-ups.
pub(super) const FACTOR: f64 = 8.0;
/// How far beyond where the K nearest should be everybody is asked.
const MARGIN: f64 = 1.5;
/// Times that the sibling prefixes are gone through: first with those who answered on the way,
/// then with those whom they named.
const ROUNDS: u8 = 2;
/// Nodes that are asked for each sibling prefix in a round.
const ASKED: usize = 3;

/// What to do about a crowd round a key: a vertical Sybil attack.
///
/// Nodes that are nearer to the key than any honest one fill every answer about the key with each
/// other. But honest nodes know their own neighbours, and they are where the size of the network
/// makes expect them. So they are asked for nodes near *other* ids, the key with one of the bits
/// flipped at which the neighbourhood begins; whoever turns up is asked about the key itself, and
/// is given to store what is stored, the crowd notwithstanding.
#[derive(Debug)]
pub(super) struct Crowd {
    horizon: Id,
    /// The bits that are flipped.
    bits: std::ops::Range<u32>,
    round: u8,
    probes: VecDeque<(Contact, Id)>,
    waiting: u32,
}

impl Crowd {
    pub(super) fn new(radius: f64) -> Self {
        let first = (1.0 / radius).log2().max(1.0) as u32;
        Self {
            horizon: from_share(radius * MARGIN),
            bits: first - 1..first + 3,
            round: 0,
            probes: VecDeque::new(),
            waiting: 0,
        }
    }

    pub(super) fn horizon(&self) -> Id {
        self.horizon
    }

    /// Whether there are probes to send or to wait for.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting > 0 || !self.probes.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<(Contact, Id)> {
        let probe = self.probes.pop_front()?;
        self.waiting += 1;
        Some(probe)
    }

    pub(super) fn probed(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Begins the next round; false after the last. There may be nobody to ask.
    pub(super) fn look_wider(&mut self, target: Id, answered: &[Contact]) -> bool {
        if self.round >= ROUNDS {
            return false;
        }
        self.round += 1;
        for bit in self.bits.clone() {
            let probe = target.flipped(bit);
            // Who is of the crowd is no help.
            let outside = |it: &&Contact| it.id.common_bits(target) < self.bits.end;
            let mut near: Vec<Contact> = answered.iter().filter(outside).copied().collect();
            near.sort_unstable_by_key(|it| it.id.distance(probe));
            self.probes.extend(near.into_iter().take(ASKED).map(|it| (it, probe)));
        }
        true
    }

    /// At most `limit` of `all`, as many as possible of each sibling prefix.
    pub(super) fn spread(&self, all: Vec<Keeper>, target: Id, limit: usize) -> Vec<Keeper> {
        let near = |it: &Keeper| it.contact.id.distance(target) <= self.horizon;
        let mut seen = [0usize; Id::BITS as usize + 1];
        let mut ranked: Vec<(usize, Keeper)> = Vec::new();
        for keeper in all.into_iter().filter(near) {
            let common = keeper.contact.id.common_bits(target).min(self.bits.end);
            let count = &mut seen[common as usize];
            ranked.push((*count, keeper));
            *count += 1;
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().take(limit).map(|(_, keeper)| keeper).collect()
    }
}
