//! How it ends: no more trouble.

use std::net::SocketAddr;

use peer::{CloseReason, Report};
use session::{Session, State};
use stdx::{Duration, PieceIndex};

use super::{PEERS_MAX, Tally, World};
use crate::swarms::HONEST;

/// Turns in which all must come to an end.
const ENOUGH: u32 = 5_000;

impl World {
    /// Everybody leaves but an honest peer, and the disk works: what was begun is completed.
    pub(super) fn finish(mut self) -> Tally {
        self.leave();
        self.check_room();
        // What said goodbye goes; what is left gets its peer and its metadata.
        for shelf in 0..self.shelves.len() {
            self.complete(shelf);
        }
        for shelf in &mut self.shelves {
            shelf.stopping = true;
        }
        self.session.shutdown(self.now);
        self.drain();
        for _ in 0..ENOUGH {
            if self.session.is_empty() {
                return self.tally;
            }
            self.settle();
            self.wait(Duration::from_millis(500));
        }
        panic!("it does not stop");
    }

    fn leave(&mut self) {
        let all: Vec<_> = self.links.keys().copied().collect();
        for conn in all {
            self.obey(conn);
            self.close(conn, &CloseReason::Remote);
        }
        self.fail_attempts();
    }

    fn fail_attempts(&mut self) {
        self.drain();
        while let Some((conn, _)) = self.opening.pop_first() {
            self.session.handle_connect_failed(self.now, conn);
            self.drain();
        }
    }

    /// Every connection that has ended has left its place.
    fn check_room(&mut self) {
        let comers: Vec<_> = (0..PEERS_MAX as u8)
            .map(|at| SocketAddr::from(([192, 0, 2, at], 6_881)))
            .filter_map(|addr| self.session.handle_incoming(self.now, addr))
            .collect();
        assert_eq!(comers.len(), PEERS_MAX, "places are lost");
        for conn in comers {
            self.session.handle_closed(self.now, conn, &CloseReason::Remote);
        }
        self.fail_attempts();
    }

    /// Disk and trackers do what they are asked.
    fn settle(&mut self) {
        while !self.ops.is_empty() || !self.answers.is_empty() {
            self.run_op(0, 0);
            self.answer_op(0);
            self.drain();
        }
        while !self.announces.is_empty() {
            self.answer_announce(0, 0);
            self.drain();
        }
        self.fail_attempts();
    }

    fn complete(&mut self, shelf: usize) {
        if self.shelves[shelf].stopping {
            return;
        }
        let mut idle = 0;
        // What failed late, too.
        self.settle();
        self.with(shelf, Session::retry);
        self.with(shelf, |session, now, id| session.select(now, id, &[]));
        for _ in 0..ENOUGH {
            let Some(id) = self.shelves[shelf].id else { return };
            self.settle();
            self.start(shelf);
            self.drain();
            let status = self.session.status(self.now, id).expect("it is here");
            assert!(status.state != State::Failed, "a torrent that works");
            if status.state == State::Seeding {
                return self.check_whole(shelf);
            }
            match self.links.keys().next().copied() {
                None => self.come(shelf),
                Some(conn) if self.links[&conn].open.is_empty() => {
                    idle += 1;
                    self.say_pieces(conn, u8::MAX);
                    self.batch(conn, Vec::new());
                    self.wait(Duration::from_millis(200));
                }
                Some(conn) => self.deliver(conn, 0, true),
            }
            self.drain();
        }
        let status = self.shelves[shelf].id.and_then(|id| self.session.status(self.now, id));
        panic!("not complete after {idle} idle turns: {status:?}");
    }

    /// An honest peer comes that has everything.
    fn come(&mut self, shelf: usize) {
        self.incoming(HONEST, shelf as u8 + 0xc0);
        let Some(&conn) = self.links.keys().next() else {
            return;
        };
        self.drain();
        self.extended(conn, 0);
        self.say(conn, Report::Unchoked);
    }

    fn check_whole(&mut self, shelf: usize) {
        let it = &self.shelves[shelf];
        for piece in (0..it.pieces()).map(PieceIndex) {
            assert!(it.is_right(piece), "{piece} of a complete torrent");
        }
        self.leave();
    }
}
