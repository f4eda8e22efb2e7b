//! Whole sessions wired to each other in memory, in virtual time: sockets that delay by a
//! millisecond, disks that obey at once, one tracker that everybody can reach.

use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use announce::{AnnounceResponse, Failure, TrackerUrl};
use cache::{Done, Fault, FaultKind, Hashed, Outcome, Work, hash_blocks};
use hash::Sha1Digest;
use metainfo::{Info, Metainfo, Plan, PlanOptions, SourceEntry, Version};
use peer::{CloseReason, Peer};
use stdx::{
    Bitfield, BlockRange, Buf, ConnId, Duration, Instant, PeerId, PieceIndex, Pool, Rng, TorrentId,
};

use crate::{AddTorrent, Announce, Config, Event, Session, Shelved};

/// Bytes that one connection moves in a millisecond.
const PER_STEP: usize = 64 * 1024;
const STEP: Duration = Duration::from_millis(1);

/// Content and the torrent that describes it.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) meta: Arc<Metainfo>,
    /// The piece space, padding included.
    space: Arc<Vec<u8>>,
}

impl Source {
    pub(super) fn new(version: Version, sizes: &[u64], piece_length: u64) -> Self {
        Self::with(version, sizes, piece_length, false)
    }

    /// Whose peers come from trackers alone (BEP 27).
    pub(super) fn private(version: Version, sizes: &[u64], piece_length: u64) -> Self {
        Self::with(version, sizes, piece_length, true)
    }

    fn with(version: Version, sizes: &[u64], piece_length: u64, private: bool) -> Self {
        let entry = |(at, &length): (usize, &u64)| SourceEntry {
            path: format!("file-{at}").into(),
            length,
            ..SourceEntry::default()
        };
        let options = PlanOptions {
            name: "content".into(),
            format: Some(version),
            piece_length: Some(piece_length),
            private,
            ..PlanOptions::default()
        };
        let plan = Plan::new(sizes.iter().enumerate().map(entry).collect(), options).unwrap();
        let layout = plan.layout();
        let mut space = vec![0; layout.space_length() as usize];
        let mut rng = Rng::new(sizes.len() as u64);
        for file in layout.files() {
            let (from, to) = (file.offset as usize, (file.offset + file.length) as usize);
            rng.fill(&mut space[from..to]);
        }
        let hashes: Vec<_> = space
            .chunks(layout.piece_length() as usize)
            .zip(0..)
            .map(|(bytes, piece)| {
                let mut hasher = metainfo::PieceHasher::new(layout, PieceIndex(piece));
                hasher.update(bytes);
                hasher.finish()
            })
            .collect();
        let meta = Metainfo::parse(&plan.finish(&hashes)).unwrap();
        Self { meta: Arc::new(meta), space: Arc::new(space) }
    }

    pub(super) fn pieces(&self) -> u32 {
        self.meta.info.layout().pieces()
    }

    /// With its metadata.
    pub(super) fn torrent(&self) -> AddTorrent {
        AddTorrent::torrent(Arc::clone(&self.meta.info), self.meta.piece_layers.clone())
    }

    /// To be taken in asleep.
    pub(super) fn shelved(&self, trackers: Vec<Vec<TrackerUrl>>) -> Shelved {
        let info = &self.meta.info;
        Shelved {
            hashes: self.meta.hashes,
            private: info.is_private(),
            length: info.layout().content_length(),
            trackers,
        }
    }

    fn full_store(&self) -> Store {
        let length = self.meta.info.piece_length() as usize;
        let layout = self.meta.info.layout();
        let size = |piece| layout.piece_size(PieceIndex(piece)) as usize;
        let chunks = (0..).zip(self.space.chunks(length));
        let pieces = chunks.map(|(piece, bytes)| (piece, bytes[..size(piece)].to_vec())).collect();
        Store { info: Arc::clone(&self.meta.info), pieces }
    }
}

/// One torrent's bytes on a disk.
pub(super) struct Store {
    info: Arc<Info>,
    pieces: BTreeMap<u32, Vec<u8>>,
}

impl Store {
    fn piece(&mut self, piece: PieceIndex) -> &mut Vec<u8> {
        let size = self.info.layout().piece_size(piece) as usize;
        self.pieces.entry(piece.0).or_insert_with(|| vec![0; size])
    }

    fn read(&mut self, range: BlockRange) -> Buf {
        let from = range.begin as usize;
        Buf::copy_of(&self.piece(range.piece)[from..from + range.length as usize])
    }

