use std::collections::VecDeque;

use stdx::{Instant, Rng};

use crate::{Address, Config};

/// A neighbour, and when it was heard last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour<A> {
    pub(crate) address: A,
    pub(crate) heard: Instant,
}

/// What became of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<A> {
    Up(A),
    Down(A),
}

/// The neighbours and the reserve: nobody is in both, nobody is there twice, and this member is
/// in neither.
#[derive(Debug)]
pub(crate) struct Views<A> {
    me: A,
    active: Vec<Neighbour<A>>,
    passive: Vec<A>,
    passive_limit: usize,
    changes: VecDeque<Change<A>>,
}

impl<A: Address> Views<A> {
    pub(crate) fn new(me: A, config: &Config) -> Self {
        Self {
            me,
            active: Vec::new(),
            passive: Vec::new(),
            passive_limit: config.passive,
            changes: VecDeque::new(),
        }
    }

    pub(crate) fn active(&self) -> &[Neighbour<A>] {
        &self.active
    }

    pub(crate) fn passive(&self) -> &[A] {
        &self.passive
    }

    pub(crate) fn is_active(&self, address: A) -> bool {
        self.active.iter().any(|it| it.address == address)
    }

    pub(crate) fn poll_change(&mut self) -> Option<Change<A>> {
        self.changes.pop_front()
    }

    /// Notes that somebody was heard; whether it is a neighbour.
    pub(crate) fn hear(&mut self, now: Instant, from: A) -> bool {
        let found = self.active.iter_mut().find(|it| it.address == from);
        found.map(|it| it.heard = now).is_some()
    }

    /// Makes somebody a neighbour; for there to be room is up to the caller.
    pub(crate) fn adopt(&mut self, now: Instant, address: A) {
        if address == self.me || self.is_active(address) {
            return;
        }
        self.passive.retain(|it| *it != address);
        self.active.push(Neighbour { address, heard: now });
        self.changes.push_back(Change::Up(address));
    }

    /// Puts a neighbour into the reserve.
    pub(crate) fn retire(&mut self, address: A, rng: &mut Rng) {
        if self.is_active(address) {
            self.forget(address);
            self.reserve(address, &mut Vec::new(), rng);
        }
    }

    /// Drops somebody from wherever it is.
    pub(crate) fn forget(&mut self, address: A) {
        self.passive.retain(|it| *it != address);
        if let Some(place) = self.active.iter().position(|it| it.address == address) {
            self.active.swap_remove(place);
            self.changes.push_back(Change::Down(address));
        }
    }

    /// Puts somebody new into the reserve. When it is full, one of `first` makes room, or
    /// anybody.
    pub(crate) fn reserve(&mut self, address: A, first: &mut Vec<A>, rng: &mut Rng) {
        if address == self.me || self.is_active(address) || self.passive.contains(&address) {
            return;
        }
        if self.passive.len() >= self.passive_limit {
            let known = std::iter::from_fn(|| first.pop())
                .find_map(|it| self.passive.iter().position(|other| *other == it));
            self.passive.swap_remove(known.unwrap_or_else(|| rng.index(self.passive.len())));
        }
        self.passive.push(address);
    }

    pub(crate) fn random_active(&self, but: &[A], rng: &mut Rng) -> Option<A> {
        pick(self.active.iter().map(|it| it.address), but, rng)
    }

    pub(crate) fn random_passive(&self, but: &[A], rng: &mut Rng) -> Option<A> {
        pick(self.passive.iter().copied(), but, rng)
    }

    /// So many different neighbours, none of them `but`, and then so many of the reserve.
    pub(crate) fn sample(&self, active: usize, passive: usize, but: A, rng: &mut Rng) -> Vec<A> {
        let others = self.active.iter().map(|it| it.address).filter(|it| *it != but);
        let mut sample = draw(others, active, rng);
        let reserve = self.passive.iter().copied().filter(|it| *it != but);
        sample.extend(draw(reserve, passive, rng));
        sample
    }
}

/// One of `from` that is none of `but`.
fn pick<A: Address>(from: impl Iterator<Item = A> + Clone, but: &[A], rng: &mut Rng) -> Option<A> {
    let mut fit = from.filter(|it| !but.contains(it));
    let count = fit.clone().count();
    if count == 0 {
        return None;
    }
    fit.nth(rng.index(count))
}

/// At most `count` different ones of `from`.
fn draw<A: Address>(from: impl Iterator<Item = A>, count: usize, rng: &mut Rng) -> Vec<A> {
    let mut all: Vec<A> = from.collect();
    let count = count.min(all.len());
    for place in 0..count {
        let other = place + rng.index(all.len() - place);
        all.swap(place, other);
    }
    all.truncate(count);
    all
}
