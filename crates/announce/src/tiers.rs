//! When one torrent announces where.

mod tracker;

use std::collections::BTreeSet;

use hash::Sha1Digest;
use stdx::{Duration, Instant, PeerId, Rng};

use self::tracker::Tracker;
use crate::{AnnounceRequest, AnnounceResponse, Event, Failure, TrackerUrl};

// The public interface is:
pub use self::tracker::TrackerStatus;

/// Trackers of one torrent, at most; what follows in a longer list is ignored.
pub const MAX_TRACKERS: usize = 256;
/// Bounds on the interval that a tracker asks for.
const MIN_INTERVAL: Duration = Duration::from_secs(30);
const MAX_INTERVAL: Duration = Duration::from_hours(24);
/// Time between two announces of who lacks peers, where the tracker names no minimum.
const DEFAULT_FLOOR: Duration = Duration::from_mins(5);
/// The waits between such announces double this many times at most.
const MAX_DOUBLINGS: u32 = 6;

/// Who announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The swarm: the v1 info-hash, or the v2 one truncated (a hybrid has a schedule for each).
    pub info_hash: Sha1Digest,
    /// The peer's name for itself.
    pub peer_id: PeerId,
    /// The port it listens on.
    pub port: u16,
    /// A number that stays the same while its address changes.
    pub key: u32,
}

/// How far the transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Payload bytes sent since the first announce.
    pub uploaded: u64,
    /// Payload bytes received since the first announce.
    pub downloaded: u64,
    /// Bytes still lacking; when that is not known yet (a magnet), any number but zero.
    pub left: u64,
    /// Most peers wanted; `None` leaves that to the tracker.
    pub numwant: Option<u32>,
}

/// Which tiers are announced to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TierMode {
    /// One working tracker of each tier, as people expect who name several trackers.
    #[default]
    EveryTier,
    /// One working tracker of the first tier that has one, to the letter of BEP 12. Private
    /// torrents want this (BEP 27).
    FirstTier,
}

/// Names one announce among all of its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnnounceId {
    /// The tracker's position in [`Tiers::trackers`].
    pub tracker: u32,
    /// Counts the announces of the schedule.
    pub serial: u32,
}

/// An announce to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingAnnounce {
    /// To be returned with the answer.
    pub id: AnnounceId,
    /// The tracker.
    pub url: TrackerUrl,
    /// What to tell it.
    pub request: AnnounceRequest,
}

/// The announce schedule of one torrent and one info-hash (BEP 3, BEP 12).
///
/// Tiers are independent, unless [`TierMode::FirstTier`]: in each the first tracker that answers
/// is announced to at its interval; one that fails is passed over for a growing time. Each tracker
/// that answered gets `started` first, `completed` at most once and `stopped` in the end.
///
/// Drain [`Tiers::poll_announce`] after any call, and when [`Tiers::poll_timeout`] is reached;
/// every announce it gives must be answered by [`Tiers::handle_response`] some time.
#[derive(Debug)]
pub struct Tiers {
    identity: Identity,
    mode: TierMode,
    trackers: Vec<Tracker>,
    groups: Vec<Tier>,
    serial: u32,
    hungry: bool,
    stopping: bool,
}

#[derive(Debug)]
struct Tier {
    /// Positions of its trackers; the one that last answered is first.
    order: Vec<u32>,
    /// When the next regular announce is due.
    next: Instant,
    /// When it was last answered, and how long to wait at least after that.
    answered: Option<(Instant, Duration)>,
    /// Announces made early for want of peers, since there were last enough.
    early: u32,
}

