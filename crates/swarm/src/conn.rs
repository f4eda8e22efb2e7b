use std::collections::BTreeSet;
use std::net::SocketAddr;

use peer::{Carrier, ExtendedInfo, Totals};
use stdx::{Bitfield, BlockIndex, ConnId, Instant, PeerId, PieceIndex, RateMeter, TokenBucket};

use crate::exchange::Exchange;
use crate::{Direction, PeerView};

/// Suggestions and allowed-fast pieces of a peer that are remembered.
const HINTS_MAX: usize = 256;

/// Messages about bringing peers together (BEP 55) that one connection may cause at once; one a
/// second in the long run.
const PUNCHES_BURST: u64 = 10;

/// One connection as the torrent's mind knows it.
#[derive(Clone, Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    pub(crate) addr: SocketAddr,
    /// Where the peer listens, if known: what others, and we, can connect to.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) direction: Direction,
    pub(crate) carrier: Carrier,
    /// No peer at all, see [`crate::Swarm::admit_mirror`].
    pub(crate) is_mirror: bool,
    /// Of a mirror: the highest rate seen, since when it has had something to do, and what it was
    /// given last.
    pub(crate) best: u64,
    pub(crate) busy_since: Option<Instant>,
    pub(crate) last_given: Option<(PieceIndex, BlockIndex)>,
    /// Of a mirror: it gives whole files only, so that order matters.
    pub(crate) in_order: bool,
    pub(crate) since: Instant,
    /// When it last was of use to us or we to it.
    pub(crate) active: Instant,
    /// The handshake is through; orders may be sent.
    pub(crate) ready: bool,
    /// How much of the announcements it was told: a place in the log of done pieces.
    pub(crate) told: usize,
    pub(crate) told_upload_only: bool,
    /// It knows the torrent's metadata from us, so to say: its `Peer` was made with it.
    pub(crate) has_info: bool,
    pub(crate) peer_id: Option<PeerId>,
    pub(crate) v2: bool,
    pub(crate) fast: bool,
    pub(crate) info: ExtendedInfo,
    /// What it was told of others.
    pub(crate) exchange: Exchange,
    /// What it may still have to do with bringing peers together.
    pub(crate) punches: TokenBucket,
    /// What it has, once it said so and the metadata is there.
    pub(crate) have: Option<Bitfield>,
    /// How many wanted pieces it has.
    pub(crate) useful_pieces: u32,
    pub(crate) interested: bool,
    pub(crate) am_interested: bool,
    pub(crate) choked: bool,
    pub(crate) am_choking: bool,
    pub(crate) snubbed: bool,
    pub(crate) allowed: Vec<PieceIndex>,
    pub(crate) suggested: Vec<PieceIndex>,
    pub(crate) outstanding: BTreeSet<(PieceIndex, BlockIndex)>,
    /// Requests that it can still be given.
    pub(crate) want: u32,
    /// Blocks of every order to request, to hold against [`peer::Batch::taken`].
    pub(crate) given: u64,
    /// No requests before this: it rejects what it is asked for.
    pub(crate) hold_until: Instant,
    pub(crate) totals: Totals,
    pub(crate) useful_bytes: u64,
    pub(crate) down: RateMeter,
    pub(crate) up: RateMeter,
}

impl Conn {
    pub(crate) fn new(id: ConnId, addr: SocketAddr, direction: Direction, now: Instant) -> Self {
        Self {
            id,
            addr,
            listen: (direction == Direction::Outgoing).then_some(addr),
            direction,
            carrier: Carrier::default(),
            is_mirror: false,
            best: 0,
            busy_since: None,
            last_given: None,
            in_order: false,
            since: now,
            active: now,
            ready: false,
            told: 0,
            told_upload_only: false,
            has_info: false,
            peer_id: None,
            v2: false,
            fast: false,
            info: ExtendedInfo::default(),
            exchange: Exchange::default(),
            punches: TokenBucket::new(1, PUNCHES_BURST, now),
            have: None,
            useful_pieces: 0,
            interested: false,
            am_interested: false,
            choked: true,
            am_choking: true,
            snubbed: false,
            allowed: Vec::new(),
            suggested: Vec::new(),
            outstanding: BTreeSet::new(),
            want: 0,
            given: 0,
            hold_until: Instant::ZERO,
            totals: Totals::default(),
            useful_bytes: 0,
            down: RateMeter::default(),
            up: RateMeter::default(),
        }
    }

    pub(crate) fn is_seed(&self) -> bool {
        self.have.as_ref().is_some_and(|have| !have.is_empty() && have.is_full())
    }

    pub(crate) fn has(&self, piece: PieceIndex) -> bool {
        self.have.as_ref().is_some_and(|have| have.get(piece.0))
    }

    /// Notes a piece that may be asked for while choked.
    pub(crate) fn allow(&mut self, piece: PieceIndex) {
        if self.allowed.len() < HINTS_MAX && !self.allowed.contains(&piece) {
            self.allowed.push(piece);
        }
    }

    /// Notes a suggestion; the oldest is dropped when there are too many.
    pub(crate) fn suggest(&mut self, piece: PieceIndex) {
        if self.suggested.contains(&piece) {
            return;
        }
        if self.suggested.len() >= HINTS_MAX {
            self.suggested.remove(0);
        }
        self.suggested.push(piece);
    }

    /// Takes what a batch says about the request queue: how many more requests it takes, less
    /// those that were on their way when it was counted.
    pub(crate) fn set_want(&mut self, want: u32, taken: u64) {
        let under_way = self.given.saturating_sub(taken);
        self.want = u64::from(want).saturating_sub(under_way) as u32;
    }

    pub(crate) fn set_totals(&mut self, now: Instant, totals: Totals) {
        let mut down = totals.down_payload.saturating_sub(self.totals.down_payload);
        if self.in_order {
            // What it has to send in vain it sends all the same: it is not slow.
            down += totals.down_protocol.saturating_sub(self.totals.down_protocol);
        }
        let up = totals.up_payload.saturating_sub(self.totals.up_payload);
        if down > 0 {
            self.down.add(now, down);
        }
        if up > 0 {
            self.up.add(now, up);
        }
        if down + up > 0 {
            self.active = now;
        }
        self.totals = totals;
    }

    pub(crate) fn view(&self, now: Instant) -> PeerView {
        PeerView {
            conn: self.id,
            addr: self.addr,
            direction: self.direction,
            since: self.since,
            peer_id: self.peer_id,
            client: self.info.client.clone(),
            interested: self.interested,
            am_interested: self.am_interested,
            choked: self.choked,
            am_choking: self.am_choking,
            snubbed: self.snubbed,
            is_seed: self.is_seed(),
            upload_only: self.info.upload_only,
            v2: self.v2,
            pieces: self.have.as_ref().map_or(0, Bitfield::ones),
            outstanding: self.outstanding.len() as u32,
            uplink: self.info.uplink,
            totals: self.totals,
            down_rate: self.down.clone().rate(now),
            up_rate: self.up.clone().rate(now),
            useful: self.useful_bytes,
        }
    }
}
