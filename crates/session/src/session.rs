//! The owner of all torrents.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use announce::TrackerStatus;
use cache::{Cache, Done, Op};
use hash::Sha1Digest;
use ipfilter::IpFilter;
use lsd::Lsd;
use metainfo::PieceLayers;
use peer::Order;
use stdx::{Bitfield, ConnId, Instant, Rng, TorrentId};
use swarm::{Origin, PeerView};

use self::connections::Conn;
use crate::announces::Announces;
use crate::asleep::{Sleeper, Sleepers};
use crate::choker::Choker;
use crate::drops::Drops;
use crate::finding::Finder;
use crate::mirrors::{MirrorConn, OpenMirror};
use crate::outside::{Elected, Outside};
use crate::torrent::Torrent;
use crate::trackers::Announcer;
use crate::{Config, DhtOrder, Event, Source, Status};

mod announcing;
mod changes;
mod connections;
mod flow;
mod mirrors;
mod neighbourhood;
mod sleep;
mod torrents;

/// A connection to open.
#[derive(Clone, Debug)]
pub struct Connect {
    /// Its number. Answer with [`Session::handle_connected`] and go on with
    /// [`peer::Peer::connect`], or with [`Session::handle_connect_failed`].
    pub conn: ConnId,
    /// Where to.
    pub addr: SocketAddr,
    /// The torrent, for [`peer::Peer::connect`].
    pub torrent: Arc<peer::Torrent>,
    /// What we have, for [`peer::Peer::connect`].
    pub have: Bitfield,
    /// We download nothing, for [`peer::Peer::connect`].
    pub upload_only: bool,
    /// Over uTP alone, and at once: the other side does the same, through an address translator
    /// (BEP 55).
    pub punch: bool,
}

/// The minds of all torrents of a process, with what they share. Performs no I/O, reads no
/// clock; everything follows from its inputs and the seed.
///
/// Inputs are the `handle_*` methods and the commands. After any of them, drain
/// [`poll_order`](Self::poll_order), [`poll_connect`](Self::poll_connect),
/// [`poll_mirror`](Self::poll_mirror), [`poll_disk`](Self::poll_disk),
/// [`poll_announce`](Self::poll_announce), [`poll_dht`](Self::poll_dht),
/// [`poll_neighbourly`](Self::poll_neighbourly), [`poll_event`](Self::poll_event) and
/// [`poll_wake`](Self::poll_wake), then read [`poll_timeout`](Self::poll_timeout) and
/// [`reading_allowed`](Self::reading_allowed).
///
/// A connection begins with [`handle_incoming`](Self::handle_incoming) or
/// [`handle_connected`](Self::handle_connected) and ends with
/// [`handle_closed`](Self::handle_closed), which the driver calls exactly once, also after
/// [`Order::Close`]. Orders for a connection that has just ended may still come; drop them.
#[derive(Debug)]
pub struct Session {
    config: Config,
    rng: Rng,
    announcer: Announcer,
    /// What is told to the neighbourhood, if anything is.
    lsd: Option<Lsd>,
    cache: Cache,
    choker: Choker,
    /// Those that are awake.
    torrents: BTreeMap<TorrentId, Torrent>,
    sleepers: Sleepers,
    /// Those of them that the driver is to wake.
    wakes: VecDeque<TorrentId>,
    /// Connections that wait for a torrent to wake, by when they are told to go.
    patience: BTreeSet<(Instant, ConnId)>,
    by_hash: BTreeMap<Sha1Digest, TorrentId>,
    next_torrent: u32,
    conns: BTreeMap<ConnId, Conn>,
    next_conn: u64,
    mirror_conns: BTreeMap<ConnId, MirrorConn>,
    open_mirrors: VecDeque<OpenMirror>,
    drops: Drops,
    /// Connections that are being opened.
    opening: usize,
    /// Nothing is taken in any more.
    closing: bool,
    /// The cache is full: nothing more is asked for.
    paused: bool,
    /// Somebody's interest changed, or a slot fell free.
    rechoke: bool,
    /// Torrents with something to say.
    touched: BTreeSet<TorrentId>,
    /// Torrents whose trackers, timers and wish for connections need a look: what happens with
    /// every batch does not change these.
    untended: BTreeSet<TorrentId>,
    /// Torrents that may have somebody to connect to.
    connecting: BTreeSet<TorrentId>,
    /// The torrent that opened a connection last; the next one is another's.
    connected: TorrentId,
    timers: BTreeSet<(Instant, TorrentId)>,
    /// How others see us.
    outside: Outside,
    /// Addresses that no peer may have.
    filter: IpFilter,
    orders: VecDeque<(ConnId, Order)>,
    connects: VecDeque<Connect>,
    announces: Announces,
    /// Where there is a DHT.
    finder: Option<Finder>,
    events: VecDeque<Event>,
}

