//! How a node's mind hears of things, and what it makes of them.

use peer::{Batch, Report};
use session::Candidate;
use stdx::{BlockRange, ConnId, Duration, PieceIndex};
use swarm::{Event, Verdict};

use super::Blocks;
use super::end::{Message, twin};
use super::node::Mind;
use crate::{Leave, NodeIndex};

/// How often a node looks after itself.
const LOOK: Duration = Duration::from_secs(1);

impl Blocks {
    /// Tells a mind what its connections have to say, each of them once.
    pub(super) fn tell_all(&mut self, index: usize, mind: &mut Mind) {
        let mut inbox = std::mem::take(&mut self.inbox);
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
                self.closed(index, mind, end);
            }
        }
        drop(words);
        self.inbox = inbox;
    }

    /// Tells a mind what one connection has to say, and how it does.
    fn tell(&mut self, mind: &mut Mind, end: u32, reports: Vec<Report>) {
        let Some(live) = self.ends[end as usize].live.as_deref_mut() else {
            return;
        };
        live.told = live.totals;
        let want = if live.choked { 0 } else { live.pipeline.want() };
        let batch = Batch { reports, want, taken: live.taken, totals: live.totals };
        mind.swarm.handle_batch(self.now, ConnId(end.into()), batch);
    }

    /// What a node does about once a second.
    pub(super) fn look(&mut self, index: usize, mind: &mut Mind) {
        let now = self.now;
        self.nodes[index].look_at = now + LOOK;
        if mind.swarm.poll_timeout().is_some_and(|due| due <= now) {
            mind.swarm.handle_timeout(now);
        }
        mind.rechoke |= !mind.ends.is_empty() && mind.choker.poll_timeout() <= now;
        for end in mind.ends.clone() {
            self.expire(end);
            if self.live(end).is_some_and(|live| live.totals != live.told) {
                self.tell(mind, end, Vec::new());
            }
        }
        self.tell_all(index, mind);
        self.ask_again(index, mind);
        self.dial(index, mind);
    }

    /// Gives up what is owed for too long, as a [`peer::Peer`] does.
    fn expire(&mut self, end: u32) {
        let now = self.now;
        let Some(live) = self.ends[end as usize].live.as_deref_mut() else {
            return;
        };
        if live.pipeline.deadline(&self.peer_config).is_none_or(|due| due > now) {
            return;
        }
        let expired = live.pipeline.expire(now, &self.peer_config, live.choked);
        if expired.snubbed {
            self.inbox.push((end, Some(Report::Snubbed(true))));
        }
        if !expired.requests.is_empty() {
            self.post(twin(end), Message::Cancel(expired.requests.clone()));
            self.inbox.push((end, Some(Report::Rejected(expired.requests))));
        }
    }

    /// Does all that a mind wants done.
    pub(super) fn settle(&mut self, index: usize, mind: &mut Mind) {
        loop {
            while let Some((range, _)) = mind.swarm.poll_store() {
                self.store(mind, range);
            }
            while let Some((conn, order)) = mind.swarm.poll_order() {
                self.obey(index, mind, conn.0 as u32, order);
            }
            while let Some(event) = mind.swarm.poll_event() {
                self.take_event(index, mind, event);
            }
            if std::mem::take(&mut mind.rechoke) {
                self.choke(mind);
            } else if self.inbox.is_empty() {
                return;
            }
            self.tell_all(index, mind);
        }
    }

    /// Keeps a block; a piece whose blocks are all here is right.
    fn store(&mut self, mind: &mut Mind, range: BlockRange) {
        let now = self.now;
        let piece = range.piece;
        let stored = &mut mind.stored[piece.get()];
        *stored += 1;
        if *stored == self.info.layout().block_count(piece) {
            *stored = 0;
            let sha1 = self.info.v1_hash(piece);
            match mind.swarm.handle_hashed(now, piece, sha1, None) {
                Verdict::Good => mind.swarm.handle_written(now, piece),
                verdict => self.broken(format!("piece {piece} is found {verdict:?}")),
            }
        }
    }

    fn take_event(&mut self, index: usize, mind: &mut Mind, event: Event) {
        let node = NodeIndex(index as u32);
        match event {
            Event::PieceDone(piece) => self.done(node, piece),
            Event::Complete => {
                let now = self.now;
                let state = &mut self.nodes[index];
                state.completed_at.get_or_insert(now);
                (mind.complete, mind.rechoke) = (true, true);
                if let Leave::Complete(after) = state.spec.leaves
                    && !state.is_seed()
                {
                    self.leave(node, after);
                }
            }
            event => self.broken(format!("{node:?}: {event:?}")),
        }
    }

    fn done(&mut self, node: NodeIndex, piece: PieceIndex) {
        self.trace.record(self.now, b'd', &[node.0, piece.0].map(u64::from), &[]);
        self.copies.add_one(node, piece);
    }

    fn choke(&mut self, mind: &mut Mind) {
        let (now, piece_length) = (self.now, self.info.piece_length());
        let candidate = |&end: &u32| {
            let live = self.ends[end as usize].live.as_ref().filter(|live| live.ready)?;
            Some(Candidate {
                conn: ConnId(end.into()),
                interested: live.interested,
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
