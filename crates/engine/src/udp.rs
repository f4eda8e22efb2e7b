use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::egress::{Egress, Forbidden, Relay};

/// Buffers filled by one system call. The system may join datagrams of one sender, so each holds
/// as much as that can be.
const BATCH: usize = 8;
const BUFFER: usize = 65_536;

/// What the system is asked to keep of what has come and is to go, in bytes, so that a busy moment
/// costs no datagram. It may allow less.
const KEPT: usize = 4 << 20;

/// A UDP socket for datagrams in batches: of one sender, joined by the system where it can
/// (`UDP_GRO`, `UDP_SEGMENT`), and of several in one call (`recvmmsg`).
#[derive(Debug)]
pub(crate) struct UdpPort {
    socket: UdpSocket,
    state: UdpSocketState,
    /// Held while something is sent: whether it may be divided is a setting of the whole socket.
    sending: Mutex<()>,
    is_v6: bool,
    /// Neither heard nor spoken to.
    forbidden: Forbidden,
    /// Through which everything goes, where there is a proxy.
    relay: Option<Relay>,
}

/// Datagrams for one address: all `segment` bytes long, but that the last may be shorter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) to: SocketAddr,
    /// From which of our addresses, if that matters.
    pub(crate) from: Option<IpAddr>,
    pub(crate) segment: usize,
    pub(crate) bytes: &'a [u8],
    /// Undivided or not at all.
    pub(crate) dont_fragment: bool,
}

/// Where datagrams are received into.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH],
    filled: usize,
    /// Whether a proxy has passed it all on.
    relayed: bool,
    forbidden: Forbidden,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH * BUFFER],
            metas: [RecvMeta::default(); BATCH],
            filled: 0,
            relayed: false,
            forbidden: Forbidden::default(),
        }
    }

    /// What was received last: from whom, to which of our addresses, and what.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, Option<IpAddr>, &[u8])> {
        let batch = self.metas[..self.filled].iter().zip(self.bytes.chunks_exact(BUFFER));
        batch.flat_map(|(meta, buffer)| {
            // An empty datagram has no stride.
            let datagrams = buffer[..meta.len].chunks(meta.stride.max(1));
            datagrams.filter_map(|datagram| self.open(meta, datagram))
        })
    }

    fn open<'a>(
        &self,
        meta: &RecvMeta,
        datagram: &'a [u8],
    ) -> Option<(SocketAddr, Option<IpAddr>, &'a [u8])> {
        if !self.relayed {
            return Some((meta.addr, meta.dst_ip, datagram));
        }
        let (from, payload) = proxy::unwrap(datagram)?;
        (!self.forbidden.holds(from.ip())).then_some((from, None, payload))
    }
}

/// Opens a socket; on IPv6, for IPv6 alone.
///
/// # Errors
/// When the address cannot be had.
fn socket(egress: &Egress, address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = egress.udp(address)?;
    let settings = SockRef::from(&socket);
    let _less = settings.set_recv_buffer_size(KEPT);
    let _less = settings.set_send_buffer_size(KEPT);
    Ok(socket)
}

