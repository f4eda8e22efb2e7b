use peer::{Order, Report};
use stdx::{BlockRange, ConnId};

use super::Blocks;
use super::end::{Message, twin};
use super::node::Mind;
use crate::NodeIndex;

impl Blocks {
    /// Has an end do what its mind says.
    pub(super) fn obey(&mut self, index: usize, mind: &mut Mind, end: u32, order: Order) {
        let Some(live) = self.ends[end as usize].live.as_deref_mut() else {
            return;
        };
        match order {
            Order::Have(piece) => self.post(twin(end), Message::Have(piece)),
            Order::Request(ranges) => self.request(end, ranges),
            Order::Cancel(mut ranges) => {
                ranges.retain(|range| live.pipeline.cancel(*range));
                self.post(twin(end), Message::Cancel(ranges));
            }
            Order::Choke => {
                live.choking = true;
                let gone = live.asked.drain(..).collect();
                self.post(twin(end), Message::Choke);
                self.reject(end, gone);
                self.note_stop(index, end);
            }
            Order::Unchoke => {
                live.choking = false;
                self.post(twin(end), Message::Unchoke);
                self.note_begin(index, mind, end);
            }
            Order::Interested(interested) => {
                live.pipeline.rest();
                self.post(twin(end), Message::Interested(interested));
            }
            Order::Suggest(piece) => self.post(twin(end), Message::Suggest(piece)),
            Order::Welcome { have, .. } => self.post(twin(end), Message::Hello(have)),
            Order::Close(_) => {
                self.note_stop(index, end);
                self.post(twin(end), Message::Closed);
                self.end(index, mind, end);
            }
            // The remote sees for itself when there is nothing left to want; nothing is ever
            // lost here, and the metadata is known.
            Order::UploadOnly(_)
            | Order::Lost(_)
            | Order::Metadata { .. }
            | Order::RequestMetadata(_)
            | Order::RequestHashes(_)
            | Order::Hashes(..)
            | Order::RejectHashes(_) => {}
        }
    }

    fn request(&mut self, end: u32, mut ranges: Vec<BlockRange>) {
        let now = self.now;
        let Some(live) = self.live(end) else {
            return;
        };
        live.taken += ranges.len() as u64;
        let mut refused = Vec::new();
        ranges.retain(|&range| {
            let asked = !live.choked && live.pipeline.request(now, range);
            refused.extend((!asked).then_some(range));
            asked
        });
        if !refused.is_empty() {
            self.inbox.push((end, Some(Report::Rejected(refused))));
        }
        self.post(twin(end), Message::Request(ranges));
    }

    fn note_begin(&mut self, index: usize, mind: &Mind, end: u32) {
        let (node, remote) = (index as u32, self.remote(end));
        self.trace.record(self.now, b'u', &[node, remote].map(u64::from), &[]);
        let optimistic = mind.choker.is_optimistic(ConnId(end.into())).unwrap_or_default();
        if let Some(recorder) = self.recorder.as_mut().filter(|it| it.watches(NodeIndex(node))) {
            recorder.begin(self.now, NodeIndex(remote), optimistic);
        }
    }

    pub(super) fn note_stop(&mut self, index: usize, end: u32) {
        let (node, remote) = (index as u32, self.remote(end));
        self.trace.record(self.now, b'c', &[node, remote].map(u64::from), &[]);
        if let Some(recorder) = self.recorder.as_mut().filter(|it| it.watches(NodeIndex(node))) {
            recorder.stop(self.now, NodeIndex(remote));
        }
    }
}
