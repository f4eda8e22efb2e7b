use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{broadcast, oneshot, watch};

use announce::TrackerUrl;
use disk::{Disk, DiskConfig};
use ipfilter::IpFilter;
use session::{AddError, AddTorrent, Limits, Session, Status};
use stdx::{Instant, PeerId, Pool, Rng};

use crate::clock::Clock;
use crate::dial::Dialer;
use crate::dropped::Dropped;
use crate::egress::Egress;
use crate::files;
use crate::greet::{Encryption, Greeter};
use crate::hash_table::{HashTable, HashTableConfig};
use crate::link::Surroundings;
use crate::listen::{self, ListenError};
use crate::local::Local;
use crate::mapping::{PortMapper, PortMapping, Reachable};
use crate::mind::{Input, MIND_QUEUE_MAX, Mind};
use crate::stream::Transport;
use crate::throttle::Throttle;
use crate::torrent::{EngineError, Torrent};
use crate::trackers::Trackers;
use crate::uplink::Uplink;

mod udp_side;

use self::udp_side::UdpSide;

/// Unused block buffers kept for reuse: 16 MiB.
const SPARE_BLOCKS_MAX: usize = 1_024;

/// Dropped peers that may wait for a slow listener; the oldest go first.
const DROPPED_MAX: usize = 256;

/// Connections that others have begun over uTP and that nobody has taken up yet.
const UTP_BACKLOG: usize = 256;

/// How long closing may take: trackers have 3 s, the disk the rest.
const CLOSE_MAX: Duration = Duration::from_secs(30);

/// What trackers are told where nobody can connect to us: they want a port, and take 0 for a
/// mistake.
const NO_PORT: u16 = 1;

/// Our name and version in peer ids (BEP 20).
const PEER_ID_PREFIX: &[u8; 8] = b"-FL0100-";

/// What the rest of a peer id is drawn from: printable, so that logs are readable.
const PEER_ID_ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where peers connect to; empty for the default port, or any free one.
    pub listen: Vec<SocketAddr>,
    /// Bytes per second of all connections together.
    pub limits: Limits,
    /// Connections of all torrents together.
    pub max_peers: usize,
    /// What carries connections.
    pub transport: Transport,
    /// Whether they are disguised.
    pub encryption: Encryption,
    /// Whether peers tell each other of others (BEP 11).
    pub pex: bool,
    /// Whether peers on the same network are told of our torrents, and heard (BEP 14).
    pub lsd: bool,
    /// How the DHT is joined, if it is to be: by the sockets that belong to `listen`, not by some
    /// of its own.
    pub dht: Option<HashTableConfig>,
    /// How ports are opened at the router, if they are to be.
    pub mapping: Option<PortMapping>,
    /// How everything leaves this machine.
    pub egress: Egress,
    /// What randomness follows from; drawn from the system by the caller.
    pub seed: u64,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gave no threads.
    #[error("cannot start the disk threads: {0}")]
    Threads(#[from] std::io::Error),
}

/// The engine has ended, and with it every torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It was closed.
    #[error("the engine was closed")]
    Closed,
    /// It broke down; what it says last is a fault of the program.
    #[error("internal error: the engine broke down; please report what it said before")]
    Broken,
}

/// A running client: one session, its sockets, disk threads and timers. Cheap to clone.
///
/// It ends with [`Engine::close`]. When instead the last handle is dropped, torrents' handles
/// included, it stops its torrents in the background. Its disk threads end with the last handle.
#[derive(Clone, Debug)]
pub struct Engine {
    inputs: Sender<Input>,
    /// Tells the mind that somebody has a handle.
    _handle: Sender<Infallible>,
    /// How the mind ended, once it has.
    ended: watch::Receiver<Option<Ended>>,
    dropped: broadcast::WeakSender<Dropped>,
    disk: Arc<Disk>,
    trackers: Arc<Trackers>,
    uplink: Uplink,
    egress: Egress,
    hash_table: Option<HashTable>,
    mapper: Option<PortMapper>,
    listening: Arc<[SocketAddr]>,
}

