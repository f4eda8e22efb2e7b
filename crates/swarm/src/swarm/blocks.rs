use std::collections::BTreeMap;
use std::ops::Bound;

use hash::sha256;
use peer::Order;
use stdx::{BlockIndex, BlockRange, Buf, ConnId, Duration, Instant, PieceIndex};

use super::Swarm;
use super::mirrors::ways;
use crate::conn::Conn;
use crate::{Asker, Others, Received};

/// A peer that could send a piece within this time is given whole pieces.
const WHOLE_PIECE_SECONDS: u64 = 20;
/// A peer that rejects requests while it does not choke us is left alone for this long.
const REJECT_PAUSE: Duration = Duration::from_secs(1);
/// Idle connections looked at after one input.
const IDLE_BATCH: usize = 32;
/// Blocks given out in one order.
const REQUESTS_MAX: u32 = 512;

impl Swarm {
    /// Gives a connection as many requests as it takes.
    pub(super) fn refill(&mut self, now: Instant, conn: ConnId) {
        let mirror = self.conns.get(&conn).filter(|it| it.is_mirror && it.want > 0);
        let others = mirror.map(|it| self.others_than(it));
        let Some(content) = &mut self.content else {
            return;
        };
        let peers = self.conns.len();
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let hopeless = it.choked && it.allowed.is_empty();
        let held = self.paused || self.stopped || now < it.hold_until;
        if it.want == 0 || !it.am_interested || hopeless || held {
            return;
        }
        let Some(have) = &it.have else { return };
        let rate = it.down.rate(now);
        let piece_length = u64::from(content.info.piece_length());
        let parole = self.trust.is_on_parole(it.addr);
        let picker = &content.picker;
        it.suggested.retain(|&piece| picker.is_wanted(piece) && !picker.is_partial(piece));
        let asker = Asker {
            conn,
            have,
            only: it.choked.then_some(&it.allowed[..]),
            suggested: &it.suggested,
            whole_pieces: it.is_mirror || rate * WHOLE_PIECE_SECONDS >= piece_length,
            parole,
            snubbed: it.snubbed,
            outstanding: it.outstanding.len() as u32,
            peers,
        };
        let want = it.want.min(REQUESTS_MAX);
        let (last, layout) = (it.last_given, content.info.layout());
        let picks = match &others {
            Some(others) if it.in_order => {
                let ways = ways(layout, &content.picker, last);
                content.picker.pick_in_order(&asker, want, &ways, others)
            }
            Some(Others { spared, .. }) => {
                let last = last.map(|(piece, _)| piece);
                content.picker.pick_run(&asker, want, last, spared.as_ref())
            }
            None => content.picker.pick(&asker, want),
        };
        it.last_given = picks.last().copied().or(last);
        let mut ranges = Vec::with_capacity(picks.len());
        for (piece, block) in picks {
            let Some(range) = content.info.layout().request(piece, block) else {
                continue;
            };
            it.outstanding.insert((piece, block));
            ranges.push(range);
        }
        it.want -= (ranges.len() as u32).min(it.want);
        if !ranges.is_empty() {
            it.active = now;
            it.given += ranges.len() as u64;
            self.freed |= content.picker.is_endgame();
            self.order(conn, Order::Request(ranges));
        }
    }

    /// Looks again at connections that could take requests and had none to take: something was
    /// given back, or only blocks asked of others are left.
    pub(super) fn refill_idle(&mut self, now: Instant) {
        if !std::mem::take(&mut self.freed) {
            return;
        }
        let idle = |conn: &&Conn| {
            conn.want > 0 && conn.am_interested && !(conn.choked && conn.allowed.is_empty())
        };
        let after = self.conns.range((Bound::Excluded(self.looked_at), Bound::Unbounded));
        let before = self.conns.range(..=self.looked_at);
        let turn = after.chain(before).map(|(_, conn)| conn).filter(idle);
        let turn: Vec<_> = turn.map(|conn| conn.id).take(IDLE_BATCH).collect();
        for conn in turn {
            self.looked_at = conn;
            self.refill(now, conn);
        }
    }

