use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;

use session::{Flow, Limiter, Limits};
use stdx::ConnId;

use crate::clock::Clock;
use crate::link::{LinkInput, Mailbox};

/// The process's rate limits, shared by every connection: the pure `Limiter`, a lock, and a task
/// that hands out the grants that had to wait.
#[derive(Debug)]
pub(crate) struct Throttle {
    clock: Clock,
    shared: Mutex<Shared>,
    /// Skips the lock altogether while there is no limit.
    limited: [AtomicBool; 2],
    waiting: Notify,
    /// Those who share the limits without being peers.
    others: AtomicU64,
}

/// The first id of those who are no peers; the session counts its own from zero.
const OTHERS_FROM: u64 = 1 << 63;

#[derive(Debug)]
struct Shared {
    limiter: Limiter,
    lines: HashMap<ConnId, Line>,
}

/// Where a grant goes that had to wait.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// To a peer's connection.
    Link(Mailbox),
    /// To somebody else, who waits for one grant at a time.
    Other(Sender<u64>),
}

impl Line {
    fn put(&self, flow: Flow, bytes: u64) -> bool {
        match self {
            Self::Link(link) => link.put(LinkInput::Grant(flow, bytes)),
            Self::Other(grants) => grants.try_send(bytes).is_ok(),
        }
    }
}

impl Throttle {
    pub(crate) fn new(clock: Clock, limits: Limits) -> Arc<Self> {
        let limiter = Limiter::new(clock.now(), limits);
        let limited = [Flow::Up, Flow::Down].map(|flow| AtomicBool::new(limiter.is_limited(flow)));
        let shared = Mutex::new(Shared { limiter, lines: HashMap::new() });
        let others = AtomicU64::new(OTHERS_FROM);
        Arc::new(Self { clock, shared, limited, waiting: Notify::new(), others })
    }

    /// Tells where the grants of `conn` go.
    pub(crate) fn join(&self, conn: ConnId, line: Line) {
        self.lock().lines.insert(conn, line);
    }

    /// Lets somebody who is no peer share the limits.
    pub(crate) fn join_other(&self, grants: Sender<u64>) -> ConnId {
        let id = ConnId(self.others.fetch_add(1, Ordering::Relaxed));
        self.join(id, Line::Other(grants));
        id
    }

    /// Forgets `conn`.
    pub(crate) fn leave(&self, conn: ConnId) {
        let mut shared = self.lock();
        shared.limiter.cancel(conn);
        shared.lines.remove(&conn);
    }

    /// Asks for `want` bytes; 0 means that a grant will come.
    pub(crate) fn request(&self, conn: ConnId, flow: Flow, want: u64) -> u64 {
        if !self.limited[flow as usize].load(Ordering::Relaxed) {
            return want;
        }
        let granted = self.lock().limiter.request(self.clock.now(), conn, flow, want);
        if granted == 0 {
            self.waiting.notify_one();
        }
        granted
    }

    /// Returns what was granted and not used.
    pub(crate) fn give_back(&self, flow: Flow, bytes: u64) {
        if bytes > 0 && self.limited[flow as usize].load(Ordering::Relaxed) {
            let mut shared = self.lock();
            shared.limiter.give_back(flow, bytes);
            // Whoever is first in line may go earlier now.
            if shared.limiter.poll_timeout().is_some() {
                self.waiting.notify_one();
            }
        }
    }

    /// Hands out grants as they come due, for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let deadline = self.hand_out();
            tokio::select! {
                () = self.clock.sleep_until(deadline) => {}
                () = self.waiting.notified() => {}
            }
        }
    }

    fn hand_out(&self) -> Option<stdx::Instant> {
        let mut shared = self.lock();
        let now = self.clock.now();
        while let Some((conn, flow, bytes)) = shared.limiter.poll_grant(now) {
            let line = shared.lines.get(&conn);
            let taken = line.is_some_and(|line| line.put(flow, bytes));
            if !taken {
                shared.limiter.give_back(flow, bytes);
            }
        }
        shared.limiter.poll_timeout()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
