//! The neighbourhood on sockets (BEP 14): one that hears its groups, for each address family, and
//! one that speaks, for each address that peers can connect to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use if_addrs::Interface;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::Sender;

use lsd::{Announce, GROUP_V4, GROUP_V6};

use crate::egress::Egress;
use crate::mind::{Input, Mind};

/// Addresses spoken from, at most.
const SPEAKERS_MAX: usize = 32;
/// The longest datagram that is heard, in bytes; more is cut off.
const DATAGRAM_MAX: usize = 1_500;
/// Pause after an error that may last.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// The way to the neighbourhood and back.
#[derive(Debug)]
pub(crate) struct Local {
    hearing: Vec<Arc<UdpSocket>>,
    speaking: Vec<Speaker>,
}

/// Speaks from one address.
#[derive(Debug)]
struct Speaker {
    /// It never waits; what there is no room for is lost.
    socket: Socket,
    group: SocketAddr,
    /// Where peers connect to at that address.
    port: u16,
}

impl Local {
    /// Joins the groups on every interface with an address that is listened on. What cannot be had
    /// is done without.
    pub(crate) fn open(egress: &Egress, listening: &[SocketAddr]) -> Self {
        let mut local = Self { hearing: Vec::new(), speaking: Vec::new() };
        let all = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::info!(%error, "the interfaces are not known, and so no local discovery");
            Vec::new()
        });
        for v6 in [false, true] {
            let homes: Vec<(&Interface, u16)> = all
                .iter()
                .filter(|it| it.ip().is_ipv6() == v6 && !it.is_loopback())
                .filter(|it| egress.interface().is_none_or(|only| it.name == only))
                .filter_map(|it| Some((it, port_at(listening, it.ip())?)))
                .take(SPEAKERS_MAX)
                .collect();
            if homes.is_empty() {
                continue;
            }
            match hear(egress, v6, &homes) {
                Ok(socket) => local.hearing.push(Arc::new(socket)),
                Err(error) => tracing::info!(%error, v6, "neighbours are not heard"),
            }
            for (interface, port) in homes {
                match Speaker::open(egress, interface, port) {
                    Ok(speaker) => local.speaking.push(speaker),
                    Err(error) => {
                        let address = interface.ip();
                        tracing::debug!(%error, %address, "neighbours are not told");
                    }
                }
            }
        }
        local
    }

    /// What hears the neighbourhood, to be run; what is heard goes to the mind. When that is busy,
    /// others say it again.
    pub(crate) fn listen(&self, mind: &Sender<Input>) -> Vec<impl Future<Output = ()> + use<>> {
        let hearing = self.hearing.iter();
        hearing.map(|socket| hear_for_ever(Arc::clone(socket), mind.clone())).collect()
    }

    /// Says it everywhere. What is lost is said again some time.
    pub(crate) fn say(&self, mut announce: Announce) {
        for speaker in &self.speaking {
            announce.port = speaker.port;
            let datagram = announce.encode(speaker.group);
            if let Err(error) = speaker.socket.send_to(&datagram, &speaker.group.into()) {
                tracing::debug!(%error, group = %speaker.group, "cannot tell neighbours");
            }
        }
    }
}

impl Speaker {
    fn open(egress: &Egress, interface: &Interface, port: u16) -> io::Result<Self> {
        let ip = interface.ip();
        let group = if ip.is_ipv6() { GROUP_V6 } else { GROUP_V4 };
        let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        let scope = interface.index.unwrap_or(0);
        let from = match ip {
            IpAddr::V4(ip) => {
                socket.set_multicast_if_v4(&ip)?;
                socket.set_multicast_ttl_v4(1)?;
                SocketAddr::from((ip, 0))
            }
            IpAddr::V6(ip) => {
                socket.set_only_v6(true)?;
                socket.set_multicast_if_v6(scope)?;
                socket.set_multicast_hops_v6(1)?;
                let scope = if ip.is_unicast_link_local() { scope } else { 0 };
                std::net::SocketAddrV6::new(ip, 0, 0, scope).into()
            }
        };
        egress.bind(&socket, from)?;
        Ok(Self { socket, group, port })
    }
}

/// Where peers connect to at an address of ours.
fn port_at(listening: &[SocketAddr], ip: IpAddr) -> Option<u16> {
    let exact = listening.iter().find(|it| it.ip() == ip);
    let any = |it: &&SocketAddr| it.ip().is_unspecified() && it.is_ipv6() == ip.is_ipv6();
    exact.or_else(|| listening.iter().find(any)).map(SocketAddr::port)
}

/// Joins a group on these interfaces. Other programs of this machine do so, too.
fn hear(egress: &Egress, v6: bool, homes: &[(&Interface, u16)]) -> io::Result<UdpSocket> {
    let group = if v6 { GROUP_V6 } else { GROUP_V4 };
    let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    let any: IpAddr = if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    if v6 {
        socket.set_only_v6(true)?;
    }
    egress.bind_all(&socket, SocketAddr::new(any, group.port()))?;
    for (interface, _) in homes {
        // A second address of an interface has been seen to already.
        let _joined = match (group.ip(), interface.ip()) {
            (IpAddr::V4(group), IpAddr::V4(ip)) => socket.join_multicast_v4(&group, &ip),
            (IpAddr::V6(group), _) => {
                socket.join_multicast_v6(&group, interface.index.unwrap_or(0))
            }
            _ => Ok(()),
        };
    }
    UdpSocket::from_std(socket.into())
}

async fn hear_for_ever(socket: Arc<UdpSocket>, mind: Sender<Input>) {
    let mut buffer = [0; DATAGRAM_MAX];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, source)) => {
                let datagram = buffer[..length].to_vec();
                let told = move |mind: &mut Mind, now| {
                    mind.session.handle_neighbour(now, source, &datagram);
                };
                let _busy = mind.try_send(Input::Command(Box::new(told)));
            }
            Err(error) => {
                tracing::debug!(%error, "cannot hear neighbours for now");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}
