use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use announce::{Access, Server, StoreConfig};
use hash::Sha1Digest;
use stdx::{Duration, Instant};

use crate::http::{self, Fallback, Site};
use crate::shared::{Shared, TrackerStats};
use crate::{Error, listen, udp};

/// How often silent peers are looked for.
const TICK: Duration = Duration::from_secs(1);
/// How long a shutdown waits for requests under way.
const DRAIN: Duration = Duration::from_secs(3);

/// What a tracker is to be; see [`TrackerServer::builder`].
#[derive(Default)]
pub struct TrackerBuilder {
    udp: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    store: StoreConfig,
    access: Access,
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

    /// Sets intervals and the memory budget.
    pub fn store(mut self, config: StoreConfig) -> Self {
        self.store = config;
        self
    }

    /// Sets which swarms are served.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
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
    /// When an address cannot be listened on; then nothing is served.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn spawn(self) -> Result<TrackerServer, Error> {
        let secret = match self.secret {
            Some(secret) => secret,
            None => random_secret()?,
        };
        let mut server = Server::new(self.store, &secret, Instant::ZERO);
        server.set_access(self.access);
        let shared = Arc::new(Shared::new(server));
        let udp = bind_all(&self.udp, listen::udp)?;
        let http = bind_all(&self.http, listen::tcp)?;

        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let (mut udp_addresses, mut http_addresses) = (Vec::new(), Vec::new());
        for (asked, socket) in udp {
            let address = socket.local_addr().unwrap_or(asked);
            udp_addresses.push(address);
            info!(%address, "tracker listens for UDP");
            let serve = udp::serve(socket, Arc::clone(&shared), stopped.clone());
            tasks.spawn(async move {
                if let Err(error) = serve.await {
                    warn!(%address, %error, "UDP tracker ended");
                }
            });
        }
        for (asked, listener) in http {
            let address = listener.local_addr().unwrap_or(asked);
            http_addresses.push(address);
            info!(%address, "tracker listens for HTTP");
            let site = Site { shared: Arc::clone(&shared), fallback: self.fallback.clone() };
            tasks.spawn(http::serve(listener, site, stopped.clone()));
        }
        tasks.spawn(tick(Arc::clone(&shared), stopped));
        Ok(TrackerServer { shared, udp_addresses, http_addresses, stop, tasks })
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

/// A running tracker. Dropping it ends it at once; [`TrackerServer::shutdown`] lets it finish.
#[derive(Debug)]
pub struct TrackerServer {
    shared: Arc<Shared>,
    udp_addresses: Vec<SocketAddr>,
    http_addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl TrackerServer {
    /// Describes a tracker without addresses yet.
    pub fn builder() -> TrackerBuilder {
        TrackerBuilder::default()
    }

    /// Where it listens for UDP, in the order of the builder, with the ports it got.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp_addresses
    }

    /// Where it listens for HTTP, in the order of the builder, with the ports it got.
    pub fn http_addresses(&self) -> &[SocketAddr] {
        &self.http_addresses
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

    /// Serves from now on only the swarms that `access` allows.
    pub fn set_access(&self, access: Access) {
        self.shared.server().set_access(access);
    }

    /// What it has done and what it holds.
    pub fn stats(&self) -> TrackerStats {
        self.shared.stats()
    }

    /// Stops listening, waits up to three seconds for requests under way, and ends.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let drain = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drain).await.is_err() {
            warn!("some requests did not finish in time");
        }
    }
}

/// Binds every address before any is served, so that a failure leaves nothing behind.
fn bind_all<T>(
    addresses: &[SocketAddr],
    bind: impl Fn(SocketAddr) -> Result<T, Error>,
) -> Result<Vec<(SocketAddr, T)>, Error> {
    addresses.iter().map(|&address| Ok((address, bind(address)?))).collect()
}

async fn tick(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let mut server = shared.server();
                server.handle_timeout(shared.now());
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
