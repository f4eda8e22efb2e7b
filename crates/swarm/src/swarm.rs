use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hash::Sha256Digest;
use ipfilter::IpFilter;
use metainfo::{Info, InfoHashes, PieceLayers};
use peer::{Batch, CloseReason, Order, Torrent};
use stdx::{
    Bitfield, BlockRange, Buf, ConnId, Duration, FileIndex, Instant, PeerId, PieceIndex, Rng,
};

use self::punch::Punches;
use crate::conn::Conn;
use crate::content::Content;
use crate::layers::Layers;
use crate::metadata::Fetch;
use crate::trust::Trust;
use crate::{Event, Limits, Neighbours, Origin, PeerView, PieceOrder, Priority, Stats};

mod blocks;
mod connections;
mod hashes;
mod mirrors;
mod others;
mod punch;
mod reports;
mod upkeep;
mod verify;
mod withhold;

/// How often the torrent looks after itself while it has, or could have, peers.
const TICK: Duration = Duration::from_secs(1);

/// What a torrent is to know about its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How we name ourselves, so as to notice connections to ourselves and to break ties.
    pub peer_id: PeerId,
    /// Connections.
    pub limits: Limits,
    /// What it goes by.
    pub tactics: Tactics,
}

/// What a torrent's mind goes by. The default is what ships; the rest is there to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tactics {
    /// Which pieces come first, unless they are to come in sequence.
    pub order: PieceOrder,
    /// While it alone has pieces, a seed tries to send each once before any twice.
    pub send_once: bool,
}

impl Default for Tactics {
    fn default() -> Self {
        Self { order: PieceOrder::RarestFirst, send_once: true }
    }
}

impl Config {
    /// The usual limits.
    pub fn new(peer_id: PeerId) -> Self {
        Self { peer_id, limits: Limits::default(), tactics: Tactics::default() }
    }
}

/// One torrent's mind. Performs no I/O and reads no clock.
///
/// Inputs are the `handle_*` methods and the commands. After any of them drain
/// [`Self::poll_order`], [`Self::poll_store`], [`Self::poll_event`] and [`Self::poll_connect`],
/// then read [`Self::poll_timeout`].
///
/// A magnet link begins without metadata: [`Event::MetadataReady`] comes, the owner looks at the
/// disk and calls [`Self::start`]. With metadata, `start` comes first. Until then no connections
/// are made or taken in, except to fetch the metadata, and, when files can only be judged by v2
/// piece hashes that are not known, to fetch those: [`Self::fetch_layers`].
#[derive(Debug)]
pub struct Swarm {
    config: Config,
    /// What connections know: the metadata only after [`Self::start`], because before it cannot
    /// be said what we have.
    torrent: Arc<Torrent>,
    info: Option<Arc<Info>>,
    layers: Layers,
    /// The roots whose layers the owner waits for before it starts.
    awaited: BTreeSet<Sha256Digest>,
    /// What peers give, for the sake of mirrors.
    offers: mirrors::Offers,
    rng: Rng,
    neighbours: Neighbours,
    trust: Trust,
    conns: BTreeMap<ConnId, Conn>,
    content: Option<Content>,
    metadata: Option<Fetch>,
    punches: Punches,
    paused: bool,
    stopped: bool,
    /// Blocks became free, or endgame may have begun: idle connections get another look.
    freed: bool,
    /// The connection after which idle ones were last looked at, so that all get their turn.
    looked_at: ConnId,
    complete_told: bool,
    next_tick: Instant,
    next_turnover: Instant,
    wasted: u64,
    failed: u64,
    orders: VecDeque<(ConnId, Order)>,
    stores: VecDeque<(BlockRange, Buf)>,
    events: VecDeque<Event>,
}

