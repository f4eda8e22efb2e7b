use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use cache::{Done, FaultKind, Op, Work};
use peer::{CloseReason, Order, Report};
use session::{
    AddTorrent, Announce, Config, Connect, Event, Limits, MAX_OPENING, NUMWANT, Session,
    TorrentError,
};
use stdx::{BLOCK_LENGTH, ConnId, Duration, FileIndex, Instant, PeerId, PieceIndex, TorrentId};
use swarm::{Identity, Origin, Priority};

use self::link::Link;
use self::shelf::Shelf;
use crate::input::Input;
use crate::swarms::{SIZES, SOURCES};

mod answers;
mod finish;
mod link;
mod shelf;

const OURS: PeerId = PeerId([9; 20]);
/// Connections of the session: so few that there are too many soon.
const PEERS_MAX: usize = 10;
/// Turns after which everything that one input leads to must be said.
const TURNS_MAX: u32 = 10_000;
/// Longer than a round of the choker.
const ROUNDS: Duration = Duration::from_secs(30);

/// Several torrents in one session: peers honest and lying, connections that hear late of what
/// they are told, disks that are slow and fail, trackers, limits, time, and torrents that come
/// and go.
///
/// A connection is asked for as many blocks as it offered to take, for each once; slots are never
/// exceeded; what is claimed is on the disk; nobody but liars is banned; nothing is leaked; no
/// timer stands still. In the end, with one honest peer and a disk that works, every torrent is
/// complete, and stops.
pub fn fuzz_session(data: &[u8]) {
    live(data);
}

/// Returns what came to pass, so that a test can see that the inputs reach it.
fn live(data: &[u8]) -> Tally {
    let mut input = Input(data);
    let Some(mode) = input.byte() else { return Tally::default() };
    let mut world = World::new(mode);
    while let (Some(op), Some(a), Some(b)) = (input.byte(), input.byte(), input.byte()) {
        world.step(op, a, b);
    }
    world.finish()
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    pieces: u32,
    failures: u32,
    faults: u32,
    bans: u32,
    stops: u32,
    changes: u32,
    magnets: u32,
}

struct World {
    session: Session,
    now: Instant,
    shelves: [Shelf; 3],
    links: BTreeMap<ConnId, Link>,
    /// Connections that the session asked for and has not heard of.
    opening: BTreeMap<ConnId, Connect>,
    ops: Vec<Op>,
    answers: Vec<(TorrentId, Done)>,
    announces: Vec<Announce>,
    liars: BTreeSet<Identity>,
    banned: BTreeSet<(TorrentId, Identity)>,
    /// Until when there may be more slots taken than there are: the limits were lowered.
    slack: Instant,
    tally: Tally,
}

impl World {
    fn new(mode: u8) -> Self {
        let now = Instant::from_secs(1);
        let mut config = Config::new(OURS, 6_881);
        config.max_peers = PEERS_MAX;
        let blocks = [4, 8, 16, 200][usize::from(mode & 3)];
        config.cache = cache::Config::with_budget(blocks * u64::from(BLOCK_LENGTH));
        config.limits.up = (mode & 4 != 0).then_some(20_000);
        if mode & 8 != 0 {
            (config.swarm.connections, config.swarm.half_open) = (4, 3);
        }
        Self {
            session: Session::new(now, config, u64::from(mode)),
            now,
            shelves: [0, 1, 2].map(|at| Shelf::new(&SOURCES[at])),
            links: BTreeMap::new(),
            opening: BTreeMap::new(),
            ops: Vec::new(),
            answers: Vec::new(),
            announces: Vec::new(),
            liars: BTreeSet::new(),
            banned: BTreeSet::new(),
            slack: now,
            tally: Tally::default(),
        }
    }

