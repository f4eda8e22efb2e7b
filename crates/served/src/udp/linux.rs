//! Many datagrams by one call (`recvmmsg`, `sendmmsg`).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::libc::{IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg,
    setsockopt, sockopt,
};
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};
use smallvec::SmallVec;
use socket2::{MsgHdr, SockRef};
use tracing::debug;

use super::{Answer, BATCH, BUFFER, Request};

/// A socket with the memory for its batches.
pub(super) struct Port<'a> {
    socket: &'a UdpSocket,
    headers: Headers,
    buffers: Vec<u8>,
}

enum Headers {
    V4(MultiHeaders<SockaddrIn>),
    V6(MultiHeaders<SockaddrIn6>),
}

impl<'a> Port<'a> {
    /// Prepares a socket that blocks.
    pub(super) fn new(socket: &'a UdpSocket) -> io::Result<Self> {
        let bound = socket.local_addr()?;
        keep_whole(socket, bound.is_ipv4())?;
        // Who has several addresses must answer from the one that was asked.
        let asks = bound.ip().is_unspecified();
        let control = asks.then(|| nix::cmsg_space!(nix::libc::in6_pktinfo));
        let headers = if bound.is_ipv4() {
            if asks {
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            }
            Headers::V4(MultiHeaders::preallocate(BATCH, control))
        } else {
            if asks {
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            }
            Headers::V6(MultiHeaders::preallocate(BATCH, control))
        };
        Ok(Self { socket, headers, buffers: vec![0; BATCH * BUFFER] })
    }

    /// Waits for a datagram, and takes those that are there then.
    pub(super) fn receive(&mut self, requests: &mut Vec<Request>) -> io::Result<()> {
        requests.clear();
        match &mut self.headers {
            Headers::V4(headers) => receive(self.socket, headers, &mut self.buffers, requests),
            Headers::V6(headers) => receive(self.socket, headers, &mut self.buffers, requests),
        }
    }

    /// The bytes of what was received last, in its order, each to the end of its buffer.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.buffers.chunks_exact(BUFFER)
    }

    /// Sends datagrams; returns how many the system refused.
    pub(super) fn send(&self, answers: &[Answer], bytes: &[u8]) -> u64 {
        let named = |answer: &Answer| answer.from.is_some();
        let refused = answers.chunk_by(|a, b| named(a) == named(b)).map(|run| {
            if named(&run[0]) { self.send_each(run, bytes) } else { self.send_run(run, bytes) }
        });
        refused.sum()
    }

    /// Datagrams from the address that the socket is bound to.
    fn send_run(&self, answers: &[Answer], bytes: &[u8]) -> u64 {
        let mut refused = 0;
        let slices: SmallVec<[[IoSlice<'_>; 1]; BATCH]> =
            answers.iter().map(|answer| [IoSlice::new(&bytes[answer.bytes.clone()])]).collect();
        let to: SmallVec<[_; BATCH]> = answers.iter().map(|answer| answer.to.as_any()).collect();
        let mut controls: SmallVec<[_; BATCH]> =
            answers.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let parts = to.iter().zip(&slices).zip(&mut controls);
        let mut messages: SmallVec<[MMsgHdr<'_>; BATCH]> = parts
            .map(|((to, slice), control)| MMsgHdr::new_with_addr(to, slice, control))
            .collect();
        let mut left = &mut messages[..];
        while !left.is_empty() {
            let done = match sendmmsg(self.socket, left, SendFlags::empty()) {
                Ok(sent) => sent,
                Err(rustix::io::Errno::INTR) => 0,
                // It is the first of them that cannot be sent.
                Err(error) => {
                    let at = answers.len() - left.len();
                    debug!(%error, to = %answers[at].to, "cannot send a UDP answer");
                    refused += 1;
                    1
                }
            };
            left = &mut left[done..];
        }
        refused
    }

    /// Datagrams that say from which address they come.
    fn send_each(&self, answers: &[Answer], bytes: &[u8]) -> u64 {
        let socket = SockRef::from(self.socket);
        let mut refused = 0;
        for answer in answers {
            let to = answer.to.into();
            let slice = [IoSlice::new(&bytes[answer.bytes.clone()])];
            let control = answer.from.map(control).unwrap_or_default();
            let message = MsgHdr::new().with_addr(&to).with_buffers(&slice).with_control(&control);
            if let Err(error) = socket.sendmsg(&message, 0) {
                debug!(%error, to = %answer.to, "cannot send a UDP answer");
                refused += 1;
            }
        }
        refused
    }
}

/// No answer is so long that it must be divided. A datagram that may be is given a number by which
/// its parts find each other, from a table that all of the system shares: a tenth of what it costs
/// to answer.
fn keep_whole(socket: &UdpSocket, is_v4: bool) -> io::Result<()> {
    if is_v4 {
        rustix::net::sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::PROBE)?;
    } else {
        rustix::net::sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)?;
    }
    Ok(())
}

