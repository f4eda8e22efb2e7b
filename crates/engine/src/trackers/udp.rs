use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use announce::{AnnounceRequest, AnnounceResponse, Failure, UdpClient, UdpOutcome};
use stdx::{Rng, TokenBucket};

use crate::clock::Clock;
use crate::egress::Egress;
use crate::udp::{Inbox, Outgoing, UdpPort};

/// Announces that may wait to be taken up; the cores ask for far fewer.
const QUEUE_MAX: usize = 1_024;

/// Pause after an error of a socket, so that one that lasts costs nothing.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// Datagrams that nobody waits for are told no faster than this, lest a flood fill the log.
const TOLD_PER_SEC: u64 = 2;

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
    sockets: [Option<UdpPort>; 2],
    /// By token, with where each was sent.
    waiting: BTreeMap<u64, (SocketAddr, oneshot::Sender<Answer>)>,
    next_token: u64,
    /// What is told of datagrams that nobody waits for.
    told: TokenBucket,
}

impl Carrier {
    fn new(egress: Egress, clock: Clock, seed: u64) -> Self {
        let told = TokenBucket::new(TOLD_PER_SEC, TOLD_PER_SEC * 10, clock.now());
        Self {
            egress,
            clock,
            told,
            client: UdpClient::new(Rng::new(seed)),
            sockets: [None, None],
            waiting: BTreeMap::new(),
            next_token: 0,
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Ask>) {
        let mut inbox = None;
        loop {
            self.drain().await;
            let [v4, v6] = &self.sockets;
            let deadline = self.client.poll_timeout();
            let ready = tokio::select! {
                ask = queue.recv() => match ask {
                    Some(ask) => { self.take_up(ask).await; None }
                    None => return,
                },
                () = readable(v4.as_ref()) => Some(0),
                () = readable(v6.as_ref()) => Some(1),
                () = self.clock.sleep_until(deadline) => None,
            };
            if let Some(which) = ready {
                self.receive(which, inbox.get_or_insert_with(Inbox::new)).await;
            }
            self.client.handle_timeout(self.clock.now());
        }
    }

    async fn take_up(&mut self, ask: Ask) {
        if let Err(error) = self.open(ask.target).await {
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

    async fn open(&mut self, target: SocketAddr) -> io::Result<()> {
        let slot = usize::from(target.is_ipv6());
        if self.sockets[slot].is_none() {
            let port = UdpPort::towards(&self.egress, target)?;
            port.settle().await;
            self.sockets[slot] = Some(port);
        }
        Ok(())
    }

    /// Takes in what has come. Errors (an ICMP refusal of an earlier datagram, say) are left to the
    /// time-out.
    async fn receive(&mut self, which: usize, inbox: &mut Inbox) {
        let Some(socket) = &self.sockets[which] else { return };
        match socket.try_receive(inbox) {
            Ok(()) => {
                let now = self.clock.now();
                for (from, _, datagram) in inbox.datagrams() {
                    let is_awaited = self.client.handle_datagram(now, from, datagram);
                    if !is_awaited && self.told.take(now, 1) == 1 {
                        tracing::debug!(%from, "no answer that a tracker owes: forged, or late");
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::debug!(%error, "a tracker socket failed");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
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
            let (segment, bytes) = (datagram.len(), &*datagram);
            let outgoing =
                Outgoing { to: target, from: None, segment, bytes, dont_fragment: false };
            // A socket that is new is not ready before that.
            let _what_sending_tells = socket.writable().await;
            match socket.try_send(&outgoing) {
                // A lost datagram is repeated.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Where there is no way at all, another address may do.
                Err(error) => self.give_up(target, &error),
                Ok(()) => {}
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

/// Waits until something may have come; for ever, where there is no socket.
async fn readable(socket: Option<&UdpPort>) {
    match socket {
        // What is wrong, receiving tells.
        Some(socket) => drop(socket.readable().await),
        None => std::future::pending().await,
    }
}
