use peer::{CloseReason, Order};
use stdx::{ConnId, Duration, Instant};

use super::Swarm;
use crate::conn::Conn;
use crate::suggest::SendOnce;

/// How often some connections are exchanged for others when there are nearly as many as may be.
pub(super) const TURNOVER: Duration = Duration::from_mins(5);
/// Share of the connections exchanged each time, in percent.
const TURNOVER_PERCENT: usize = 4;
/// How full is nearly full, in percent.
const NEARLY_FULL_PERCENT: usize = 90;
/// A connection of no use for so long makes room when there is somebody else to try.
const IDLE_MAX: Duration = Duration::from_mins(10);
/// A connection of no use for so long makes room for one that comes in when there is no other.
const SILENT_MAX: Duration = Duration::from_mins(1);
/// How long the peer that opened two connections has to close one of them.
const DUPLICATE_MAX: Duration = Duration::from_secs(10);

impl Swarm {
    /// What is done about once a second.
    pub(super) fn tick(&mut self, now: Instant) {
        self.neighbours.expire(now);
        // Peers that were paused may be asked again.
        self.freed = true;
        if let Some(send_once) = self.content.as_mut().and_then(|it| it.send_once.as_mut()) {
            send_once.expire(now);
        }
        let conns: Vec<_> = self.conns.keys().copied().collect();
        for conn in conns {
            self.suggest(now, conn);
        }
        self.exchange_peers(now);
        self.close_lasting_duplicates(now);
        self.look_at_mirrors(now);
        self.replace_idle(now);
        if now >= self.next_turnover {
            self.next_turnover = now + TURNOVER;
            self.turn_over(now);
        }
    }

    /// Closes the connection that has been of no use to either side for longest, if any has been
    /// for long; returns whether there was one. For when others wait for its place.
    pub fn release_idle(&mut self, now: Instant) -> bool {
        let idle = |conn: &&Conn| {
            let wanted = conn.interested || conn.am_interested;
            conn.ready && !conn.is_mirror && !wanted && now.since(conn.active) >= SILENT_MAX
        };
        let longest = self.conns.values().filter(idle).min_by_key(|conn| (conn.active, conn.id));
        let Some(conn) = longest.map(|conn| conn.id) else {
            return false;
        };
        self.close(now, conn, CloseReason::Replaced);
        true
    }

    /// Suggests pieces to a downloader, as long as we alone have them.
    pub(super) fn suggest(&mut self, now: Instant, conn: ConnId) {
        let Some(it) = self.conns.get_mut(&conn) else {
            return;
        };
        let Some(content) = &mut self.content else {
            return;
        };
        let serves =
            self.config.tactics.send_once && it.ready && it.fast && it.interested && !it.am_choking;
        if !serves || !content.on_disk.is_full() || it.have.is_none() {
            return;
        }
        let pieces = content.on_disk.len();
        let rng = &mut self.rng;
        let send_once = content.send_once.get_or_insert_with(|| SendOnce::new(pieces, rng));
        let (rate, length) = (it.up.rate(now), content.info.piece_length());
        let picker = &content.picker;
        let is_out = |piece| picker.availability(piece) > 0;
        for piece in send_once.top_up(conn, rate, length, is_out) {
            self.order(conn, Order::Suggest(piece));
        }
    }

    /// Ends all but the oldest of several connections that one peer opened and keeps.
    fn close_lasting_duplicates(&mut self, now: Instant) {
        let mut ready: Vec<_> = self.peer_conns().filter(|conn| conn.ready).collect();
        ready.sort_by_key(|conn| (conn.peer_id, conn.since, conn.id));
        let lasting = |pair: &&[&Conn]| {
            pair[0].peer_id == pair[1].peer_id && now.since(pair[1].since) >= DUPLICATE_MAX
        };
        let extra: Vec<_> = ready.windows(2).filter(lasting).map(|pair| pair[1].id).collect();
        for conn in extra {
            self.close(now, conn, CloseReason::Duplicate);
        }
    }

    fn is_nearly_full(&self) -> bool {
        let limit = self.config.limits.connections;
        self.settled_connections() * 100 >= limit * NEARLY_FULL_PERCENT
    }

    fn replace_idle(&mut self, now: Instant) {
        if !self.is_nearly_full() || self.neighbours.candidates() == 0 {
            return;
        }
        let idle = |conn: &&Conn| {
            !conn.interested && !conn.am_interested && now.since(conn.active) >= IDLE_MAX
        };
        let idle: Vec<_> = self.peer_conns().filter(idle).map(|conn| conn.id).collect();
        for conn in idle {
            self.close(now, conn, CloseReason::Replaced);
        }
    }

    /// Exchanges the least useful connections for others, so that the swarm keeps mixing.
    fn turn_over(&mut self, now: Instant) {
        if !self.is_nearly_full() || self.neighbours.candidates() == 0 {
            return;
        }
        let ready = self.conns.values_mut().filter(|conn| conn.ready && !conn.is_mirror);
        let mut ready: Vec<_> = ready
            .map(|conn| {
                let flows = conn.down.rate(now) + conn.up.rate(now);
                (conn.am_interested, conn.interested, flows, conn.active, conn.id)
            })
            .collect();
        ready.sort_unstable();
        let count = (ready.len() * TURNOVER_PERCENT).div_ceil(100);
        for (.., conn) in ready.into_iter().take(count) {
            self.close(now, conn, CloseReason::Replaced);
        }
    }
}
