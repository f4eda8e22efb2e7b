use std::net::SocketAddr;

use lsd::Announce;
use stdx::{Instant, TorrentId};
use swarm::Origin;

use super::Session;

/// Peers on the same network (BEP 14).
impl Session {
    /// Takes a datagram that somebody sent to everybody around.
    pub fn handle_neighbour(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) {
        let Some(lsd) = &mut self.lsd else { return };
        for (hash, peer) in lsd.handle_datagram(now, source, datagram) {
            if let Some(torrent) = self.find(&hash) {
                self.hear_of(now, torrent, [peer], Origin::Lsd);
                self.add_peers(now, torrent, [peer], Origin::Lsd);
            }
        }
    }

    /// The next thing to tell everybody around. The port is where the driver listens on the
    /// interface that it goes out by.
    pub fn poll_neighbourly(&mut self, now: Instant) -> Option<Announce> {
        self.lsd.as_mut()?.poll_announce(now)
    }

    /// Has a torrent told to the neighbourhood while it takes peers in, and never a private one
    /// (BEP 27).
    pub(super) fn tell_neighbours(&mut self, now: Instant, id: TorrentId) {
        let Some(lsd) = &mut self.lsd else { return };
        let torrent = self.torrents.get(&id).map(|torrent| {
            (torrent.is_open() && !torrent.swarm.is_private(), torrent.swarm.hashes())
        });
        let sleeper = self.sleepers.get(id).map(|it| (!it.is_stopping() && !it.private, it.hashes));
        let Some((told, hashes)) = torrent.or(sleeper) else { return };
        for hash in hashes.handshake_hashes() {
            if told {
                lsd.add(now, hash);
            } else {
                lsd.remove(&hash);
            }
        }
    }
}
