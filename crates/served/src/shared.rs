use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use announce::{Counters, Server, StoreStats};
use stdx::Instant;

use crate::limits::Gate;

/// What a tracker has done and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackerStats {
    /// Requests by kind and protocol.
    pub requests: Counters,
    /// Torrents, peers, memory.
    pub store: StoreStats,
    /// HTTP connections open now.
    pub http_connections: u64,
    /// HTTP connections closed at once because there were too many.
    pub http_shed: u64,
    /// HTTP requests for something else than announce or scrape.
    pub http_other: u64,
    /// UDP answers that the system refused to send.
    pub udp_unsent: u64,
}

/// What all tasks of one tracker have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    server: Mutex<Server>,
    origin: std::time::Instant,
    pub(crate) gate: Arc<Gate>,
    pub(crate) http_shed: AtomicU64,
    pub(crate) http_other: AtomicU64,
    pub(crate) udp_unsent: AtomicU64,
}

impl Shared {
    pub(crate) fn new(server: Server) -> Self {
        Self {
            server: Mutex::new(server),
            origin: std::time::Instant::now(),
            gate: Arc::default(),
            http_shed: AtomicU64::new(0),
            http_other: AtomicU64::new(0),
            udp_unsent: AtomicU64::new(0),
        }
    }

    /// The tracker itself. It is locked for single requests or batches, never across an await.
    pub(crate) fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the tracker was made. Read it while the server is locked, so that the server
    /// never sees time run backwards.
    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    pub(crate) fn stats(&self) -> TrackerStats {
        let (requests, store) = {
            let server = self.server();
            (server.counters(), server.stats())
        };
        TrackerStats {
            requests,
            store,
            http_connections: self.gate.total() as u64,
            http_shed: self.http_shed.load(Ordering::Relaxed),
            http_other: self.http_other.load(Ordering::Relaxed),
            udp_unsent: self.udp_unsent.load(Ordering::Relaxed),
        }
    }
}

/// Adds one to a counter that is only ever read for people.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
