use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::{Shared, Utp, UtpStream, outgoing};
use crate::datagrams::{Others, Protocol};
use crate::udp::Inbox;

/// Batches received before anything else gets its turn.
const TURNS: usize = 8;
/// Pause after an error that would otherwise repeat at once.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// What is about to be sent.
#[derive(Debug, Default)]
struct Outbox {
    bytes: Vec<u8>,
    /// What `bytes` are, when the system had no room for them.
    waiting: Option<utp::Transmit>,
}

/// Runs the endpoint, for ever. Connections that others begin go to `incoming`; those that find no
/// room there are let go. Datagrams that are not uTP's go to `others`.
pub(crate) async fn serve(utp: Utp, incoming: Sender<(UtpStream, SocketAddr)>, others: Others) {
    let shared = &utp.0;
    let (mut inbox, mut outbox) = (Inbox::new(), Outbox::default());
    loop {
        let is_full = !send(shared, &mut outbox);
        hand_on(shared, &incoming);
        let deadline = shared.lock().endpoint.poll_timeout();
        tokio::select! {
            readable = shared.port.readable() => {
                if let Err(error) = readable.and_then(|()| receive(shared, &mut inbox, &others)) {
                    tracing::debug!(%error, "cannot receive UDP datagrams");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            }
            _ = shared.port.writable(), if is_full => {}
            () = shared.wake.notified() => {}
            () = shared.clock.sleep_until(deadline) => {}
        }
        let now = shared.clock.now();
        shared.lock().endpoint.handle_timeout(now);
    }
}

/// Sends all that may be sent; false when the system has no room for more.
fn send(shared: &Shared, outbox: &mut Outbox) -> bool {
    let Outbox { bytes, waiting } = outbox;
    loop {
        let transmit = if let Some(transmit) = waiting.take() {
            transmit
        } else {
            bytes.clear();
            let segments = shared.port.segments_max();
            let mut state = shared.lock();
            let now = shared.clock.now();
            let Some(transmit) = state.endpoint.poll_transmit(now, bytes, segments) else {
                return true;
            };
            transmit
        };
        match shared.port.try_send(&outgoing(&transmit, bytes)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                *waiting = Some(transmit);
                return false;
            }
            // Lost, as on the way; what matters is sent again.
            Err(error) => tracing::debug!(%error, to = %transmit.to, "cannot send a datagram"),
            Ok(()) => {}
        }
    }
}

/// Takes in what has come, as far as it is uTP.
fn receive(shared: &Shared, inbox: &mut Inbox, others: &Others) -> io::Result<()> {
    for _ in 0..TURNS {
        match shared.port.try_receive(inbox) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            received => received?,
        }
        let now = shared.clock.now();
        let mut state = shared.lock();
        for (from, local, datagram) in inbox.datagrams() {
            if Protocol::of(datagram) == Protocol::Utp {
                state.endpoint.handle_datagram(now, from, local, datagram);
            } else {
                others.hand_on(from, datagram);
            }
        }
    }
    Ok(())
}

/// Tells streams what happened, and others of new ones.
fn hand_on(shared: &Arc<Shared>, incoming: &Sender<(UtpStream, SocketAddr)>) {
    let new = shared.lock().take_events();
    for (handle, remote) in new {
        let stream = UtpStream { shared: Arc::clone(shared), handle };
        if incoming.try_send((stream, remote)).is_err() {
            tracing::debug!(%remote, "too many connections at once; one is let go");
        }
    }
}
