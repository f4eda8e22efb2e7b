use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

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
}

#[derive(Debug)]
struct Shared {
    limiter: Limiter,
    links: HashMap<ConnId, Mailbox>,
}

impl Throttle {
    pub(crate) fn new(clock: Clock, limits: Limits) -> Arc<Self> {
        let limiter = Limiter::new(clock.now(), limits);
        let limited = [Flow::Up, Flow::Down].map(|flow| AtomicBool::new(limiter.is_limited(flow)));
        let shared = Mutex::new(Shared { limiter, links: HashMap::new() });
        Arc::new(Self { clock, shared, limited, waiting: Notify::new() })
    }

    /// Tells where the grants of `conn` go.
    pub(crate) fn join(&self, conn: ConnId, link: Mailbox) {
        self.lock().links.insert(conn, link);
    }

    /// Forgets `conn`.
    pub(crate) fn leave(&self, conn: ConnId) {
        let mut shared = self.lock();
        shared.limiter.cancel(conn);
        shared.links.remove(&conn);
    }

    /// Asks for `want` bytes; 0 means that a `LinkInput::Grant` will come.
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
            let link = shared.links.get(&conn);
            let taken = link.is_some_and(|link| link.put(LinkInput::Grant(flow, bytes)));
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