impl Session {
    /// A session without torrents. All its randomness follows from `seed`.
    pub fn new(now: Instant, config: Config, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let choker = Choker::new(now, config.limits.up, rng.fork()).with_policy(config.choker);
        let announcer = Announcer {
            peer_id: config.peer_id,
            port: config.listen_port,
            key: rng.next_u64() as u32,
        };
        let finder = config.dht.then(|| Finder::new(rng.fork()));
        let lsd = config.lsd.then(|| Lsd::new(now, rng.fork()));
        Self {
            rng,
            lsd,
            announcer,
            cache: Cache::new(config.cache.clone()),
            choker,
            torrents: BTreeMap::new(),
            sleepers: Sleepers::default(),
            wakes: VecDeque::new(),
            patience: BTreeSet::new(),
            by_hash: BTreeMap::new(),
            next_torrent: 0,
            conns: BTreeMap::new(),
            next_conn: 0,
            mirror_conns: BTreeMap::new(),
            open_mirrors: VecDeque::new(),
            drops: Drops::new(now),
            opening: 0,
            closing: false,
            paused: false,
            rechoke: false,
            touched: BTreeSet::new(),
            untended: BTreeSet::new(),
            connecting: BTreeSet::new(),
            connected: TorrentId::default(),
            timers: BTreeSet::new(),
            outside: Outside::default(),
            filter: IpFilter::default(),
            orders: VecDeque::new(),
            connects: VecDeque::new(),
            announces: Announces::default(),
            finder,
            events: VecDeque::new(),
            config,
        }
    }

    /// The port that trackers are told from their next announce on, where a router has another one
    /// for us than our own.
    pub fn set_listen_port(&mut self, port: u16) {
        self.announcer.port = port;
    }

    /// Takes our address in the world as a router has it, by family; `None` when it says nothing
    /// any more.
    pub fn set_router_address(&mut self, v6: bool, ip: Option<IpAddr>) {
        if let Some(news) = self.outside.hear_router(v6, ip) {
            self.tell_outside(news);
        }
    }

    /// Has everybody go by an address that others see us at.
    fn tell_outside(&mut self, Elected { ip, is_certain }: Elected) {
        for torrent in self.torrents.values_mut() {
            torrent.swarm.set_own_address(ip);
        }
        if let Some(finder) = self.finder.as_mut().filter(|_| is_certain) {
            finder.set_outside(ip);
        }
    }

    /// Whether a connection was let download from us by lot, not for what it gives; `None` when it
    /// may not.
    pub fn is_optimistic(&self, conn: ConnId) -> Option<bool> {
        self.choker.is_optimistic(conn)
    }

    /// Takes the answer to a disk operation.
    pub fn handle_disk(&mut self, now: Instant, done: Done) {
        self.cache.handle_done(now, done);
        self.pump(now);
    }

    /// Takes peers that others named without having been connected to them: nodes of the DHT.
    /// Nothing is taken for private torrents (BEP 27), nor for those that are not here.
    pub fn handle_found(
        &mut self,
        now: Instant,
        info_hash: &Sha1Digest,
        peers: impl IntoIterator<Item = SocketAddr>,
        origin: Origin,
    ) {
        let Some(id) = self.find(info_hash) else { return };
        let torrent = self.torrents.get(&id);
        if torrent.is_some_and(|it| it.is_open() && !it.is_private()) {
            self.add_peers(now, id, peers, origin);
        } else if self.sleepers.get(id).is_some_and(|it| !it.private) {
            self.hear_of(now, id, peers, origin);
            self.pump(now);
        }
    }