    fn step(&mut self, op: u8, a: u8, b: u8) {
        let shelf = usize::from(a % 3);
        let some = self.links.len().max(1);
        let conn = self.links.keys().nth(usize::from(a) % some).copied().unwrap_or_default();
        let piece = PieceIndex(u32::from(b) % 5);
        match op % 48 {
            0 => self.add(shelf, b),
            1 => self.start(shelf),
            2..=4 => self.incoming(addr(a), b),
            5..=7 => self.opened(a, b),
            8 => self.close(conn, &CloseReason::Remote),
            9 => self.say_pieces(conn, b),
            10 => self.say_piece(conn, Report::Have(piece)),
            11 => self.say_piece(conn, Report::Lost(piece)),
            12 => self.say(conn, Report::Choked),
            13 | 14 => self.say(conn, Report::Unchoked),
            15 | 16 => self.batch(conn, Vec::new()),
            17..=23 => self.deliver(conn, usize::from(b & 0x3f), b & 0x80 == 0),
            24 => self.reject(conn, usize::from(b)),
            25 => self.say(conn, Report::Snubbed(b & 1 == 0)),
            26 => self.say_piece(conn, Report::AllowedFast(piece)),
            27 => self.say_interested(conn, b & 1 == 0),
            28 => self.deliver_late(conn),
            29 | 30 => self.wait(Duration::from_millis(u64::from(a) * 100 + u64::from(b))),
            31..=35 => self.run_op(usize::from(a), b),
            36..=38 => self.answer_op(usize::from(a)),
            39 => self.answer_announce(usize::from(a), b),
            40 => self.select(shelf, b),
            41 => self.limit(b),
            42 if b & 1 == 0 => self.with(shelf, Session::retry),
            42 => self.change(shelf, b),
            43 => self.stop(shelf),
            44 => self.add_peers(shelf, b),
            45 => self.extended(conn, b),
            46 => self.take(conn, b),
            _ => self.obey(conn),
        }
        self.drain();
    }

    fn with(&mut self, shelf: usize, act: impl FnOnce(&mut Session, Instant, TorrentId)) {
        if let Some(id) = self.shelves[shelf].id {
            act(&mut self.session, self.now, id);
        }
    }

    fn add(&mut self, shelf: usize, how: u8) {
        let it = &mut self.shelves[shelf];
        let mut add = if how & 1 == 0 {
            AddTorrent::torrent(it.source.info().clone(), it.source.layers().clone())
        } else {
            AddTorrent::magnet(it.source.hashes())
        };
        if how & 2 == 0 {
            let url = |name| format!("http://{name}.example/announce").parse();
            let tiers = [vec!["a", "b"], vec!["c"]];
            add.trackers = tiers.map(|tier| tier.into_iter().flat_map(url).collect()).to_vec();
        }
        add.peers = (0..how >> 5).map(|at| (addr(at), Origin::Magnet)).collect();
        add.sequential = how & 4 != 0;
        let result = self.session.add_torrent(self.now, add);
        let here = it.id.is_some() && !it.stopping;
        assert_eq!(result.is_err(), here, "{result:?}");
        if let (Ok(id), None) = (&result, it.id) {
            (it.id, it.started, it.stopping) = (Some(*id), false, false);
        } else if let Ok(id) = result {
            // Its predecessor still says goodbye: this one is not looked at.
            self.session.stop(self.now, id);
        }
    }

    fn start(&mut self, shelf: usize) {
        let it = &mut self.shelves[shelf];
        let Some(id) = it.id else { return };
        if !it.started && self.session.status(self.now, id).is_some_and(|it| is_checking(&it)) {
            it.started = true;
            let (have, partial) = it.record();
            self.session.start(self.now, id, have, partial);
        }
    }

    fn stop(&mut self, shelf: usize) {
        self.shelves[shelf].stopping |= self.shelves[shelf].id.is_some();
        self.with(shelf, Session::stop);
    }

    fn select(&mut self, shelf: usize, b: u8) {
        let level = |at: u8| Priority::from_level((b >> (at * 2)) & 3);
        let of: Vec<_> = (0..SIZES.len() as u8).map(level).collect();
        self.with(shelf, |session, now, id| session.select(now, id, &of));
    }

