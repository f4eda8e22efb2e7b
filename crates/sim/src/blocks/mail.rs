//! What goes from node to node: blocks through uplinks in turns, all else by itself.

use std::collections::VecDeque;

use peer::{Answer, Report};
use stdx::{BlockRange, Buf, ConnId, Duration};

use super::end::{End, Mail, Message};
use super::node::Mind;
use super::outbox::Note;
use super::turn::Turn;
use crate::Leave;

/// A downlink that is behind by more than this is sent nothing new, as TCP would see to.
const QUEUEING: Duration = Duration::from_millis(100);

impl Turn<'_> {
    /// Sends a message on its way to the other end.
    pub(super) fn post(&mut self, end: u32, message: Message) {
        let Some(it) = self.node.ends.get(end as usize) else {
            return;
        };
        if let Some(twin) = it.twin {
            self.post_to(it.remote, twin, message);
        }
    }

    /// Sends a message on its way to an end of another node.
    pub(super) fn post_to(&mut self, node: u32, end: u32, message: Message) {
        let due = self.ground.now + self.ground.delay;
        self.out.post(node, Mail { due, end, message });
    }

    /// Has an uplink do what it can until now.
    pub(super) fn serve(&mut self) {
        let (before, now) = (self.ground.before, self.ground.now);
        loop {
            match self.node.sending {
                Some((done, ..)) if done > now => return,
                Some((_, end, range)) => {
                    self.node.sending = None;
                    self.sent(end, range);
                }
                None => {
                    let Some((end, range)) = self.next_block() else {
                        return;
                    };
                    let done = self.node.up.transmit(before, range.length.into());
                    self.node.sending = Some((done, end, range));
                }
            }
        }
    }

    /// The next block of the next end in turn.
    fn next_block(&mut self) -> Option<(u32, BlockRange)> {
        for _ in 0..self.node.turns.len() {
            let end = self.node.turns.pop_front()?;
            let Some(End { remote, live: Some(live), .. }) = self.node.ends.get_mut(end as usize)
            else {
                continue;
            };
            if self.ground.busy_until[*remote as usize].since(self.ground.now) > QUEUEING {
                self.node.turns.push_back(end);
                continue;
            }
            if let Some(range) = live.asked.pop_front() {
                self.node.turns.push_back(end);
                return Some((end, range));
            }
            live.in_turns = false;
        }
        None
    }

    /// A block has left the node.
    fn sent(&mut self, end: u32, range: BlockRange) {
        let Some(live) = self.node.live(end) else {
            return;
        };
        live.totals.up_payload += u64::from(range.length);
        self.node.sent += u64::from(range.length);
        if matches!(self.node.spec.leaves, Leave::Sent(most) if self.node.sent >= most) {
            self.leave(Duration::ZERO);
        }
        self.post(end, Message::Block(range));
    }

    /// Takes in all that has arrived.
    pub(super) fn read_mail(&mut self, mind: &mut Mind) {
        let now = self.ground.now;
        while let Some((_, end, range)) = pop_due(&mut self.node.late, |it| it.0 <= now) {
            self.take_block(end, range);
        }
        while let Some(mail) = pop_due(&mut self.node.mail, |it| it.due <= now) {
            self.hear(mind, mail.end, mail.message);
        }
    }

    /// Nobody is there: who knocks is told so, and who answers a knock of ours, too.
    pub(super) fn bounce(&mut self) {
        let now = self.ground.now;
        self.node.late.clear();
        while let Some(mail) = pop_due(&mut self.node.mail, |it| it.due <= now) {
            match mail.message {
                Message::Knock(node, end, _) => self.post_to(node, end, Message::Refused),
                Message::Hello(twin, _) => self.turn_away(mail.end, twin),
                _ => {}
            }
        }
    }

    /// The answer comes too late: the node that gave it closes its end.
    fn turn_away(&mut self, end: u32, twin: u32) {
        let remote = self.node.ends[end as usize].remote;
        self.post_to(remote, twin, Message::Closed);
    }

    fn hear(&mut self, mind: &mut Mind, end: u32, message: Message) {
        let now = self.ground.now;
        if let Message::Knock(node, twin, have) = message {
            return self.knocked(mind, node, twin, have);
        }
        let Some(live) = self.node.live(end) else {
            if let Message::Hello(twin, _) = message {
                self.turn_away(end, twin);
            }
            return;
        };
        match message {
            Message::Knock(..) => {}
            Message::Hello(twin, have) => self.answered(end, twin, have),
            Message::Refused => self.refused(mind, end),
            Message::Closed => self.out.inbox.push((end, None)),
            Message::Choke => {
                live.choked = true;
                self.out.inbox.push((end, Some(Report::Choked)));
            }
            Message::Unchoke => {
                live.choked = false;
                live.pipeline.handle_unchoke(now);
                self.out.inbox.push((end, Some(Report::Unchoked)));
            }
            Message::Interested(interested) => {
                live.interested = interested;
                let unchoked = mind.choker.is_unchoked(ConnId(end.into()));
                mind.rechoke |= unchoked || (interested && mind.choker.has_room());
                self.out.inbox.push((end, Some(Report::Interested(interested))));
            }
            Message::Have(piece) => {
                live.empty = false;
                self.out.inbox.push((end, Some(Report::Have(piece))));
            }
            Message::Suggest(piece) => self.out.inbox.push((end, Some(Report::Suggested(piece)))),
            Message::Request(ranges) => self.requested(end, ranges),
            Message::Cancel(mut ranges) => {
                ranges.retain(|range| live.withdraw(*range));
                self.reject(end, ranges);
            }
            Message::Rejected(mut ranges) => {
                ranges.retain(|range| live.pipeline.handle_reject(*range) == Answer::Outstanding);
                self.out.inbox.push((end, Some(Report::Rejected(ranges))));
            }
            Message::Block(range) => self.arrive(end, range),
        }
    }

    /// The remote asks for blocks.
    fn requested(&mut self, end: u32, ranges: Vec<BlockRange>) {
        let Some(live) = self.node.live(end) else {
            return;
        };
        if live.choking {
            return self.reject(end, ranges);
        }
        live.asked.extend(ranges);
        if !std::mem::replace(&mut live.in_turns, true) {
            self.node.turns.push_back(end);
        }
    }

    /// Answers requests that will not be served (BEP 6).
    pub(super) fn reject(&mut self, end: u32, ranges: Vec<BlockRange>) {
        if !ranges.is_empty() {
            self.post(end, Message::Rejected(ranges));
        }
    }

    /// A block comes to the downlink.
    fn arrive(&mut self, end: u32, range: BlockRange) {
        if self.node.spec.access.down.is_some() {
            let done = self.node.down.transmit(self.ground.now, range.length.into());
            self.node.late.push_back((done, end, range));
        } else {
            self.take_block(end, range);
        }
    }

    /// A block is here.
    fn take_block(&mut self, end: u32, range: BlockRange) {
        let now = self.ground.now;
        let Some(live) = self.node.live(end) else {
            return;
        };
        let length = range.length as usize;
        live.totals.down_payload += u64::from(range.length);
        let snubbed = live.pipeline.is_snubbed();
        if let Answer::Unrequested(_) = live.pipeline.handle_block(now, range) {
            return;
        }
        if snubbed {
            self.out.inbox.push((end, Some(Report::Snubbed(false))));
        }
        self.note(Note::Block { end, range });
        let data = Buf::window(&self.out.zeros, 0..length);
        self.out.inbox.push((end, Some(Report::Block { range, data })));
    }
}

/// Takes the first of a queue if it is due.
fn pop_due<T>(queue: &mut VecDeque<T>, is_due: impl FnOnce(&T) -> bool) -> Option<T> {
    if is_due(queue.front()?) { queue.pop_front() } else { None }
}
