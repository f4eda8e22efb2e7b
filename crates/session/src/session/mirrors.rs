use std::sync::Arc;

use peer::{Batch, CloseReason, Order};
use stdx::{ConnId, Duration, Instant, TorrentId};

use super::Session;
use crate::Event;
use crate::mirrors::{MIRRORS_AT_ONCE, Mirror, MirrorConn, MirrorView, OpenMirror};
use crate::torrent::Phase;

/// How long a mirror that was too slow beside the others, or ended for no fault of its own, is not
/// asked.
const SLOW_REST: Duration = Duration::from_mins(10);
const END_REST: Duration = Duration::from_mins(1);

impl Session {
    /// The next mirror to be asked.
    pub fn poll_mirror(&mut self) -> Option<OpenMirror> {
        self.open_mirrors.pop_front()
    }

    /// How a torrent's mirrors do.
    pub fn mirrors(&self, torrent: TorrentId) -> Vec<MirrorView> {
        let torrent = self.torrents.get(&torrent);
        torrent.map(|it| it.mirrors.iter().map(Mirror::view).collect()).unwrap_or_default()
    }

    /// Begins to ask the mirrors that a torrent lacks.
    pub(super) fn ask_mirrors(&mut self, now: Instant, id: TorrentId) {
        let Some(torrent) = self.torrents.get_mut(&id) else {
            return;
        };
        let works =
            torrent.phase == Phase::Running && !torrent.failed && torrent.complete.is_none();
        let Some(info) = torrent.swarm.info().cloned().filter(|_| works && !self.closing) else {
            return;
        };
        let mut asked = torrent.mirrors.iter().filter(|it| it.conn.is_some()).count();
        for (at, mirror) in torrent.mirrors.iter_mut().enumerate() {
            if asked >= MIRRORS_AT_ONCE {
                return;
            }
            if !mirror.stands_by() || now < mirror.not_before {
                continue;
            }
            self.next_conn += 1;
            let conn = ConnId(self.next_conn);
            if torrent.swarm.admit_mirror(now, conn, at as u16).is_err() {
                continue;
            }
            asked += 1;
            mirror.conn = Some(conn);
            let totals = peer::Totals::default();
            self.mirror_conns.insert(conn, MirrorConn { torrent: id, mirror: at, totals });
            let (address, info) = (mirror.address.clone(), Arc::clone(&info));
            self.open_mirrors.push_back(OpenMirror { conn, address, info });
        }
    }

    /// When a torrent's mirrors need a look.
    pub(super) fn mirrors_due(&self, id: TorrentId) -> Option<Instant> {
        let torrent = self.torrents.get(&id).filter(|it| it.phase == Phase::Running)?;
        let waiting = torrent.mirrors.iter().filter(|it| it.stands_by());
        let due = waiting.map(|it| it.not_before).filter(|&at| at > Instant::ZERO).min();
        due.filter(|_| torrent.complete.is_none())
    }

    /// Takes what a mirror has to say; gives it back when it is none.
    pub(super) fn hear_mirror(
        &mut self,
        now: Instant,
        conn: ConnId,
        batch: Batch,
    ) -> Option<Batch> {
        let Some(it) = self.mirror_conns.get_mut(&conn) else {
            return Some(batch);
        };
        let (id, at, old) = (it.torrent, it.mirror, it.totals);
        it.totals = batch.totals;
        if let Some(torrent) = self.torrents.get_mut(&id) {
            torrent.count(now, None, old, batch.totals);
            let received = batch.totals.down_payload.saturating_sub(old.down_payload);
            torrent.mirrors[at].received += received;
            if received > 0 {
                torrent.mirrors[at].trouble = None;
            }
            torrent.swarm.handle_batch(now, conn, batch);
            self.touched.insert(id);
        }
        self.pump(now);
        None
    }

    /// A mirror is no longer asked. False when it is none.
    pub(super) fn end_mirror(&mut self, now: Instant, conn: ConnId, reason: &CloseReason) -> bool {
        let Some(MirrorConn { torrent: id, mirror: at, .. }) = self.mirror_conns.remove(&conn)
        else {
            return false;
        };
        let Some(torrent) = self.torrents.get_mut(&id) else {
            return true;
        };
        torrent.swarm.handle_closed(now, conn, reason);
        let mirror = &mut torrent.mirrors[at];
        mirror.conn = None;
        match reason {
            CloseReason::Mirror(why) => self.leave_out(id, at, why.clone(), true),
            CloseReason::Slow => {
                mirror.not_before = now + SLOW_REST;
                self.leave_out(id, at, reason.to_string(), false);
            }
            _ => mirror.not_before = now + END_REST,
        }
        self.touch(id);
        self.pump(now);
        true
    }

    /// Notes that a mirror is not asked for a while, or for good, and has it told.
    pub(super) fn leave_out(&mut self, id: TorrentId, at: usize, message: String, for_good: bool) {
        let Some(mirror) = self.torrents.get_mut(&id).and_then(|it| it.mirrors.get_mut(at)) else {
            return;
        };
        if mirror.left_out {
            return;
        }
        mirror.left_out = for_good;
        mirror.trouble = Some(message.clone());
        let url = mirror.address.url.to_string();
        self.events.push_back(Event::MirrorFailed { torrent: id, url, message, left_out: true });
    }

    /// Has it told that a mirror does not give something now.
    pub(super) fn trouble(&mut self, id: TorrentId, conn: ConnId, message: String) {
        let at = self.mirror_conns.get(&conn).map(|it| it.mirror);
        let torrent = self.torrents.get_mut(&id);
        let Some(mirror) = torrent.zip(at).and_then(|(it, at)| it.mirrors.get_mut(at)) else {
            return;
        };
        mirror.trouble = Some(message.clone());
        let url = mirror.address.url.to_string();
        self.events.push_back(Event::MirrorFailed { torrent: id, url, message, left_out: false });
    }

    /// Ends the mirrors of a torrent that stops.
    pub(super) fn close_mirrors(&mut self, id: TorrentId) {
        let of_torrent = self.mirror_conns.iter().filter(|(_, it)| it.torrent == id);
        let close = of_torrent.map(|(&conn, _)| (conn, Order::Close(CloseReason::Stopped)));
        self.orders.extend(close);
    }
}
