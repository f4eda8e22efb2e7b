//! What the crowd asks, and what it makes of the answers.

use stdx::{Duration, Instant, PeerId, Rng};

use announce::{
    AnnounceRequest, Event, UdpRequest, UdpResponse, announce_url, parse_announce_response,
};

use crate::crowd::Crowd;
use crate::flights::{Departure, Flight, Flights, Token};
use crate::histogram::Histogram;

/// A request without an answer for so long is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// A host asks for a new connection id when its own is as old as that: BEP 15 lets it use one for
/// a minute.
const RENEW: Duration = Duration::from_secs(45);
/// Peers that an announce asks for.
const NUMWANT: u32 = 50;

/// What a crowd does once everybody has joined.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Share of connects among requests by UDP, beside those that announces need.
    pub connects: f64,
    /// Share of scrapes.
    pub scrapes: f64,
    /// Share of the peers that fall silent: they joined and are not heard of again.
    pub silent: f64,
    /// Whether peers in answers must be of this crowd: not where the tracker sees its hosts under
    /// other addresses.
    pub addresses_known: bool,
}

/// What came of requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Connects sent.
    pub connects: u64,
    /// Announces sent.
    pub announces: u64,
    /// Scrapes sent.
    pub scrapes: u64,
    /// Announces answered.
    pub announced: u64,
    /// Other requests answered.
    pub others: u64,
    /// Peers in the answers.
    pub peers: u64,
    /// Requests that the tracker refused.
    pub refused: u64,
    /// Answers that cannot be right: of another kind, or with peers that are not of the torrent.
    pub wrong: u64,
    /// Answers to nothing, or too late.
    pub stray: u64,
    /// Requests without an answer for two seconds.
    pub lost: u64,
    /// Time from when a request was due until its answer was read, of all requests.
    pub times: Histogram,
    /// Time from when it left until its answer arrived, of those whose arrivals the system notes.
    pub under_way: Histogram,
}

/// When an answer came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// By the system's own note, where it makes one.
    pub noted: Option<Instant>,
    /// Read by whoever asked.
    pub read: Instant,
}

impl From<Instant> for Arrival {
    /// Read then; when it came, nobody knows.
    fn from(read: Instant) -> Self {
        Self { noted: None, read }
    }
}

/// How far the crowd is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Hosts ask for their first connection ids.
    Connecting { next: u32 },
    /// Peers announce for the first time.
    Joining { next: u64 },
    /// They announce now and then.
    Steady,
}

/// A crowd at a tracker: requests out, answers in.
///
/// It joins first: [`Load::next_udp`] gives requests until there is none left. When
/// [`Load::in_flight`] is zero and [`Load::is_joined`] says so, [`Load::begin`] begins what is
/// measured.
#[derive(Debug)]
pub struct Load {
    crowd: Crowd,
    mix: Mix,
    rng: Rng,
    stage: Stage,
    flights: Flights,
    /// The connection id of each host, and since when.
    ids: Vec<Option<(u64, Instant)>>,
    /// How many peers of each host have joined by HTTP.
    joined: Vec<u32>,
    /// Peers whose first announce came to nothing.
    again: Vec<u64>,
    tally: Tally,
}

