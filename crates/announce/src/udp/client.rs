use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use hash::Sha1Digest;
use stdx::{Duration, Instant, Rng};

use super::{MAX_SCRAPED, UdpRequest, UdpResponse};
use crate::{AnnounceRequest, AnnounceResponse, Error, Failure, ScrapeEntry};

/// Requests under way at once, at most.
const MAX_REQUESTS: usize = 4_096;
/// Trackers whose connection ids are remembered, at most.
const MAX_CONNECTIONS: usize = 4_096;
/// A datagram is answered within this time, doubled after each repetition (BEP 15).
const FIRST_TIMEOUT: Duration = Duration::from_secs(15);
/// Times a datagram is sent: 15, 30 and 60 s. BEP 15 allows nine, which is two hours; by then
/// another tracker has long been asked.
const MAX_SENDS: u32 = 3;
/// How long a client may use a connection id (BEP 15).
const CONNECTION_LIFETIME: Duration = Duration::from_mins(1);

/// The outcome of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpEvent {
    /// What the caller named the request.
    pub token: u64,
    /// What came of it.
    pub outcome: UdpOutcome,
}

/// What came of a request to a UDP tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UdpOutcome {
    /// The answer to an announce.
    Announced(AnnounceResponse),
    /// The answer to a scrape, in the order of its info-hashes.
    Scraped(Vec<ScrapeEntry>),
    /// The tracker refused, or did not answer.
    Failed(Failure),
}

/// The client's side of UDP trackers: any number of requests to any number of them.
///
/// After any call drain [`UdpClient::poll_transmit`] and [`UdpClient::poll_event`], then read
/// [`UdpClient::poll_timeout`]. Requests to one tracker share its connection id. Answers count
/// only from the address that was asked, with a transaction id that is random.
#[derive(Debug)]
pub struct UdpClient {
    rng: Rng,
    connections: BTreeMap<SocketAddr, Connection>,
    requests: BTreeMap<u32, Request>,
    outbox: VecDeque<u32>,
    events: VecDeque<UdpEvent>,
}

#[derive(Debug)]
struct Connection {
    id: u64,
    obtained: Instant,
}

#[derive(Debug)]
struct Request {
    token: u64,
    target: SocketAddr,
    kind: Kind,
    state: State,
    /// Datagrams sent in this state.
    sends: u32,
    deadline: Instant,
    /// A tracker may have lost the secret of an id that it gave us: then we connect once more.
    may_reconnect: bool,
    /// It stands in the outbox.
    queued: bool,
}

#[derive(Debug)]
enum Kind {
    Announce { announce: Box<AnnounceRequest>, url: Vec<u8> },
    Scrape(Vec<Sha1Digest>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    /// Asking under this connection id.
    Asking(u64),
}

impl UdpClient {
    /// A client without requests. Transaction ids are drawn from `rng`.
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            connections: BTreeMap::new(),
            requests: BTreeMap::new(),
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Announces to the tracker at `target`. `path_and_query` is that of its URL (BEP 41); the
    /// customary `/announce` is not worth sending.
    ///
    /// # Errors
    /// When 4,096 requests are under way.
    pub fn announce(
        &mut self,
        now: Instant,
        token: u64,
        target: SocketAddr,
        path_and_query: &str,
        announce: AnnounceRequest,
    ) -> Result<(), Error> {
        let url = match path_and_query {
            "" | "/" | "/announce" => Vec::new(),
            other => other.as_bytes().to_vec(),
        };
        self.begin(now, token, target, Kind::Announce { announce: Box::new(announce), url })
    }

    /// Scrapes up to 74 swarms at the tracker at `target`.
    ///
    /// # Errors
    /// When 4,096 requests are under way.
    pub fn scrape(
        &mut self,
        now: Instant,
        token: u64,
        target: SocketAddr,
        info_hashes: &[Sha1Digest],
    ) -> Result<(), Error> {
        let hashes = info_hashes.iter().copied().take(MAX_SCRAPED).collect();
        self.begin(now, token, target, Kind::Scrape(hashes))
    }

    /// Forgets the requests of that token; no event will come of them.
    pub fn cancel(&mut self, token: u64) {
        self.requests.retain(|_, request| request.token != token);
    }

    /// Whether any request is under way.
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Takes a datagram from the network. What nobody waits for is without effect: then it
    /// returns false, for somebody may be forging answers.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> bool {
        let source = canonical(source);
        let Ok(response) = UdpResponse::parse(datagram, source.is_ipv6()) else {
            return false;
        };
        let transaction = response.transaction();
        let Some(request) = self.requests.get_mut(&transaction) else {
            return false;
        };
        if request.target != source {
            return false;
        }
        match (response, request.state, &request.kind) {
            (UdpResponse::Connect { connection, .. }, State::Connecting, _) => {
                self.connected(now, source, connection);
            }
            (
                UdpResponse::Announce { interval, leechers, seeders, peers, .. },
                State::Asking(_),
                Kind::Announce { .. },
            ) => {
                let (seeders, leechers) = (Some(seeders), Some(leechers));
                let answer = AnnounceResponse {
                    interval,
                    seeders,
                    leechers,
                    peers,
                    ..AnnounceResponse::default()
                };
                self.finish(transaction, UdpOutcome::Announced(answer));
            }
            (UdpResponse::Scrape { entries, .. }, State::Asking(_), Kind::Scrape(hashes))
                if entries.len() >= hashes.len() =>
            {
                self.finish(transaction, UdpOutcome::Scraped(entries));
            }
            (UdpResponse::Error { message, .. }, state, _) => {
                if state != State::Connecting && request.may_reconnect {
                    request.may_reconnect = false;
                    self.connections.remove(&source);
                    self.send_first(now, transaction);
                } else {
                    let failure = Failure::new(message.as_bytes());
                    self.finish(transaction, UdpOutcome::Failed(failure));
                }
            }
            _ => return false,
        }
        true
    }