    /// A file is no longer as it was verified, or proves right again.
    fn change(&mut self, shelf: usize, b: u8) {
        let file = FileIndex(u32::from(b >> 2) % SIZES.len() as u32);
        let layout = self.shelves[shelf].source.info().layout();
        let pieces: Vec<_> = layout.file_pieces(file).map(PieceIndex).collect();
        self.with(shelf, |session, now, id| match b & 2 {
            0 => session.handle_changed(now, id, &[file], "changed".to_owned()),
            _ => session.handle_verified(now, id, &pieces, "right".to_owned()),
        });
    }

    fn limit(&mut self, b: u8) {
        let up = (b & 1 == 0).then(|| u64::from(b) * 1_000);
        self.session.set_limits(Limits { up, down: None });
        self.slack = self.now + ROUNDS;
    }

    fn add_peers(&mut self, shelf: usize, b: u8) {
        let peers = (b % 16..16).map(addr);
        self.with(shelf, |session, now, id| session.add_peers(now, id, peers, Origin::Dht));
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.session.poll_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
            self.drain();
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|at| at > self.now), "a timer stands still at {next:?}");
        }
        self.now = end;
        self.session.handle_timeout(end);
    }

    fn run_op(&mut self, which: usize, b: u8) {
        if self.ops.is_empty() {
            return;
        }
        let op = self.ops.swap_remove(which % self.ops.len());
        let kinds = [FaultKind::Full, FaultKind::Denied, FaultKind::Changed, FaultKind::Io];
        let kind = (b >= 0xe0).then(|| kinds[usize::from(b % 4)]);
        let shelf = self.shelves.iter_mut().find(|it| it.id == Some(op.torrent));
        let outcome = shelf.expect("work for a torrent that is here").execute(op.work, kind);
        self.answers.push((op.torrent, Done { id: op.id, outcome }));
    }

    fn answer_op(&mut self, which: usize) {
        if !self.answers.is_empty() {
            let (_, done) = self.answers.swap_remove(which % self.answers.len());
            self.session.handle_disk(self.now, done);
        }
    }

    /// Hears everything that the session has to say.
    fn drain(&mut self) {
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "there is no end to what it says");
            let mut idle = true;
            while let Some((conn, order)) = self.session.poll_order() {
                idle = false;
                self.order(conn, order);
            }
            while let Some(connect) = self.session.poll_connect() {
                idle = false;
                let old = self.opening.insert(connect.conn, connect);
                assert!(old.is_none() && self.opening.len() <= MAX_OPENING);
            }
            while let Some(op) = self.session.poll_disk() {
                idle = false;
                if let Work::Write(job) = &op.work {
                    let have = self.session.have(op.torrent);
                    let held = have.is_some_and(|have| have.get(job.piece.0));
                    assert!(!held, "{} is held and written again", job.piece);
                }
                self.ops.push(op);
            }
            while let Some(announce) = self.session.poll_announce() {
                idle = false;
                assert!(announce.request.numwant <= Some(NUMWANT));
                let again = self.announces.iter().any(|it| it.id == announce.id);
                assert!(!again, "{:?} is one too many", announce.id);
                self.announces.push(announce);
            }
            while let Some(event) = self.session.poll_event() {
                idle = false;
                self.event(event);
            }
            let eager = |(_, link): &(&ConnId, &Link)| !link.lazy && !link.inbox.is_empty();
            let eager: Vec<_> = self.links.iter().filter(eager).map(|(&conn, _)| conn).collect();
            if idle && eager.is_empty() {
                break;
            }
            for conn in eager {
                self.obey(conn);
            }
        }
        self.check();
    }

    /// What holds whenever all is said.
    fn check(&self) {
        assert!(self.links.len() + self.opening.len() <= PEERS_MAX, "too many connections");
        let unchoked = self.links.values().filter(|link| link.unchoked && link.interested);
        let (unchoked, slots) = (unchoked.count(), self.session.slots());
        assert!(unchoked <= slots || self.now <= self.slack, "{unchoked} of {slots} slots");
        for id in self.shelves.iter().filter_map(|it| it.id) {
            for view in self.session.peers(self.now, id) {
                let Some(link) = self.links.get(&view.conn).filter(|it| it.inbox.is_empty()) else {
                    continue;
                };
                // A block that crosses its cancellation and ends the next request for it is asked
                // for once more than the mind knows.
                let (known, open) = (view.outstanding as usize, link.open.len());
                assert!(known == open || link.lazy && known < open, "{known} of {open} blocks");
            }
        }
    }

    fn order(&mut self, conn: ConnId, order: Order) {
        // What is on its way to a connection that has ended is void.
        let Some(link) = self.links.get_mut(&conn) else {
            return;
        };
        let shelf = &self.shelves[link.shelf];
        match &order {
            Order::Unchoke => link.unchoked = true,
            Order::Choke | Order::Close(_) => link.unchoked = false,
            Order::Have(piece) => assert!(shelf.is_right(*piece), "{piece} is claimed"),
            Order::Request(ranges) => {
                let have = shelf.id.and_then(|id| self.session.have(id)).unwrap_or_default();
                for range in ranges {
                    assert!(!have.get(range.piece.0), "{range:?} is here");
                    assert!(link.have.get(range.piece.0), "{range:?} is not there to be had");
                    let layout = shelf.source.info().layout();
                    assert_eq!(layout.request(range.piece, range.block()), Some(*range));
                }
            }
            _ => {}
        }
        link.inbox.push_back(order);
    }

    fn event(&mut self, event: Event) {
        let shelf = |id| self.shelves.iter().position(|it| it.id == Some(id));
        match event {
            Event::MetadataReady { torrent, info } => {
                if let Some(at) = shelf(torrent) {
                    assert_eq!(info.raw(), self.shelves[at].source.info().raw());
                    self.tally.magnets += 1;
                }
            }
            Event::PieceDone { torrent, piece } => {
                let at = shelf(torrent).expect("a torrent that was started");
                assert!(self.shelves[at].is_right(piece), "{piece} is not on the disk");
                self.tally.pieces += 1;
            }
            Event::Durable { torrent, pieces } => {
                let at = shelf(torrent).expect("a torrent that was started");
                let held = |piece| self.shelves[at].held.contains(piece);
                assert!(pieces.iter().all(held), "{pieces:?} are not recorded");
            }
            Event::PeerBanned { torrent, addr, .. } => {
                let identity = Identity::of(addr);
                assert!(self.liars.contains(&identity), "{addr} is honest and banned");
                self.banned.insert((torrent, identity));
                self.tally.bans += 1;
            }
            Event::ContentChanged { .. } => self.tally.changes += 1,
            Event::Failed { error: TorrentError::Disk(_), .. } => self.tally.faults += 1,
            Event::Failed { error, .. } => panic!("{error}"),
            Event::PieceFailed { .. } => self.tally.failures += 1,
            Event::Stopped { torrent, .. } => self.stopped(torrent),
            _ => {}
        }
    }

    fn stopped(&mut self, id: TorrentId) {
        assert!(self.session.status(self.now, id).is_none());
        let op = self.ops.iter().find(|op| op.torrent == id);
        let answer = self.answers.iter().find(|(of, _)| *of == id);
        assert!(op.is_none() && answer.is_none(), "its disk is at work: {op:?} {answer:?}");
        if let Some(shelf) = self.shelves.iter_mut().find(|it| it.id == Some(id)) {
            assert!(shelf.stopping, "it was not told to");
            shelf.id = None;
            self.tally.stops += 1;
        }
    }
}

fn is_checking(status: &session::Status) -> bool {
    status.state == session::State::Checking
}

/// Somebody's address: half of them share one.
fn addr(which: u8) -> SocketAddr {
    match which % 16 {
        at @ 0..8 => SocketAddr::from(([203, 0, 113, at], 6_881)),
        at => SocketAddr::from(([127, 0, 0, 1], 7_000 + u16::from(at))),
    }
}

#[cfg(test)]
mod tests;
