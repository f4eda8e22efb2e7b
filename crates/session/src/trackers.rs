//! A torrent's announces: one schedule for each of its info-hashes (BEP 12, BEP 52).

use announce::{
    AnnounceRequest, AnnounceResponse, Failure, Identity, Progress, TierMode, Tiers, TrackerStatus,
    TrackerUrl,
};
use hash::Sha1Digest;
use metainfo::InfoHashes;
use stdx::{Instant, PeerId, Rng, TorrentId};

/// Names one announce of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnnounceId {
    /// The torrent.
    pub torrent: TorrentId,
    /// Which of the torrent's schedules.
    pub schedule: u8,
    /// Which announce of the schedule.
    pub announce: announce::AnnounceId,
}

/// An announce to make, by HTTP or UDP as the address says. Every one of them must be answered
/// by [`crate::Session::handle_announce`] some time; give `stopped` announces 3 seconds at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// To be returned with the answer.
    pub id: AnnounceId,
    /// The tracker.
    pub url: TrackerUrl,
    /// What to tell it.
    pub request: AnnounceRequest,
}

/// Who we are to trackers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announcer {
    pub(crate) peer_id: PeerId,
    pub(crate) port: u16,
    pub(crate) key: u32,
}

/// The schedules of one torrent.
#[derive(Debug)]
pub(crate) struct Trackers {
    torrent: TorrentId,
    announcer: Announcer,
    mode: TierMode,
    tiers: Vec<Vec<TrackerUrl>>,
    schedules: Vec<(Sha1Digest, Tiers)>,
    rng: Rng,
}

impl Trackers {
    pub(crate) fn new(
        torrent: TorrentId,
        announcer: Announcer,
        tiers: Vec<Vec<TrackerUrl>>,
        rng: Rng,
    ) -> Self {
        let mode = TierMode::EveryTier;
        Self { torrent, announcer, mode, tiers, schedules: Vec::new(), rng }
    }

    /// Announces every info-hash that is not announced yet, from now on. A magnet may name one of
    /// two hashes, so this is called again when the metadata is known.
    pub(crate) fn add_hashes(&mut self, now: Instant, hashes: &InfoHashes, private: bool) {
        if private && self.mode == TierMode::EveryTier {
            // BEP 27: one tracker at a time. What was announced so far goes on.
            self.mode = TierMode::FirstTier;
        }
        for info_hash in hashes.handshake_hashes() {
            if self.schedules.iter().any(|(known, _)| *known == info_hash) {
                continue;
            }
            let Announcer { peer_id, port, key } = self.announcer;
            let identity = Identity { info_hash, peer_id, port, key };
            let tiers = Tiers::new(identity, self.mode, &self.tiers, &mut self.rng, now);
            self.schedules.push((info_hash, tiers));
        }
    }

    /// Keeps no list for info-hashes that are learned later: all are known.
    pub(crate) fn settle(&mut self) {
        self.tiers = Vec::new();
    }

    pub(crate) fn add_tracker(&mut self, now: Instant, url: &TrackerUrl) {
        self.tiers.push(vec![url.clone()]);
        self.each(|tiers| tiers.add_tracker(now, url.clone()));
    }

    pub(crate) fn set_hungry(&mut self, hungry: bool) {
        self.each(|tiers| tiers.set_hungry(hungry));
    }

    pub(crate) fn handle_completed(&mut self, now: Instant) {
        self.each(|tiers| tiers.handle_completed(now));
    }

    pub(crate) fn stop(&mut self, now: Instant) {
        self.each(|tiers| tiers.stop(now));
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.schedules.iter().all(|(_, tiers)| tiers.is_stopped())
    }

    pub(crate) fn handle_response(
        &mut self,
        now: Instant,
        id: AnnounceId,
        result: Result<AnnounceResponse, Failure>,
    ) {
        if let Some((_, tiers)) = self.schedules.get_mut(usize::from(id.schedule)) {
            tiers.handle_response(now, id.announce, result);
        }
    }

    pub(crate) fn poll(&mut self, now: Instant, progress: &Progress) -> Option<Announce> {
        self.schedules.iter_mut().enumerate().find_map(|(at, (_, tiers))| {
            let announce = tiers.poll_announce(now, progress)?;
            let id =
                AnnounceId { torrent: self.torrent, schedule: at as u8, announce: announce.id };
            Some(Announce { id, url: announce.url, request: announce.request })
        })
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.schedules.iter().filter_map(|(_, tiers)| tiers.poll_timeout()).min()
    }

    /// The tracker that an announce went to.
    pub(crate) fn url(&self, id: AnnounceId) -> Option<&TrackerUrl> {
        let (_, tiers) = self.schedules.get(usize::from(id.schedule))?;
        tiers.trackers().nth(id.announce.tracker as usize).map(|status| status.url)
    }

    /// Every tracker of every schedule, and how it does.
    pub(crate) fn status(&self) -> impl Iterator<Item = TrackerStatus<'_>> {
        self.schedules.iter().flat_map(|(_, tiers)| tiers.trackers())
    }

    fn each(&mut self, act: impl FnMut(&mut Tiers)) {
        self.schedules.iter_mut().map(|(_, tiers)| tiers).for_each(act);
    }
}