    pub(super) fn take_block(&mut self, now: Instant, conn: ConnId, range: BlockRange, data: Buf) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let (piece, block) = (range.piece, range.block());
        it.active = now;
        let Some(content) = &mut self.content else {
            return;
        };
        let whole = content.layout().request(piece, block) == Some(range);
        if !whole || data.len() != range.length as usize {
            // Nothing that was asked for.
            self.wasted += u64::from(range.length);
            return;
        }
        it.outstanding.remove(&(piece, block));
        let received = content.picker.received(conn, piece, block);
        let Received::Accepted { cancel, .. } = received else {
            self.wasted += u64::from(range.length);
            return;
        };
        it.useful_bytes += u64::from(range.length);
        if self.trust.evidence.wants(piece) {
            self.trust.evidence.arrived(piece, block, sha256(&data));
        }
        self.stores.push_back((range, data));
        for other in cancel {
            if let Some(it) = self.conns.get_mut(&other) {
                it.outstanding.remove(&(piece, block));
                it.want += 1;
                self.freed = true;
                self.order(other, Order::Cancel(vec![range]));
            }
        }
    }

    pub(super) fn take_rejects(&mut self, now: Instant, conn: ConnId, ranges: &[BlockRange]) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let Some(content) = &mut self.content else {
            return;
        };
        for range in ranges {
            let (piece, block) = (range.piece, range.block());
            it.outstanding.remove(&(piece, block));
            self.freed |= content.picker.release(conn, piece, block);
            if it.choked {
                // What is allowed and rejected all the same is not worth asking for again.
                it.allowed.retain(|&allowed| allowed != piece);
            }
        }
        if !it.choked && !ranges.is_empty() {
            it.hold_until = now + REJECT_PAUSE;
        }
    }

    /// Withdraws what the only seed was asked for of a piece that somebody else has by now and of
    /// which nothing has come: the seed does better to send what nobody has.
    pub(super) fn spare_the_seed(&mut self, piece: PieceIndex) {
        let Some(content) = &mut self.content else {
            return;
        };
        let mut cancels: BTreeMap<ConnId, Vec<BlockRange>> = BTreeMap::new();
        for (conn, block) in content.picker.reconsider(piece) {
            let range = content.info.layout().request(piece, block);
            cancels.entry(conn).or_default().extend(range);
        }
        for (conn, ranges) in cancels {
            let Some(it) = self.conns.get_mut(&conn) else {
                continue;
            };
            for range in &ranges {
                it.outstanding.remove(&(piece, range.block()));
            }
            self.freed = true;
            self.order(conn, Order::Cancel(ranges));
        }
    }

    /// Takes back what anybody was asked for of a piece.
    pub(super) fn withdraw(&mut self, piece: PieceIndex) {
        let Some(content) = &self.content else { return };
        let blocks = (piece, BlockIndex(0))..=(piece, BlockIndex(u32::MAX));
        for it in self.conns.values_mut() {
            let asked: Vec<_> = it.outstanding.range(blocks.clone()).copied().collect();
            if asked.is_empty() {
                continue;
            }
            it.want += asked.len() as u32;
            it.outstanding.retain(|(of, _)| *of != piece);
            let layout = content.info.layout();
            let range = |(_, block)| layout.request(piece, block);
            let ranges = asked.into_iter().filter_map(range).collect();
            self.orders.push_back((it.id, Order::Cancel(ranges)));
        }
    }

    /// Gives back everything that a connection was asked for.
    pub(super) fn release_all(&mut self, conn: ConnId) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let outstanding = std::mem::take(&mut it.outstanding);
        let Some(content) = &mut self.content else {
            return;
        };
        content.picker.disown(conn);
        for (piece, block) in outstanding {
            self.freed |= content.picker.release(conn, piece, block);
        }
    }

    /// Lets others go on with pieces that a connection had for itself.
    pub(super) fn disown(&mut self, conn: ConnId) {
        if let Some(content) = &mut self.content {
            content.picker.disown(conn);
            self.freed = true;
        }
    }
}
