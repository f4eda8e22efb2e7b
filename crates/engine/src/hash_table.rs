//! The distributed hash table on sockets: the task that owns the nodes, and the handle to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use dht::{Dht, Event, Family, Id, Item, LookupId, PublicKey, Stats};
use disk::{NodeStore, SavedNodes};

use crate::clock::Clock;
use crate::datagrams::{self, Datagram, Others};
use crate::egress::Egress;
use crate::listen::ListenError;
use crate::udp::{Outgoing, UdpPort};

mod hunts;
mod runner;
mod wishes;

pub(crate) use self::hunts::Found;
use self::runner::Runner;
pub(crate) use self::wishes::Wishes;

/// Datagrams that wait to be dealt with.
const DATAGRAMS_MAX: usize = 1_024;
/// Orders that wait to be taken up.
const ORDERS_MAX: usize = 64;
/// Events of one look-up that wait to be taken; of more, the latest are lost.
const EVENTS_MAX: usize = 1_024;

/// Where nodes are found by those who know none.
pub const ROUTERS: [&str; 2] = ["dht.libtorrent.org:25401", "dht.transmissionbt.com:6881"];

/// How the table is joined.
#[derive(Clone, Debug, Default)]
pub struct HashTableConfig {
    /// Addresses to speak from; several of a family make a node each (BEP 45). None means the
    /// default port, or any free one, on IPv4 and IPv6.
    pub listen: Vec<SocketAddr>,
    /// Where nodes may be, as `HOST:PORT`: asked at the start, and whenever nobody is known.
    pub bootstrap: Vec<String>,
    /// The folder where nodes are kept from one run to the next.
    pub state_dir: Option<PathBuf>,
    /// Asks, and answers nobody (BEP 43).
    pub read_only: bool,
    /// How everything leaves this machine.
    pub egress: Egress,
    /// A secret that nobody else knows.
    pub secret: [u8; 16],
}

/// Why the table cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum HashTableError {
    /// An address that was named is not to be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A look-up cannot be begun.
    #[error(transparent)]
    Refused(#[from] dht::Error),
    /// The task has ended.
    #[error("the node has stopped")]
    Stopped,
}

/// What is looked up.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The nodes nearest to an id.
    Nodes(Id),
    /// Peers of a torrent.
    Peers(Id),
    /// Peers of a torrent, and how many there are (BEP 33).
    Scrape(Id),
    /// An immutable item.
    Get(Id),
    /// A mutable item, by key and salt.
    GetMutable(PublicKey, Vec<u8>),
    /// To store an item; where `cas` is given, only in place of that version.
    Put(Item, Option<i64>),
    /// Torrents that the nodes on the way to an id know (BEP 51).
    Sample(Id),
}

/// What a node is like at a moment.
#[derive(Clone, Debug)]
pub struct NodeView {
    /// Its ids, by family.
    pub ids: [Option<Id>; 2],
    /// The addresses that others see it at, by family.
    pub external: [Option<std::net::IpAddr>; 2],
    /// What it knows and did.
    pub stats: Stats,
}

#[derive(Debug)]
enum Order {
    Begin(Lookup, mpsc::Sender<Event>, oneshot::Sender<Result<(), dht::Error>>),
    Announce(Id, Option<u16>, bool),
    Withdraw(Id),
    Addresses(Vec<SocketAddr>),
    View(oneshot::Sender<Vec<NodeView>>),
    Stop(oneshot::Sender<()>),
}

/// What a session has of the table.
#[derive(Debug)]
pub(crate) struct Service {
    /// Where peers go that turn up.
    pub(crate) found: mpsc::Sender<Found>,
    /// The port that peers are to connect to; `None` for the one that our datagrams come from, by
    /// which uTP reaches us, through a NAT, too.
    pub(crate) announce_port: Option<u16>,
}

/// A handle to the nodes of this process.
#[derive(Clone, Debug)]
pub struct HashTable {
    orders: mpsc::Sender<Order>,
    ready: watch::Receiver<bool>,
    addresses: Vec<SocketAddr>,
    wishes: Wishes,
}