impl Load {
    /// Nobody has joined. `seed` decides who asks what.
    pub fn new(crowd: Crowd, mix: Mix, seed: u64) -> Self {
        let hosts = crowd.hosts() as usize;
        Self {
            crowd,
            mix,
            rng: Rng::new(seed),
            stage: Stage::Connecting { next: 0 },
            flights: Flights::default(),
            ids: vec![None; hosts],
            joined: vec![0; hosts],
            again: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Who asks.
    pub fn crowd(&self) -> &Crowd {
        &self.crowd
    }

    /// Requests on their way.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// What came of the requests since the last [`Load::begin`].
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether all have announced at least once.
    pub fn is_joined(&self) -> bool {
        let all = match self.stage {
            Stage::Connecting { .. } => false,
            Stage::Joining { next } => next >= self.crowd.peers(),
            Stage::Steady => true,
        };
        all && self.again.is_empty()
    }

    /// Whether [`Load::next_http`] has been asked for all peers of all hosts.
    pub fn is_joined_by_http(&self) -> bool {
        let all =
            |(host, joined): (u32, &u32)| self.crowd.on_host(host, (*joined).into()).is_none();
        (0..).zip(&self.joined).all(all)
    }

    /// From now on the crowd asks by its mix, and what is counted begins anew.
    pub fn begin(&mut self) {
        self.stage = Stage::Steady;
        self.tally = Tally::default();
    }

    /// Writes the next datagram; returns which host sends it. `None` when there is none now: all
    /// have joined, or too many requests are on their way.
    pub fn next_udp(&mut self, departure: Departure, out: &mut Vec<u8>) -> Option<u32> {
        if self.flights.is_full() {
            return None;
        }
        let flight = self.choose()?;
        let host = match flight {
            Flight::Connect { host } => host,
            Flight::Announce { peer } => self.crowd.peer(peer).host,
            Flight::Scrape { .. } => self.rng.below(self.crowd.hosts().into()) as u32,
        };
        let id = self.ids[host as usize].filter(|(_, since)| departure.due - *since < RENEW);
        let (connection, flight) = if let Some((id, _)) = id {
            (id, flight)
        } else {
            if let (Flight::Announce { peer }, Stage::Joining { .. }) = (flight, self.stage) {
                self.again.push(peer);
            }
            (0, Flight::Connect { host })
        };
        let transaction = self.send(flight, departure).0;
        let request = match flight {
            Flight::Connect { .. } => UdpRequest::Connect { transaction },
            Flight::Announce { peer } => {
                let announce = self.announce(peer);
                UdpRequest::Announce { connection, transaction, announce, url: Vec::new() }
            }
            Flight::Scrape { torrent } => {
                let info_hashes = vec![self.crowd.info_hash(torrent)];
                UdpRequest::Scrape { connection, transaction, info_hashes }
            }
        };
        request.write(out);
        Some(host)
    }

    /// Takes a datagram from the tracker.
    pub fn handle_udp(&mut self, arrival: Arrival, datagram: &[u8]) {
        let Ok(response) = UdpResponse::parse(datagram, false) else {
            self.tally.wrong += 1;
            return;
        };
        let Some((flight, departure)) = self.flights.take(Token(response.transaction())) else {
            self.tally.stray += 1;
            return;
        };
        self.tally.times.add(arrival.read - departure.due);
        if let Some(noted) = arrival.noted {
            self.tally.under_way.add(noted - departure.sent);
        }
        match (response, flight) {
            (UdpResponse::Connect { connection, .. }, Flight::Connect { host }) => {
                self.ids[host as usize] = Some((connection, arrival.read));
                self.tally.others += 1;
            }
            (UdpResponse::Announce { seeders, leechers, peers, .. }, Flight::Announce { peer }) => {
                self.announced(peer, u64::from(seeders) + u64::from(leechers), &peers);
            }
            (UdpResponse::Scrape { entries, .. }, Flight::Scrape { .. }) if entries.len() == 1 => {
                self.tally.others += 1;
            }
            (UdpResponse::Error { .. }, flight) => {
                self.tally.refused += 1;
                self.come_again(flight);
            }
            _ => self.tally.wrong += 1,
        }
    }

    /// Writes the path and query of the next announce by HTTP from a host. `None` when all of its
    /// peers have joined.
    pub fn next_http(&mut self, host: u32, base: &str, due: Instant) -> Option<(Token, String)> {
        let peer = if self.stage == Stage::Steady {
            let all = self.crowd.peers().div_ceil(self.crowd.hosts().into());
            let active = (all as f64 * (1.0 - self.mix.silent)).ceil() as u64;
            let k = self.rng.below(active.max(1));
            self.crowd.on_host(host, k).or_else(|| self.crowd.on_host(host, 0))?
        } else {
            let joined = &mut self.joined[host as usize];
            let peer = self.crowd.on_host(host, (*joined).into())?;
            *joined += 1;
            peer
        };
        let url = announce_url(base, &self.announce(peer));
        Some((self.send(Flight::Announce { peer }, due.into()), url))
    }

    /// Takes the body of an answer by HTTP.
    pub fn handle_http(&mut self, now: Instant, token: Token, body: &[u8]) {
        let Some((flight, departure)) = self.flights.take(token) else {
            self.tally.stray += 1;
            return;
        };
        self.tally.times.add(now - departure.due);
        match (parse_announce_response(body), flight) {
            (Ok(response), Flight::Announce { peer }) => {
                let known = [response.seeders, response.leechers].into_iter().flatten();
                self.announced(peer, known.map(u64::from).sum(), &response.peers);
            }
            (Ok(_), _) => self.tally.wrong += 1,
            (Err(_), _) => self.tally.refused += 1,
        }
    }

    /// Gives up the requests that nobody answered for two seconds.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(flight) = self.flights.take_lost(now, PATIENCE) {
            self.tally.lost += 1;
            self.come_again(flight);
        }
    }

