use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use announce::{AnnounceRequest, AnnounceResponse, Failure, UdpClient, UdpOutcome};
use stdx::Rng;

use crate::clock::Clock;
use crate::egress::Egress;

/// Announces that may wait to be taken up; the cores ask for far fewer.
const QUEUE_MAX: usize = 1_024;
/// A longer datagram is no tracker's.
const DATAGRAM_MAX: usize = 4_096;

/// Pause after an error of a socket, so that one that lasts costs nothing.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

type Answer = Result<AnnounceResponse, Failure>;

/// One announce, and where its answer goes.
#[derive(Debug)]
struct Ask {
    target: SocketAddr,
    path: String,
    request: AnnounceRequest,
    answer: oneshot::Sender<Answer>,
}

/// UDP trackers: the task that runs `UdpClient` on a socket of each family.
#[derive(Debug)]
pub(super) struct UdpTrackers {
    asks: mpsc::Sender<Ask>,
}

impl UdpTrackers {
    pub(super) fn start(egress: Egress, clock: Clock, seed: u64) -> Self {
        let (asks, queue) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(Carrier::new(egress, clock, seed).run(queue));
        Self { asks }
    }

    pub(super) async fn announce(
        &self,
        target: SocketAddr,
        path: String,
        request: AnnounceRequest,
    ) -> Answer {
        let (answer, wait) = oneshot::channel();
        let gone = || Failure::new(b"shutting down");
        let target = SocketAddr::new(target.ip().to_canonical(), target.port());
        self.asks.send(Ask { target, path, request, answer }).await.map_err(|_| gone())?;
        wait.await.map_err(|_| gone())?
    }
}

struct Carrier {
    egress: Egress,
    clock: Clock,
    client: UdpClient,
    sockets: [Option<UdpSocket>; 2],
    /// By token, with where each was sent.
    waiting: BTreeMap<u64, (SocketAddr, oneshot::Sender<Answer>)>,
    next_token: u64,
}

impl Carrier {
    fn new(egress: Egress, clock: Clock, seed: u64) -> Self {
        Self {
            egress,
            clock,
            client: UdpClient::new(Rng::new(seed)),
            sockets: [None, None],
            waiting: BTreeMap::new(),
            next_token: 0,
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Ask>) {
        let mut buffers = [[0; DATAGRAM_MAX]; 2];
        loop {
            self.drain().await;
            let [v4, v6] = &self.sockets;
            let [buffer4, buffer6] = &mut buffers;
            let deadline = self.client.poll_timeout();
            let received = tokio::select! {
                ask = queue.recv() => match ask {
                    Some(ask) => { self.take_up(ask); None }
                    None => return,
                },
                received = receive(v4.as_ref(), buffer4) => received.map(|(n, from)| (0, n, from)),
                received = receive(v6.as_ref(), buffer6) => received.map(|(n, from)| (1, n, from)),
                () = self.clock.sleep_until(deadline) => None,
            };
            let now = self.clock.now();
            if let Some((which, length, from)) = received {
                self.client.handle_datagram(now, from, &buffers[which][..length]);
            }
            self.client.handle_timeout(now);
        }
    }

    fn take_up(&mut self, ask: Ask) {
        if let Err(error) = self.open(ask.target) {
            let reason = format!("cannot send to {}: {error}", ask.target);
            // The asker may have gone.
            let _gone = ask.answer.send(Err(Failure::new(reason.as_bytes())));
            return;
        }
        let token = self.next_token;
        self.next_token += 1;
        let now = self.clock.now();
        match self.client.announce(now, token, ask.target, &ask.path, ask.request) {
            Ok(()) => {
                self.waiting.insert(token, (ask.target, ask.answer));
            }
            Err(error) => {
                let _gone = ask.answer.send(Err(error.into()));
            }
        }
    }

    fn open(&mut self, target: SocketAddr) -> io::Result<()> {
        let slot = usize::from(target.is_ipv6());
        if self.sockets[slot].is_none() {
            self.sockets[slot] = Some(self.egress.udp_towards(target)?);
        }
        Ok(())
    }

    async fn drain(&mut self) {
        let mut datagram = Vec::new();
        loop {
            datagram.clear();
            let Some(target) = self.client.poll_transmit(&mut datagram) else {
                break;
            };
            let Some(socket) = &self.sockets[usize::from(target.is_ipv6())] else {
                continue;
            };
            // A lost datagram is repeated; where there is no way at all, another address may do.
            if let Err(error) = socket.send_to(&datagram, target).await {
                self.give_up(target, &error);
            }
        }
        while let Some(event) = self.client.poll_event() {
            let Some((_, answer)) = self.waiting.remove(&event.token) else {
                continue;
            };
            let _gone = answer.send(match event.outcome {
                UdpOutcome::Announced(response) => Ok(response),
                UdpOutcome::Failed(failure) => Err(failure),
                UdpOutcome::Scraped(_) => continue,
            });
        }
    }
}

impl Carrier {
    /// Ends all that was to be asked of `target`.
    fn give_up(&mut self, target: SocketAddr, error: &io::Error) {
        let reason = format!("cannot send to {target}: {error}");
        let hit: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, (waiting, _))| *waiting == target)
            .map(|(&token, _)| token)
            .collect();
        for token in hit {
            self.client.cancel(token);
            if let Some((_, answer)) = self.waiting.remove(&token) {
                // The asker may have gone.
                let _gone = answer.send(Err(Failure::new(reason.as_bytes())));
            }
        }
    }
}

/// The next datagram; never, where there is no socket. Errors (an ICMP refusal of an earlier
/// datagram, say) are left to the time-out.
async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket {
        Some(socket) => match socket.recv_from(buffer).await {
            Ok(received) => Some(received),
            Err(error) => {
                tracing::debug!(%error, "a tracker socket failed");
                tokio::time::sleep(ERROR_PAUSE).await;
                None
            }
        },
        None => std::future::pending().await,
    }
}