impl HashTable {
    /// Joins the table, on the current runtime.
    ///
    /// # Errors
    /// When an address that was named cannot be had.
    pub fn start(config: &HashTableConfig) -> Result<Self, HashTableError> {
        let ports = datagrams::open(&config.egress, &config.listen)?;
        let (found, _nobody) = mpsc::channel(1);
        let service = Service { found, announce_port: None };
        let (table, datagrams) = Self::on(config, &ports, Clock::start(), service);
        for (socket, port) in ports.into_iter().enumerate() {
            let others = Others { socket, dht: Some(datagrams.clone()) };
            tokio::spawn(datagrams::receive(port, others));
        }
        Ok(table)
    }

    /// Joins the table by sockets that are open, and that others may use, too. What comes for the
    /// table is to be sent to where this says.
    pub(crate) fn on(
        config: &HashTableConfig,
        ports: &[Arc<UdpPort>],
        clock: Clock,
        service: Service,
    ) -> (Self, mpsc::Sender<Datagram>) {
        let addresses = ports.iter().filter_map(|port| port.local_addr().ok()).collect();
        let (orders, queue) = mpsc::channel(ORDERS_MAX);
        let (datagrams, incoming) = mpsc::channel(DATAGRAMS_MAX);
        let (tell_ready, ready) = watch::channel(false);
        let wishes = Wishes::default();
        let session = (wishes.clone(), service);
        let runner = Runner::new(config, ports.to_vec(), clock, tell_ready, session);
        tokio::spawn(runner.run(queue, incoming));
        (Self { orders, ready, addresses, wishes }, datagrams)
    }

    /// Where the nodes speak from.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the session's wishes go.
    pub(crate) fn wishes(&self) -> Wishes {
        self.wishes.clone()
    }

    /// Whether a table has come together.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits until a table has come together: look-ups find what there is to be found.
    pub async fn ready(&self) {
        let mut ready = self.ready.clone();
        if ready.wait_for(|ready| *ready).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Begins a look-up; its events come until [`Event::Ended`].
    ///
    /// # Errors
    /// When it is refused.
    pub async fn begin(&self, lookup: Lookup) -> Result<mpsc::Receiver<Event>, HashTableError> {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let (answer, wait) = oneshot::channel();
        self.order(Order::Begin(lookup, events, answer)).await?;
        wait.await.map_err(|_| HashTableError::Stopped)??;
        Ok(receiver)
    }

    /// Keeps a torrent announced. `port` is where peers connect to; `None` means the nodes' own.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn announce(
        &self,
        info_hash: Id,
        port: Option<u16>,
        seed: bool,
    ) -> Result<(), HashTableError> {
        self.order(Order::Announce(info_hash, port, seed)).await
    }

    /// Announces a torrent no more.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn withdraw(&self, info_hash: Id) -> Result<(), HashTableError> {
        self.order(Order::Withdraw(info_hash)).await
    }

    /// Addresses where nodes may be, such as those of peers.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn add_addresses(&self, addresses: Vec<SocketAddr>) -> Result<(), HashTableError> {
        self.order(Order::Addresses(addresses)).await
    }

    /// What the nodes are like.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn view(&self) -> Result<Vec<NodeView>, HashTableError> {
        let (answer, wait) = oneshot::channel();
        self.order(Order::View(answer)).await?;
        wait.await.map_err(|_| HashTableError::Stopped)
    }

    /// Saves the nodes for the next time, and ends.
    pub async fn shutdown(self) {
        let (done, wait) = oneshot::channel();
        if self.order(Order::Stop(done)).await.is_ok() {
            // It has ended either way.
            let _gone = wait.await;
        }
    }

    async fn order(&self, order: Order) -> Result<(), HashTableError> {
        self.orders.send(order).await.map_err(|_| HashTableError::Stopped)
    }
}

#[cfg(test)]
mod tests;
