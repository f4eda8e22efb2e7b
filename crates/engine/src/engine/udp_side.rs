//! Everything of an engine that speaks UDP: one socket for each address, shared by all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use stdx::Rng;

use super::{EngineConfig, StartError, UTP_BACKLOG};
use crate::clock::Clock;
use crate::datagrams::{self, Others};
use crate::hash_table::{Found, HashTable, Service};
use crate::listen;
use crate::mind::{Input, Mind};
use crate::stream::Transport;
use crate::udp::UdpPort;
use crate::utps::{self, Utp};

/// Batches of peers found that wait for the mind; of more, the latest are lost.
const FOUND_MAX: usize = 256;

/// Any address of each family.
const EVERYWHERE: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
];

/// The sockets, and who speaks there.
pub(super) struct UdpSide {
    /// uTP, on each socket.
    pub(super) utp: Vec<Utp>,
    /// The node of the DHT, on all of them.
    pub(super) table: Option<HashTable>,
    is_proxied: bool,
    finds: Receiver<Found>,
    sockets: Vec<(Arc<UdpPort>, Others)>,
}

impl UdpSide {
    /// Opens a socket beside each listening one, as far as anybody wants to speak there.
    ///
    /// # Errors
    /// When the port of an address that was named cannot be had.
    pub(super) fn open(
        config: &EngineConfig,
        listening: &[SocketAddr],
        clock: Clock,
        rng: &mut Rng,
    ) -> Result<Self, StartError> {
        let utp = config.transport != Transport::Tcp;
        let wanted = utp || config.dht.is_some();
        let ports = match config.egress.proxy() {
            _ if !wanted => Vec::new(),
            // It takes what is for either family; where it is itself does not matter.
            Some(_) => listen::open_udp(&config.egress, &[], &EVERYWHERE)?,
            None => listen::open_udp(&config.egress, &config.listen, listening)?,
        };
        let dht = config.dht.as_ref().filter(|_| !ports.is_empty());
        let (found, finds) = channel(FOUND_MAX);
        let announce_port = listening.first().map(SocketAddr::port).filter(|_| !utp);
        let service = Service { found, announce_port };
        let (table, dht) = dht.map(|dht| HashTable::on(dht, &ports, clock, service)).unzip();
        let connections = session_max(config);
        let utp = if utp { &*ports } else { &[] };
        let utp = utp.iter().map(|it| Utp::new(Arc::clone(it), clock, connections, rng.fork()));
        let others = |(socket, port)| (port, Others { socket, dht: dht.clone() });
        Ok(Self {
            utp: utp.collect(),
            table,
            is_proxied: config.egress.proxy().is_some(),
            finds,
            sockets: ports.iter().cloned().enumerate().map(others).collect(),
        })
    }

    /// The port of the node of the DHT, as far as it is known to be the one that others see.
    pub(super) fn dht_port(&self) -> Option<u16> {
        if self.is_proxied {
            return None;
        }
        Some(self.table.as_ref()?.addresses().first()?.port())
    }

    /// Where the sockets are.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().filter_map(|(port, _)| port.local_addr().ok())
    }

    /// Begins to receive, for as long as the mind lives.
    pub(super) fn run(self, mind: &mut Mind, inputs: &Sender<Input>) {
        mind.spawn(pass_on(self.finds, inputs.clone()));
        if self.utp.is_empty() {
            for (port, others) in self.sockets {
                mind.spawn(datagrams::receive(port, others));
            }
            return;
        }
        for (utp, (_, others)) in self.utp.into_iter().zip(self.sockets) {
            let (send, streams) = channel(UTP_BACKLOG);
            mind.spawn(utps::serve(utp, send, others));
            mind.spawn(listen::accept_utp(streams, inputs.clone()));
        }
    }
}

/// Hands peers that were found to the mind.
async fn pass_on(mut finds: Receiver<Found>, inputs: Sender<Input>) {
    while let Some(found) = finds.recv().await {
        if inputs.send(Input::Found(found)).await.is_err() {
            return;
        }
    }
}

/// Connections of one UDP port, at most: one that fails or ends may still be on its way out.
fn session_max(config: &EngineConfig) -> usize {
    config.max_peers * 2 + UTP_BACKLOG
}
