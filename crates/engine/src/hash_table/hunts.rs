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

    /// The table has come together.
    pub(super) fn ready(&mut self) {
        self.waiting.append(&mut self.early);
    }
}
