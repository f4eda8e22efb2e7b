//! Who gave what: kept beyond the connections, for the summary at the end.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use stdx::PeerId;

use crate::Source;

/// Peers remembered for each torrent; the bytes of further ones are counted together.
pub(crate) const SOURCES_MAX: usize = 4_096;

/// The peers of one torrent.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    met: BTreeMap<PeerId, Source>,
}

impl Sources {
    /// Notes the handshake of a peer.
    pub(crate) fn meet(&mut self, peer_id: PeerId, addr: SocketAddr) {
        if self.met.len() < SOURCES_MAX || self.met.contains_key(&peer_id) {
            let source = self.met.entry(peer_id).or_insert_with(|| empty(peer_id));
            source.address = addr.to_string();
        }
    }

    /// Notes what a peer says of itself.
    pub(crate) fn describe(&mut self, peer_id: PeerId, client: Option<&str>, uplink: Option<u64>) {
        if let Some(source) = self.met.get_mut(&peer_id) {
            source.client = client.map(str::to_owned).or(source.client.take());
            source.uplink = uplink.or(source.uplink);
        }
    }

    /// Counts payload.
    pub(crate) fn count(&mut self, peer_id: PeerId, received: u64, sent: u64) {
        let known = self.met.contains_key(&peer_id);
        // The nameless one stands for all that there was no room for.
        let key = if known { peer_id } else { PeerId::default() };
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
}

fn empty(peer_id: PeerId) -> Source {
    let address = "others".to_owned();
    Source { peer_id, address, client: None, received: 0, sent: 0, uplink: None }
}
