use stdx::{Duration, Instant};

use crate::{AnnounceResponse, Event, Failure, RetryIn, TrackerUrl};

/// After its n-th failure in a row a tracker is left alone for `5 + 12.5 n²` seconds, as
/// libtorrent does, an hour at most.
const BACKOFF_BASE: Duration = Duration::from_secs(5);
const BACKOFF_FACTOR: Duration = Duration::from_millis(12_500);
const MAX_BACKOFF: Duration = Duration::from_hours(1);
/// Longest wait that a tracker may ask for when it refuses (BEP 31).
const MAX_RETRY_IN: Duration = Duration::from_hours(24);

/// How a tracker does, for people.
#[derive(Clone, Copy, Debug)]
pub struct TrackerStatus<'a> {
    /// Its address.
    pub url: &'a TrackerUrl,
    /// Whether the last announce was answered; `None` before the first.
    pub working: Option<bool>,
    /// Why the last announce failed, or what the tracker warns of.
    pub message: Option<&'a str>,
    /// Seeders it last told of.
    pub seeders: Option<u32>,
    /// Leechers it last told of.
    pub leechers: Option<u32>,
}

#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) url: TrackerUrl,
    /// Serial and event of the announce under way.
    pub(super) in_flight: Option<(u32, Event)>,
    /// It has answered a `started`.
    pub(super) started: bool,
    pub(super) owes_completed: bool,
    pub(super) owes_stopped: bool,
    /// Its "tracker id", to be returned (BEP 3).
    pub(super) token: Option<Vec<u8>>,
    failures: u32,
    ready_at: Instant,
    /// It said never to ask again (BEP 31).
    refused: bool,
    working: Option<bool>,
    message: Option<String>,
    seeders: Option<u32>,
    leechers: Option<u32>,
}

impl Tracker {
    pub(super) fn new(url: TrackerUrl) -> Self {
        Self {
            url,
            in_flight: None,
            started: false,
            owes_completed: false,
            owes_stopped: false,
            token: None,
            failures: 0,
            ready_at: Instant::ZERO,
            refused: false,
            working: None,
            message: None,
            seeders: None,
            leechers: None,
        }
    }

    /// When it may next be asked, announces under way apart; `None` for never.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        (!self.refused).then_some(self.ready_at)
    }

    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.refused && self.ready_at <= now
    }

    pub(super) fn is_failing(&self) -> bool {
        self.refused || self.failures > 0
    }

    /// The event of the announce under way, if `serial` is its.
    pub(super) fn take_in_flight(&mut self, serial: u32) -> Option<Event> {
        let (_, event) = self.in_flight.take_if(|(in_flight, _)| *in_flight == serial)?;
        Some(event)
    }

    pub(super) fn succeeded(&mut self, event: Event, response: &AnnounceResponse) {
        self.started = event != Event::Stopped;
        self.owes_completed &= event != Event::Completed;
        (self.failures, self.ready_at, self.working) = (0, Instant::ZERO, Some(true));
        self.message.clone_from(&response.warning);
        (self.seeders, self.leechers) = (response.seeders, response.leechers);
        if response.tracker_id.is_some() {
            self.token.clone_from(&response.tracker_id);
        }
    }

    pub(super) fn failed(&mut self, now: Instant, event: Event, failure: Failure) {
        self.failures = self.failures.saturating_add(1);
        let n = self.failures.min(1_000);
        let backoff = (BACKOFF_BASE + BACKOFF_FACTOR * n * n).min(MAX_BACKOFF);
        let wait = match failure.retry {
            Some(RetryIn::After(wait)) => backoff.max(wait.min(MAX_RETRY_IN)),
            _ => backoff,
        };
        self.ready_at = now + wait;
        self.refused = failure.retry == Some(RetryIn::Never);
        (self.working, self.message) = (Some(false), Some(failure.reason));
        if event == Event::Stopped {
            self.started = false;
        }
        self.owes_completed &= self.started;
    }

    pub(super) fn status(&self) -> TrackerStatus<'_> {
        TrackerStatus {
            url: &self.url,
            working: self.working,
            message: self.message.as_deref(),
            seeders: self.seeders,
            leechers: self.leechers,
        }
    }
}
