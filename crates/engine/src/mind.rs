use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{broadcast, watch};
use tokio::task::{Id, JoinError, JoinSet};

use announce::{AnnounceResponse, Failure};
use cache::Done;
use hash::Sha1Digest;
use metainfo::InfoHashes;
use mirror::Mirror;
use peer::{Batch, CloseReason, Peer};
use session::{AnnounceId, Connect, Event, OpenMirror, Session};
use stdx::{ConnId, Instant, Rng, TorrentId};
use swarm::Origin;

use crate::conduit::Conduit;
use crate::dial::Dialer;
use crate::dropped::Dropped;
use crate::greet::Keys;
use crate::hash_table::{Found, Wishes};
use crate::link::{Link, Mailbox, Surroundings};
use crate::local::Local;
use crate::mirrors::MirrorLink;
use crate::stream::Stream;
use crate::trackers::Trackers;

mod outputs;

/// Inputs that may wait for the mind; beyond it, connections wait with theirs and read no more.
pub(crate) const MIND_QUEUE_MAX: usize = 256;
/// Events that may wait for one torrent's listener.
pub(crate) const EVENTS_MAX: usize = 256;
/// Inputs taken in before outputs are drained.
const TURN_MAX: usize = 64;

/// Runs on the mind's task, between two inputs.
pub(crate) type Command = Box<dyn FnOnce(&mut Mind, Instant) + Send>;

/// Everything that reaches the mind.
pub(crate) enum Input {
    /// A peer connected to us.
    Incoming(Stream, SocketAddr),
    /// A connection that the session asked for stands, or could not be had.
    Connected(ConnId, std::io::Result<Conduit>),
    /// A connection has something to say.
    Batch(ConnId, Batch),
    /// A connection's last words, and why it ended.
    Closed(ConnId, Batch, CloseReason),
    /// A disk operation ended.
    Disk(Done),
    /// A tracker answered, or didn't.
    Announced(AnnounceId, Result<AnnounceResponse, Failure>),
    /// Peers turned up in the DHT.
    Found(Found),
    /// Somebody asks or commands.
    Command(Command),
}

/// The owner of the session: the one task that decides. It hands on what the session asks for
/// and never waits for anybody but its own queue.
pub(crate) struct Mind {
    pub(crate) session: Session,
    around: Surroundings,
    trackers: Arc<Trackers>,
    dialer: Dialer,
    /// What is to be done in the DHT, where there is one.
    wishes: Option<Wishes>,
    /// What our torrents are called by those who disguise themselves.
    keys: watch::Sender<Arc<Keys>>,
    peer_config: Arc<peer::Config>,
    links: HashMap<ConnId, Mailbox>,
    opening: HashMap<ConnId, Connect>,
    listeners: HashMap<TorrentId, Sender<Event>>,
    /// Who makes sleepers ready that somebody wants.
    wakes: Option<Sender<TorrentId>>,
    /// Peers that were dropped, for whoever wants to know.
    dropped: broadcast::Sender<Dropped>,
    reading: watch::Sender<bool>,
    /// The way to the neighbourhood, where there is one.
    local: Option<Local>,
    /// Everything that runs for the mind: connections, attempts, announces, listening sockets.
    /// Ends with it.
    tasks: JoinSet<()>,
    /// Which of them are connections.
    link_tasks: HashMap<Id, ConnId>,
    /// Ends as soon as the last torrent is gone.
    closing: bool,
}

impl Mind {
    pub(crate) fn new(
        session: Session,
        around: Surroundings,
        (trackers, dialer, wishes): (Arc<Trackers>, Dialer, Option<Wishes>),
        keys: watch::Sender<Arc<Keys>>,
        peer_config: Arc<peer::Config>,
        reading: watch::Sender<bool>,
        dropped: broadcast::Sender<Dropped>,
    ) -> Self {
        Self {
            session,
            around,
            trackers,
            dialer,
            wishes,
            keys,
            peer_config,
            links: HashMap::new(),
            opening: HashMap::new(),
            listeners: HashMap::new(),
            wakes: None,
            dropped,
            reading,
            local: None,
            tasks: JoinSet::new(),
            link_tasks: HashMap::new(),
            closing: false,
        }
    }

    /// Runs something for as long as the mind lives.
    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Tells the neighbourhood of our torrents, and listens to it.
    pub(crate) fn hear_neighbours(&mut self, local: Local) {
        for hearing in local.listen(&self.around.mind) {
            self.spawn(hearing);
        }
        self.local = Some(local);
    }

    /// Tells others from now on that peers connect to this port.
    pub(crate) fn set_port(&mut self, port: u16) {
        self.session.set_listen_port(port);
        Arc::make_mut(&mut self.peer_config).listen_port = port;
    }

    /// Lets torrents in by those who disguise themselves.
    pub(crate) fn know(&mut self, torrents: &[(TorrentId, InfoHashes)]) {
        self.keys.send_modify(|keys| {
            let keys = Arc::make_mut(keys);
            for (torrent, hashes) in torrents {
                keys.insert(*torrent, hashes);
            }
        });
    }

    /// Says where it is told that sleepers are wanted.
    pub(crate) fn set_shelf(&mut self, wakes: Sender<TorrentId>) {
        self.wakes = Some(wakes);
    }