impl Swarm {
    /// A torrent without peers, with or without metadata.
    pub fn new(now: Instant, config: Config, torrent: Arc<Torrent>, mut rng: Rng) -> Self {
        let mut torrent = Arc::unwrap_or_clone(torrent);
        let info = torrent.info.take();
        let metadata = info.is_none().then(|| Fetch::new(torrent.hashes));
        let layers = info.as_ref().map(|info| Layers::new(info, PieceLayers::default()));
        Self {
            config,
            torrent: Arc::new(torrent),
            info,
            layers: layers.unwrap_or_default(),
            awaited: BTreeSet::new(),
            offers: mirrors::Offers::default(),
            neighbours: Neighbours::new(now, config.limits, rng.fork()),
            rng,
            trust: Trust::default(),
            conns: BTreeMap::new(),
            content: None,
            metadata,
            punches: Punches::new(now),
            paused: false,
            stopped: false,
            freed: false,
            looked_at: ConnId(0),
            complete_told: false,
            next_tick: now,
            next_turnover: now + upkeep::TURNOVER,
            wasted: 0,
            failed: 0,
            orders: VecDeque::new(),
            stores: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Gives the v2 piece layers that came with the metadata; before [`Self::start`]. Does nothing
    /// without metadata.
    pub fn set_layers(&mut self, layers: PieceLayers) {
        if let Some(info) = self.info.as_ref().filter(|_| self.content.is_none()) {
            self.layers = Layers::new(info, layers);
        }
    }

    /// Fetches the v2 piece layers of files with these roots before [`Self::start`], since what is
    /// on disk cannot be judged without them (BEP 52). [`Event::LayersReady`] comes when all are
    /// here; at once, if none of them lacks. Does nothing without metadata or after the start.
    pub fn fetch_layers(&mut self, now: Instant, roots: &BTreeSet<Sha256Digest>) {
        if self.info.is_none() || self.content.is_some() || self.stopped {
            return;
        }
        self.awaited = self.layers.prefer(roots);
        if self.awaited.is_empty() {
            self.events.push_back(Event::LayersReady);
        }
        self.finish(now);
    }

    /// Begins: the metadata is known and the disk was checked. `have` are the verified pieces,
    /// `partial` the blocks of others that are on disk without having been verified. Does nothing
    /// without metadata or when called again.
    pub fn start(&mut self, now: Instant, have: &Bitfield, partial: Vec<(PieceIndex, Bitfield)>) {
        let Some(info) = self.info.clone().filter(|_| self.content.is_none()) else {
            return;
        };
        self.awaited.clear();
        let private = self.torrent.private || info.is_private();
        if private {
            self.neighbours.shun_hearsay();
        }
        let torrent = (*self.torrent).clone();
        self.torrent = Arc::new(Torrent { info: Some(info.clone()), private, ..torrent });
        let mut content = Content::new(info, &self.layers, have, &mut self.rng);
        content.picker.set_order(self.config.tactics.order);
        for (piece, blocks) in partial {
            content.picker.restore(piece, &blocks);
        }
        self.content = Some(content);
        self.publish_metadata();
        self.check_complete(now);
        self.finish(now);
    }

    /// Sets the priority of each file, in the order of the metadata; missing ones are normal.
    pub fn select(&mut self, now: Instant, priorities: Vec<Priority>) {
        let Some(content) = &mut self.content else {
            return;
        };
        content.select(priorities);
        let Some(content) = &self.content else { return };
        for conn in self.conns.values_mut() {
            conn.useful_pieces = conn.have.as_ref().map_or(0, |have| content.useful(have));
        }
        let conns: Vec<_> = self.conns.keys().copied().collect();
        for conn in conns {
            self.update_interest(conn);
        }
        if self.content.as_ref().is_some_and(|content| !content.is_complete()) {
            self.complete_told = false;
        }
        self.check_complete(now);
        self.freed = true;
        self.finish(now);
    }

    /// From the first piece to the last instead of the usual order.
    pub fn set_sequential(&mut self, sequential: bool) {
        let usual = self.config.tactics.order;
        if let Some(content) = &mut self.content {
            content.picker.set_order(if sequential { PieceOrder::Sequential } else { usual });
        }
    }

    /// Goes by an address that others see us at: the one of its family, among neighbours or in the
    /// world (BEP 40).
    pub fn set_own_address(&mut self, ip: IpAddr) {
        self.neighbours.set_own_address(ip);
    }

    /// Connects to none of these addresses; connections that there are stay.
    pub fn set_filter(&mut self, filter: IpFilter) {
        self.neighbours.set_filter(filter);
        self.freed = true;
    }

    /// While paused, nothing is asked for: the disk does not keep up. What was asked for comes.
    pub fn set_paused(&mut self, now: Instant, paused: bool) {
        if std::mem::replace(&mut self.paused, paused) && !paused {
            self.freed = true;
            self.finish(now);
        }
    }

    /// Closes all connections and makes no more.
    pub fn stop(&mut self, now: Instant) {
        self.stopped = true;
        let conns: Vec<_> = self.conns.keys().copied().collect();
        for conn in conns {
            self.close(now, conn, CloseReason::Stopped);
        }
    }

    /// Notes addresses of peers.
    pub fn add_candidates(
        &mut self,
        now: Instant,
        addrs: impl Iterator<Item = SocketAddr>,
        origin: Origin,
    ) {
        for addr in addrs {
            self.neighbours.add(now, addr, origin);
        }
    }

    /// Does what is due. Early and repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.tick(now);
        }
        self.finish(now);
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let idle = self.conns.is_empty() && self.neighbours.is_empty();
        (!self.stopped && !idle).then_some(self.next_tick)
    }

    /// The next order for a connection.
    pub fn poll_order(&mut self) -> Option<(ConnId, Order)> {
        self.orders.pop_front()
    }