impl Tiers {
    /// A schedule whose first announces are due at once. Trackers are shuffled within their tier
    /// (BEP 12); one that occurs twice counts where it stands first.
    pub fn new(
        identity: Identity,
        mode: TierMode,
        tiers: &[Vec<TrackerUrl>],
        rng: &mut Rng,
        now: Instant,
    ) -> Self {
        let mut schedule = Self {
            identity,
            mode,
            trackers: Vec::new(),
            groups: Vec::new(),
            serial: 0,
            hungry: false,
            stopping: false,
        };
        let mut seen = BTreeSet::new();
        for tier in tiers {
            let mut urls: Vec<_> = tier.iter().filter(|url| seen.insert(*url)).collect();
            rng.shuffle(&mut urls);
            schedule.add_tier(urls.into_iter().cloned(), now);
        }
        schedule
    }

    /// Adds a tracker in a tier of its own, unless it is there already or there are too many.
    pub fn add_tracker(&mut self, now: Instant, url: TrackerUrl) {
        if self.trackers.iter().all(|tracker| tracker.url != url) {
            self.add_tier(std::iter::once(url), now);
        }
    }

    /// The trackers and how they do. Positions never change.
    pub fn trackers(&self) -> impl Iterator<Item = TrackerStatus<'_>> {
        self.trackers.iter().map(Tracker::status)
    }

    /// Says that the download has just become complete, here and now: trackers that saw it begin
    /// are told `completed`.
    pub fn handle_completed(&mut self, now: Instant) {
        for tracker in &mut self.trackers {
            tracker.owes_completed |= tracker.started || tracker.in_flight.is_some();
        }
        for tier in &mut self.groups {
            if tier.order.first().is_some_and(|&at| self.trackers[at as usize].owes_completed) {
                tier.next = tier.next.min(now);
            }
        }
    }

    /// Says whether there are too few peers. While there are, announces come sooner than the
    /// interval, never sooner than the tracker's minimum, at waits that double.
    pub fn set_hungry(&mut self, hungry: bool) {
        self.hungry = hungry;
        if !hungry {
            self.groups.iter_mut().for_each(|tier| tier.early = 0);
        }
    }

    /// Ends the schedule: trackers that were told `started` are now told `stopped`, once. Answers
    /// to earlier announces no longer count.
    pub fn stop(&mut self, _now: Instant) {
        self.stopping = true;
        for tracker in &mut self.trackers {
            tracker.owes_stopped = tracker.started || tracker.in_flight.is_some();
            tracker.in_flight = None;
        }
    }

    /// Begins again after [`Tiers::stop`].
    pub fn resume(&mut self, now: Instant) {
        self.stopping = false;
        for tracker in &mut self.trackers {
            *tracker = Tracker::new(tracker.url.clone());
        }
        for tier in &mut self.groups {
            (tier.next, tier.answered, tier.early) = (now, None, 0);
        }
    }

    /// Whether the schedule was stopped and every `stopped` was answered, or failed.
    pub fn is_stopped(&self) -> bool {
        let quiet = |tracker: &Tracker| !tracker.owes_stopped && tracker.in_flight.is_none();
        self.stopping && self.trackers.iter().all(quiet)
    }

    /// The next announce to make.
    pub fn poll_announce(&mut self, now: Instant, progress: &Progress) -> Option<OutgoingAnnounce> {
        if self.stopping {
            let at = self.trackers.iter().position(|tracker| tracker.owes_stopped)?;
            self.trackers[at].owes_stopped = false;
            return Some(self.emit(at as u32, Event::Stopped, progress));
        }
        let tier_at =
            (0..self.groups.len()).find(|&at| self.due(at).is_some_and(|due| due <= now))?;
        let tier = &mut self.groups[tier_at];
        let ready = |&&at: &&u32| self.trackers[at as usize].is_ready(now);
        let at = *tier.order.iter().find(ready)?;
        if now < tier.next {
            tier.early += 1;
        }
        let tracker = &self.trackers[at as usize];
        let event = match (tracker.started, tracker.owes_completed) {
            (false, _) => Event::Started,
            (true, true) => Event::Completed,
            (true, false) => Event::None,
        };
        Some(self.emit(at, event, progress))
    }

    /// Takes the answer to an announce, or why there is none. Unknown ids are ignored.
    pub fn handle_response(
        &mut self,
        now: Instant,
        id: AnnounceId,
        result: Result<AnnounceResponse, Failure>,
    ) {
        let Some(tracker) = self.trackers.get_mut(id.tracker as usize) else {
            return;
        };
        let Some(event) = tracker.take_in_flight(id.serial) else {
            return;
        };
        let tier = self.groups.iter_mut().find(|tier| tier.order.contains(&id.tracker));
        let tier = tier.expect("every tracker belongs to a tier");
        match result {
            Ok(response) => {
                tracker.succeeded(event, &response);
                let interval = response.interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
                let floor = response.min_interval.unwrap_or(DEFAULT_FLOOR.min(interval));
                let floor = floor.clamp(MIN_INTERVAL, MAX_INTERVAL);
                tier.answered = Some((now, floor));
                tier.next = if tracker.owes_completed { now } else { now + interval.max(floor) };
                let place = tier.order.iter().position(|&at| at == id.tracker);
                tier.order[..=place.expect("the tier was found by it")].rotate_right(1);
            }
            Err(failure) => {
                tracker.failed(now, event, failure);
                // What could not be told here is told to the next one at once.
                tier.next = tier.next.min(now);
            }
        }
    }

    /// When [`Tiers::poll_announce`] next has something, as things stand.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.stopping {
            let owing = self.trackers.iter().any(|tracker| tracker.owes_stopped);
            return owing.then_some(Instant::ZERO);
        }
        (0..self.groups.len()).filter_map(|at| self.due(at)).min()
    }

    fn add_tier(&mut self, urls: impl Iterator<Item = TrackerUrl>, now: Instant) {
        let first = self.trackers.len();
        self.trackers.extend(urls.take(MAX_TRACKERS - first).map(Tracker::new));
        let order: Vec<u32> = (first as u32..self.trackers.len() as u32).collect();
        if !order.is_empty() {
            self.groups.push(Tier { order, next: now, answered: None, early: 0 });
        }
    }

    /// When a tier next has an announce to make; `None` while one is under way.
    fn due(&self, tier: usize) -> Option<Instant> {
        if self.mode == TierMode::FirstTier && !self.groups[..tier].iter().all(|t| self.is_dead(t))
        {
            return None;
        }
        let tier = &self.groups[tier];
        let trackers = || tier.order.iter().map(|&at| &self.trackers[at as usize]);
        if trackers().any(|tracker| tracker.in_flight.is_some()) {
            return None;
        }
        let ready = trackers().filter_map(Tracker::ready_at).min()?;
        let scheduled = match tier.answered {
            Some((at, floor)) if self.hungry => {
                let wait = floor * 2u32.pow(tier.early.min(MAX_DOUBLINGS));
                tier.next.min(at + wait)
            }
            _ => tier.next,
        };
        Some(scheduled.max(ready))
    }

    fn is_dead(&self, tier: &Tier) -> bool {
        tier.order.iter().all(|&at| self.trackers[at as usize].is_failing())
    }

    fn emit(&mut self, at: u32, event: Event, progress: &Progress) -> OutgoingAnnounce {
        self.serial = self.serial.wrapping_add(1);
        let tracker = &mut self.trackers[at as usize];
        tracker.in_flight = Some((self.serial, event));
        if event == Event::Started {
            tracker.owes_completed = false;
        }
        let Identity { info_hash, peer_id, port, key } = self.identity;
        let numwant = if event == Event::Stopped { Some(0) } else { progress.numwant };
        OutgoingAnnounce {
            id: AnnounceId { tracker: at, serial: self.serial },
            url: tracker.url.clone(),
            request: AnnounceRequest {
                info_hash,
                peer_id,
                port,
                uploaded: progress.uploaded,
                downloaded: progress.downloaded,
                left: progress.left,
                event,
                numwant,
                key,
                tracker_id: tracker.token.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
