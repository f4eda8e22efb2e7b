//! uTP on UDP sockets: the task that runs an endpoint, and streams that look like TCP's.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use stdx::Rng;
use utp::{Config, Endpoint, Event, Handle, StreamError};

use crate::clock::Clock;
use crate::udp::{Outgoing, UdpPort};

mod task;

pub(crate) use task::serve;

/// uTP on one UDP socket. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Utp(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    port: Arc<UdpPort>,
    clock: Clock,
    state: Mutex<State>,
    /// There may be something to send.
    wake: Notify,
}

/// Locked for moments only: no call of the system happens under it.
#[derive(Debug)]
struct State {
    endpoint: Endpoint,
    streams: HashMap<Handle, Readiness>,
}

/// What a stream may try, and who waits for it.
#[derive(Debug, Default)]
struct Readiness {
    readable: bool,
    writable: bool,
    closed: Option<utp::CloseReason>,
    waiting: Option<Waker>,
}

impl Utp {
    pub(crate) fn new(port: Arc<UdpPort>, clock: Clock, max: usize, rng: Rng) -> Self {
        let config = Config { connections_max: max, ..Config::default() };
        let state = State { endpoint: Endpoint::new(config, rng), streams: HashMap::new() };
        Self(Arc::new(Shared { port, clock, state: Mutex::new(state), wake: Notify::new() }))
    }

    pub(crate) fn is_ipv6(&self) -> bool {
        self.0.port.is_ipv6()
    }

    /// Connects, within the times that the protocol allows.
    ///
    /// # Errors
    /// When nobody answers, or there are too many connections.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<UtpStream> {
        let stream = {
            let mut state = self.0.lock();
            let handle = state.endpoint.connect(self.0.clock.now(), to);
            let handle = handle.map_err(io::Error::other)?;
            state.streams.insert(handle, Readiness::default());
            UtpStream { shared: Arc::clone(&self.0), handle }
        };
        self.0.wake.notify_one();
        stream.ready(false, true).await;
        match stream.closed() {
            None => Ok(stream),
            Some(reason) => Err(io::Error::other(reason)),
        }
    }
}

/// One connection. Dropping it lets what was written be delivered.
#[derive(Debug)]
pub(crate) struct UtpStream {
    shared: Arc<Shared>,
    handle: Handle,
}

impl UtpStream {
    /// Waits until what is asked for may be tried: reading, writing.
    pub(crate) async fn ready(&self, read: bool, write: bool) -> (bool, bool) {
        poll_fn(|context| self.poll_ready(context, read, write)).await
    }

    fn poll_ready(&self, context: &mut Context<'_>, read: bool, write: bool) -> Poll<(bool, bool)> {
        let mut state = self.shared.lock();
        let Some(readiness) = state.streams.get_mut(&self.handle) else {
            return Poll::Ready((true, true));
        };
        let closed = readiness.closed.is_some();
        let can_read = read && (readiness.readable || closed);
        let can_write = write && (readiness.writable || closed);
        if can_read || can_write {
            return Poll::Ready((can_read, can_write));
        }
        readiness.waiting = Some(context.waker().clone());
        Poll::Pending
    }

    fn closed(&self) -> Option<utp::CloseReason> {
        self.shared.lock().streams.get(&self.handle)?.closed
    }

    /// Reads what is there; none at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is there, otherwise why it ended.
    pub(crate) fn try_read_vectored(&self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let read = state.endpoint.read(now, self.handle, out);
        if let Some(readiness) = state.streams.get_mut(&self.handle) {
            readiness.readable = read != Err(StreamError::Blocked);
        }
        drop(state);
        if read.is_ok() {
            self.shared.wake.notify_one();
        }
        read.map_err(to_io)
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is no room, otherwise why it ended.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let written = state.endpoint.write(now, self.handle, slices);
        if let Some(readiness) = state.streams.get_mut(&self.handle) {
            readiness.writable = written != Err(StreamError::Blocked);
        }
        drop(state);
        if written.is_ok() {
            self.shared.wake.notify_one();
        }
        written.map_err(to_io)
    }
}

impl Drop for UtpStream {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        state.endpoint.close(now, self.handle);
        state.streams.remove(&self.handle);
        drop(state);
        // Not left to the task, which may have ended: the other side should hear of it.
        self.shared.send_now();
    }
}

fn to_io(error: StreamError) -> io::Error {
    match error {
        StreamError::Blocked => io::ErrorKind::WouldBlock.into(),
        error => io::Error::other(error),
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what the system takes at once; the rest is left to the task.
    fn send_now(&self) {
        let mut bytes = Vec::new();
        // Asked first, for what was polled out and finds no room is lost.
        while self.port.is_writable() {
            bytes.clear();
            let mut state = self.lock();
            let segments = self.port.segments_max();
            let now = self.clock.now();
            let Some(transmit) = state.endpoint.poll_transmit(now, &mut bytes, segments) else {
                break;
            };
            drop(state);
            let _lost = self.port.try_send(&outgoing(&transmit, &bytes));
        }
        // Timers may have changed.
        self.wake.notify_one();
    }
}

fn outgoing<'a>(transmit: &utp::Transmit, bytes: &'a [u8]) -> Outgoing<'a> {
    let &utp::Transmit { to, from, segment, dont_fragment } = transmit;
    Outgoing { to, from, segment, bytes, dont_fragment }
}

impl State {
    /// Takes note of what connections have to tell; returns those that are new.
    fn take_events(&mut self) -> Vec<(Handle, SocketAddr)> {
        let mut incoming = Vec::new();
        while let Some((handle, event)) = self.endpoint.poll_event() {
            let readiness = self.streams.entry(handle).or_default();
            match event {
                Event::Incoming(remote) => {
                    // Whether there is anything, trying shows.
                    (readiness.readable, readiness.writable) = (true, true);
                    incoming.push((handle, remote));
                }
                Event::Connected | Event::Writable => readiness.writable = true,
                Event::Readable => readiness.readable = true,
                Event::Closed(reason) => readiness.closed = Some(reason),
            }
            if let Some(waiting) = readiness.waiting.take() {
                waiting.wake();
            }
        }
        incoming
    }
}

#[cfg(test)]
mod tests;
