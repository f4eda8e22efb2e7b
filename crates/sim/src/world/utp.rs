//! Connections over uTP: the shipped endpoint, which each process drives as the engine does.

use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use peer::{CloseReason, Peer};
use session::Connect;
use stdx::{ConnId, Duration, Instant, Rng};
use utp::{Config, Endpoint, Handle, StreamError};

use super::way::Way;
use super::{Event, NodeIndex, World};

/// The most that is read of a stream at once, in bytes.
const READ: usize = 16 * 1024;
/// Datagrams handed out at once.
const BATCH: usize = 16;

/// A process's side of its uTP connections.
#[derive(Debug)]
pub(crate) struct Utp {
    endpoint: Endpoint,
    /// Such as nobody has answered yet.
    dialled: BTreeMap<Handle, Connect>,
    streams: BTreeMap<Handle, Stream>,
    timer: Option<Instant>,
    /// Somebody is at it already, and sees to what comes up meanwhile.
    tended: bool,
}

#[derive(Debug)]
struct Stream {
    conn: ConnId,
    /// It may take something.
    writable: bool,
}

impl Utp {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            endpoint: Endpoint::new(Config::default(), rng),
            dialled: BTreeMap::new(),
            streams: BTreeMap::new(),
            timer: None,
            tended: false,
        }
    }

    /// Whether it is worth trying to write.
    pub(crate) fn is_writable(&self, stream: Handle) -> bool {
        self.streams.get(&stream).is_some_and(|it| it.writable)
    }

    /// Writes at most so many of these bytes; how many.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        stream: Handle,
        slices: &[IoSlice<'_>],
        most: u64,
    ) -> Result<u64, CloseReason> {
        match self.endpoint.write(now, stream, &cut(slices, most as usize)) {
            Ok(written) => Ok(written as u64),
            Err(StreamError::Blocked) => {
                if let Some(it) = self.streams.get_mut(&stream) {
                    it.writable = false;
                }
                Ok(0)
            }
            Err(error) => Err(CloseReason::Transport(error.to_string())),
        }
    }

    /// What has come: `None` when there is nothing yet, nothing at the end of the stream.
    ///
    /// # Errors
    /// When the connection has ended early.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        stream: Handle,
    ) -> Result<Option<Vec<u8>>, CloseReason> {
        let mut bytes = vec![0; READ];
        match self.endpoint.read(now, stream, &mut [IoSliceMut::new(&mut bytes)]) {
            Ok(read) => {
                bytes.truncate(read);
                Ok(Some(bytes))
            }
            Err(StreamError::Blocked) => Ok(None),
            Err(error) => Err(CloseReason::Transport(error.to_string())),
        }
    }
}

