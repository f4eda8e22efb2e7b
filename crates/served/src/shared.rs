use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use announce::{Counters, Server, StoreStats};
use stdx::Instant;

use crate::drops::Drops;
use crate::limits::Gate;

/// What a tracker has done and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackerStats {
    /// Requests by kind and protocol.
    pub requests: Counters,
    /// Torrents, peers, memory.
    pub store: StoreStats,
    /// Bytes of the store at which eviction begins.
    pub memory_limit: u64,
    /// HTTP connections open now.
    pub http_connections: u64,
    /// HTTP connections that there may be at once.
    pub http_connections_limit: u64,
    /// HTTP connections turned away because there were too many.
    pub http_shed: u64,
    /// Times that the system had no HTTP connection to give.
    pub http_unaccepted: u64,
    /// HTTP requests for something else than announce or scrape.
    pub http_other: u64,
    /// UDP answers that the system refused to send.
    pub udp_unsent: u64,
    /// Datagrams that the system dropped because they came faster than they were read; zero where
    /// it does not tell.
    pub udp_dropped: u64,
    /// Info-hashes on the allow list, if there is one.
    pub allowed: Option<u64>,
    /// Info-hashes on the deny list, if there is one.
    pub denied: Option<u64>,
    /// Passkeys, if the tracker is private.
    pub passkeys: Option<u64>,
    /// Times that the lists were read again.
    pub reloads: u64,
    /// Times that they could not be, so that the old ones stayed.
    pub reloads_failed: u64,
}

/// What all tasks of one tracker have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    server: Mutex<Server>,
    memory_limit: u64,
    origin: std::time::Instant,
    started: std::time::SystemTime,
    pub(crate) gate: Arc<Gate>,
    pub(crate) drops: OnceLock<Drops>,
    pub(crate) http_shed: AtomicU64,
    pub(crate) http_unaccepted: AtomicU64,
    pub(crate) http_other: AtomicU64,
    pub(crate) udp_unsent: AtomicU64,
    pub(crate) reloads: AtomicU64,
    pub(crate) reloads_failed: AtomicU64,
}

impl Shared {
    pub(crate) fn new(server: Server, memory_limit: u64, gate: Arc<Gate>) -> Self {
        Self {
            server: Mutex::new(server),
            memory_limit,
            origin: std::time::Instant::now(),
            started: std::time::SystemTime::now(),
            gate,
            drops: OnceLock::new(),
            http_shed: AtomicU64::new(0),
            http_unaccepted: AtomicU64::new(0),
            http_other: AtomicU64::new(0),
            udp_unsent: AtomicU64::new(0),
            reloads: AtomicU64::new(0),
            reloads_failed: AtomicU64::new(0),
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

    /// When the tracker was made, in seconds of Unix time.
    pub(crate) fn started_unix_seconds(&self) -> f64 {
        let since = self.started.duration_since(std::time::UNIX_EPOCH);
        since.map_or(0.0, |since| since.as_secs_f64())
    }

    pub(crate) fn stats(&self) -> TrackerStats {
        let mut stats = TrackerStats {
            memory_limit: self.memory_limit,
            http_connections: self.gate.total() as u64,
            http_connections_limit: self.gate.limit() as u64,
            http_shed: self.http_shed.load(Ordering::Relaxed),
            http_unaccepted: self.http_unaccepted.load(Ordering::Relaxed),
            http_other: self.http_other.load(Ordering::Relaxed),
            udp_unsent: self.udp_unsent.load(Ordering::Relaxed),
            udp_dropped: self.drops.get().map_or(0, Drops::total),
            reloads: self.reloads.load(Ordering::Relaxed),
            reloads_failed: self.reloads_failed.load(Ordering::Relaxed),
            ..TrackerStats::default()
        };
        let server = self.server();
        (stats.requests, stats.store) = (server.counters(), server.stats());
        stats.allowed = server.access().allow().map(|list| list.len() as u64);
        stats.denied = server.access().deny().map(|list| list.len() as u64);
        stats.passkeys = server.passkeys().map(|list| list.len() as u64);
        stats
    }
}

/// Adds one to a counter that is only ever read for people.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