    fn execute(&mut self, work: Work) -> Outcome {
        match work {
            Work::Hash(job) => {
                let Hashed { state, digests } = job.run();
                Outcome::Hashed(Hashed { state, digests })
            }
            Work::Write(job) => {
                for part in &job.parts {
                    let from = part.begin as usize;
                    let piece = self.piece(job.piece);
                    piece[from..from + part.data.len()].copy_from_slice(&part.data);
                }
                Outcome::Written
            }
            Work::ReadHash(piece) => {
                let mut hasher = metainfo::PieceHasher::new(self.info.layout(), piece);
                hasher.update(self.piece(piece));
                Outcome::Read(hasher.finish().into())
            }
            Work::HashBlocks(job) => Outcome::Blocks(job.run()),
            Work::ReadBlocks(piece) => {
                let from = self.piece(piece).clone();
                let read = |begin: u32, bytes: &mut [u8]| {
                    bytes.copy_from_slice(&from[begin as usize..][..bytes.len()]);
                    Ok::<(), std::convert::Infallible>(())
                };
                let Ok(digests) = hash_blocks(self.info.layout(), piece, read);
                Outcome::Blocks(digests)
            }
            Work::Sync(_) => Outcome::Synced,
        }
    }
}

/// A connection's near end.
struct Link {
    peer: Peer,
    /// Where the bytes go: a node, and its number there.
    far: (usize, ConnId),
    arrived: VecDeque<u8>,
}

/// One process.
pub(super) struct Node {
    pub(super) session: Session,
    pub(super) addr: SocketAddr,
    pub(super) events: Vec<Event>,
    pub(super) announced: Vec<Announce>,
    pub(super) disk: BTreeMap<TorrentId, Store>,
    config: Arc<peer::Config>,
    links: BTreeMap<ConnId, Link>,
    /// Flips a bit of every block that it serves.
    pub(super) corrupt: bool,
    /// Its disk makes nothing durable.
    pub(super) broken: bool,
    /// It has files that it cannot judge without v2 piece hashes.
    pub(super) puzzled: bool,
}

