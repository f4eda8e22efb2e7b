//! One thread for each UDP address: a batch of datagrams comes in, one pass goes over it, a batch
//! of answers goes out. Nothing is allocated on the way.
//!
//! A thread that waits in the receive call itself needs no second call that tells it to receive,
//! and the system need not wake an event loop for each datagram.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use socket2::SockRef;
use stdx::Duration;
use tracing::warn;

#[cfg(target_os = "linux")]
use self::linux::Port;
#[cfg(not(target_os = "linux"))]
use self::portable::Port;
use crate::shared::Shared;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

/// Datagrams taken by one call. More save little of what a call costs, and keep HTTP waiting.
const BATCH: usize = 64;
/// Longest request that is read whole: a scrape of 74 swarms (BEP 15).
const BUFFER: usize = 1_536;
/// Pause after a receive error, which would otherwise repeat at once.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// A request: who sent it, to which of our addresses if that is not plain, and its length.
#[derive(Clone, Copy, Debug)]
struct Request {
    from: SocketAddr,
    to: Option<IpAddr>,
    length: usize,
}

/// A datagram to send: its place among the batch's bytes, where to, and from which address.
#[derive(Debug)]
struct Answer {
    bytes: Range<usize>,
    to: SocketAddr,
    from: Option<IpAddr>,
}

/// A thread that answers datagrams; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    socket: Arc<UdpSocket>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    /// Answers what comes to the socket.
    pub(crate) fn spawn(socket: UdpSocket, shared: Arc<Shared>) -> io::Result<Self> {
        let socket = Arc::new(socket);
        let stop = Arc::new(AtomicBool::new(false));
        let (served, stopped) = (Arc::clone(&socket), Arc::clone(&stop));
        let serve = move || {
            if let Err(error) = serve(&served, &shared, &stopped) {
                warn!(%error, "UDP tracker ended");
            }
        };
        let thread = thread::Builder::new().name("tracker-udp".to_owned()).spawn(serve)?;
        Ok(Self { socket, stop, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // It says that nothing is connected, and wakes who waits for datagrams all the same.
        let _not_connected = SockRef::from(&*self.socket).shutdown(std::net::Shutdown::Read);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, shared: &Shared, stop: &AtomicBool) -> io::Result<()> {
    let bound = socket.local_addr()?.ip();
    let mut port = Port::new(socket)?;
    let (mut requests, mut answers, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let received = port.receive(&mut requests);
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Err(error) = received {
            warn!(%error, "cannot receive UDP datagrams");
            thread::sleep(ERROR_PAUSE);
            continue;
        }
        bytes.clear();
        answers.clear();
        answer(shared, bound, requests.iter().zip(port.datagrams()), &mut answers, &mut bytes);
        let unsent = port.send(&answers, &bytes);
        shared.udp_unsent.fetch_add(unsent, Ordering::Relaxed);
    }
}

/// Puts the answers to one batch into `answers` and `bytes`, under one lock.
fn answer<'a>(
    shared: &Shared,
    bound: IpAddr,
    batch: impl Iterator<Item = (&'a Request, &'a [u8])> + Clone,
    answers: &mut Vec<Answer>,
    bytes: &mut Vec<u8>,
) {
    let mut server = shared.server();
    let now = shared.now();
    server.look_ahead(batch.clone().map(|(request, buffer)| &buffer[..request.length]));
    for (request, buffer) in batch {
        let (start, local) = (bytes.len(), request.to.unwrap_or(bound));
        let datagram = &buffer[..request.length];
        if server.handle_udp(now, request.from, local, datagram, bytes) {
            let bytes = start..bytes.len();
            answers.push(Answer { bytes, to: request.from, from: request.to });
        }
    }
}

#[cfg(test)]
mod tests;
