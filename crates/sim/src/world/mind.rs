use std::collections::BTreeMap;
use std::net::SocketAddr;

use cache::{Done, Fault, FaultKind, Op, OpId, Outcome, Work};
use peer::{Batch, CloseReason, Order};
use session::{AddTorrent, Config, Connect, Limiter, Session};
use stdx::{ConnId, Instant, TorrentId};

use super::link::End;
use super::mirrors::MirrorEnd;
use super::race::Race;
use super::utp::Utp;
use super::way::Way;
use super::{Event, Leave, Meeting, NodeIndex, World};

/// A process: one session, its connections, and its disk operations in flight.
#[derive(Debug)]
pub(crate) struct Mind {
    pub(crate) session: Session,
    pub(crate) torrent: TorrentId,
    pub(crate) limiter: Limiter,
    pub(crate) ends: BTreeMap<ConnId, End>,
    pub(crate) mirrors: BTreeMap<ConnId, MirrorEnd>,
    /// What carries its connections, where that may be uTP.
    pub(crate) utp: Option<Utp>,
    /// Attempts over both transports.
    pub(crate) races: BTreeMap<ConnId, Race>,
    /// Operations in flight, with the mark of when they began.
    pub(crate) running: BTreeMap<OpId, (Op, u64)>,
    /// Its session has said that everything is there.
    pub(crate) complete: bool,
    /// It is on its way out.
    pub(crate) stopping: bool,
    reading: bool,
    timer: Option<Instant>,
    limiter_timer: Option<Instant>,
}

impl World {
    /// Starts a process on a node, with what is recorded on its disk.
    pub(super) fn start_mind(&mut self, index: NodeIndex) {
        let (now, seed) = (self.now, self.rng.next_u64());
        let first = self.nodes[0].address;
        let node = &mut self.nodes[index.get()];
        let peer_id = node.peer_config.peer_id;
        let mut config = Config::new(peer_id, node.peer_config.listen_port);
        config.limits = node.spec.limits;
        if let Some(budget) = node.spec.cache_budget {
            config.cache = cache::Config::with_budget(budget);
        }
        if let Some(connections) = node.spec.connections {
            config.swarm.connections = connections;
        }
        config.tactics = node.spec.tactics;
        config.choker = node.spec.choker;
        let mut session = Session::new(now, config, seed);
        let mut add = if node.knows_metadata {
            let layers = node.layers.clone();
            AddTorrent::torrent(self.source.info().clone(), layers)
        } else {
            AddTorrent::magnet(self.source.hashes())
        };
        match self.config.meeting {
            Meeting::Tracker => add.trackers = self.tracker.tiers(),
            Meeting::Acquaintances if index.0 > 0 => {
                add.peers.push((first, swarm::Origin::Magnet));
            }
            Meeting::Acquaintances => {}
        }
        add.mirrors = self.webs.iter().map(|web| web.address.clone()).collect();
        let torrent = session.add_torrent(now, add).expect("a session's first torrent");
        let limiter = Limiter::new(now, node.spec.limits);
        let utp = node.spec.transport.has_utp().then(|| Utp::new(self.datagrams.fork()));
        node.mind = Some(Mind {
            session,
            torrent,
            limiter,
            ends: BTreeMap::new(),
            mirrors: BTreeMap::new(),
            utp,
            races: BTreeMap::new(),
            running: BTreeMap::new(),
            complete: false,
            stopping: false,
            reading: true,
            timer: None,
            limiter_timer: None,
        });
        node.joined_at.get_or_insert(now);
        let (leaves, knows_metadata) = (node.spec.leaves, node.knows_metadata);
        if let Leave::Joined(after) = leaves {
            self.leave(index, after);
        }
        if knows_metadata {
            self.look(index);
        }
        self.attend(index);
    }

    /// Has the session fetch what judging the disk takes; usually nothing. Every other node found
    /// somebody's files where the content goes.
    fn look(&mut self, index: NodeIndex) {
        let (info, node) = (self.source.info(), &mut self.nodes[index.get()]);
        let record = node.store.record();
        let blank =
            record.have.ones() == 0 && record.partial.is_empty() && index.0.is_multiple_of(2);
        let judged = info.version().has_v1() || node.layers.is_complete(info.layout());
        match &mut node.mind {
            Some(mind) if !blank && !judged => {
                let roots = info.layout().files().iter().filter_map(|file| file.root).collect();
                mind.session.fetch_layers(self.now, mind.torrent, &roots);
            }
            _ => self.start_torrent(index),
        }
    }

    /// Tells the session what is on the disk.
    fn start_torrent(&mut self, index: NodeIndex) {
        let have = self.nodes[index.get()].store.record().have.clone();
        self.check_claims(index, &have);
        self.copies.add(index, &have);
        let node = &mut self.nodes[index.get()];
        let partial = node.store.record().partial.clone().into_iter().collect();
        if let Some(mind) = &mut node.mind {
            mind.session.start(self.now, mind.torrent, have, partial);
        }
    }

    pub(super) fn handle_batch(&mut self, node: NodeIndex, conn: ConnId, batch: Batch) {
        self.with_session(node, |session, now| session.handle_batch(now, conn, batch));
    }