/// The first `length` bytes.
fn cut<'a>(slices: &'a [IoSlice<'_>], mut length: usize) -> Vec<IoSlice<'a>> {
    let mut cut = Vec::with_capacity(slices.len());
    for slice in slices {
        let slice = &slice[..slice.len().min(length)];
        length -= slice.len();
        cut.push(IoSlice::new(slice));
    }
    cut
}

impl World {
    /// Begins a connection over uTP, on a third's word or not.
    pub(super) fn dial_utp(&mut self, from: NodeIndex, connect: Connect) {
        let now = self.now;
        let Some(utp) = self.utp(from) else {
            return;
        };
        match utp.endpoint.connect(now, connect.addr) {
            Ok(handle) => {
                utp.dialled.insert(handle, connect);
                self.tend_utp(from);
            }
            Err(_) => self.schedule(from, Duration::ZERO, Event::ConnectFailed(connect)),
        }
    }

    /// A datagram has come to a node's port.
    pub(super) fn handle_datagram(&mut self, node: NodeIndex, from: SocketAddr, datagram: &[u8]) {
        let now = self.now;
        if let Some(utp) = self.utp(node) {
            utp.endpoint.handle_datagram(now, from, None, datagram);
            self.tend_utp(node);
        }
    }

    pub(super) fn handle_utp_timer(&mut self, node: NodeIndex, at: Instant) {
        let now = self.now;
        if let Some(utp) = self.utp(node).filter(|utp| utp.timer == Some(at)) {
            utp.timer = None;
            utp.endpoint.handle_timeout(now);
            self.tend_utp(node);
        }
    }

    /// A process lets go of a connection: what it has written is still delivered.
    pub(super) fn close_utp(&mut self, node: NodeIndex, stream: Handle) {
        let now = self.now;
        if let Some(utp) = self.utp(node) {
            utp.streams.remove(&stream);
            utp.endpoint.close(now, stream);
            self.tend_utp(node);
        }
    }

    /// An attempt is wanted no more.
    pub(super) fn cancel_utp(&mut self, node: NodeIndex, conn: ConnId) {
        let mut dialled = self.utp(node).into_iter().flat_map(|utp| &utp.dialled);
        let found = dialled.find(|(_, connect)| connect.conn == conn).map(|(stream, _)| *stream);
        if let (Some(stream), Some(utp)) = (found, self.utp(node)) {
            utp.dialled.remove(&stream);
            self.close_utp(node, stream);
        }
    }

    /// A process ends without a word, and its socket with it.
    pub(super) fn silence_utp(&mut self, node: NodeIndex) {
        if let Some(mind) = &mut self.nodes[node.get()].mind {
            mind.utp = None;
        }
    }

    /// Sends what is to be sent and has happen what has happened, until there is nothing more.
    pub(super) fn tend_utp(&mut self, node: NodeIndex) {
        let Some(utp) = self.utp(node) else {
            return;
        };
        if std::mem::replace(&mut utp.tended, true) {
            return;
        }
        loop {
            self.transmit_utp(node);
            let Some((stream, event)) = self.utp(node).and_then(|utp| utp.endpoint.poll_event())
            else {
                break;
            };
            self.handle_utp(node, stream, event);
        }
        let now = self.now;
        let Some(utp) = self.utp(node) else {
            return;
        };
        utp.tended = false;
        let Some(due) = utp.endpoint.poll_timeout().map(|due| due.max(now)) else {
            return;
        };
        if utp.timer.is_none_or(|armed| due < armed) {
            utp.timer = Some(due);
            self.schedule_at(node, due, Event::UtpTimer(due));
        }
    }

    fn transmit_utp(&mut self, node: NodeIndex) {
        let now = self.now;
        let mut out = Vec::new();
        while let Some(utp) = self.utp(node)
            && let Some(transmit) = utp.endpoint.poll_transmit(now, &mut out, BATCH)
        {
            for datagram in out.chunks(transmit.segment) {
                self.send_datagram(node, transmit.to, datagram.to_vec());
            }
            out.clear();
        }
    }

    fn handle_utp(&mut self, node: NodeIndex, stream: Handle, event: utp::Event) {
        let Some(utp) = self.utp(node) else {
            return;
        };
        match event {
            utp::Event::Incoming(remote) => return self.accept_utp(node, stream, remote),
            utp::Event::Connected => {
                if let Some(connect) = utp.dialled.remove(&stream) {
                    utp.streams.insert(stream, Stream { conn: connect.conn, writable: true });
                    self.handle_connected(node, connect, Way::Utp(stream));
                }
                return;
            }
            utp::Event::Readable => {}
            utp::Event::Writable | utp::Event::Closed(_) => {
                if let Some(connect) = utp.dialled.remove(&stream) {
                    self.close_utp(node, stream);
                    return self.handle_connect_failed(node, &connect);
                }
                // Where it has ended, trying to write shows it.
                if let Some(it) = utp.streams.get_mut(&stream) {
                    it.writable = true;
                }
            }
        }
        if let Some(conn) =
            self.utp(node).and_then(|utp| utp.streams.get(&stream)).map(|it| it.conn)
        {
            self.pump(node, conn);
        }
    }

    fn accept_utp(&mut self, node: NodeIndex, stream: Handle, remote: SocketAddr) {
        let (conn, home) = (self.accept(node, remote), self.home_of(remote));
        let Some((conn, home)) = conn.zip(home) else {
            return self.close_utp(node, stream);
        };
        if let Some(utp) = self.utp(node) {
            utp.streams.insert(stream, Stream { conn, writable: true });
            let peer = Peer::accept(self.now, self.peer_config(node), remote);
            self.establish(node, conn, peer, home, Way::Utp(stream));
            self.pump(node, conn);
        }
    }

    fn utp(&mut self, node: NodeIndex) -> Option<&mut Utp> {
        self.nodes[node.get()].mind.as_mut()?.utp.as_mut()
    }
}
