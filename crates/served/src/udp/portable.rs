//! One datagram by one call, as every system has it.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;

use stdx::Duration;
use tracing::debug;

use super::{Answer, BUFFER, Request};

/// How long nobody notices that it is to end.
const LOOK_UP: Duration = Duration::from_millis(200);

/// A socket with the memory for a datagram.
pub(super) struct Port<'a> {
    socket: &'a UdpSocket,
    buffer: Vec<u8>,
}

impl<'a> Port<'a> {
    /// Prepares a socket that blocks.
    pub(super) fn new(socket: &'a UdpSocket) -> io::Result<Self> {
        socket.set_read_timeout(Some(LOOK_UP))?;
        Ok(Self { socket, buffer: vec![0; BUFFER] })
    }

    /// Waits for a datagram, but not for ever.
    pub(super) fn receive(&mut self, requests: &mut Vec<Request>) -> io::Result<()> {
        requests.clear();
        match self.socket.recv_from(&mut self.buffer) {
            Ok((length, from)) => requests.push(Request { from, to: None, length }),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                // A client that is gone, told by way of the next call (Windows).
                ErrorKind::ConnectionReset => {}
                _ => return Err(error),
            },
        }
        Ok(())
    }

    /// The bytes of what was received last.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = &[u8]> + Clone {
        std::iter::once(&self.buffer[..])
    }

    /// Sends datagrams; returns how many the system refused.
    pub(super) fn send(&self, answers: &[Answer], bytes: &[u8]) -> u64 {
        let mut refused = 0;
        for answer in answers {
            if let Err(error) = self.socket.send_to(&bytes[answer.bytes.clone()], answer.to) {
                debug!(%error, to = %answer.to, "cannot send a UDP answer");
                refused += 1;
            }
        }
        refused
    }
}
