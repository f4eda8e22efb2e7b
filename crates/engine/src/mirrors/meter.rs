use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::watch;

use session::Flow;
use stdx::ConnId;

use crate::throttle::Throttle;

/// What a mirror's connection may read: within the limits that all share, and while the disk keeps
/// up.
#[derive(Debug)]
pub(super) struct Meter {
    throttle: Arc<Throttle>,
    id: ConnId,
    grants: Receiver<u64>,
    reading: watch::Receiver<bool>,
}

impl Meter {
    pub(super) fn new(throttle: Arc<Throttle>, reading: watch::Receiver<bool>) -> Self {
        // Whoever waits gets one grant, and asks for no other before it has come.
        let (send, grants) = channel(1);
        let id = throttle.join_other(send);
        Self { throttle, id, grants, reading }
    }

    /// Waits until reading is allowed.
    pub(super) async fn ready(&mut self) {
        // The mind lives as long as its mirrors; an error would mean that all ends.
        let _ended = self.reading.wait_for(|allowed| *allowed).await;
    }

    /// Counts bytes that were read, and waits as long as the limit asks for.
    pub(super) async fn pay(&mut self, mut bytes: u64) {
        while bytes > 0 {
            let granted = match self.throttle.request(self.id, Flow::Down, bytes) {
                0 => match self.grants.recv().await {
                    Some(granted) => granted,
                    None => return,
                },
                granted => granted,
            };
            self.throttle.give_back(Flow::Down, granted.saturating_sub(bytes));
            bytes = bytes.saturating_sub(granted);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.throttle.leave(self.id);
        if let Ok(left) = self.grants.try_recv() {
            self.throttle.give_back(Flow::Down, left);
        }
    }
}
