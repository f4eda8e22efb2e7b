use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, channel};

use session::Flow;
use stdx::ConnId;

use crate::throttle::Throttle;

/// A share of the upload limit for who sends bytes but is no peer, such as an HTTP server. Cheap
/// to clone.
#[derive(Clone, Debug)]
pub struct Uplink {
    throttle: Arc<Throttle>,
}

/// One place among all connections that take turns on the uplink.
#[derive(Debug)]
pub struct UplinkTurns {
    throttle: Arc<Throttle>,
    id: ConnId,
    grants: Receiver<u64>,
}

impl Uplink {
    pub(crate) fn new(throttle: Arc<Throttle>) -> Self {
        Self { throttle }
    }

    /// Takes a place of its own, as a connection has one.
    pub fn join(&self) -> UplinkTurns {
        // Whoever waits gets one grant, and asks for no other before it has come.
        let (send, grants) = channel(1);
        let id = self.throttle.join_other(send);
        UplinkTurns { throttle: Arc::clone(&self.throttle), id, grants }
    }
}

impl UplinkTurns {
    /// Waits for leave to send some of `want` bytes, at least one unless `want` is 0; they count as
    /// sent. `None` when the engine has ended.
    pub async fn take(&mut self, want: u64) -> Option<u64> {
        // Somebody who stopped waiting may have left a grant.
        if let Ok(left) = self.grants.try_recv() {
            self.throttle.give_back(Flow::Up, left);
        }
        match self.throttle.request(self.id, Flow::Up, want) {
            0 if want > 0 => self.grants.recv().await,
            granted => Some(granted),
        }
    }
}

impl Drop for UplinkTurns {
    fn drop(&mut self) {
        self.throttle.leave(self.id);
        if let Ok(left) = self.grants.try_recv() {
            self.throttle.give_back(Flow::Up, left);
        }
    }
}

#[cfg(test)]
mod tests;
