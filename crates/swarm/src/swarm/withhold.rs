use peer::{CloseReason, Order};
use stdx::{ConnId, Instant, PieceIndex};

use super::Swarm;

/// Pieces that are taken back or offered again one by one. Of more than these connections hear by
/// being closed: new ones begin with all that is true.
const NEWS_MAX: usize = 256;

/// Files that change under us.
impl Swarm {
    /// Takes pieces back whose bytes on disk may no longer be those that were verified. Others are
    /// told (BEP 54). They are not fetched anew: what stands there now is a person's own.
    pub fn withhold(&mut self, now: Instant, pieces: impl IntoIterator<Item = PieceIndex>) {
        let Some(content) = &mut self.content else {
            return;
        };
        let mut gone = Vec::new();
        for piece in pieces {
            if piece.0 < content.on_disk.len() && content.on_disk.clear(piece.0) {
                content.withheld.set(piece.0);
                gone.push(piece);
            }
        }
        let on_disk = &content.on_disk;
        content.log.retain(|piece| on_disk.get(piece.0));
        self.spread(now, &gone, Order::Lost);
    }

    /// Offers pieces again that [`Self::withhold`] took back and that proved to be right.
    pub fn offer_again(&mut self, now: Instant, pieces: impl IntoIterator<Item = PieceIndex>) {
        let Some(content) = &mut self.content else {
            return;
        };
        let mut back = Vec::new();
        for piece in pieces {
            if piece.0 < content.on_disk.len() && content.withheld.clear(piece.0) {
                content.on_disk.set(piece.0);
                content.log.push(piece);
                back.push(piece);
            }
        }
        self.spread(now, &back, Order::Have);
    }

    /// Tells every connection; ends those that would have to hear too much, and those that are
    /// not open yet and would begin with what is no longer true.
    fn spread(&mut self, now: Instant, news: &[PieceIndex], order: fn(PieceIndex) -> Order) {
        if news.is_empty() {
            return;
        }
        let log = self.content.as_ref().map_or(0, |content| content.log.len());
        let conns: Vec<(ConnId, bool)> = self.conns.values().map(|it| (it.id, it.ready)).collect();
        for (conn, ready) in conns {
            if !ready || news.len() > NEWS_MAX {
                self.close(now, conn, CloseReason::Changed);
                continue;
            }
            if let Some(it) = self.conns.get_mut(&conn) {
                it.told = log;
            }
            for &piece in news {
                self.order(conn, order(piece));
            }
        }
        self.finish(now);
    }
}