/// Everything.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) nodes: Vec<Node>,
    pub(super) tracker_down: bool,
    swarms: BTreeMap<Sha1Digest, BTreeMap<PeerId, SocketAddr>>,
    pool: Pool,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: Instant::from_secs(1),
            nodes: Vec::new(),
            tracker_down: false,
            swarms: BTreeMap::new(),
            pool: Pool::new(64),
        }
    }

    /// Adds a process; returns its place.
    pub(super) fn node(&mut self) -> usize {
        self.node_with(|_| {})
    }

    pub(super) fn node_with(&mut self, change: impl FnOnce(&mut Config)) -> usize {
        let at = self.nodes.len();
        let mut peer_id = PeerId(*b"-FV0100-000000000000");
        peer_id.0[19] = b'0' + at as u8;
        let addr = SocketAddr::from(([10, 0, 0, at as u8 + 1], 6881));
        let mut config = Config::new(peer_id, addr.port());
        change(&mut config);
        let mut peer_config = peer::Config::new(peer_id, "Fluvial test");
        peer_config.listen_port = addr.port();
        // Not where peers connect to, so that they can be told apart.
        peer_config.dht_port = config.dht.then(|| addr.port() + 1);
        peer_config.uplink = config.limits.up;
        self.nodes.push(Node {
            session: Session::new(self.now, config, at as u64),
            addr,
            events: Vec::new(),
            announced: Vec::new(),
            disk: BTreeMap::new(),
            config: Arc::new(peer_config),
            links: BTreeMap::new(),
            corrupt: false,
            broken: false,
            puzzled: false,
        });
        at
    }

    /// A node that has all of `source` and seeds it.
    pub(super) fn seed(&mut self, at: usize, source: &Source, add: AddTorrent) -> TorrentId {
        let node = &mut self.nodes[at];
        let id = node.session.add_torrent(self.now, add).unwrap();
        node.disk.insert(id, source.full_store());
        let have = Bitfield::full(source.pieces());
        node.session.start(self.now, id, have, Vec::new());
        id
    }

    /// A node that has all of `source` and sleeps.
    pub(super) fn shelve(
        &mut self,
        at: usize,
        source: &Source,
        trackers: Vec<Vec<TrackerUrl>>,
    ) -> TorrentId {
        self.nodes[at].session.shelve(self.now, source.shelved(trackers)).unwrap()
    }

    /// A node that takes what it is given; started as soon as the metadata is known.
    pub(super) fn leech(&mut self, at: usize, add: AddTorrent) -> TorrentId {
        let node = &mut self.nodes[at];
        let info = add.info.clone();
        let id = node.session.add_torrent(self.now, add).unwrap();
        if let Some(info) = info {
            node.begin(self.now, id, info);
        }
        id
    }

    /// Runs until `done` holds; panics after `seconds`.
    pub(super) fn run(&mut self, seconds: u64, mut done: impl FnMut(&mut Self) -> bool) {
        let end = self.now + Duration::from_secs(seconds);
        while !done(self) {
            assert!(self.now < end, "not done after {seconds} s: {}", self.describe());
            let busy = self.step();
            let next = self.nodes.iter().filter_map(Node::poll_timeout).min();
            let idle = next.filter(|_| !busy).unwrap_or(self.now);
            self.now = idle.max(self.now + STEP).min(end);
            for node in &mut self.nodes {
                node.handle_timeout(self.now);
            }
        }
    }

    /// One millisecond: everybody says what there is to say. Returns whether anybody did.
    fn step(&mut self) -> bool {
        let mut busy = false;
        for at in 0..self.nodes.len() {
            busy |= self.nodes[at].obey(self.now);
            busy |= self.connect(at);
            busy |= self.track(at);
            busy |= self.carry(at);
        }
        for node in &mut self.nodes {
            busy |= node.hear(self.now, &self.pool);
        }
        busy
    }

    fn connect(&mut self, at: usize) -> bool {
        let mut busy = false;
        while let Some(connect) = self.nodes[at].session.poll_connect() {
            busy = true;
            let far = self.nodes.iter().position(|node| node.addr == connect.addr);
            let from = SocketAddr::new(self.nodes[at].addr.ip(), 50_000 + connect.conn.0 as u16);
            let accepted = far.and_then(|far| {
                Some((far, self.nodes[far].session.handle_incoming(self.now, from)?))
            });
            let node = &mut self.nodes[at];
            let Some((far, far_conn)) = accepted else {
                node.session.handle_connect_failed(self.now, connect.conn);
                continue;
            };
            assert!(node.session.handle_connected(self.now, connect.conn));
            let config = Arc::clone(&node.config);
            let peer = Peer::connect(
                self.now,
                config,
                connect.torrent,
                connect.have,
                connect.upload_only,
                connect.addr,
            );
            let link = |peer, far| Link { peer, far, arrived: VecDeque::new() };
            node.links.insert(connect.conn, link(peer, (far, far_conn)));
            let node = &mut self.nodes[far];
            let peer = Peer::accept(self.now, Arc::clone(&node.config), from);
            node.links.insert(far_conn, link(peer, (at, connect.conn)));
        }
        busy
    }

    /// Answers announces as a tracker does.
    fn track(&mut self, at: usize) -> bool {
        let mut busy = false;
        while let Some(announce) = self.nodes[at].session.poll_announce() {
            busy = true;
            let request = &announce.request;
            let swarm = self.swarms.entry(request.info_hash).or_default();
            if request.event == announce::Event::Stopped {
                swarm.remove(&request.peer_id);
            } else {
                swarm.insert(request.peer_id, self.nodes[at].addr);
            }
            let answer = AnnounceResponse {
                interval: Duration::from_mins(30),
                peers: swarm.values().copied().collect(),
                ..AnnounceResponse::default()
            };
            let result = if self.tracker_down { Err(Failure::new(b"down")) } else { Ok(answer) };
            let node = &mut self.nodes[at];
            node.session.handle_announce(self.now, announce.id, result);
            node.announced.push(announce);
        }
        busy
    }

    /// Moves bytes from the connections of a node to their far ends.
    fn carry(&mut self, at: usize) -> bool {
        let mut moved = Vec::new();
        for link in self.nodes[at].links.values_mut() {
            let mut slices: Vec<IoSlice<'_>> = Vec::new();
            link.peer.poll_transmit(&mut slices);
            let bytes: Vec<u8> =
                slices.iter().flat_map(|slice| slice.iter().copied()).take(PER_STEP).collect();
            if !bytes.is_empty() {
                link.peer.handle_sent(self.now, bytes.len());
                moved.push((link.far, bytes));
            }
        }
        let busy = !moved.is_empty();
        for ((node, conn), bytes) in moved {
            if let Some(link) = self.nodes[node].links.get_mut(&conn) {
                link.arrived.extend(bytes);
            }
        }
        // A closed end closes the other.
        let nodes = &self.nodes;
        let gone: Vec<ConnId> = nodes[at]
            .links
            .iter()
            .filter(|(_, link)| !nodes[link.far.0].links.contains_key(&link.far.1))
            .filter(|(_, link)| link.arrived.is_empty())
            .map(|(conn, _)| *conn)
            .collect();
        for conn in gone {
            self.nodes[at].close(self.now, conn, &CloseReason::Remote);
        }
        busy
    }

    fn describe(&self) -> String {
        let describe = |node: &Node| {
            let status = |id| node.session.status(self.now, id);
            format!("{:#?}", node.session.torrents().map(status).collect::<Vec<_>>())
        };
        self.nodes.iter().map(describe).collect()
    }

    /// Whether the torrent on the node is complete and byte for byte what `source` is.
    pub(super) fn is_whole(&self, at: usize, id: TorrentId, source: &Source) -> bool {
        let complete =
            |event: &Event| matches!(event, Event::Complete { torrent } if *torrent == id);
        let node = &self.nodes[at];
        let whole = node.session.have(id).is_some_and(|have| have.is_full());
        if !whole || !node.events.iter().any(complete) {
            return false;
        }
        let mine = &self.nodes[at].disk[&id];
        assert!(mine.pieces == source.full_store().pieces, "complete, so it is the same");
        true
    }
}