    pub(super) fn handle_closed(&mut self, node: NodeIndex, conn: ConnId, reason: &CloseReason) {
        self.with_session(node, |session, now| {
            session.handle_closed(now, conn, reason);
        });
    }

    pub(super) fn handle_connect_failed(&mut self, node: NodeIndex, connect: &Connect) {
        let conn = connect.conn;
        if self.has_lost(node, conn) {
            self.with_session(node, |session, now| session.handle_connect_failed(now, conn));
        }
    }

    /// Whether a connection that came in is taken, and as what.
    pub(super) fn accept(&mut self, node: NodeIndex, remote: SocketAddr) -> Option<ConnId> {
        self.with_session(node, |session, now| session.handle_incoming(now, remote)).flatten()
    }

    /// A connection that this node asked for is established.
    pub(super) fn handle_connected(&mut self, node: NodeIndex, connect: Connect, way: Way) {
        if !self.wins_race(node, &connect, way) {
            return;
        }
        let Connect { conn, torrent, have, upload_only, addr, .. } = connect;
        let remote = self.home_of(addr).unwrap_or(node);
        let config = self.peer_config(node);
        let peer = peer::Peer::connect(self.now, config, torrent, have, upload_only, addr);
        self.establish(node, conn, peer, remote, way);
        let wanted = self.with_session(node, |session, now| session.handle_connected(now, conn));
        if wanted == Some(true) {
            self.pump(node, conn);
        } else {
            self.take_end(node, conn);
        }
    }