    /// Repeats or gives up what has waited long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.connections.retain(|_, connection| now - connection.obtained < CONNECTION_LIFETIME);
        let due: Vec<u32> = self
            .requests
            .iter()
            .filter(|(_, request)| request.deadline <= now)
            .map(|(&transaction, _)| transaction)
            .collect();
        for transaction in due {
            let request = self.requests.get_mut(&transaction).expect("it was listed just now");
            if request.sends >= MAX_SENDS {
                let failure = Failure::new(b"the tracker does not answer");
                self.finish(transaction, UdpOutcome::Failed(failure));
                continue;
            }
            let connection = self.connections.get(&request.target);
            match (request.state, connection) {
                // The id ran out while we asked: connect again, but keep counting.
                (State::Asking(_), None) => request.state = State::Connecting,
                (_, Some(connection)) => request.state = State::Asking(connection.id),
                (State::Connecting, None) => {}
            }
            self.send(now, transaction);
        }
    }

    /// The next datagram to send: clears `buf`, fills it, and says where it goes.
    pub fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        loop {
            let transaction = self.outbox.pop_front()?;
            // It may have been cancelled, or answered, since.
            let Some(request) = self.requests.get_mut(&transaction) else {
                continue;
            };
            request.queued = false;
            buf.clear();
            request.datagram(transaction).write(buf);
            return Some(request.target);
        }
    }

    /// The next outcome.
    pub fn poll_event(&mut self) -> Option<UdpEvent> {
        self.events.pop_front()
    }

    /// When [`UdpClient::handle_timeout`] is next due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.requests.values().map(|request| request.deadline).min()
    }

    fn begin(
        &mut self,
        now: Instant,
        token: u64,
        target: SocketAddr,
        kind: Kind,
    ) -> Result<(), Error> {
        if self.requests.len() >= MAX_REQUESTS {
            return Err(Error::TooManyRequests { limit: MAX_REQUESTS });
        }
        let mut transaction = self.rng.next_u64() as u32;
        while self.requests.contains_key(&transaction) {
            transaction = self.rng.next_u64() as u32;
        }
        let request = Request {
            token,
            target: canonical(target),
            kind,
            state: State::Connecting,
            sends: 0,
            deadline: now,
            may_reconnect: false,
            queued: false,
        };
        self.requests.insert(transaction, request);
        self.send_first(now, transaction);
        Ok(())
    }

    /// Starts a request in the state that the known connections allow.
    fn send_first(&mut self, now: Instant, transaction: u32) {
        let Some(request) = self.requests.get_mut(&transaction) else {
            return;
        };
        let connection = self.connections.get(&request.target);
        request.sends = 0;
        match connection.filter(|connection| now - connection.obtained < CONNECTION_LIFETIME) {
            Some(connection) => {
                request.state = State::Asking(connection.id);
                request.may_reconnect = true;
            }
            None => request.state = State::Connecting,
        }
        self.send(now, transaction);
    }

    /// One connect answer serves every request that waits for that tracker.
    fn connected(&mut self, now: Instant, target: SocketAddr, id: u64) {
        while self.connections.len() >= MAX_CONNECTIONS {
            self.connections.pop_first();
        }
        self.connections.insert(target, Connection { id, obtained: now });
        let waiting: Vec<u32> = self
            .requests
            .iter()
            .filter(|(_, request)| request.target == target && request.state == State::Connecting)
            .map(|(&transaction, _)| transaction)
            .collect();
        for transaction in waiting {
            let request = self.requests.get_mut(&transaction).expect("it was listed just now");
            request.state = State::Asking(id);
            request.sends = 0;
            self.send(now, transaction);
        }
    }

    fn send(&mut self, now: Instant, transaction: u32) {
        let Some(request) = self.requests.get_mut(&transaction) else {
            return;
        };
        request.deadline = now + FIRST_TIMEOUT * 2u32.pow(request.sends);
        request.sends += 1;
        if !std::mem::replace(&mut request.queued, true) {
            self.outbox.push_back(transaction);
        }
    }

    fn finish(&mut self, transaction: u32, outcome: UdpOutcome) {
        if let Some(request) = self.requests.remove(&transaction) {
            self.events.push_back(UdpEvent { token: request.token, outcome });
        }
    }
}

impl Request {
    fn datagram(&self, transaction: u32) -> UdpRequest {
        let State::Asking(connection) = self.state else {
            return UdpRequest::Connect { transaction };
        };
        match &self.kind {
            Kind::Announce { announce, url } => UdpRequest::Announce {
                connection,
                transaction,
                announce: AnnounceRequest::clone(announce),
                url: url.clone(),
            },
            Kind::Scrape(hashes) => {
                UdpRequest::Scrape { connection, transaction, info_hashes: hashes.clone() }
            }
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
