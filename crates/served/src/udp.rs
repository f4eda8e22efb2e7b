use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use stdx::Duration;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::shared::{Shared, count};

/// Buffers filled by one receive call. The system may join datagrams of one sender, so each
/// holds as much as that can be.
const BATCH: usize = 8;
const BUFFER: usize = 65_536;
/// Pause after a receive error, which would otherwise repeat at once.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// A datagram to send: its place among the batch's bytes, where to, and from which address.
struct Answer {
    bytes: Range<usize>,
    to: SocketAddr,
    from: Option<IpAddr>,
}

/// Answers datagrams until `stop` changes.
pub(crate) async fn serve(
    socket: UdpSocket,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    let bound = socket.local_addr()?.ip();
    let mut buffers = vec![0; BATCH * BUFFER];
    let mut metas = [RecvMeta::default(); BATCH];
    let (mut answers, mut bytes) = (Vec::new(), Vec::new());
    loop {
        let receive = socket.async_io(Interest::READABLE, || {
            let mut chunks = buffers.chunks_exact_mut(BUFFER);
            let mut slices: [IoSliceMut<'_>; BATCH] = std::array::from_fn(|_| {
                IoSliceMut::new(chunks.next().expect("there is a chunk for each slice"))
            });
            state.recv(UdpSockRef::from(&socket), &mut slices, &mut metas)
        });
        let received = tokio::select! {
            received = receive => received,
            _ = stop.changed() => return Ok(()),
        };
        let filled = match received {
            Ok(filled) => filled,
            Err(error) => {
                warn!(%error, "cannot receive UDP datagrams");
                tokio::time::sleep(ERROR_PAUSE).await;
                continue;
            }
        };
        let batch = metas[..filled].iter().zip(buffers.chunks_exact(BUFFER));
        answer(&shared, bound, batch, &mut answers, &mut bytes);
        for answer in answers.drain(..) {
            send(&socket, &state, &shared, &answer, &bytes).await;
        }
        bytes.clear();
    }
}

/// Puts the answers to one batch into `answers` and `bytes`, under one lock.
fn answer<'a>(
    shared: &Shared,
    bound: IpAddr,
    batch: impl Iterator<Item = (&'a RecvMeta, &'a [u8])>,
    answers: &mut Vec<Answer>,
    bytes: &mut Vec<u8>,
) {
    let mut server = shared.server();
    let now = shared.now();
    let mut out = Vec::new();
    for (meta, buffer) in batch {
        let local = meta.dst_ip.unwrap_or(bound);
        // An empty datagram has no stride.
        for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
            if server.handle_udp(now, meta.addr, local, datagram, &mut out) {
                let start = bytes.len();
                bytes.extend_from_slice(&out);
                let bytes = start..bytes.len();
                answers.push(Answer { bytes, to: meta.addr, from: meta.dst_ip });
            }
        }
    }
}

async fn send(
    socket: &UdpSocket,
    state: &UdpSocketState,
    shared: &Shared,
    answer: &Answer,
    bytes: &[u8],
) {
    let transmit = Transmit {
        destination: answer.to,
        ecn: None,
        contents: &bytes[answer.bytes.clone()],
        segment_size: None,
        // A host with several addresses must answer from the one that was asked.
        src_ip: answer.from,
    };
    let sent = socket
        .async_io(Interest::WRITABLE, || state.try_send(UdpSockRef::from(socket), &transmit))
        .await;
    if let Err(error) = sent {
        count(&shared.udp_unsent);
        debug!(%error, to = %answer.to, "cannot send a UDP answer");
    }
}