    /// Says where the events of a torrent go.
    pub(crate) fn listen(&mut self, torrent: TorrentId) -> Receiver<Event> {
        let (send, receive) = channel(EVENTS_MAX);
        self.listeners.insert(torrent, send);
        receive
    }

    /// Stops every torrent; once they are gone, [`Self::run`] returns.
    pub(crate) fn close(&mut self, now: Instant) {
        self.closing = true;
        self.session.shutdown(now);
    }

    /// Decides until [`Self::close`], or until nobody has a handle any more.
    pub(crate) async fn run(
        mut self,
        mut inputs: Receiver<Input>,
        mut handles: Receiver<Infallible>,
    ) {
        let mut turn = Vec::with_capacity(TURN_MAX);
        loop {
            self.drain();
            if self.closing && self.session.is_empty() {
                return;
            }
            let deadline = self.session.poll_timeout();
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next_with_id() => self.task_ended(ended),
                _ = inputs.recv_many(&mut turn, TURN_MAX) => {
                    for input in turn.drain(..) {
                        self.handle(input);
                    }
                }
                _ = handles.recv(), if !self.closing => self.close(self.around.clock.now()),
                () = self.around.clock.sleep_until(deadline) => {}
            }
            self.session.handle_timeout(self.around.clock.now());
        }
    }

    /// A task that panicked is a fault of ours, but costs one connection only.
    fn task_ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let conn = self.link_tasks.remove(&id);
        if let (Err(error), Some(conn)) = (ended, conn) {
            tracing::error!(?conn, %error, "internal error; the connection is closed");
            self.around.throttle.leave(conn);
            self.links.remove(&conn);
            let reason = CloseReason::Transport("internal error".to_owned());
            self.session.handle_closed(self.around.clock.now(), conn, &reason);
        }
    }

    fn handle(&mut self, input: Input) {
        let now = self.around.clock.now();
        match input {
            Input::Incoming(stream, remote) => self.incoming(now, stream, remote),
            Input::Connected(conn, stream) => self.connected(now, conn, stream),
            Input::Batch(conn, batch) => self.session.handle_batch(now, conn, batch),
            Input::Closed(conn, last, reason) => {
                tracing::debug!(?conn, %reason, "connection ended");
                self.links.remove(&conn);
                self.session.handle_batch(now, conn, last);
                self.session.handle_closed(now, conn, &reason);
            }
            Input::Disk(done) => self.session.handle_disk(now, done),
            Input::Announced(id, result) => self.session.handle_announce(now, id, result),
            Input::Found(Found { info_hash, peers }) => {
                self.session.handle_found(now, &Sha1Digest(info_hash.0), peers, Origin::Dht);
            }
            Input::Command(command) => command(self, now),
        }
    }

    fn incoming(&mut self, now: Instant, stream: Stream, remote: SocketAddr) {
        let Some(conn) = self.session.handle_incoming(now, remote) else {
            tracing::debug!(%remote, "turned away: too many connections, or filtered");
            return;
        };
        let peer = Box::new(Peer::accept(now, Arc::clone(&self.peer_config), remote));
        let (mailbox, inbox) = Mailbox::new();
        self.links.insert(conn, mailbox.clone());
        let (greeter, around) = (self.dialer.greeter.clone(), self.around.clone());
        let link = Link::answer(conn, (stream, greeter), peer, (mailbox, inbox), around);
        let task = self.tasks.spawn(link);
        self.link_tasks.insert(task.id(), conn);
    }

    fn connected(&mut self, now: Instant, conn: ConnId, stream: std::io::Result<Conduit>) {
        let Some(connect) = self.opening.remove(&conn) else {
            return;
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(addr = %connect.addr, %error, "cannot connect");
                self.session.handle_connect_failed(now, conn);
                return;
            }
        };
        if !self.session.handle_connected(now, conn) {
            return;
        }
        let config = Arc::clone(&self.peer_config);
        let Connect { torrent, have, upload_only, addr, .. } = connect;
        self.link(conn, stream, Peer::connect(now, config, torrent, have, upload_only, addr));
    }

    fn open_mirror(&mut self, open: OpenMirror) {
        let OpenMirror { conn, address, info } = open;
        tracing::info!(?conn, url = %address.url, "a mirror is asked");
        let (mailbox, inbox) = Mailbox::new();
        self.links.insert(conn, mailbox.clone());
        let rng = Rng::new(self.around.clock.now().as_nanos() ^ conn.0.rotate_left(32));
        let mirror = Mirror::new(info, address, self.around.pool.clone(), rng);
        let (around, egress) = (self.around.clone(), self.dialer.egress.clone());
        let link = MirrorLink::new(conn, mirror, (mailbox, inbox), around, egress);
        let task = self.tasks.spawn(link.run());
        self.link_tasks.insert(task.id(), conn);
    }

    fn link(&mut self, conn: ConnId, stream: Conduit, peer: Peer) {
        let (mailbox, inbox) = Mailbox::new();
        self.links.insert(conn, mailbox.clone());
        let around = self.around.clone();
        let link = Link::new(conn, stream, Box::new(peer), (mailbox, inbox), around);
        let task = self.tasks.spawn(link.run());
        self.link_tasks.insert(task.id(), conn);
    }
}