    /// The next block to be kept, not verified.
    pub fn poll_store(&mut self) -> Option<(BlockRange, Buf)> {
        self.stores.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What connections share, as of now: give it to new ones. Without metadata before
    /// [`Self::start`].
    pub fn torrent(&self) -> &Arc<Torrent> {
        &self.torrent
    }

    /// The metadata, once known.
    pub fn info(&self) -> Option<&Arc<Info>> {
        self.info.as_ref()
    }

    /// Whether peers may come from its trackers alone (BEP 27), as far as is known.
    pub fn is_private(&self) -> bool {
        self.torrent.private || self.info.as_ref().is_some_and(|info| info.is_private())
    }

    /// What names the torrent: both hashes of a hybrid, once the metadata is here.
    pub fn hashes(&self) -> InfoHashes {
        self.torrent.hashes
    }

    /// The pieces that are on disk and may be claimed: give them to new connections. Empty before
    /// [`Self::start`].
    pub fn have(&self) -> Bitfield {
        self.content.as_ref().map(|content| content.on_disk.clone()).unwrap_or_default()
    }

    /// The v2 piece layers that are complete.
    pub fn layers(&self) -> &PieceLayers {
        self.layers.known()
    }

    /// Whether we have all that we want (BEP 21): give it to new connections.
    pub fn is_upload_only(&self) -> bool {
        self.content.as_ref().is_some_and(Content::is_complete)
    }

    /// Whether everything selected is on disk.
    pub fn is_complete(&self) -> bool {
        self.is_upload_only()
    }

    /// Bytes of the selection that are not verified; all bits set (`u64::MAX`) while unknown.
    pub fn left(&self) -> u64 {
        self.content.as_ref().map_or(u64::MAX, |content| content.total - content.done)
    }

    /// Connections, those that are being opened included.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Verified bytes of the selection.
    pub fn done(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.done)
    }

    /// How much a file is wanted.
    pub fn priority(&self, file: FileIndex) -> Option<Priority> {
        self.content.as_ref()?.priorities.get(file.get()).copied()
    }

    /// The pieces in progress with the blocks of each that are here.
    pub fn partials(&self) -> Vec<(PieceIndex, Bitfield)> {
        let picker = self.content.as_ref().map(|content| &content.picker);
        picker.map(|picker| picker.partials().collect()).unwrap_or_default()
    }

    /// The connections past their handshake.
    pub fn peers(&self, now: Instant) -> impl Iterator<Item = PeerView> + '_ {
        self.peer_conns().filter(|conn| conn.ready).map(move |conn| conn.view(now))
    }

    /// The torrent in numbers.
    pub fn stats(&self) -> Stats {
        let ready = || self.peer_conns().filter(|conn| conn.ready);
        let content = self.content.as_ref();
        Stats {
            done: self.done(),
            total: content.map_or(0, |content| content.total),
            wasted: self.wasted,
            failed: self.failed,
            hashes: self.layers.received(),
            peers: ready().count(),
            seeds: ready().filter(|conn| conn.is_seed()).count(),
            mirrors: self.conns.values().filter(|conn| conn.is_mirror && !conn.choked).count(),
            known: self.neighbours.len(),
            outstanding: self.conns.values().map(|conn| conn.outstanding.len()).sum(),
            partials: content.map_or(0, |content| content.picker.partial_count()),
        }
    }

    /// Takes what a connection reports.
    pub fn handle_batch(&mut self, now: Instant, conn: ConnId, batch: Batch) {
        self.take_batch(now, conn, batch);
        self.finish(now);
    }

    /// Gives connections an order, unless they are not ready for any or gone.
    fn order(&mut self, conn: ConnId, order: Order) {
        let known = self.conns.get(&conn).is_some_and(|it| it.ready);
        if known || matches!(order, Order::Close(_) | Order::Welcome { .. }) {
            self.orders.push_back((conn, order));
        }
    }

    /// What follows every input.
    fn finish(&mut self, now: Instant) {
        self.request_metadata(now);
        self.request_hashes(now);
        self.refill_idle(now);
    }

    /// Tells everybody when the selection is complete, and when it no longer is.
    fn check_complete(&mut self, now: Instant) {
        let complete = self.is_upload_only();
        if complete && !std::mem::replace(&mut self.complete_told, true) {
            self.events.push_back(Event::Complete);
        }
        for it in self.conns.values_mut() {
            if it.ready && std::mem::replace(&mut it.told_upload_only, complete) != complete {
                self.orders.push_back((it.id, Order::UploadOnly(complete)));
            }
        }
        if complete {
            let conns: Vec<_> = self.conns.keys().copied().collect();
            for conn in conns {
                self.close_if_redundant(now, conn);
            }
        }
    }
}

#[cfg(test)]
mod tests;
