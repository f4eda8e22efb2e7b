//! The two ends of the link: sockets of a UDP relay, or network devices.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tun_rs::{AsyncDevice, DeviceBuilder};

use crate::args::LinkLab;

/// Packets that wait for the link to take them; then the system's own queues fill.
const WAITING_MAX: usize = 256;
/// Senders that a relay keeps apart; further ones are not served.
const CLIENTS_MAX: usize = 1_024;
/// The largest packet.
const PACKET_MAX: usize = 65_536;
/// The largest packet of a device.
const MTU: u16 = 1_500;
/// How long a source rests that fails.
const PAUSE: Duration = Duration::from_millis(10);
/// Bytes before the payload of a UDP packet over IPv4.
const UDP_HEADERS: u64 = 28;

/// Where a packet enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Near = 0,
    Far = 1,
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) from: Side,
    /// When it came, after the start.
    pub(super) came: Duration,
    /// Whose it is, at a relay.
    client: Option<SocketAddr>,
    bytes: Vec<u8>,
    headers: u64,
}

impl Packet {
    /// Its bytes, headers included.
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64 + self.headers
    }
}

/// Both ends.
pub(super) struct Ends {
    out: Out,
    packets: Receiver<Packet>,
    entry: Entry,
}

/// Where packets are let out.
enum Out {
    Relay {
        near: Arc<UdpSocket>,
        to: SocketAddr,
        /// A socket for each sender, so that answers find back.
        far: BTreeMap<SocketAddr, Arc<UdpSocket>>,
    },
    Devices([Arc<AsyncDevice>; 2]),
}

impl Ends {
    pub(super) async fn open(args: &LinkLab, started: Instant) -> Result<Self> {
        let (send, packets) = channel(WAITING_MAX);
        let entry = Entry { send, started };
        let out = match (args.listen, args.to, &args.tun[..]) {
            (Some(listen), Some(to), _) => {
                let near = UdpSocket::bind(listen).await;
                let near = Arc::new(near.with_context(|| format!("cannot listen on {listen}"))?);
                entry.read(Side::Near, Source::Near(Arc::clone(&near)));
                Out::Relay { near, to, far: BTreeMap::new() }
            }
            (_, _, [left, right]) => {
                let devices = [Arc::new(device(left)?), Arc::new(device(right)?)];
                entry.read(Side::Near, Source::Device(Arc::clone(&devices[0])));
                entry.read(Side::Far, Source::Device(Arc::clone(&devices[1])));
                Out::Devices(devices)
            }
            _ => bail!("--listen and --to, or --tun A,B"),
        };
        Ok(Self { out, packets, entry })
    }

    /// Where packets enter, for people and scripts.
    pub(super) fn names(&self) -> Vec<String> {
        let unknown = |_| "?".to_owned();
        match &self.out {
            Out::Relay { near, .. } => {
                vec![near.local_addr().map_or_else(unknown, |at| at.to_string())]
            }
            Out::Devices(devices) => {
                devices.iter().map(|device| device.name().unwrap_or_else(unknown)).collect()
            }
        }
    }

    /// The next packet that enters.
    pub(super) async fn receive(&mut self) -> Packet {
        // The entry holds the other end.
        self.packets.recv().await.expect("it is open as long as we are")
    }

    /// Lets a packet out at the other side. What the system does not take is lost, as on any link.
    pub(super) async fn send(&mut self, packet: Packet) {
        let sent = match (&mut self.out, packet.from, packet.client) {
            (Out::Relay { near, .. }, Side::Far, Some(client)) => {
                near.send_to(&packet.bytes, client).await
            }
            (Out::Relay { far, to, .. }, Side::Near, Some(client)) => {
                if !far.contains_key(&client) && far.len() < CLIENTS_MAX {
                    match dial(*to).await {
                        Ok(socket) => {
                            let socket = Arc::new(socket);
                            self.entry.read(Side::Far, Source::Far(Arc::clone(&socket), client));
                            far.insert(client, socket);
                        }
                        Err(error) => tracing::warn!(%client, %error, "no socket for a sender"),
                    }
                }
                match far.get(&client) {
                    Some(socket) => socket.send(&packet.bytes).await,
                    None => return,
                }
            }
            (Out::Devices(devices), from, _) => {
                devices[1 - from as usize].send(&packet.bytes).await
            }
            (Out::Relay { .. }, _, None) => return,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a packet was not let out");
        }
    }
}

/// A network device for IP packets.
fn device(name: &str) -> Result<AsyncDevice> {
    let device = DeviceBuilder::new().name(name).mtu(MTU).build_async();
    device.with_context(|| format!("cannot make the network device `{name}`; that takes root"))
}

/// A socket for one sender's packets.
async fn dial(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// The way in.
#[derive(Clone)]
struct Entry {
    send: Sender<Packet>,
    started: Instant,
}

impl Entry {
    /// Takes in what comes from `source`, as long as somebody takes it.
    fn read(&self, from: Side, source: Source) {
        let Self { send, started } = self.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; PACKET_MAX];
            loop {
                let (length, client) = match source.read(&mut buffer).await {
                    Ok(read) => read,
                    Err(error) => {
                        // Of a socket: what came back as refused. It goes on.
                        tracing::debug!(%error, "nothing to read");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                };
                let bytes = buffer[..length].to_vec();
                let headers = if client.is_some() { UDP_HEADERS } else { 0 };
                let packet = Packet { from, came: started.elapsed(), client, bytes, headers };
                if send.send(packet).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Where packets come from.
enum Source {
    Near(Arc<UdpSocket>),
    /// With the sender whose answers these are.
    Far(Arc<UdpSocket>, SocketAddr),
    Device(Arc<AsyncDevice>),
}

impl Source {
    /// The length of the next packet, and whose it is.
    async fn read(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)> {
        match self {
            Self::Near(socket) => {
                socket.recv_from(buffer).await.map(|(length, from)| (length, Some(from)))
            }
            Self::Far(socket, client) => {
                socket.recv(buffer).await.map(|length| (length, Some(*client)))
            }
            Self::Device(device) => device.recv(buffer).await.map(|length| (length, None)),
        }
    }
}
