use peer::{Order, Report};
use stdx::{BlockRange, ConnId};

use super::end::Message;
use super::node::Mind;
use super::outbox::Note;
use super::turn::Turn;

impl Turn<'_> {
    /// Has an end do what its mind says.
    pub(super) fn obey(&mut self, mind: &mut Mind, end: u32, order: Order) {
        let Some(live) = self.node.live(end) else {
            return;
        };
        match order {
            Order::Have(piece) => self.post(end, Message::Have(piece)),
            Order::Request(ranges) => self.request(end, ranges),
            Order::Cancel(mut ranges) => {
                ranges.retain(|range| live.pipeline.cancel(*range));
                self.post(end, Message::Cancel(ranges));
            }
            Order::Choke => {
                live.choking = true;
                let gone = live.asked.drain(..).collect();
                self.post(end, Message::Choke);
                self.reject(end, gone);
                self.note_stop(end);
            }
            Order::Unchoke => {
                live.choking = false;
                self.post(end, Message::Unchoke);
                self.note_begin(mind, end);
            }
            Order::Interested(interested) => {
                live.pipeline.rest();
                self.post(end, Message::Interested(interested));
            }
            Order::Suggest(piece) => self.post(end, Message::Suggest(piece)),
            Order::Welcome { have, .. } => self.post(end, Message::Hello(end, have)),
            Order::Close(_) => {
                self.note_stop(end);
                self.post(end, Message::Closed);
                self.end(mind, end);
            }
            // The remote sees for itself when there is nothing left to want; nothing is ever
            // lost here, and the metadata is known.
            Order::UploadOnly(_)
            | Order::Lost(_)
            | Order::Metadata { .. }
            | Order::Pex(_)
            | Order::Holepunch(_)
            | Order::RequestMetadata(_)
            | Order::RequestHashes(_)
            | Order::Hashes(..)
            | Order::RejectHashes(_) => {}
        }
    }

    fn request(&mut self, end: u32, mut ranges: Vec<BlockRange>) {
        let now = self.ground.now;
        let Some(live) = self.node.live(end) else {
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
            self.out.inbox.push((end, Some(Report::Rejected(refused))));
        }
        self.post(end, Message::Request(ranges));
    }

    fn note_begin(&mut self, mind: &Mind, end: u32) {
        let remote = self.remote(end);
        let optimistic = mind.choker.is_optimistic(ConnId(end.into())).unwrap_or_default();
        self.note(Note::Unchoked { remote, optimistic });
    }

    pub(super) fn note_stop(&mut self, end: u32) {
        let remote = self.remote(end);
        self.note(Note::Choked { remote });
    }
}
