//! What goes from node to node: blocks through uplinks in turns, all else by itself.

use std::collections::VecDeque;

use peer::{Answer, Report};
use stdx::{BlockRange, Buf, ConnId, Duration};

use super::Blocks;
use super::end::{Live, Mail, Message, twin};
use super::node::Mind;
use crate::{Leave, NodeIndex};

/// A downlink that is behind by more than this is sent nothing new, as TCP would see to.
const QUEUEING: Duration = Duration::from_millis(100);

impl Blocks {
    pub(super) fn live(&mut self, end: u32) -> Option<&mut Live> {
        self.ends[end as usize].live.as_deref_mut()
    }

    /// Who is at the other end.
    pub(super) fn remote(&self, end: u32) -> u32 {
        self.ends[twin(end) as usize].node
    }

    /// Sends a message on its way to an end.
    pub(super) fn post(&mut self, end: u32, message: Message) {
        let due = self.now + self.delay;
        let node = self.ends[end as usize].node;
        self.nodes[node as usize].mail.push_back(Mail { due, end, message });
    }

    /// Has an uplink do what it can until now.
    pub(super) fn serve(&mut self, index: usize) {
        let (before, now) = (self.before, self.now);
        loop {
            match self.nodes[index].sending {
                Some((done, ..)) if done > now => return,
                Some((_, end, range)) => {
                    self.nodes[index].sending = None;
                    self.sent(index, end, range);
                }
                None => {
                    let Some((end, range)) = self.next_block(index) else {
                        return;
                    };
                    let node = &mut self.nodes[index];
                    let done = node.up.transmit(before, range.length.into());
                    node.sending = Some((done, end, range));
                }
            }
        }
    }

    /// The next block of the next end in turn.
    fn next_block(&mut self, index: usize) -> Option<(u32, BlockRange)> {
        for _ in 0..self.nodes[index].turns.len() {
            let end = self.nodes[index].turns.pop_front()?;
            let remote = &self.nodes[self.remote(end) as usize];
            let behind = remote.late.back().is_some_and(|(at, ..)| at.since(self.now) > QUEUEING);
            let Some(live) = self.live(end) else {
                continue;
            };
            if behind {
                self.nodes[index].turns.push_back(end);
                continue;
            }
            if let Some(range) = live.asked.pop_front() {
                self.nodes[index].turns.push_back(end);
                return Some((end, range));
            }
            live.in_turns = false;
        }
        None
    }

    /// A block has left a node.
    fn sent(&mut self, index: usize, end: u32, range: BlockRange) {
        let Some(live) = self.live(end) else {
            return;
        };
        live.totals.up_payload += u64::from(range.length);
        let node = &mut self.nodes[index];
        node.sent += u64::from(range.length);
        if matches!(node.spec.leaves, Leave::Sent(most) if node.sent >= most) {
            self.leave(NodeIndex(index as u32), Duration::ZERO);
        }
        self.post(twin(end), Message::Block(range));
    }

    /// Takes in all that has arrived.
    pub(super) fn read_mail(&mut self, index: usize, mind: &mut Mind) {
        let now = self.now;
        while let Some((_, end, range)) = pop_due(&mut self.nodes[index].late, |it| it.0 <= now) {
            self.take_block(end, range);
        }
        while let Some(mail) = pop_due(&mut self.nodes[index].mail, |it| it.due <= now) {
            self.hear(index, mind, mail.end, mail.message);
        }
    }

    /// Nobody is there: who knocks is told so.
    pub(super) fn bounce(&mut self, index: usize) {
        let now = self.now;
        self.nodes[index].late.clear();
        while let Some(mail) = pop_due(&mut self.nodes[index].mail, |it| it.due <= now) {
            if let Message::Knock(_) = mail.message {
                self.post(twin(mail.end), Message::Refused);
            }
        }
    }

