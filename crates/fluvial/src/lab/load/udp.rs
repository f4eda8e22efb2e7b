//! Datagrams of many hosts through one socket.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, setsockopt, sockopt,
};
use nix::sys::time::TimeSpec;
use socket2::{Domain, MsgHdr, Protocol, SockAddr, Socket, Type};

use load::{Arrival, Departure, Load};
use stdx::Instant;

use super::drive::Clock;

/// Datagrams taken by one call.
const BATCH: usize = 64;
/// An answer with two hundred peers and more.
const BUFFER: usize = 2_048;
/// What the system is asked to keep until it is read, in bytes.
const KEPT: usize = 4 << 20;
/// Requests sent before answers are looked for again.
const BURST: u64 = 32;

/// A socket that sends from any of the hosts' addresses and receives for all of them.
#[derive(Debug)]
pub(super) struct Port {
    socket: Socket,
    tracker: SockAddr,
    /// Whether a host's own address is put on what it sends: loopback has sixteen million.
    own_addresses: bool,
    clock: Clock,
    /// When the clock began, where the system notes by its own when datagrams arrive.
    notes: Option<SystemTime>,
    headers: MultiHeaders<SockaddrIn>,
    buffers: Vec<u8>,
    datagram: Vec<u8>,
}

impl Port {
    /// `notes`: whether the system is to note when each answer arrives, which costs it some.
    ///
    /// # Errors
    /// When the system has no socket.
    pub(super) fn open(tracker: SocketAddrV4, clock: Clock, notes: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        let _less = socket.set_recv_buffer_size(KEPT);
        let _less = socket.set_send_buffer_size(KEPT);
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into())?;
        if notes {
            setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        }
        Ok(Self {
            socket,
            tracker: tracker.into(),
            own_addresses: tracker.ip().is_loopback(),
            clock,
            notes: notes.then(|| clock.began()),
            headers: MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(TimeSpec))),
            buffers: vec![0; BATCH * BUFFER],
            datagram: Vec::new(),
        })
    }

    /// Sends up to `most` requests, number `sent` and following of those that are due at the
    /// moments of `due`; returns how many there were.
    pub(super) fn send(
        &mut self,
        load: &mut Load,
        most: u64,
        due: impl Fn(u64) -> Instant,
    ) -> io::Result<u64> {
        for n in 0..most.min(BURST) {
            self.datagram.clear();
            let due = due(n);
            let sent = if self.notes.is_some() { self.clock.now() } else { due };
            let Some(host) = load.next_udp(Departure { due, sent }, &mut self.datagram) else {
                return Ok(n);
            };
            let from = self.own_addresses.then(|| load.crowd().address(host));
            self.send_from(from)?;
        }
        Ok(most.min(BURST))
    }

    fn send_from(&self, from: Option<Ipv4Addr>) -> io::Result<()> {
        let control = from.map(source_control);
        let bytes = [IoSlice::new(&self.datagram)];
        let mut message = MsgHdr::new().with_addr(&self.tracker).with_buffers(&bytes);
        if let Some(control) = &control {
            message = message.with_control(control);
        }
        match self.socket.sendmsg(&message, 0) {
            // Nobody is there (yet): as if it were lost on its way.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            sent => sent.map(drop),
        }
    }

    /// Hands the crowd what has come.
    pub(super) fn receive(&mut self, load: &mut Load) -> io::Result<()> {
        let mut came = [(0, None); BATCH];
        let mut count = 0;
        {
            let mut chunks = self.buffers.chunks_exact_mut(BUFFER);
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
                [IoSliceMut::new(chunks.next().expect("there is a chunk for each slice"))]
            });
            let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
            match recvmmsg(fd, &mut self.headers, slices.iter_mut(), flags, None) {
                Ok(received) => {
                    for (came, message) in came.iter_mut().zip(received) {
                        let mut notes = message.cmsgs().into_iter().flatten();
                        *came = (message.bytes, notes.find_map(|it| noted(&it)));
                        count += 1;
                    }
                }
                Err(Errno::EAGAIN | Errno::ECONNREFUSED | Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let read = self.clock.now();
        let datagrams = self.buffers.chunks_exact(BUFFER);
        for (&(length, noted), buffer) in came[..count].iter().zip(datagrams) {
            let noted = noted.zip(self.notes).and_then(|(at, began)| at.duration_since(began).ok());
            let noted = noted.map(|since| Instant::ZERO + since);
            load.handle_udp(Arrival { noted, read }, &buffer[..length]);
        }
        Ok(())
    }
}

/// When a datagram arrived, by the system's clock (`SO_TIMESTAMPNS`, socket(7)).
fn noted(control: &ControlMessageOwned) -> Option<SystemTime> {
    match control {
        ControlMessageOwned::ScmTimestampns(at) => {
            Some(SystemTime::UNIX_EPOCH + Duration::from(*at))
        }
        _ => None,
    }
}

/// The control message (`IP_PKTINFO`, ip(7)) that puts this source address on a datagram.
fn source_control(from: Ipv4Addr) -> [u8; 32] {
    const LENGTH: usize = 28;
    let mut control = [0; 32];
    control[..8].copy_from_slice(&LENGTH.to_ne_bytes());
    control[8..12].copy_from_slice(&nix::libc::IPPROTO_IP.to_ne_bytes());
    control[12..16].copy_from_slice(&nix::libc::IP_PKTINFO.to_ne_bytes());
    // Whichever interface, from that address.
    control[20..24].copy_from_slice(&from.octets());
    control
}
