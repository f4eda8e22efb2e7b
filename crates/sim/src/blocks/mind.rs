//! How a node's mind hears of things, and what it makes of them.

use peer::{Batch, Report};
use session::Candidate;
use stdx::{BlockRange, ConnId, Duration};
use swarm::{Event, Verdict};

use super::end::Message;
use super::node::Mind;
use super::outbox::Note;
use super::turn::Turn;
use crate::Leave;

/// How often a node looks after itself.
const LOOK: Duration = Duration::from_secs(1);

impl Turn<'_> {
    /// Tells a mind what its connections have to say, each of them once.
    pub(super) fn tell_all(&mut self, mind: &mut Mind) {
        let mut inbox = std::mem::take(&mut self.out.inbox);
        // Stable: what one connection says stays in order.
        inbox.sort_by_key(|(end, _)| *end);
        let mut words = inbox.drain(..).peekable();
        while let Some(&(end, _)) = words.peek() {
            let mut reports = Vec::new();
            let mut closed = false;
            while let Some((_, word)) = words.next_if(|(of, _)| *of == end) {
                closed |= word.is_none();
                reports.extend(word);
            }
            if !reports.is_empty() {
                self.tell(mind, end, reports);
            }
            if closed {
                self.closed(mind, end);
            }
        }
        drop(words);
        self.out.inbox = inbox;
    }

    /// Tells a mind what one connection has to say, and how it does.
    fn tell(&mut self, mind: &mut Mind, end: u32, reports: Vec<Report>) {
        let Some(live) = self.node.live(end) else {
            return;
        };
        live.told = live.totals;
        let want = if live.choked { 0 } else { live.pipeline.want() };
        let batch = Batch { reports, want, taken: live.taken, totals: live.totals };
        mind.swarm.handle_batch(self.ground.now, ConnId(end.into()), batch);
    }

    /// What a node does about once a second.
    pub(super) fn look(&mut self, mind: &mut Mind) {
        let now = self.ground.now;
        self.node.look_at = now + LOOK;
        if mind.swarm.poll_timeout().is_some_and(|due| due <= now) {
            mind.swarm.handle_timeout(now);
        }
        mind.rechoke |= !mind.ends.is_empty() && mind.choker.poll_timeout() <= now;
        for end in mind.ends.clone() {
            self.expire(end);
            if self.node.live(end).is_some_and(|live| live.totals != live.told) {
                self.tell(mind, end, Vec::new());
            }
        }
        self.tell_all(mind);
        self.ask_again(mind);
        self.dial(mind);
    }

    /// Gives up what is owed for too long, as a [`peer::Peer`] does.
    fn expire(&mut self, end: u32) {
        let now = self.ground.now;
        let Some(live) = self.node.live(end) else {
            return;
        };
        if live.pipeline.deadline(&self.ground.peer_config).is_none_or(|due| due > now) {
            return;
        }
        let expired = live.pipeline.expire(now, &self.ground.peer_config, live.choked);
        if expired.snubbed {
            self.out.inbox.push((end, Some(Report::Snubbed(true))));
        }
        if !expired.requests.is_empty() {
            self.post(end, Message::Cancel(expired.requests.clone()));
            self.out.inbox.push((end, Some(Report::Rejected(expired.requests))));
        }
    }

    /// Does all that a mind wants done.
    pub(super) fn settle(&mut self, mind: &mut Mind) {
        loop {
            while let Some((range, _)) = mind.swarm.poll_store() {
                self.store(mind, range);
            }
            while let Some((conn, order)) = mind.swarm.poll_order() {
                self.obey(mind, conn.0 as u32, order);
            }
            while let Some(event) = mind.swarm.poll_event() {
                self.take_event(mind, event);
            }
            if std::mem::take(&mut mind.rechoke) {
                self.choke(mind);
            } else if self.out.inbox.is_empty() {
                return;
            }
            self.tell_all(mind);
        }
    }

    /// Keeps a block; a piece whose blocks are all here is right.
    fn store(&mut self, mind: &mut Mind, range: BlockRange) {
        let now = self.ground.now;
        let piece = range.piece;
        let stored = &mut mind.stored[piece.get()];
        *stored += 1;
        if *stored == self.ground.info.layout().block_count(piece) {
            *stored = 0;
            let sha1 = self.ground.info.v1_hash(piece);
            match mind.swarm.handle_hashed(now, piece, sha1, None) {
                Verdict::Good => mind.swarm.handle_written(now, piece),
                verdict => self.broken(&format!("piece {piece} is found {verdict:?}")),
            }
        }
    }

    fn take_event(&mut self, mind: &mut Mind, event: Event) {
        match event {
            Event::PieceDone(piece) => self.note(Note::Piece(piece)),
            Event::Complete => {
                self.node.completed_at.get_or_insert(self.ground.now);
                (mind.complete, mind.rechoke) = (true, true);
                if let Leave::Complete(after) = self.node.spec.leaves
                    && !self.node.is_seed()
                {
                    self.leave(after);
                }
            }
            event => self.broken(&format!("{event:?}")),
        }
    }

    fn choke(&mut self, mind: &mut Mind) {
        let (now, piece_length) = (self.ground.now, self.ground.info.piece_length());
        let candidate = |&end: &u32| {
            let live = self.node.ends[end as usize].live.as_ref().filter(|live| live.ready)?;
            Some(Candidate {
                conn: ConnId(end.into()),
                interested: live.interested,
                empty: live.empty,
                seeding: mind.complete,
                snubbed: live.pipeline.is_snubbed(),
                given: live.told.down_payload,
                taken: live.told.up_payload,
                piece_length,
                since: live.since,
            })
        };
        let candidates: Vec<Candidate> = mind.ends.iter().filter_map(candidate).collect();
        for decision in mind.choker.rechoke(now, &candidates) {
            mind.swarm.set_choked(now, decision.conn, decision.choke);
        }
    }
}
