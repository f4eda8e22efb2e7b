use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::egress::Egress;

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
    is_v6: bool,
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
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BATCH * BUFFER], metas: [RecvMeta::default(); BATCH], filled: 0 }
    }

    /// What was received last: from whom, to which of our addresses, and what.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, Option<IpAddr>, &[u8])> {
        let batch = self.metas[..self.filled].iter().zip(self.bytes.chunks_exact(BUFFER));
        batch.flat_map(|(meta, buffer)| {
            // An empty datagram has no stride.
            let datagrams = buffer[..meta.len].chunks(meta.stride.max(1));
            datagrams.map(|datagram| (meta.addr, meta.dst_ip, datagram))
        })
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
        let socket = socket(egress, address)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let port = Self { socket, state, is_v6: address.is_ipv6() };
        let _system_s_choice = port.set_dont_fragment(false);
        Ok(port)
    }

    /// Where it is.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) fn is_ipv6(&self) -> bool {
        self.is_v6
    }

    /// How many datagrams one call may send.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments().max(1)
    }

    /// Waits until there may be something to receive.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Waits until something may be sent.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Receives what is there, a batch of it, in place of what `inbox` had.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is.
    pub(crate) fn try_receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        let Inbox { bytes, metas, filled } = inbox;
        *filled = 0;
        let mut chunks = bytes.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH] = std::array::from_fn(|_| {
            IoSliceMut::new(chunks.next().expect("there is a chunk for each slice"))
        });
        *filled = self.socket.try_io(Interest::READABLE, || {
            self.state.recv(UdpSockRef::from(&self.socket), &mut slices, metas)
        })?;
        Ok(())
    }

    /// Sends datagrams.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is no room for them now; otherwise they are lost.
    pub(crate) fn try_send(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let Outgoing { to, from, segment, bytes, dont_fragment } = *outgoing;
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size: (segment < bytes.len()).then_some(segment),
            src_ip: from,
        };
        let send = || self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        if !dont_fragment {
            return self.socket.try_io(Interest::WRITABLE, send);
        }
        self.set_dont_fragment(true)?;
        let sent = self.socket.try_io(Interest::WRITABLE, send);
        self.set_dont_fragment(false)?;
        sent
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
