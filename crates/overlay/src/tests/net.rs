//! A few members, with messages that arrive at once and in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stdx::{Duration, Instant, Rng};

use crate::{Config, Event, Id, Kind, Message, Overlay};

pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) members: BTreeMap<u32, Overlay<u32>>,
    pub(super) dead: BTreeSet<u32>,
    /// Everything that was sent.
    pub(super) sent: Vec<(u32, u32, Message<u32>)>,
    pub(super) events: Vec<(u32, Event<u32>)>,
    /// Messages that are lost instead of delivered.
    pub(super) lose: fn(u32, u32, &Message<u32>) -> bool,
    /// Whether drivers tell of members that do not answer.
    pub(super) tell: bool,
}

impl Net {
    pub(super) fn new(count: u32, config: &Config) -> Self {
        let member = |number: u32| {
            let rng = Rng::new(number.into());
            (number, Overlay::new(number, config.clone(), rng, Instant::ZERO))
        };
        Self {
            now: Instant::ZERO,
            members: (0..count).map(member).collect(),
            dead: BTreeSet::new(),
            sent: Vec::new(),
            events: Vec::new(),
            lose: |_, _, _| false,
            tell: true,
        }
    }

    /// Members that join through number 0, one after another.
    pub(super) fn joined(count: u32, config: &Config) -> Self {
        let mut net = Self::new(count, config);
        for number in 1..count {
            net.with(number, |member, now| member.join(now, 0));
            net.pass(Duration::from_secs(1));
        }
        net
    }

    /// Members with just these edges, which stay as they are.
    pub(super) fn of_edges(count: u32, edges: &[(u32, u32)]) -> Self {
        let far = Duration::from_secs(1_000_000);
        let mut net = Self::new(count, &Config { period: far, ..Config::default() });
        for (one, other) in edges {
            net.with(*one, |member, now| member.handle_message(now, *other, Message::Accept));
            net.with(*other, |member, now| member.handle_message(now, *one, Message::Accept));
        }
        net.sent.clear();
        net
    }

    /// Does something with a member, and whatever follows at once.
    pub(super) fn with<T>(
        &mut self,
        number: u32,
        act: impl FnOnce(&mut Overlay<u32>, Instant) -> T,
    ) -> T {
        let now = self.now;
        let result = act(self.members.get_mut(&number).unwrap(), now);
        let mut open = VecDeque::from([number]);
        while let Some(number) = open.pop_front() {
            while let Some(transmit) = self.members.get_mut(&number).unwrap().poll_transmit() {
                let (to, message) = (transmit.to, transmit.message);
                self.sent.push((number, to, message.clone()));
                if self.dead.contains(&to) || !self.members.contains_key(&to) {
                    if self.tell {
                        self.members.get_mut(&number).unwrap().handle_failed(now, to);
                    }
                } else if !(self.lose)(number, to, &message) {
                    self.members.get_mut(&to).unwrap().handle_message(now, number, message);
                    open.push_back(to);
                }
            }
            while let Some(event) = self.members.get_mut(&number).unwrap().poll_event() {
                self.events.push((number, event));
            }
        }
        result
    }

    /// Lets time go by.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let living = self.members.iter().filter(|(number, _)| !self.dead.contains(number));
            let due = living.filter_map(|(number, it)| Some((it.poll_timeout()?, *number))).min();
            let Some((at, number)) = due.filter(|(at, _)| *at <= until) else {
                break;
            };
            self.now = self.now.max(at);
            self.with(number, Overlay::handle_timeout);
        }
        self.now = until;
    }

    pub(super) fn broadcast(&mut self, from: u32, name: u8) {
        self.with(from, |it, now| it.broadcast(now, id(name), [name])).unwrap();
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.sent.iter().filter(|(_, _, message)| message.kind() == kind).count()
    }

    /// Who received a broadcast.
    pub(super) fn delivered(&self, name: u8) -> Vec<u32> {
        let of = |event: &Event<u32>| match event {
            Event::Delivered { id: it, .. } => *it == id(name),
            _ => false,
        };
        let mut who: Vec<u32> =
            self.events.iter().filter(|(_, it)| of(it)).map(|(who, _)| *who).collect();
        who.sort_unstable();
        who
    }

    /// The neighbours of a member, in order.
    pub(super) fn neighbours(&self, number: u32) -> Vec<u32> {
        let mut all = self.members[&number].neighbours().to_vec();
        all.sort_unstable();
        all
    }

    /// Every edge is known at both ends, and what is held keeps to its limits.
    pub(super) fn check(&self, config: &Config) {
        for (number, member) in self.members.iter().filter(|(it, _)| !self.dead.contains(it)) {
            let neighbours = member.neighbours();
            assert!(neighbours.len() <= config.active_high, "{number} has {neighbours:?}");
            assert!(member.reserve().len() <= config.passive);
            for other in neighbours {
                let back = self.members[other].neighbours();
                assert!(back.contains(number), "{other} does not know {number}");
                assert!(!member.reserve().contains(other), "{other} is in both views");
            }
        }
    }

    /// Members that can be reached from one over edges.
    pub(super) fn reachable(&self, from: u32) -> usize {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(number) = open.pop() {
            if !self.dead.contains(&number) && seen.insert(number) {
                open.extend(self.members[&number].neighbours());
            }
        }
        seen.len()
    }
}

pub(super) fn id(name: u8) -> Id {
    Id([name; 20])
}