impl Engine {
    /// Starts on the current tokio runtime.
    ///
    /// # Errors
    /// When a named address is busy, or the system gives no threads.
    pub fn start(config: &EngineConfig) -> Result<Self, StartError> {
        let clock = Clock::start();
        let mut rng = Rng::new(config.seed);
        let listeners = listen::open(&config.egress, &config.listen)?;
        let listening: Vec<_> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        let port = listening.first().map_or(NO_PORT, SocketAddr::port);
        let udp = UdpSide::open(config, &listening, clock, &mut rng)?;
        let (inputs, queue) = channel(MIND_QUEUE_MAX);
        let pool = Pool::new(SPARE_BLOCKS_MAX);
        let done = inputs.clone();
        let disk = Disk::start(&DiskConfig::default(), pool.clone(), move |op| {
            // The disk's threads may wait; the mind never waits for them.
            let _gone = done.blocking_send(Input::Disk(op));
        })?;
        let disk = Arc::new(disk);
        let peer_id = peer_id(&mut rng);
        let trackers = Trackers::start(config.egress.clone(), clock, rng.next_u64());
        let throttle = Throttle::new(clock, config.limits);
        let (gate, reading) = watch::channel(true);
        let around = Surroundings {
            clock,
            mind: inputs.clone(),
            disk: Arc::clone(&disk),
            throttle: Arc::clone(&throttle),
            pool,
            reading,
        };
        let session_config = session_config(peer_id, port, config, udp.table.is_some());
        let mut session = Session::new(clock.now(), session_config, rng.next_u64());
        session.set_filter(clock.now(), config.egress.filter());
        let mut peer_config = peer_config(peer_id, port, config);
        peer_config.dht_port = udp.dht_port();
        let (tell, _) = broadcast::channel(DROPPED_MAX);
        let dropped = tell.downgrade();
        let (keys, known) = watch::channel(Arc::default());
        let greeter = Greeter { encryption: config.encryption, keys: known };
        let egress = config.egress.clone();
        let dialer = Dialer { transport: config.transport, utp: udp.utp.clone(), greeter, egress };
        let wishes = udp.table.as_ref().map(HashTable::wishes);
        let ways = (Arc::clone(&trackers), dialer, wishes);
        let mut mind = Mind::new(session, around, ways, keys, Arc::new(peer_config), gate, tell);
        let uplink = Uplink::new(Arc::clone(&throttle));
        mind.spawn(throttle.run());
        // Refused is better than accepted and never heard: without TCP, nobody listens.
        for listener in listeners.into_iter().filter(|_| config.transport != Transport::Utp) {
            mind.spawn(listen::accept(listener, inputs.clone()));
        }
        if has_neighbours(config) {
            mind.hear_neighbours(Local::open(&config.egress, &listening));
        }
        let hash_table = udp.table.clone();
        let mapper = map_ports(config, &listening, &udp, clock, (&inputs, rng.fork()));
        udp.run(&mut mind, &inputs);
        let (handle, handles) = channel(1);
        let ended = watch_over(mind.run(queue, handles));
        Ok(Self {
            inputs,
            _handle: handle,
            ended,
            dropped,
            disk,
            trackers,
            uplink,
            egress: config.egress.clone(),
            hash_table,
            mapper,
            listening: listening.into(),
        })
    }

    /// Where peers can connect to; nowhere behind a proxy.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// The node of the DHT, where there is one.
    pub fn hash_table(&self) -> Option<&HashTable> {
        self.hash_table.as_ref()
    }

    /// How we are reached from outside, where ports are opened at the router: now, and whenever it
    /// changes.
    pub fn reachable(&self) -> Option<watch::Receiver<Reachable>> {
        Some(self.mapper.as_ref()?.reachable())
    }

    /// How everything leaves this machine.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// The upload limit, for those who send bytes besides the peers.
    pub fn uplink(&self) -> Uplink {
        self.uplink.clone()
    }

    /// The peers that are dropped from now on; `None` when the engine has ended. Who listens too
    /// slowly misses some.
    pub fn dropped(&self) -> Option<broadcast::Receiver<Dropped>> {
        Some(self.dropped.upgrade()?.subscribe())
    }

