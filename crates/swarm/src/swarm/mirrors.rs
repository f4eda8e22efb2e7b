use std::net::{Ipv6Addr, SocketAddr};
use std::ops::Range;

use metainfo::Layout;
use peer::CloseReason;
use stdx::{BLOCK_LENGTH, Bitfield, BlockIndex, ConnId, Duration, FileIndex, Instant, PieceIndex};

use super::Swarm;
use crate::conn::Conn;
use crate::{Direction, Others, Picker, Refusal};

/// Mirrors are spared what peers would bring anyway within this time.
const SOON: u64 = 10;
/// Peers that bring so many times what a mirror can are enough.
const ENOUGH: u64 = 8;
/// How long a mirror may work before it is compared with others: as long as rates are measured.
const TRIAL: Duration = Duration::from_secs(10);
/// A mirror is slow that brings less than this part of what the others bring together.
const SLOW_SHARE: u64 = 20;

/// What mirrors are not to be asked for, as of the last look.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers {
    /// What peers that let us download have.
    pub(super) pieces: Bitfield,
    /// What all peers bring together, in bytes per second.
    pub(super) rate: u64,
    /// What mirrors have that give parts of files.
    pub(super) ranged: Bitfield,
}

/// Mirrors: sources that are no peers, asked for what peers lack or take long to bring.
///
/// A mirror has no address of its own: here it stands under an unspecified one with its number,
/// which no peer can have. It is not counted where peers and their pieces are.
impl Swarm {
    /// The address that a mirror stands under.
    pub fn mirror_addr(mirror: u16) -> SocketAddr {
        SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), mirror)
    }

    /// The mirror that stands under an address, if one does.
    pub fn mirror_at(addr: SocketAddr) -> Option<u16> {
        addr.ip().is_unspecified().then_some(addr.port())
    }

    /// Takes a mirror in; from now on it takes orders and gives batches as a peer does, one that
    /// lets us download.
    ///
    /// # Errors
    /// When it is not wanted.
    pub fn admit_mirror(&mut self, now: Instant, conn: ConnId, mirror: u16) -> Result<(), Refusal> {
        let addr = Self::mirror_addr(mirror);
        let Some(content) = self.content.as_ref().filter(|_| !self.stopped) else {
            return Err(Refusal::NotRunning);
        };
        if self.is_upload_only() {
            return Err(Refusal::NotRunning);
        }
        if self.neighbours.is_banned(addr) {
            return Err(Refusal::Banned);
        }
        let mut it = Conn::new(conn, addr, Direction::Outgoing, now);
        (it.listen, it.is_mirror, it.ready, it.has_info) = (None, true, true, true);
        it.told = content.log.len();
        self.conns.insert(conn, it);
        self.look_at_mirrors(now);
        Ok(())
    }

    /// The connections to peers.
    pub(super) fn peer_conns(&self) -> impl Iterator<Item = &Conn> {
        self.conns.values().filter(|conn| !conn.is_mirror)
    }

    /// What others than a mirror bring.
    pub(super) fn others_than(&self, it: &Conn) -> Others {
        let have = if it.in_order { self.elsewhere(it) } else { None };
        Others { spared: self.spared(it).cloned(), have }
    }

    /// What a mirror that gives whole files only does not have to begin a file again for: what
    /// other mirrors have, and peers, unless it could do far more than they.
    fn elsewhere(&self, it: &Conn) -> Option<Bitfield> {
        let Offers { pieces, rate, ranged } = &self.offers;
        let far_slower = rate.saturating_mul(ENOUGH) < it.best;
        let mut all = ranged.as_bytes().to_vec();
        if !far_slower {
            unite(&mut all, pieces);
        }
        Bitfield::from_bytes(&all, ranged.len()).filter(|all| all.ones() > 0)
    }

    /// What a mirror is to leave to peers: with them at work, what they have; nothing when they
    /// would take long and it could do much.
    fn spared(&self, it: &Conn) -> Option<&Bitfield> {
        let Offers { pieces, rate, .. } = &self.offers;
        let soon = self.left() <= rate.saturating_mul(SOON);
        let enough = it.best > 0 && *rate >= it.best.saturating_mul(ENOUGH);
        (*rate > 0 && !pieces.is_empty() && (soon || enough)).then_some(pieces)
    }

    /// What is done about mirrors once a second.
    pub(super) fn look_at_mirrors(&mut self, now: Instant) {
        if !self.conns.values().any(|conn| conn.is_mirror) {
            return;
        }
        let Some(pieces) = self.content.as_ref().map(|content| content.on_disk.len()) else {
            return;
        };
        let mut union = Bitfield::new(pieces).as_bytes().to_vec();
        let mut ranged = union.clone();
        let mut offers = Offers::default();
        for it in self.conns.values_mut() {
            let rate = it.down.rate(now);
            let gives = it.ready && !it.choked && !it.snubbed;
            let have = it.have.as_ref().filter(|_| gives);
            if it.is_mirror {
                if let Some(have) = have.filter(|_| !it.in_order) {
                    unite(&mut ranged, have);
                }
                it.best = it.best.max(rate);
                let busy = !it.outstanding.is_empty();
                it.busy_since = it.busy_since.filter(|_| busy).or(busy.then_some(now));
                continue;
            }
            offers.rate += rate;
            if let Some(have) = have {
                unite(&mut union, have);
            }
        }
        offers.ranged = Bitfield::from_bytes(&ranged, pieces).unwrap_or_default();
        offers.pieces = Bitfield::from_bytes(&union, pieces).unwrap_or_default();
        self.offers = offers;
        for conn in self.slow_mirrors(now) {
            self.close(now, conn, CloseReason::Slow);
        }
    }

    /// Mirrors that hold for long what others could bring sooner.
    fn slow_mirrors(&mut self, now: Instant) -> Vec<ConnId> {
        let rates: Vec<(ConnId, u64)> =
            self.conns.values_mut().map(|it| (it.id, it.down.rate(now))).collect();
        let all: u64 = rates.iter().map(|(_, rate)| rate).sum();
        let left = self.left();
        let mirrors = self.conns.values().filter(|conn| conn.is_mirror).count();
        let is_slow = |&&(conn, rate): &&(ConnId, u64)| {
            let Some(it) = self.conns.get(&conn).filter(|it| it.is_mirror) else {
                return false;
            };
            let tried = it.busy_since.is_some_and(|since| now.since(since) >= TRIAL);
            let others = all - rate;
            let holds = it.outstanding.len() as u64 * u64::from(BLOCK_LENGTH);
            let offered =
                |piece: u32| piece < self.offers.pieces.len() && self.offers.pieces.get(piece);
            let replaceable =
                mirrors > 1 || it.outstanding.iter().all(|(piece, _)| offered(piece.0));
            tried
                && replaceable
                && rate.saturating_mul(SLOW_SHARE) < others
                && holds / rate.max(1) > left / others.max(1)
        };
        rates.iter().filter(is_slow).map(|(conn, _)| *conn).collect()
    }
}

