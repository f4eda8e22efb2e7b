//! What a world needs of a member.

use std::fmt::Debug;

use stdx::Instant;

use crate::config::{Config, RingError};
use crate::id::Id;
use crate::message::{Message, Transmit};
use crate::node::Node;
use crate::tables::Tables;

/// What a world needs of a member, whatever protocol it follows.
pub trait Machine: Clone + Debug + Sized {
    /// One of those that a ring begins with.
    fn founder(
        config: Config,
        id: Id,
        founders: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError>;
    /// Somebody who wants to become a member.
    fn newcomer(
        config: Config,
        id: Id,
        anchors: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError>;
    /// What it knows of the others.
    fn tables(&self) -> &Tables;
    /// Whether it is a member.
    fn is_member(&self) -> bool;
    /// Takes in what another peer says.
    fn handle_message(&mut self, now: Instant, from: Id, message: Message);
    /// A message could not be delivered: nobody is there.
    fn handle_undelivered(&mut self, now: Instant, sent: &Transmit);
    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);
    /// When something is due.
    fn poll_timeout(&self) -> Instant;
    /// The next message to send.
    fn poll_transmit(&mut self) -> Option<Transmit>;
    /// Looks a key up, if it can.
    fn look_up(&mut self, now: Instant, key: Id);
}

impl Machine for Node {
    fn founder(
        config: Config,
        id: Id,
        founders: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError> {
        Self::founder(config, id, founders, seed, now)
    }

    fn newcomer(
        config: Config,
        id: Id,
        anchors: &[Id],
        seed: u64,
        now: Instant,
    ) -> Result<Self, RingError> {
        Self::newcomer(config, id, anchors, seed, now)
    }

    fn tables(&self) -> &Tables {
        self.tables()
    }

    fn is_member(&self) -> bool {
        self.is_member()
    }

    fn handle_message(&mut self, now: Instant, from: Id, message: Message) {
        self.handle_message(now, from, message);
    }

    fn handle_undelivered(&mut self, now: Instant, sent: &Transmit) {
        self.handle_undelivered(now, sent);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Instant {
        self.poll_timeout()
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.poll_transmit()
    }

    fn look_up(&mut self, now: Instant, key: Id) {
        // Who is no member yet, or has its hands full, does not look anything up.
        let _refused = self.look_up(now, key, true);
        while self.poll_event().is_some() {}
    }
}