    fn hear(&mut self, index: usize, mind: &mut Mind, end: u32, message: Message) {
        let now = self.now;
        if let Message::Knock(have) = message {
            return self.knocked(index, mind, end, have);
        }
        let Some(live) = self.ends[end as usize].live.as_deref_mut() else {
            return;
        };
        match message {
            Message::Knock(_) => {}
            Message::Hello(have) => self.answered(end, have),
            Message::Refused => self.refused(mind, end),
            Message::Closed => self.inbox.push((end, None)),
            Message::Choke => {
                live.choked = true;
                self.inbox.push((end, Some(Report::Choked)));
            }
            Message::Unchoke => {
                live.choked = false;
                live.pipeline.handle_unchoke(now);
                self.inbox.push((end, Some(Report::Unchoked)));
            }
            Message::Interested(interested) => {
                live.interested = interested;
                let unchoked = mind.choker.is_unchoked(ConnId(end.into()));
                mind.rechoke |= unchoked || (interested && mind.choker.has_room());
                self.inbox.push((end, Some(Report::Interested(interested))));
            }
            Message::Have(piece) => self.inbox.push((end, Some(Report::Have(piece)))),
            Message::Suggest(piece) => self.inbox.push((end, Some(Report::Suggested(piece)))),
            Message::Request(ranges) => self.requested(index, end, ranges),
            Message::Cancel(mut ranges) => {
                ranges.retain(|range| live.withdraw(*range));
                self.reject(end, ranges);
            }
            Message::Rejected(mut ranges) => {
                ranges.retain(|range| live.pipeline.handle_reject(*range) == Answer::Outstanding);
                self.inbox.push((end, Some(Report::Rejected(ranges))));
            }
            Message::Block(range) => self.arrive(index, end, range),
        }
    }

    /// The remote asks for blocks.
    fn requested(&mut self, index: usize, end: u32, ranges: Vec<BlockRange>) {
        let Some(live) = self.ends[end as usize].live.as_deref_mut() else {
            return;
        };
        if live.choking {
            return self.reject(end, ranges);
        }
        live.asked.extend(ranges);
        if !std::mem::replace(&mut live.in_turns, true) {
            self.nodes[index].turns.push_back(end);
        }
    }

    /// Answers requests that will not be served (BEP 6).
    pub(super) fn reject(&mut self, end: u32, ranges: Vec<BlockRange>) {
        if !ranges.is_empty() {
            self.post(twin(end), Message::Rejected(ranges));
        }
    }

    /// A block comes to the downlink.
    fn arrive(&mut self, index: usize, end: u32, range: BlockRange) {
        let now = self.now;
        let node = &mut self.nodes[index];
        if node.spec.access.down.is_some() {
            let done = node.down.transmit(now, range.length.into());
            node.late.push_back((done, end, range));
        } else {
            self.take_block(end, range);
        }
    }

    /// A block is here.
    fn take_block(&mut self, end: u32, range: BlockRange) {
        let now = self.now;
        let Some(live) = self.ends[end as usize].live.as_deref_mut() else {
            return;
        };
        let length = range.length as usize;
        live.totals.down_payload += u64::from(range.length);
        let snubbed = live.pipeline.is_snubbed();
        if let Answer::Unrequested(_) = live.pipeline.handle_block(now, range) {
            return;
        }
        if snubbed {
            self.inbox.push((end, Some(Report::Snubbed(false))));
        }
        let place = [u64::from(end), u64::from(range.piece.0) << 32 | u64::from(range.begin)];
        self.trace.record(now, b'b', &place, &[]);
        let data = Buf::window(&self.zeros, 0..length);
        self.inbox.push((end, Some(Report::Block { range, data })));
    }
}

/// Takes the first of a queue if it is due.
fn pop_due<T>(queue: &mut VecDeque<T>, is_due: impl FnOnce(&T) -> bool) -> Option<T> {
    if is_due(queue.front()?) { queue.pop_front() } else { None }
}