    /// Takes another filter of addresses in place of the one before; connections that it forbids
    /// are closed.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn set_filter(&self, filter: IpFilter) -> Result<(), Ended> {
        self.egress.set_filter(filter.clone());
        self.ask(move |mind, now| mind.session.set_filter(now, filter)).await
    }

    /// Lets this tracker be contacted wherever it is: a person named it.
    pub fn trust_tracker(&self, url: &TrackerUrl) {
        self.trackers.trust(url);
    }

    /// Takes a torrent in; [`Torrent::start`] is next, once its metadata is known.
    ///
    /// # Errors
    /// When it is here already, or the engine has ended.
    pub async fn add(&self, add: AddTorrent) -> Result<Torrent, EngineError> {
        let added = self.ask(move |mind, now| {
            let hashes = add.hashes;
            let id = mind.session.add_torrent(now, add)?;
            mind.know(&[(id, hashes)]);
            Ok::<_, AddError>((id, mind.listen(id)))
        });
        let (id, events) = added.await??;
        Ok(Torrent::new(id, self.clone(), events))
    }

    /// How all torrents do together.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn total(&self) -> Result<Status, Ended> {
        self.ask(|mind, now| mind.session.total(now)).await
    }

    /// Ends every torrent that has not been stopped, then the engine: sockets are closed when this
    /// returns, unless the disk hangs.
    pub async fn close(&self) {
        // Nothing is left to end when the engine has ended.
        let (_ended, ()) = tokio::join!(self.ask(Mind::close), self.unmap());
        let mut ended = self.ended.clone();
        let over = ended.wait_for(Option::is_some);
        if tokio::time::timeout(CLOSE_MAX, over).await.is_err() {
            tracing::warn!("the disk did not finish in time; the next start checks what is there");
        }
        if let Some(table) = &self.hash_table {
            table.clone().shutdown().await;
        }
    }

    /// Gives back the ports that the router has opened, as [`Self::close`] does, which may come
    /// later.
    pub async fn unmap(&self) {
        if let Some(mapper) = &self.mapper {
            mapper.stop().await;
        }
    }

    /// The threads that do a torrent's reading and writing.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Runs `act` on the mind's task and returns what it returned.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Mind, Instant) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (send, receive) = oneshot::channel();
        let command = Box::new(move |mind: &mut Mind, now| {
            let _gone = send.send(act(mind, now));
        });
        if self.inputs.send(Input::Command(command)).await.is_ok()
            && let Ok(answer) = receive.await
        {
            return Ok(answer);
        }
        let mut ended = self.ended.clone();
        let how = ended.wait_for(Option::is_some).await;
        Err(how.ok().and_then(|how| *how).unwrap_or(Ended::Broken))
    }
}

/// Has the ports opened that peers are to reach.
fn map_ports(
    config: &EngineConfig,
    listening: &[SocketAddr],
    udp: &UdpSide,
    clock: Clock,
    (inputs, rng): (&Sender<Input>, Rng),
) -> Option<PortMapper> {
    let mapping = config.mapping.filter(|_| config.egress.proxy().is_none())?;
    let tcp = config.transport != Transport::Utp;
    let tcp = listening.iter().filter(|_| tcp).map(|it| (portmap::Transport::Tcp, *it));
    let udp = udp.addresses().map(|it| (portmap::Transport::Udp, it));
    let wanted: Vec<_> = tcp.chain(udp).collect();
    let ways = (inputs.downgrade(), rng);
    Some(PortMapper::start(mapping, &config.egress, &wanted, clock, ways))
}

/// Runs the mind; a panic in it must not look like a normal end.
fn watch_over(mind: impl Future<Output = ()> + Send + 'static) -> watch::Receiver<Option<Ended>> {
    let (tell, ended) = watch::channel(None);
    let mind = tokio::spawn(mind);
    tokio::spawn(async move {
        let how = if mind.await.is_ok() { Ended::Closed } else { Ended::Broken };
        tell.send_replace(Some(how));
    });
    ended
}

fn peer_id(rng: &mut Rng) -> PeerId {
    let mut id = PeerId::default();
    id.0[..8].copy_from_slice(PEER_ID_PREFIX);
    for byte in &mut id.0[8..] {
        *byte = PEER_ID_ALPHABET[rng.index(PEER_ID_ALPHABET.len())];
    }
    id
}

fn session_config(peer_id: PeerId, port: u16, config: &EngineConfig, dht: bool) -> session::Config {
    let mut ours = session::Config::new(peer_id, port);
    ours.dht = dht;
    ours.limits = config.limits;
    ours.lsd = has_neighbours(config);
    ours.max_peers = files::make_room(config.max_peers);
    ours
}

/// Whether there is a local network for us: behind a proxy, it would see who we are.
fn has_neighbours(config: &EngineConfig) -> bool {
    config.lsd && config.egress.proxy().is_none()
}

fn peer_config(peer_id: PeerId, listen_port: u16, config: &EngineConfig) -> peer::Config {
    peer::Config {
        listen_port: if config.egress.proxy().is_some() { 0 } else { listen_port },
        uplink: config.limits.up,
        pex: config.pex,
        holepunch: config.pex
            && config.transport != Transport::Tcp
            && config.egress.proxy().is_none(),
        ..peer::Config::new(peer_id, "Fluvial 0.1")
    }
}

#[cfg(test)]
mod tests;
