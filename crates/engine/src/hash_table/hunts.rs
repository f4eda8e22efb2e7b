//! Torrents that are looked up for the session.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use dht::{Id, LookupId};

/// Peers that the table named.
#[derive(Debug)]
pub(crate) struct Found {
    /// The torrent.
    pub(crate) info_hash: Id,
    /// Who. They are hearsay.
    pub(crate) peers: Vec<SocketAddr>,
}

/// Look-ups that wait for a node to ask, and those under way.
#[derive(Debug, Default)]
pub(super) struct Hunts {
    waiting: BTreeSet<Id>,
    /// By member and look-up, with whether anybody was found.
    running: BTreeMap<(usize, LookupId), (Id, bool)>,
    /// In vain while the table was still coming together.
    early: BTreeSet<Id>,
}

impl Hunts {
    /// A torrent is to be looked up, unless that is under way.
    pub(super) fn add(&mut self, info_hash: Id) {
        if !self.running.values().any(|(running, _)| *running == info_hash) {
            self.waiting.insert(info_hash);
        }
    }

    /// The next to look up.
    pub(super) fn next(&mut self) -> Option<Id> {
        self.waiting.pop_first()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn begun(&mut self, key: (usize, LookupId), info_hash: Id) {
        self.running.insert(key, (info_hash, false));
    }

    pub(super) fn found(&mut self, key: (usize, LookupId)) {
        if let Some((_, found)) = self.running.get_mut(&key) {
            *found = true;
        }
    }

    /// A look-up is over. One in vain that came too early will be repeated.
    pub(super) fn ended(&mut self, key: (usize, LookupId), ready: bool) {
        if let Some((info_hash, false)) = self.running.remove(&key)
            && !ready
        {
            self.early.insert(info_hash);
        }
    }

    /// A torrent is not to be looked up any more: the look-ups of it that are under way.
    pub(super) fn forget(&mut self, info_hash: Id) -> Vec<(usize, LookupId)> {
        self.waiting.remove(&info_hash);
        self.early.remove(&info_hash);
        let running = self.running.extract_if(.., |_, (it, _)| *it == info_hash);
        running.map(|(key, _)| key).collect()
    }

    /// The table has come together.
    pub(super) fn ready(&mut self) {
        self.waiting.append(&mut self.early);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_is_not_looked_up_later() {
        let [waits, runs, came_early, stays] = [1, 2, 3, 4].map(|n| Id([n; 20]));
        let mut hunts = Hunts::default();
        let keys = [(0, LookupId(1)), (0, LookupId(2)), (1, LookupId(1))];
        hunts.begun(keys[0], came_early);
        hunts.ended(keys[0], false);
        hunts.begun(keys[1], runs);
        hunts.begun(keys[2], runs);
        hunts.add(waits);
        hunts.add(stays);
        assert_eq!(hunts.forget(waits), []);
        assert_eq!(hunts.forget(came_early), []);
        assert_eq!(hunts.forget(runs), keys[1..]);
        hunts.ended(keys[1], false);
        hunts.ready();
        assert_eq!((hunts.next(), hunts.next()), (Some(stays), None));
    }
}