fn receive<S: Address>(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<S>,
    buffers: &mut [u8],
    requests: &mut Vec<Request>,
) -> io::Result<()> {
    let mut chunks = buffers.chunks_exact_mut(BUFFER);
    let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
        [IoSliceMut::new(chunks.next().expect("there is a chunk for each slice"))]
    });
    let flags = MsgFlags::MSG_WAITFORONE;
    let received = match recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), flags, None) {
        Ok(received) => received,
        Err(Errno::EINTR | Errno::EAGAIN) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    requests.extend(received.map(|message| {
        let to = message
            .cmsgs()
            .ok()
            .and_then(|mut controls| controls.find_map(|it| asked_address(&it)));
        let from = message.address.map_or(SocketAddr::from(([0; 4], 0)), Address::address);
        Request { from, to, length: message.bytes }
    }));
    Ok(())
}

/// The address of ours that a datagram came to.
fn asked_address(control: &ControlMessageOwned) -> Option<IpAddr> {
    match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::from(info.ipi6_addr.s6_addr)),
        _ => None,
    }
}

trait Address: SockaddrLike + Copy {
    fn address(self) -> SocketAddr;
}

impl Address for SockaddrIn {
    fn address(self) -> SocketAddr {
        SocketAddrV4::new(self.ip(), self.port()).into()
    }
}

impl Address for SockaddrIn6 {
    fn address(self) -> SocketAddr {
        // A link-local address means something on its link only.
        SocketAddrV6::new(self.ip(), self.port(), self.flowinfo(), self.scope_id()).into()
    }
}

/// The control message that puts this source address on a datagram, whatever the interface
/// (`IP_PKTINFO` of ip(7), `IPV6_PKTINFO` of ipv6(7)).
fn control(from: IpAddr) -> SmallVec<[u8; 64]> {
    let mut payload = SmallVec::<[u8; 20]>::new();
    let (level, kind) = match from {
        IpAddr::V4(ip) => {
            payload.extend_from_slice(&[0; 4]);
            payload.extend_from_slice(&ip.octets());
            payload.extend_from_slice(&[0; 4]);
            (IPPROTO_IP, IP_PKTINFO)
        }
        IpAddr::V6(ip) => {
            payload.extend_from_slice(&ip.octets());
            payload.extend_from_slice(&[0; 4]);
            (IPPROTO_IPV6, IPV6_PKTINFO)
        }
    };
    let head = size_of::<nix::libc::cmsghdr>();
    let mut control = SmallVec::new();
    control.extend_from_slice(&(head + payload.len()).to_ne_bytes());
    control.extend_from_slice(&level.to_ne_bytes());
    control.extend_from_slice(&kind.to_ne_bytes());
    control.resize(head, 0);
    control.extend_from_slice(&payload);
    control.resize(control.len().next_multiple_of(size_of::<usize>()), 0);
    control
}
