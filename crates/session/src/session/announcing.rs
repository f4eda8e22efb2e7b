use announce::{AnnounceResponse, Failure};
use stdx::{Instant, TorrentId};
use swarm::Origin;

use super::Session;
use crate::announces::Kind;
use crate::trackers::Trackers;
use crate::{Announce, AnnounceId, Event};

/// What trackers are told, and what they say.
impl Session {
    /// The next announce to make; [`crate::ANNOUNCES_MAX`] are under way at once.
    pub fn poll_announce(&mut self) -> Option<Announce> {
        self.announces.poll()
    }

    /// Takes the answer to an announce, or why there is none. Answers that come too late, or for
    /// a torrent that is gone, say nothing any more.
    pub fn handle_announce(
        &mut self,
        now: Instant,
        id: AnnounceId,
        result: Result<AnnounceResponse, Failure>,
    ) {
        self.announces.end(id);
        let event = self.trackers_of(id.torrent).and_then(|it| said(it, id, &result));
        self.events.extend(event);
        let seen = result.as_ref().ok().and_then(|response| response.external_ip);
        if let Ok(response) = &result {
            self.take_peers(now, id.torrent, response);
        }
        if let Some(trackers) = self.trackers_of_mut(id.torrent) {
            trackers.handle_response(now, id, result);
            if let Some(news) = seen.and_then(|ip| self.outside.hear_tracker(id.torrent, ip)) {
                self.tell_outside(news);
            }
            self.touch(id.torrent);
        }
        self.pump(now);
    }

    /// The trackers of a torrent, awake or asleep.
    pub(super) fn trackers_of(&self, id: TorrentId) -> Option<&Trackers> {
        let torrent = self.torrents.get(&id).map(|it| &it.trackers);
        torrent.or_else(|| self.sleepers.get(id).map(|it| &it.trackers))
    }

    fn trackers_of_mut(&mut self, id: TorrentId) -> Option<&mut Trackers> {
        let torrent = self.torrents.get_mut(&id).map(|it| &mut it.trackers);
        torrent.or_else(|| self.sleepers.get_mut(id).map(|it| &mut it.trackers))
    }

    fn take_peers(&mut self, now: Instant, id: TorrentId, response: &AnnounceResponse) {
        let peers = || response.peers.iter().copied();
        let is_private = if let Some(torrent) = self.torrents.get_mut(&id) {
            if !torrent.is_open() {
                return;
            }
            torrent.swarm.add_candidates(now, peers(), Origin::Tracker);
            torrent.is_private()
        } else if let Some(sleeper) = self.sleepers.get(id) {
            let private = sleeper.private;
            // Seeds alone have nothing to ask of a seed.
            if response.leechers != Some(0) {
                self.hear_of(now, id, peers(), Origin::Tracker);
            }
            private
        } else {
            return;
        };
        // A peer is often a node, too.
        if let Some(finder) = self.finder.as_mut().filter(|_| !is_private) {
            finder.add_nodes(peers());
        }
    }

    /// Has a torrent said what it has to say, as far as there is room.
    pub(super) fn announce(&mut self, now: Instant, id: TorrentId) {
        self.announces.forget(id);
        let is_due = |trackers: &Trackers| trackers.poll_timeout().is_some_and(|at| at <= now);
        let torrent = self.torrents.get_mut(&id).filter(|it| is_due(&it.trackers));
        let sleeper = self.sleepers.get_mut(id).filter(|it| is_due(&it.trackers));
        let (trackers, progress, kind) = match (torrent, sleeper) {
            (Some(torrent), _) => {
                let (progress, kind) = (torrent.progress(), Kind::of(torrent.is_stopping()));
                (&mut torrent.trackers, progress, kind)
            }
            (None, Some(sleeper)) => {
                let (progress, kind) = (sleeper.progress(), Kind::of(sleeper.is_stopping()));
                (&mut sleeper.trackers, progress, kind)
            }
            (None, None) => return,
        };
        while self.announces.has_room(kind) {
            let Some(announce) = trackers.poll(now, &progress) else { return };
            self.announces.begin(kind, announce);
        }
        self.announces.wait(kind, id);
    }

    /// Gives the room that answers have left to those who wait for it.
    pub(super) fn give_turns(&mut self, now: Instant) {
        for kind in Kind::ALL {
            while let Some(id) = self.announces.next(kind) {
                self.announce(now, id);
                self.set_timer(now, id);
            }
        }
    }
}

/// What a person should read of a tracker's answer. What it said last time, or for the torrent's
/// other info-hash, is no news.
fn said(
    trackers: &Trackers,
    id: AnnounceId,
    result: &Result<AnnounceResponse, Failure>,
) -> Option<Event> {
    let url = trackers.url(id)?.clone();
    let known = |message: &str| {
        let mut all = trackers.status().filter(|status| *status.url == url);
        all.any(|status| status.message == Some(message))
    };
    let (message, failed) = match result {
        Ok(response) => (response.warning.clone()?, false),
        Err(failure) => (failure.reason.clone(), true),
    };
    if known(&message) {
        return None;
    }
    let torrent = id.torrent;
    Some(if failed {
        Event::TrackerFailed { torrent, url, message }
    } else {
        Event::TrackerWarning { torrent, url, message }
    })
}