impl Node {
    pub(super) fn begin(&mut self, now: Instant, id: TorrentId, info: Arc<Info>) {
        let have = Bitfield::new(info.layout().pieces());
        self.disk.insert(id, Store { info, pieces: BTreeMap::new() });
        self.session.start(now, id, have, Vec::new());
    }

    /// Makes a torrent ready, if one is wanted.
    pub(super) fn wake(&mut self, now: Instant, source: &Source) {
        let Some(id) = self.session.poll_wake() else { return };
        self.session.wake(now, id, source.torrent()).unwrap();
        self.disk.insert(id, source.full_store());
        self.session.start(now, id, Bitfield::full(source.pieces()), Vec::new());
    }

    /// Does what the session says: disk, orders, events.
    fn obey(&mut self, now: Instant) -> bool {
        let mut busy = false;
        loop {
            let mut idle = true;
            while let Some(op) = self.session.poll_disk() {
                idle = false;
                let store = self.disk.get_mut(&op.torrent).unwrap();
                let outcome = match op.work {
                    Work::Sync(_) if self.broken => Outcome::Failed(Fault {
                        kind: FaultKind::Io,
                        message: "the disk is broken".to_owned(),
                    }),
                    work => store.execute(work),
                };
                self.session.handle_disk(now, Done { id: op.id, outcome });
            }
            while let Some((conn, order)) = self.session.poll_order() {
                idle = false;
                if let Some(link) = self.links.get_mut(&conn)
                    && let Err(reason) = link.peer.handle_order(now, order)
                {
                    self.close(now, conn, &reason);
                }
            }
            while let Some(event) = self.session.poll_event() {
                idle = false;
                match &event {
                    Event::MetadataReady { torrent, info } if self.puzzled => {
                        let files = info.layout().files().iter();
                        let roots = files.filter_map(|file| file.root).collect();
                        self.session.fetch_layers(now, *torrent, &roots);
                    }
                    Event::MetadataReady { torrent, info } => {
                        self.begin(now, *torrent, Arc::clone(info));
                    }
                    _ => {}
                }
                self.events.push(event);
            }
            if idle {
                return busy;
            }
            busy = true;
        }
    }

    /// Lets connections hear what arrived, read what they serve, and report.
    fn hear(&mut self, now: Instant, pool: &Pool) -> bool {
        let mut busy = false;
        let conns: Vec<ConnId> = self.links.keys().copied().collect();
        for conn in conns {
            let Some(link) = self.links.get_mut(&conn) else {
                continue;
            };
            let mut result = Ok(());
            if link.peer.wants_input() && self.session.reading_allowed() {
                let bytes: Vec<u8> = link.arrived.drain(..).collect();
                if !bytes.is_empty() {
                    busy = true;
                    result = link.peer.handle_received(now, &bytes, pool);
                }
            }
            while let Some(range) = link.peer.poll_read() {
                busy = true;
                let id = link.peer.torrent().map(|torrent| torrent.id);
                let store = id.and_then(|id| self.disk.get_mut(&id));
                let mut data = store.map(|store| store.read(range));
                if let (true, Some(data)) = (self.corrupt, &mut data) {
                    data[0] ^= 1;
                }
                link.peer.handle_read(now, range, data);
            }
            let batch = link.peer.poll_batch();
            if !batch.reports.is_empty() || batch.want > 0 {
                busy |= !batch.reports.is_empty();
                self.session.handle_batch(now, conn, batch);
            }
            if let Err(error) = result {
                self.close(now, conn, &CloseReason::Peer(error));
            }
        }
        busy
    }

    fn close(&mut self, now: Instant, conn: ConnId, reason: &CloseReason) {
        if let Some(mut link) = self.links.remove(&conn) {
            self.session.handle_batch(now, conn, link.peer.poll_batch());
            self.session.handle_closed(now, conn, reason);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
        let conns: Vec<ConnId> = self.links.keys().copied().collect();
        for conn in conns {
            let Some(link) = self.links.get_mut(&conn) else {
                continue;
            };
            if let Err(error) = link.peer.handle_timeout(now) {
                self.close(now, conn, &CloseReason::Peer(error));
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let links = self.links.values().filter_map(|link| link.peer.poll_timeout());
        links.chain(self.session.poll_timeout()).min()
    }
}