impl UdpPort {
    /// Opens a port, as [`socket`] does.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(crate) fn bind(egress: &Egress, address: SocketAddr) -> io::Result<Self> {
        let (socket, relay) = match egress.relayed()? {
            Some((socket, relay)) => (socket, Some(relay)),
            None => (socket(egress, address)?, None),
        };
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let forbidden = egress.forbidden().clone();
        let (sending, is_v6) = (Mutex::default(), address.is_ipv6());
        let port = Self { socket, state, sending, is_v6, forbidden, relay };
        let _system_s_choice = port.set_dont_fragment(false);
        Ok(port)
    }

    /// The same for all whom a person names, forbidden or not.
    ///
    /// # Errors
    /// When there is none to be had.
    pub(crate) fn towards(egress: &Egress, to: SocketAddr) -> io::Result<Self> {
        let any: IpAddr =
            if to.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        Ok(Self { forbidden: Forbidden::default(), ..Self::bind(egress, (any, 0).into())? })
    }

    /// Where it is. Behind a proxy nobody knows that, but for the address family.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        let local = self.socket.local_addr()?;
        let any: IpAddr =
            if self.is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        Ok(if self.relay.is_some() { (any, local.port()).into() } else { local })
    }

    pub(crate) fn is_ipv6(&self) -> bool {
        self.is_v6
    }

    /// How many datagrams one call may send.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments().max(1)
    }

    /// Waits until datagrams find their way, or it takes too long.
    pub(crate) async fn settle(&self) {
        if let Some(relay) = &self.relay {
            relay.settle().await;
        }
    }

    /// Waits until there may be something to receive.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Waits until something may be sent.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Whether something may be sent, as far as is known: true until the system had no room.
    pub(crate) fn is_writable(&self) -> bool {
        self.socket.try_io(Interest::WRITABLE, || Ok(())).is_ok()
    }

    /// Receives what is there, a batch of it, in place of what `inbox` had; nothing of forbidden
    /// addresses.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is.
    pub(crate) fn try_receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        let Inbox { bytes, metas, filled, relayed, forbidden } = inbox;
        *filled = 0;
        *relayed = self.relay.is_some();
        forbidden.clone_from(&self.forbidden);
        let mut chunks = bytes.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH] = std::array::from_fn(|_| {
            IoSliceMut::new(chunks.next().expect("there is a chunk for each slice"))
        });
        *filled = self.socket.try_io(Interest::READABLE, || {
            self.state.recv(UdpSockRef::from(&self.socket), &mut slices, metas)
        })?;
        let is_heard = |from: SocketAddr| match &self.relay {
            Some(relay) => relay.place() == Some(from),
            None => !self.forbidden.holds(from.ip()),
        };
        metas[..*filled].iter_mut().filter(|it| !is_heard(it.addr)).for_each(|it| it.len = 0);
        Ok(())
    }

    /// Sends datagrams; those to forbidden addresses are lost.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is no room for them now; otherwise they are lost.
    pub(crate) fn try_send(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let Outgoing { to, from, segment, bytes, dont_fragment } = *outgoing;
        if self.forbidden.holds(to.ip()) {
            return Ok(());
        }
        if let Some(relay) = &self.relay {
            return self.try_relay(relay, outgoing);
        }
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size: (segment < bytes.len()).then_some(segment),
            src_ip: from,
        };
        let send = || self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        let _alone = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        if !dont_fragment {
            return self.socket.try_io(Interest::WRITABLE, send);
        }
        self.set_dont_fragment(true)?;
        let sent = self.socket.try_io(Interest::WRITABLE, send);
        self.set_dont_fragment(false)?;
        sent
    }

    /// Sends datagrams to the proxy, each with its address; while there is none, they are lost.
    fn try_relay(&self, relay: &Relay, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let Some(place) = relay.place() else {
            return Ok(());
        };
        let mut sent = 0;
        for payload in outgoing.bytes.chunks(outgoing.segment.max(1)) {
            match self.socket.try_send_to(&proxy::wrap(outgoing.to, payload), place) {
                Ok(_) => sent += 1,
                // The others are under way; the rest is lost, as on the way.
                Err(_) if sent > 0 => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether what is sent from now on may be divided on its way. There is no asking for a single
    /// datagram.
    #[cfg(target_os = "linux")]
    fn set_dont_fragment(&self, on: bool) -> io::Result<()> {
        use rustix::net::sockopt::{
            Ipv4PathMtuDiscovery as V4, Ipv6PathMtuDiscovery as V6, set_ip_mtu_discover,
            set_ipv6_mtu_discover,
        };

        let socket = SockRef::from(&self.socket);
        if self.is_v6 {
            set_ipv6_mtu_discover(&*socket, if on { V6::PROBE } else { V6::DONT })?;
        } else {
            set_ip_mtu_discover(&*socket, if on { V4::PROBE } else { V4::DONT })?;
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Linux")]
    fn set_dont_fragment(&self, _on: bool) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
