use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use announce::{Server, StoreConfig};
use hash::Sha1Digest;
use stdx::{Duration, Instant};

use crate::drops::Drops;
use crate::http::{self, Fallback, Role, Site};
use crate::limits::{Gate, connections_allowed};
use crate::lists::Loaded;
use crate::shared::{Shared, TrackerStats, count};
use crate::{Error, Lists, listen, udp};

/// Time between two looks for silent peers, at least.
const TICK: Duration = Duration::from_millis(10);
/// Connections to the metrics at once.
const METRICS_CONNECTIONS: usize = 32;
/// How long a shutdown waits for requests under way.
const DRAIN: Duration = Duration::from_secs(3);

/// What a tracker is to be; see [`TrackerServer::builder`].
#[derive(Default)]
pub struct TrackerBuilder {
    udp: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    metrics: Vec<SocketAddr>,
    interface: Option<String>,
    store: StoreConfig,
    lists: Lists,
    http_connections: Option<usize>,
    secret: Option<[u8; 16]>,
    fallback: Option<Arc<dyn Fallback>>,
}

impl TrackerBuilder {
    /// Listens for UDP announces on `address` too; port 0 takes a free one.
    pub fn udp(mut self, address: SocketAddr) -> Self {
        self.udp.push(address);
        self
    }

    /// Listens for HTTP announces on `address` too; port 0 takes a free one.
    pub fn http(mut self, address: SocketAddr) -> Self {
        self.http.push(address);
        self
    }

    /// Keeps the sockets to one interface, by its name.
    pub fn interface(mut self, name: &str) -> Self {
        self.interface = Some(name.to_owned());
        self
    }

    /// Sets intervals and the memory budget.
    pub fn store(mut self, config: StoreConfig) -> Self {
        self.store = config;
        self
    }

    /// Serves the tracker's state on `address` too, at `/metrics` in Prometheus' text format;
    /// port 0 takes a free one.
    pub fn metrics(mut self, address: SocketAddr) -> Self {
        self.metrics.push(address);
        self
    }

    /// Sets the files that say whom and what it serves; without them it serves all.
    pub fn lists(mut self, lists: Lists) -> Self {
        self.lists = lists;
        self
    }

    /// Sets how many HTTP connections there may be at once, which by default is 4,096, or fewer if
    /// the system allows the process fewer open files. One address may hold a quarter of them.
    pub fn http_connections(mut self, limit: usize) -> Self {
        self.http_connections = Some(limit);
        self
    }

    /// Sets the secret behind connection ids, which by default is drawn from the system.
    pub fn secret(mut self, secret: [u8; 16]) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Sets what answers HTTP requests for other paths than `/announce` and `/scrape`, which by
    /// default are not found.
    pub fn fallback(mut self, fallback: impl Fallback) -> Self {
        self.fallback = Some(Arc::new(fallback));
        self
    }

    /// Listens and serves, on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// When an address cannot be listened on or a list cannot be read; then nothing is served.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn spawn(self) -> Result<TrackerServer, Error> {
        let secret = match self.secret {
            Some(secret) => secret,
            None => random_secret()?,
        };
        let memory = self.store.memory;
        let mut server = Server::new(self.store, &secret, Instant::ZERO);
        self.lists.load()?.put_into(&mut server);
        let limit = self.http_connections.unwrap_or_else(connections_allowed);
        let shared = Arc::new(Shared::new(server, memory, Gate::new(limit)));
        let interface = self.interface.as_deref();
        let udp = bind_all(&self.udp, |address| listen::udp(address, interface))?;
        let http = bind_all(&self.http, |address| listen::tcp(address, interface))?;
        let metrics = bind_all(&self.metrics, |address| listen::tcp(address, interface))?;
        let drops = Drops::of(udp.iter().map(|(_, socket)| socket));
        shared.drops.set(drops).expect("it is set once, here");

        let addresses = Addresses {
            udp: udp.iter().map(|(asked, socket)| socket.local_addr().unwrap_or(*asked)).collect(),
            http: bound(&http),
            metrics: bound(&metrics),
        };
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let serve = |(address, socket)| {
            let served = udp::Worker::spawn(socket, Arc::clone(&shared));
            served.map_err(|source| Error::Listen { protocol: "UDP", address, source })
        };
        let workers = udp.into_iter().map(serve).collect::<Result<_, _>>()?;
        let role = Role::Tracker(self.fallback);
        let site = Site { shared: Arc::clone(&shared), gate: Arc::clone(&shared.gate), role };
        let gate = Gate::new(METRICS_CONNECTIONS);
        let metrics_site = Site { shared: Arc::clone(&shared), gate, role: Role::Metrics };
        for (listeners, site) in [(http, site), (metrics, metrics_site)] {
            for (_, listener) in listeners {
                tasks.spawn(http::serve(listener, site.clone(), stopped.clone()));
            }
        }
        tasks.spawn(tick(Arc::clone(&shared), stopped));
        info!(?addresses, "tracker listens");
        Ok(TrackerServer { shared, lists: self.lists, addresses, stop, tasks, workers })
    }
}

