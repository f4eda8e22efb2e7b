use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stdx::{Instant, Rng};

use crate::member::Out;
use crate::{Address, Config, Error, Event, Id, Message, SearchId};

use self::routes::Routes;

mod routes;
mod walkers;

/// Searches of one member at a time.
pub const SEARCHES_MAX: usize = 64;
/// Keys that one member holds.
pub const HELD_KEYS_MAX: usize = 65_536;
/// Walkers that one search sends out at most.
pub const WALKERS_MAX: u16 = 64;
/// Steps after which a walker asks its origin whether to go on.
pub const CHECK_EVERY: u16 = 4;
/// Hops that a flooded question may have left.
const FLOOD_TTL_MAX: u8 = 32;
/// Hops that a walker may have left.
const WALK_TTL_MAX: u16 = 1_024;
/// Walkers that wait here for their origins' word.
const WAITING_MAX: usize = 256;
/// Answers to one question that are passed back.
const ANSWERS_MAX: u8 = 8;

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Ask all neighbours, who ask all of theirs, and so on; nobody asks twice.
    Flood {
        /// Hops from the origin.
        ttl: u8,
    },
    /// Send walkers out at random.
    Walk {
        /// So many, at most [`WALKERS_MAX`].
        walkers: u16,
        /// Hops of each.
        ttl: u16,
    },
}

/// What this member holds, what it looks for, and the questions of others that come by.
#[derive(Debug)]
pub(crate) struct Search<A> {
    me: A,
    config: Config,
    held: BTreeSet<Id>,
    mine: BTreeMap<SearchId, Instant>,
    routes: Routes<A>,
    /// Walkers that wait to hear whether to go on, and until when; the first waits longest.
    waiting: VecDeque<(Instant, u32, Walker<A>)>,
    next_walker: u32,
}

/// A walker on its way.
#[derive(Clone, Copy, Debug)]
struct Walker<A> {
    search: SearchId,
    key: Id,
    origin: A,
    ttl: u16,
    hops: u16,
    /// Where it came from.
    from: A,
}

impl<A: Address> Search<A> {
    pub(crate) fn new(me: A, config: Config) -> Self {
        Self {
            me,
            config,
            held: BTreeSet::new(),
            mine: BTreeMap::new(),
            routes: Routes::default(),
            waiting: VecDeque::new(),
            next_walker: 0,
        }
    }

    pub(crate) fn hold(&mut self, key: Id) -> Result<(), Error> {
        if self.held.len() >= HELD_KEYS_MAX && !self.held.contains(&key) {
            return Err(Error::TooManyKeys);
        }
        self.held.insert(key);
        Ok(())
    }

    pub(crate) fn release(&mut self, key: Id) {
        self.held.remove(&key);
    }

    pub(crate) fn start(
        &mut self,
        now: Instant,
        key: Id,
        how: How,
        neighbours: &[A],
        rng: &mut Rng,
        out: &mut Out<A>,
    ) -> Result<SearchId, Error> {
        if self.mine.len() >= SEARCHES_MAX {
            return Err(Error::TooManySearches);
        }
        let search = SearchId(rng.next_u64());
        if self.held.contains(&key) {
            out.event(Event::Found { search, holder: self.me, hops: 0 });
            return Ok(search);
        }
        self.mine.insert(search, now + self.config.search_timeout);
        match how {
            How::Flood { ttl: 0 } | How::Walk { ttl: 0, .. } => {}
            How::Flood { ttl } => {
                // Its own question, come back, is known.
                self.routes.learn(search, self.me);
                for to in neighbours {
                    let ttl = ttl.min(FLOOD_TTL_MAX) - 1;
                    out.send(*to, Message::Query { search, key, ttl, hops: 1 });
                }
            }
            How::Walk { walkers, ttl } => {
                let ttl = ttl.min(WALK_TTL_MAX) - 1;
                let mut order = neighbours.to_vec();
                rng.shuffle(&mut order);
                let ways = order.iter().cycle().take(walkers.min(WALKERS_MAX).into());
                for to in ways {
                    let origin = self.me;
                    out.send(*to, Message::Walk { search, key, origin, ttl, hops: 1 });
                }
            }
        }
        Ok(search)
    }

    /// A message of those that are about searches; others are not touched.
    pub(crate) fn handle_message(
        &mut self,
        now: Instant,
        from: A,
        message: &Message<A>,
        neighbours: &[A],
        rng: &mut Rng,
        out: &mut Out<A>,
    ) {
        match *message {
            Message::Query { search, key, ttl, hops } => {
                let ttl = ttl.min(FLOOD_TTL_MAX);
                self.handle_query(from, search, key, (ttl, hops), neighbours, out);
            }
            Message::Answer { search, holder, hops } => {
                self.handle_answer(search, holder, hops, out);
            }
            Message::Walk { search, key, origin, ttl, hops } if origin != self.me => {
                let ttl = ttl.min(WALK_TTL_MAX);
                let walker = Walker { search, key, origin, ttl, hops, from };
                self.handle_walk(now, walker, neighbours, rng, out);
            }
            // Back where it started, it goes on as anywhere, while there is a point in it.
            Message::Walk { search, key, origin, ttl, hops } if self.mine.contains_key(&search) => {
                let ttl = ttl.min(WALK_TTL_MAX);
                let walker = Walker { search, key, origin, ttl, hops, from };
                walkers::step(walker, neighbours, rng, out);
            }
            Message::Check { search, walker } if self.mine.contains_key(&search) => {
                out.send(from, Message::GoOn { search, walker });
            }
            Message::GoOn { search, walker } => {
                self.handle_go_on(from, search, walker, neighbours, rng, out);
            }
            Message::Found { search, hops } => self.found(search, from, hops, out),
            _ => {}
        }
    }

    fn handle_query(
        &mut self,
        from: A,
        search: SearchId,
        key: Id,
        (ttl, hops): (u8, u8),
        neighbours: &[A],
        out: &mut Out<A>,
    ) {
        if !self.routes.learn(search, from) {
            return;
        }
        if self.held.contains(&key) {
            out.send(from, Message::Answer { search, holder: self.me, hops });
            return;
        }
        if ttl > 0 {
            for to in neighbours.iter().filter(|to| **to != from) {
                let hops = hops.saturating_add(1);
                out.send(*to, Message::Query { search, key, ttl: ttl - 1, hops });
            }
        }
    }

    fn handle_answer(&mut self, search: SearchId, holder: A, hops: u8, out: &mut Out<A>) {
        if self.mine.contains_key(&search) {
            self.found(search, holder, hops.into(), out);
        } else if let Some(back) = self.routes.back(search)
            && back != self.me
        {
            out.send(back, Message::Answer { search, holder, hops });
        }
    }

    fn found(&mut self, search: SearchId, holder: A, hops: u16, out: &mut Out<A>) {
        if self.mine.remove(&search).is_some() {
            out.event(Event::Found { search, holder, hops });
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Out<A>) {
        while self.waiting.pop_front_if(|(until, _, _)| *until <= now).is_some() {}
        let over: Vec<SearchId> =
            self.mine.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        for search in over {
            self.mine.remove(&search);
            out.event(Event::NotFound { search });
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.waiting.front().map(|(until, _, _)| *until);
        self.mine.values().copied().chain(waiting).min()
    }
}
