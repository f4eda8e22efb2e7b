//! Who gave what: kept beyond the connections, for the summary at the end.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use stdx::PeerId;

use crate::Source;

/// Peers remembered for each torrent; the bytes of further ones are counted together.
pub(crate) const SOURCES_MAX: usize = 4_096;

/// The peers of one torrent.
///
/// Who connects both ways, or again, may name itself differently each time (libtorrent does): it
/// is known by where it listens.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    met: BTreeMap<PeerId, Source>,
    /// Where peers listen.
    listeners: BTreeMap<SocketAddr, PeerId>,
    /// Further names of peers.
    aliases: BTreeMap<PeerId, PeerId>,
}

impl Sources {
    /// Notes the handshake of a peer.
    pub(crate) fn meet(&mut self, peer_id: PeerId, addr: SocketAddr) {
        let key = self.key(peer_id);
        if self.met.len() < SOURCES_MAX && !self.met.contains_key(&key) {
            self.met.insert(key, Source { address: addr.to_string(), ..empty(key) });
        }
    }

    /// Notes where a peer listens: whoever listens there is the same.
    pub(crate) fn locate(&mut self, peer_id: PeerId, listen: SocketAddr) {
        let key = self.key(peer_id);
        if !self.met.contains_key(&key) || self.aliases.len() >= SOURCES_MAX {
            return;
        }
        let known = self.listeners.get(&listen).map(|&first| self.key(first));
        let first = known.filter(|first| self.met.contains_key(first)).unwrap_or(key);
        if first != key
            && let Some(same) = self.met.remove(&key)
        {
            self.aliases.insert(key, first);
            self.count(first, same.received, same.sent);
            self.describe(first, same.client.as_deref(), same.uplink);
            if let Some(whole) = same.began_whole {
                self.begin(first, whole);
            }
        }
        if known.is_some() || self.listeners.len() < SOURCES_MAX {
            self.listeners.insert(listen, first);
        }
        if let Some(source) = self.met.get_mut(&first) {
            source.address = listen.to_string();
        }
    }

    /// Notes what a peer says of itself.
    pub(crate) fn describe(&mut self, peer_id: PeerId, client: Option<&str>, uplink: Option<u64>) {
        let key = self.key(peer_id);
        if let Some(source) = self.met.get_mut(&key) {
            source.client = client.map(str::to_owned).or(source.client.take());
            source.uplink = uplink.or(source.uplink);
        }
    }

    /// Notes whether a peer has everything, when it says so for the first time.
    pub(crate) fn begin(&mut self, peer_id: PeerId, whole: bool) {
        let key = self.key(peer_id);
        if let Some(source) = self.met.get_mut(&key) {
            source.began_whole.get_or_insert(whole);
        }
    }

    /// Counts payload.
    pub(crate) fn count(&mut self, peer_id: PeerId, received: u64, sent: u64) {
        let key = self.key(peer_id);
        // The nameless one stands for all that there was no room for.
        let key = if self.met.contains_key(&key) { key } else { PeerId::default() };
        let source = self.met.entry(key).or_insert_with(|| empty(key));
        source.received += received;
        source.sent += sent;
    }

    /// Everybody, who gave most first.
    pub(crate) fn list(&self) -> Vec<Source> {
        let mut list: Vec<Source> = self.met.values().cloned().collect();
        list.sort_by_key(|source| (Reverse(source.received), source.peer_id));
        list
    }

    /// The name that a peer goes by here.
    fn key(&self, mut peer_id: PeerId) -> PeerId {
        // Only who has a place of its own is made another's alias, so this ends.
        while let Some(&other) = self.aliases.get(&peer_id) {
            peer_id = other;
        }
        peer_id
    }
}

fn empty(peer_id: PeerId) -> Source {
    let address = "others".to_owned();
    let (client, uplink, began_whole) = (None, None, None);
    let (is_mirror, received, sent) = (false, 0, 0);
    Source { peer_id, is_mirror, address, client, received, sent, uplink, began_whole }
}

#[cfg(test)]
mod tests;