    pub(super) fn handle_mind_timer(&mut self, node: NodeIndex, at: Instant) {
        let now = self.now;
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return;
        };
        if mind.timer != Some(at) {
            return;
        }
        mind.timer = None;
        if mind.session.poll_timeout().is_some_and(|due| due <= now) {
            mind.session.handle_timeout(now);
        }
        self.attend(node);
    }

    pub(super) fn handle_disk(&mut self, node: NodeIndex, id: OpId) {
        let state = &mut self.nodes[node.get()];
        let Some(mind) = state.mind.as_mut() else {
            return;
        };
        let Some((op, mark)) = mind.running.remove(&id) else {
            return;
        };
        let fault = match &op.work {
            Work::Write(_) if state.disk_full => Some(no_space()),
            Work::Hash(_) | Work::HashBlocks(_) => None,
            _ => state.spec.disk.fault(&mut self.rng),
        };
        let outcome = match fault {
            None => state.store.execute(op.work, mark),
            Some(fault) => {
                // A full disk takes nothing; a bad one may take some.
                if fault.kind != FaultKind::Full {
                    state.store.break_off(op.work, &mut self.rng);
                }
                Outcome::Failed(fault)
            }
        };
        let done = Done { id, outcome };
        self.with_session(node, |session, now| session.handle_disk(now, done));
    }

    pub(super) fn handle_limiter_timer(&mut self, node: NodeIndex, at: Instant) {
        let now = self.now;
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return;
        };
        if mind.limiter_timer != Some(at) {
            return;
        }
        mind.limiter_timer = None;
        let mut grants = Vec::new();
        while let Some(grant) = mind.limiter.poll_grant(now) {
            grants.push(grant);
        }
        for (conn, flow, bytes) in grants {
            self.handle_grant(node, conn, flow, bytes);
        }
        self.arm_limiter(node);
    }

    /// Wakes up when the limiter next has something to give.
    pub(super) fn arm_limiter(&mut self, node: NodeIndex) {
        let now = self.now;
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return;
        };
        let Some(due) = mind.limiter.poll_timeout().map(|due| due.max(now)) else {
            return;
        };
        if mind.limiter_timer.is_none_or(|armed| due < armed) {
            mind.limiter_timer = Some(due);
            self.schedule_at(node, due, Event::LimiterTimer(due));
        }
    }

    /// Lets the session take something in, and does what it then wants done.
    pub(super) fn with_session<R>(
        &mut self,
        node: NodeIndex,
        input: impl FnOnce(&mut Session, Instant) -> R,
    ) -> Option<R> {
        let mind = self.nodes[node.get()].mind.as_mut()?;
        let result = input(&mut mind.session, self.now);
        self.attend(node);
        Some(result)
    }

    /// Does all that the session wants done.
    pub(super) fn attend(&mut self, node: NodeIndex) {
        self.take_events(node);
        self.take_orders(node);
        self.take_operations(node);
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return;
        };
        let connects: Vec<_> = std::iter::from_fn(|| mind.session.poll_connect()).collect();
        let announces: Vec<_> = std::iter::from_fn(|| mind.session.poll_announce()).collect();
        let mirrors: Vec<_> = std::iter::from_fn(|| mind.session.poll_mirror()).collect();
        let reading = mind.session.reading_allowed();
        let resumed = reading && !std::mem::replace(&mut mind.reading, reading);
        for open in mirrors {
            self.open_mirror(node, open);
        }
        for connect in connects {
            self.check_claims(node, &connect.have);
            self.dial(node, connect);
        }
        for announce in announces {
            self.ask(node, announce);
        }
        if resumed {
            let conns: Vec<ConnId> = self.conns(node).collect();
            for conn in conns {
                self.pump(node, conn);
            }
            for conn in self.mirror_conns(node) {
                self.pump_mirror(node, conn);
            }
        }
        self.arm_mind(node);
    }

    pub(super) fn conns(&self, node: NodeIndex) -> impl Iterator<Item = ConnId> + '_ {
        let mind = self.nodes[node.get()].mind.iter();
        mind.flat_map(|mind| mind.ends.keys().copied())
    }

    fn take_events(&mut self, node: NodeIndex) {
        loop {
            let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
                return;
            };
            let Some(event) = mind.session.poll_event() else {
                return;
            };
            match event {
                session::Event::MetadataReady { info, .. } => {
                    let same = info.hashes() == self.source.hashes();
                    self.require(same, || format!("{node} has metadata of something else"));
                    self.nodes[node.get()].knows_metadata = true;
                    self.look(node);
                }
                session::Event::PieceDone { piece, .. } => {
                    self.check_claim(node, piece);
                    self.copies.add_one(node, piece);
                }
                session::Event::PieceFailed { piece, .. } => {
                    self.nodes[node.get()].pieces_failed += 1;
                    let honest = self.nodes.iter().all(|node| node.lied == 0)
                        && self.webs.iter().all(|web| web.lied == 0);
                    self.require(!honest, || format!("{node} finds piece {piece} bad"));
                }
                session::Event::LayerReady { torrent } => {
                    let layers = mind.session.layers(torrent).cloned();
                    self.nodes[node.get()].layers = layers.unwrap_or_default();
                }
                session::Event::Durable { pieces, .. } => {
                    self.check_durable(node, &pieces);
                }
                session::Event::Complete { .. } => self.completed(node),
                session::Event::Stopped { .. } => self.stopped(node),
                session::Event::Failed { error, .. } => {
                    self.failed(node, error.to_string());
                }
                session::Event::PeerBanned { addr, .. } => {
                    self.banned(node, addr);
                }
                session::Event::LayersReady { .. } => self.start_torrent(node),
                session::Event::MirrorFailed { url, message, left_out, .. } => {
                    self.mirror_failed(node, &url, message, left_out);
                }
                session::Event::PeerDropped { .. }
                | session::Event::Asleep { .. }
                | session::Event::TrackerWarning { .. }
                | session::Event::TrackerFailed { .. }
                | session::Event::ContentChanged { .. }
                | session::Event::ContentVerified { .. } => {}
            }
        }
    }

    fn take_orders(&mut self, node: NodeIndex) {
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return;
        };
        let mut orders: BTreeMap<ConnId, Vec<Order>> = BTreeMap::new();
        while let Some((conn, order)) = mind.session.poll_order() {
            orders.entry(conn).or_default().push(order);
        }
        for (conn, orders) in orders {
            for order in &orders {
                self.note_choke(node, conn, order);
                match order {
                    Order::Welcome { have, .. } | Order::Metadata { have, .. } => {
                        self.check_claims(node, have);
                    }
                    Order::Have(piece) => self.check_claim(node, *piece),
                    _ => {}
                }
            }
            if self.is_mirror(node, conn) {
                self.send_to_mirror(node, conn, orders);
            } else {
                self.send_orders(node, conn, orders);
            }
        }
    }

    fn take_operations(&mut self, node: NodeIndex) {
        let state = &mut self.nodes[node.get()];
        let Some(mind) = state.mind.as_mut() else {
            return;
        };
        let mut started = Vec::new();
        while let Some(op) = mind.session.poll_disk() {
            let (bytes, sync) = size_of(&op.work, self.source.info().piece_length());
            let delay = state.spec.disk.delay(&mut self.rng, bytes, sync);
            started.push((op.id, delay));
            mind.running.insert(op.id, (op, state.store.sync_mark()));
        }
        for (id, delay) in started {
            self.schedule(node, delay, Event::Disk(id));
        }
    }

    fn arm_mind(&mut self, node: NodeIndex) {
        let now = self.now;
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return;
        };
        let Some(due) = mind.session.poll_timeout().map(|due| due.max(now)) else {
            return;
        };
        if mind.timer.is_none_or(|armed| due < armed) {
            mind.timer = Some(due);
            self.schedule_at(node, due, Event::MindTimer(due));
        }
    }
}

fn no_space() -> Fault {
    Fault { kind: FaultKind::Full, message: "no space left on the simulated disk".into() }
}

/// Bytes that an operation moves, and whether it is a sync.
fn size_of(work: &Work, piece_length: u32) -> (u64, bool) {
    match work {
        Work::Hash(job) => (u64::from(piece_length).min(job.blocks.len() as u64 * 16_384), false),
        Work::Write(job) => (job.parts.iter().map(|part| part.data.len() as u64).sum(), false),
        Work::ReadHash(_) | Work::HashBlocks(_) | Work::ReadBlocks(_) => {
            (u64::from(piece_length), false)
        }
        Work::Sync(_) => (0, true),
    }
}