    /// What is asked next.
    fn choose(&mut self) -> Option<Flight> {
        match &mut self.stage {
            Stage::Connecting { next } => {
                let host = *next;
                *next += 1;
                if *next == self.crowd.hosts() {
                    self.stage = Stage::Joining { next: 0 };
                }
                Some(Flight::Connect { host })
            }
            Stage::Joining { next } if *next < self.crowd.peers() => {
                let peer = *next;
                *next += 1;
                Some(Flight::Announce { peer })
            }
            Stage::Joining { .. } => self.again.pop().map(|peer| Flight::Announce { peer }),
            Stage::Steady => Some(self.draw()),
        }
    }

    fn draw(&mut self) -> Flight {
        let dice = self.rng.unit();
        if dice < self.mix.connects {
            return Flight::Connect { host: self.rng.below(self.crowd.hosts().into()) as u32 };
        }
        let active = (self.crowd.peers() as f64 * (1.0 - self.mix.silent)).ceil() as u64;
        let peer = self.rng.below(active.max(1));
        if dice < self.mix.connects + self.mix.scrapes {
            return Flight::Scrape { torrent: self.crowd.peer(peer).torrent };
        }
        Flight::Announce { peer }
    }

    fn send(&mut self, flight: Flight, departure: Departure) -> Token {
        *match flight {
            Flight::Connect { .. } => &mut self.tally.connects,
            Flight::Announce { .. } => &mut self.tally.announces,
            Flight::Scrape { .. } => &mut self.tally.scrapes,
        } += 1;
        self.flights.add(flight, departure)
    }

    fn announce(&self, n: u64) -> AnnounceRequest {
        let peer = self.crowd.peer(n);
        let mut peer_id = PeerId(*b"-FL0000-000000000000");
        peer_id.0[12..].copy_from_slice(&n.to_be_bytes());
        AnnounceRequest {
            info_hash: self.crowd.info_hash(peer.torrent),
            peer_id,
            port: peer.port,
            left: if peer.seeding { 0 } else { 1 << 20 },
            event: if self.stage == Stage::Steady { Event::None } else { Event::Started },
            numwant: Some(NUMWANT),
            key: n as u32,
            ..AnnounceRequest::default()
        }
    }

    fn announced(&mut self, n: u64, known: u64, peers: &[std::net::SocketAddr]) {
        self.tally.announced += 1;
        self.tally.peers += peers.len() as u64;
        let torrent = self.crowd.peer(n).torrent;
        let is_member = |peer| !self.mix.addresses_known || self.crowd.is_member(peer, torrent);
        // The ends stand for all: to look at each would cost more than to send the request.
        let ends = [peers.first(), peers.last()].into_iter().flatten();
        let right = peers.len() <= NUMWANT as usize
            && known >= peers.len() as u64
            && ends.into_iter().all(|&peer| is_member(peer));
        self.tally.wrong += u64::from(!right);
    }

    /// Whoever has not joined tries again.
    fn come_again(&mut self, flight: Flight) {
        match (flight, self.stage) {
            (Flight::Announce { peer }, Stage::Joining { .. } | Stage::Connecting { .. }) => {
                self.ids[self.crowd.peer(peer).host as usize] = None;
                self.again.push(peer);
            }
            (Flight::Announce { peer }, Stage::Steady) => {
                self.ids[self.crowd.peer(peer).host as usize] = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