/// The stretches that a mirror reads which gives whole files only: on from what it was given last
/// to the end of that file, then file by file, and that one from its beginning.
pub(super) fn ways<'a>(
    layout: &'a Layout,
    picker: &Picker,
    last: Option<(PieceIndex, BlockIndex)>,
) -> impl Iterator<Item = Range<u32>> + Clone + use<'a> {
    let piece_length = u64::from(layout.piece_length());
    let next = last.map_or(0, |(piece, block)| {
        let end =
            u64::from(piece.0) * piece_length + (u64::from(block.0) + 1) * u64::from(BLOCK_LENGTH);
        end.min((u64::from(piece.0) + 1) * piece_length)
    });
    let files = layout.files().len();
    let here = layout.files().partition_point(|file| file.offset + file.length <= next);
    let mut start = (next / piece_length) as u32;
    // Blocks of it that came free behind are not ahead.
    if last.is_some_and(|(piece, block)| piece.0 == start && picker.is_free_before(piece, block)) {
        start += 1;
    }
    let pieces = |file: usize| layout.file_pieces(FileIndex(file as u32));
    let ahead = if here < files { start..pieces(here).end.max(start) } else { 0..0 };
    let all = (here + 1..files).chain(0..files.min(here + 1));
    std::iter::once(ahead).chain(all.map(pieces))
}

fn unite(all: &mut [u8], some: &Bitfield) {
    all.iter_mut().zip(some.as_bytes()).for_each(|(all, some)| *all |= some);
}

#[cfg(test)]
mod tests;