impl fmt::Debug for TrackerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { udp, http, store, .. } = self;
        f.debug_struct("TrackerBuilder")
            .field("udp", udp)
            .field("http", http)
            .field("store", store)
            .finish_non_exhaustive()
    }
}

/// Where a tracker listens.
#[derive(Debug)]
struct Addresses {
    udp: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    metrics: Vec<SocketAddr>,
}

/// A running tracker. Dropping it ends it at once; [`TrackerServer::shutdown`] lets it finish.
#[derive(Debug)]
pub struct TrackerServer {
    shared: Arc<Shared>,
    lists: Lists,
    addresses: Addresses,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    workers: Vec<udp::Worker>,
}

impl TrackerServer {
    /// Describes a tracker without addresses yet.
    pub fn builder() -> TrackerBuilder {
        TrackerBuilder::default()
    }

    /// Where it listens for UDP, in the order of the builder, with the ports it got.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.addresses.udp
    }

    /// Where it listens for HTTP, in the order of the builder, with the ports it got.
    pub fn http_addresses(&self) -> &[SocketAddr] {
        &self.addresses.http
    }

    /// Lists this process as a peer on `port`, under whatever local address an asker reached.
    /// False when there are too many such torrents.
    pub fn host(&self, info_hash: Sha1Digest, port: u16, seeding: bool) -> bool {
        self.shared.server().store_mut().host(info_hash, port, seeding)
    }

    /// Ends what [`TrackerServer::host`] began.
    pub fn unhost(&self, info_hash: &Sha1Digest) {
        self.shared.server().store_mut().unhost(info_hash);
    }

    /// Where it serves its state, in the order of the builder, with the ports it got.
    pub fn metrics_addresses(&self) -> &[SocketAddr] {
        &self.addresses.metrics
    }

    /// Reads the lists again. They take effect all together.
    ///
    /// # Errors
    /// When one of them cannot be read or has a faulty line; then all stay as they were.
    pub async fn reload(&self) -> Result<(), Error> {
        let lists = self.lists.clone();
        let read = tokio::task::spawn_blocking(move || lists.load()).await;
        match read.expect("reading lists does not panic") {
            Ok(loaded) => {
                loaded.put_into(&mut self.shared.server());
                count(&self.shared.reloads);
                Ok(())
            }
            Err(error) => {
                count(&self.shared.reloads_failed);
                Err(error)
            }
        }
    }

    /// What it has done and what it holds.
    pub fn stats(&self) -> TrackerStats {
        self.shared.stats()
    }

    /// Stops listening, waits up to three seconds for requests under way, and ends.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        // Each ends with the batch that it is at.
        self.workers.clear();
        let drain = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drain).await.is_err() {
            warn!("some requests did not finish in time");
        }
    }
}

impl Loaded {
    fn put_into(self, server: &mut Server) {
        server.set_access(self.access);
        server.set_passkeys(self.passkeys);
    }
}

/// Binds every address before any is served, so that a failure leaves nothing behind.
fn bind_all<T>(
    addresses: &[SocketAddr],
    bind: impl Fn(SocketAddr) -> Result<T, Error>,
) -> Result<Vec<(SocketAddr, T)>, Error> {
    addresses.iter().map(|&address| Ok((address, bind(address)?))).collect()
}

/// Where the listeners are, with the ports they got.
fn bound(listeners: &[(SocketAddr, TcpListener)]) -> Vec<SocketAddr> {
    let address =
        |(asked, listener): &(SocketAddr, TcpListener)| listener.local_addr().unwrap_or(*asked);
    listeners.iter().map(address).collect()
}

async fn tick(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut pause = TICK;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {
                let mut server = shared.server();
                let now = shared.now();
                server.handle_timeout(now);
                pause = (server.poll_timeout() - now).max(TICK);
            }
            _ = stop.changed() => return,
        }
    }
}

fn random_secret() -> Result<[u8; 16], Error> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(Error::Random)?;
    Ok(secret)
}
