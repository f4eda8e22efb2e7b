//! What the session asks for, handed on.

use std::sync::Arc;

use announce::{Event as Announced, Failure};
use peer::Peer;
use session::{Announce, Connect, Event, STOP_TIMEOUT};

use super::{EVENTS_MAX, Input, Mind};
use crate::dropped::Dropped;
use crate::greet::Hello;
use crate::link::LinkInput;
use crate::stream::Transport;

impl Mind {
    pub(super) fn drain(&mut self) {
        while let Some((conn, order)) = self.session.poll_order() {
            let Some(link) = self.links.get(&conn) else {
                continue;
            };
            if !link.put(LinkInput::Order(order)) {
                // It doesn't keep up and will end, or it has ended already. Either way it says so.
                tracing::debug!(?conn, "a connection does not take its orders");
                self.links.remove(&conn);
            }
        }
        while let Some(connect) = self.session.poll_connect() {
            self.connect(connect);
        }
        while let Some(open) = self.session.poll_mirror() {
            self.open_mirror(open);
        }
        while let Some(op) = self.session.poll_disk() {
            self.around.disk.submit(op);
        }
        while let Some(announce) = self.session.poll_announce() {
            self.announce(announce);
        }
        while let Some(order) = self.session.poll_dht() {
            if let Some(wishes) = &self.wishes {
                wishes.add(order);
            }
        }
        while let Some(announce) = self.session.poll_neighbourly(self.around.clock.now()) {
            if let Some(local) = &self.local {
                local.say(announce);
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.tell(event);
        }
        // Of more, it is heard when those before have been taken up: each leads to a command.
        while let Some(wakes) = self.wakes.as_ref().filter(|it| it.capacity() > 0)
            && let Some(torrent) = self.session.poll_wake()
        {
            let _ended = wakes.try_send(torrent);
        }
        let allowed = self.session.reading_allowed();
        self.reading.send_if_modified(|reading| std::mem::replace(reading, allowed) != allowed);
    }

    fn connect(&mut self, connect: Connect) {
        let (conn, addr, mind) = (connect.conn, connect.addr, self.around.mind.clone());
        let mut dialer = self.dialer.clone();
        let hash = connect.torrent.hashes.handshake_hashes().next();
        let words = Peer::hello(&self.peer_config, &connect.torrent);
        let hello = hash.zip(words).map(|(hash, words)| Hello { hash, words });
        if connect.punch {
            dialer.transport = Transport::Utp;
            tracing::debug!(%addr, "connecting on a third's word");
        }
        self.opening.insert(conn, connect);
        self.spawn(async move {
            let stream = dialer.connect(addr, hello).await;
            let _gone = mind.send(Input::Connected(conn, stream)).await;
        });
    }

    fn announce(&mut self, announce: Announce) {
        let (trackers, mind) = (Arc::clone(&self.trackers), self.around.mind.clone());
        self.spawn(async move {
            let Announce { id, url, request } = announce;
            let stopped = request.event == Announced::Stopped;
            let asked = trackers.announce(&url, request);
            let result = if stopped {
                let late = |_| Err(Failure::new(b"no answer in time"));
                tokio::time::timeout(STOP_TIMEOUT, asked).await.unwrap_or_else(late)
            } else {
                asked.await
            };
            let _gone = mind.send(Input::Announced(id, result)).await;
        });
    }

    fn tell_dropped(&self, dropped: Dropped) {
        let Dropped { address, reason, banned, times } = &dropped;
        if *banned {
            tracing::warn!(times, "dropped {address}: {reason}");
        } else {
            tracing::info!(times, "dropped {address}: {reason}");
        }
        // Nobody may be listening.
        let _nobody = self.dropped.send(dropped);
    }

    fn tell(&mut self, event: Event) {
        let torrent = match &event {
            // The first two are too many, and nobody waits for them; a ban is told as a drop, too.
            Event::PieceDone { .. } | Event::Durable { .. } | Event::PeerBanned { .. } => return,
            Event::PieceFailed { piece, .. } => {
                return tracing::warn!(%piece, "a piece came damaged and is fetched again");
            }
            Event::PeerDropped { addr, reason, banned, times } => {
                let dropped = Dropped {
                    address: *addr,
                    reason: reason.clone(),
                    banned: *banned,
                    times: *times,
                };
                return self.tell_dropped(dropped);
            }
            Event::TrackerWarning { url, message, .. } => {
                return tracing::warn!(%url, "the tracker says: {message}");
            }
            Event::TrackerFailed { url, message, .. } => {
                return tracing::warn!(%url, "the tracker failed: {message}");
            }
            Event::MirrorFailed { torrent, url, message, left_out } => {
                // Whoever waits for the torrent tells people.
                tracing::info!(%url, left_out, "mirror: {message}");
                *torrent
            }
            Event::MetadataReady { torrent, .. }
            | Event::LayerReady { torrent }
            | Event::LayersReady { torrent }
            | Event::Complete { torrent }
            | Event::ContentChanged { torrent, .. }
            | Event::ContentVerified { torrent, .. }
            | Event::Failed { torrent, .. }
            | Event::Asleep { torrent }
            | Event::Stopped { torrent, .. } => *torrent,
        };
        if let Event::Stopped { hashes, .. } = &event {
            self.keys.send_modify(|keys| Arc::make_mut(keys).remove(torrent, hashes));
        }
        let over = matches!(event, Event::Stopped { .. } | Event::Asleep { .. });
        if over {
            self.around.disk.detach(torrent);
        }
        let Some(listener) = self.listeners.get(&torrent) else {
            return;
        };
        // A thousand small files make a thousand of these; one that waits stands for all.
        if matches!(event, Event::LayerReady { .. }) && listener.capacity() < EVENTS_MAX {
            return;
        }
        if listener.try_send(event).is_err() {
            tracing::debug!(?torrent, "nobody takes the torrent's events");
        }
        if over {
            // Should its event have found no room, the end of the channel says the same.
            self.listeners.remove(&torrent);
        }
    }
}
