//! Torrents that are kept announced.

use std::collections::{BTreeMap, BTreeSet};

use stdx::{Duration, Instant};

use super::Dht;
use super::jobs::Goal;
use crate::address::Family;
use crate::table::K;
use crate::{Error, Id, LookupId};

/// Torrents that are announced, at most.
pub const ANNOUNCES_MAX: usize = 100_000;
/// Announces under way at once.
const AT_ONCE: usize = 4;
/// Time between two starts.
const APART: Duration = Duration::from_millis(50);
/// Torrents that are announced at once after a start; the others follow one after another.
const FIRST: usize = 8;
/// Time that each of the others adds to the span over which they are spread.
const SPREAD: Duration = Duration::from_millis(250);
/// Time until a torrent is announced again, give or take a fifth; and at most when nobody took it.
const AGAIN: Duration = Duration::from_mins(15);
const RETRY: Duration = Duration::from_mins(1);
/// The same when fewer took it than should, or before the table had come together: whoever looks
/// for it soon may not ask those few. It doubles each time, for the network may have no more.
const SOON: Duration = Duration::from_secs(5);
const POOR_MAX: i32 = 16;
/// Time after which it is looked again whether anybody is known.
const WAIT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
struct Announce {
    port: Option<u16>,
    seed: bool,
    due: Instant,
    /// How often in a row fewer took it than should.
    poor: i32,
}

/// Which torrents are kept announced, and when it is each one's turn: a few at a time, and never
/// all at the same moment, after a restart neither.
#[derive(Debug, Default)]
pub(super) struct Announces {
    all: BTreeMap<Id, Announce>,
    /// Those that are not being announced.
    due: BTreeSet<(Instant, Id)>,
    running: BTreeMap<LookupId, Id>,
    next_start: Instant,
}

impl Announces {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let (due, _) = self.due.first().filter(|_| self.running.len() < AT_ONCE)?;
        Some(self.next_start.max(*due))
    }

    fn schedule(&mut self, info_hash: Id, due: Instant) {
        if let Some(announce) = self.all.get_mut(&info_hash) {
            self.due.remove(&(announce.due, info_hash));
            announce.due = due;
            self.due.insert((due, info_hash));
        }
    }
}

impl Dht {
    /// Keeps a torrent announced: at once if possible, and every quarter of an hour. `port` is
    /// where peers connect to; `None` means the port that datagrams of this node come from, which
    /// holds behind a NAT, too. Peers that turn up are told as [`crate::Event::Peers`], and after
    /// each round comes an [`crate::Event::Ended`].
    pub fn announce(
        &mut self,
        now: Instant,
        info_hash: Id,
        port: Option<u16>,
        seed: bool,
    ) -> Result<(), Error> {
        let announces = &mut self.announces;
        let count = announces.all.len();
        match announces.all.get_mut(&info_hash) {
            Some(announce) => {
                (announce.port, announce.seed) = (port, seed);
                return Ok(());
            }
            None if count >= ANNOUNCES_MAX => return Err(Error::TooManyAnnounces),
            None => {}
        }
        let due =
            if count < FIRST { now } else { now + SPREAD.mul_f64(count as f64 * self.rng.unit()) };
        announces.all.insert(info_hash, Announce { port, seed, due, poor: 0 });
        announces.due.insert((due, info_hash));
        self.run_announces(now);
        Ok(())
    }

    /// Announces a torrent no more. What others hold of it expires.
    pub fn withdraw(&mut self, info_hash: Id) {
        if let Some(announce) = self.announces.all.remove(&info_hash) {
            self.announces.due.remove(&(announce.due, info_hash));
        }
    }

    pub(super) fn run_announces(&mut self, now: Instant) {
        while self.announces.poll_timeout().is_some_and(|at| at <= now) {
            if self.nets.iter().flatten().all(|net| net.table.good() == 0) {
                self.announces.next_start = now + WAIT;
                return;
            }
            let announces = &mut self.announces;
            let Some((_, info_hash)) = announces.due.pop_first() else {
                return;
            };
            announces.next_start = now + APART;
            let Some(Announce { port, seed, .. }) = announces.all.get(&info_hash).copied() else {
                continue;
            };
            let lookup = LookupId(self.next_lookup);
            announces.running.insert(lookup, info_hash);
            self.start(now, info_hash, Goal::Announce { port, seed }, &Family::ALL);
        }
    }

    pub(super) fn announce_ended(&mut self, now: Instant, lookup: LookupId, stored: u32) {
        let Some(info_hash) = self.announces.running.remove(&lookup) else {
            return;
        };
        let ready = self.nets.iter().flatten().any(|net| net.ready);
        let Some(announce) = self.announces.all.get_mut(&info_hash) else {
            return;
        };
        let most = if stored > 0 { AGAIN } else { RETRY };
        let pause = if ready && stored >= K as u32 {
            announce.poor = 0;
            AGAIN
        } else {
            announce.poor = (announce.poor + 1).min(POOR_MAX);
            SOON.mul_f64(2f64.powi(announce.poor - 1)).min(most)
        };
        let due = now + pause.mul_f64(0.8 + 0.4 * self.rng.unit());
        self.announces.schedule(info_hash, due);
    }
}