    /// Does what is due. Early and repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.cache.poll_timeout().is_some_and(|due| due <= now) {
            self.cache.handle_timeout(now);
        }
        self.rechoke |= self.choker.poll_timeout() <= now;
        let due: Vec<TorrentId> =
            self.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        for id in due {
            if let Some(torrent) = self.torrents.get_mut(&id) {
                torrent.swarm.handle_timeout(now);
            }
            self.touch(id);
        }
        self.turn_away_late(now);
        self.pump(now);
    }

    /// The next order for a connection.
    pub fn poll_order(&mut self) -> Option<(ConnId, Order)> {
        self.orders.pop_front()
    }

    /// The next connection to open.
    pub fn poll_connect(&mut self) -> Option<Connect> {
        self.connects.pop_front()
    }

    /// The next operation for the disk; each is answered once by
    /// [`handle_disk`](Self::handle_disk).
    pub fn poll_disk(&mut self) -> Option<Op> {
        self.cache.poll_op()
    }

    /// What is to be done next in the DHT.
    pub fn poll_dht(&mut self) -> Option<DhtOrder> {
        self.finder.as_mut()?.poll()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let torrents = self.timers.first().map(|(at, _)| *at);
        let choker = (!self.conns.is_empty()).then(|| self.choker.poll_timeout());
        let lsd = self.lsd.as_ref().and_then(Lsd::poll_timeout);
        let patience = self.patience.first().map(|(at, _)| *at);
        [torrents, choker, self.cache.poll_timeout(), lsd, patience].into_iter().flatten().min()
    }

    /// False while the block cache is over its budget: read no sockets until it is true again.
    /// Orders and everything else go on.
    pub fn reading_allowed(&self) -> bool {
        !self.cache.is_full()
    }

    /// How many connections may download from us at once.
    pub fn slots(&self) -> usize {
        self.choker.slots()
    }

    /// The torrents that are awake, in the order they were added.
    pub fn torrents(&self) -> impl Iterator<Item = TorrentId> + '_ {
        self.torrents.keys().copied()
    }

    /// True when no torrent is left, asleep neither.
    pub fn is_empty(&self) -> bool {
        self.torrents.is_empty() && self.sleepers.is_empty()
    }

    /// The torrent with this v1 info-hash, or truncated v2 info-hash, unless it is stopping.
    pub fn find(&self, info_hash: &Sha1Digest) -> Option<TorrentId> {
        self.by_hash.get(info_hash).copied()
    }

    /// How a torrent does; `None` when it is not here (any more).
    pub fn status(&self, now: Instant, torrent: TorrentId) -> Option<Status> {
        let awake = self.torrents.get(&torrent).map(|torrent| torrent.status(now));
        awake.or_else(|| self.sleepers.get(torrent).map(Sleeper::status))
    }

    /// Everybody who was met, who gave most first.
    pub fn sources(&self, torrent: TorrentId) -> Vec<Source> {
        self.torrents.get(&torrent).map(Torrent::sources).unwrap_or_default()
    }

    /// The trackers, and how they do; a hybrid's appear once for each info-hash.
    pub fn trackers(&self, torrent: TorrentId) -> Vec<TrackerStatus<'_>> {
        self.trackers_of(torrent).map(|it| it.status().collect()).unwrap_or_default()
    }

    /// The pieces that are verified and on disk; `None` before [`start`](Self::start).
    pub fn have(&self, torrent: TorrentId) -> Option<Bitfield> {
        let have = self.torrents.get(&torrent)?.swarm.have();
        (!have.is_empty()).then_some(have)
    }

    /// The connections of a torrent whose handshake is done.
    pub fn peers(&self, now: Instant, torrent: TorrentId) -> Vec<PeerView> {
        self.torrents
            .get(&torrent)
            .map(|torrent| torrent.swarm.peers(now).collect())
            .unwrap_or_default()
    }

    /// The piece layers known so far (BEP 52), to be saved with the metadata.
    pub fn layers(&self, torrent: TorrentId) -> Option<&PieceLayers> {
        self.torrents.get(&torrent).map(|torrent| torrent.swarm.layers())
    }

    /// Has a torrent looked after from all sides.
    fn touch(&mut self, torrent: TorrentId) {
        self.touched.insert(torrent);
        self.untended.insert(torrent);
    }
}
