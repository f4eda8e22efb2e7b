//! The tracker itself: both protocols over one store.

use std::net::{IpAddr, SocketAddr};

use hash::Sha1Digest;
use stdx::{Duration, Instant};

use crate::access::Access;
use crate::http::{
    parse_announce_query, parse_scrape_query, write_announce_response, write_failure,
    write_scrape_response,
};
use crate::udp::{ConnectionIds, UdpRequest, UdpResponse, swarm_announced_to, write_udp_announce};
use crate::{
    AnnounceRequest, AnnounceResponse, Error, Failure, HttpAction, Passkeys, Route, ScrapeEntry,
    ScrapeResponse, Store, StoreAnnounce, StoreConfig, StoreStats,
};

/// Peers in an answer when the asker does not say how many it wants.
const DEFAULT_NUMWANT: u32 = 50;
/// Most peers in an answer by HTTP, and by UDP over IPv4: 1,220 bytes.
const MAX_NUMWANT: u32 = 200;
/// Most peers in a UDP answer over IPv6: 1,208 bytes, so that it travels in one piece everywhere.
const MAX_NUMWANT_UDP6: u32 = 66;
/// Time that HTTP clients should leave between scrapes.
const SCRAPE_INTERVAL: Duration = Duration::from_mins(15);

/// Requests served so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// UDP connects.
    pub udp_connects: u64,
    /// UDP announces answered.
    pub udp_announces: u64,
    /// UDP scrapes answered.
    pub udp_scrapes: u64,
    /// UDP requests refused: a connection id that is stale or made up.
    pub udp_unverified: u64,
    /// Datagrams that are no request.
    pub udp_malformed: u64,
    /// HTTP announces answered.
    pub http_announces: u64,
    /// HTTP scrapes answered.
    pub http_scrapes: u64,
    /// HTTP queries that make no sense.
    pub http_malformed: u64,
    /// Requests for swarms that the access list bars, by either protocol.
    pub barred: u64,
    /// Requests without a passkey that is known, by either protocol.
    pub strangers: u64,
}

/// A tracker without sockets: requests in, answers out.
///
/// Call [`Server::handle_timeout`] when [`Server::poll_timeout`] says.
#[derive(Debug)]
pub struct Server {
    store: Store,
    connection_ids: ConnectionIds,
    access: Access,
    passkeys: Option<Passkeys>,
    counters: Counters,
}

impl Server {
    /// A tracker with an empty store. `secret` must be random and known to nobody else: with it
    /// connection ids can be forged and tables be flooded.
    pub fn new(config: StoreConfig, secret: &[u8; 16], now: Instant) -> Self {
        Self {
            store: Store::new(config, secret, now),
            connection_ids: ConnectionIds::new(secret),
            access: Access::default(),
            passkeys: None,
            counters: Counters::default(),
        }
    }

    /// The swarms, to host some of one's own.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Serves from now on only the swarms that `access` allows.
    pub fn set_access(&mut self, access: Access) {
        self.access = access;
    }

    /// Which swarms are served.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Makes the tracker private: from now on only requests whose path names one of `passkeys` are
    /// served. By UDP the path must come with the announce (BEP 41), and there is no scrape.
    /// `None` makes it public again.
    pub fn set_passkeys(&mut self, passkeys: Option<Passkeys>) {
        self.passkeys = passkeys;
    }

    /// The passkeys of a private tracker.
    pub fn passkeys(&self) -> Option<&Passkeys> {
        self.passkeys.as_ref()
    }

    /// Requests served so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What the store holds.
    pub fn stats(&self) -> StoreStats {
        self.store.stats()
    }

    /// Drops silent peers, a bounded number per call.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.store.handle_timeout(now);
    }

    /// When [`Server::handle_timeout`] is next due.
    pub fn poll_timeout(&self) -> Instant {
        self.store.poll_timeout()
    }

    /// Prepares for a batch of datagrams that [`Server::handle_udp`] will be given next: it is
    /// quicker then. Nothing depends on it.
    pub fn look_ahead<'a>(&self, datagrams: impl Iterator<Item = &'a [u8]>) {
        self.store.look_ahead(datagrams.filter_map(swarm_announced_to));
    }

    /// Takes a datagram that came from `source` to our address `local`. True when an answer was
    /// appended to `out`.
    ///
    /// Until the source has proven by a connection id that it receives at its address, the answer
    /// is never longer than the request (BEP 15).
    pub fn handle_udp(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: IpAddr,
        datagram: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let start = out.len();
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        let Ok(request) = UdpRequest::parse(datagram) else {
            self.counters.udp_malformed += 1;
            return false;
        };
        let (connection, transaction) = match request {
            UdpRequest::Connect { transaction } => {
                self.counters.udp_connects += 1;
                let connection = self.connection_ids.issue(now, source.ip());
                UdpResponse::Connect { transaction, connection }.write(false, out);
                return true;
            }
            UdpRequest::Announce { connection, transaction, .. }
            | UdpRequest::Scrape { connection, transaction, .. } => (connection, transaction),
        };
        if !self.connection_ids.verify(now, source.ip(), connection) {
            self.counters.udp_unverified += 1;
            let message = "connection id is stale".to_owned();
            UdpResponse::Error { transaction, message }.write(false, out);
            let short = out.len() - start <= datagram.len();
            out.truncate(if short { out.len() } else { start });
            return short;
        }
        let answered = match request {
            UdpRequest::Announce { announce, url, .. } => {
                let route = std::str::from_utf8(&url).ok().and_then(Route::parse);
                self.admit(route, Some(&announce.info_hash)).map(|()| {
                    self.counters.udp_announces += 1;
                    self.answer_udp_announce(now, (source, local), transaction, &announce, out);
                })
            }
            // A UDP scrape has no place for a path, hence none for a passkey.
            UdpRequest::Scrape { info_hashes, .. } => self.admit(None, None).map(|()| {
                self.counters.udp_scrapes += 1;
                let entries = info_hashes.iter().map(|hash| self.scrape(hash, source.ip()));
                let entries = entries.collect();
                UdpResponse::Scrape { transaction, entries }.write(source.is_ipv6(), out);
            }),
            UdpRequest::Connect { .. } => unreachable!("answered above"),
        };
        if let Err(failure) = answered {
            UdpResponse::Error { transaction, message: failure.reason }.write(false, out);
        }
        true
    }

    /// Takes the query of an HTTP request that came from `source` to our address `local`, for the
    /// given route, and appends the body of the answer to `out`. Its status is 200 even for
    /// failures, as clients read no other body.
    ///
    /// # Errors
    /// Why the query makes no sense; the body says the same.
    pub fn handle_http_query<'a>(
        &mut self,
        now: Instant,
        source: IpAddr,
        local: IpAddr,
        route: impl Into<Route<'a>>,
        query: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let route = route.into();
        let result = match route.action {
            HttpAction::Announce => self.http_announce(now, source, local, route, query, out),
            HttpAction::Scrape => self.http_scrape(source, route, query, out),
        };
        if let Err(error) = &result {
            self.counters.http_malformed += 1;
            write_failure(&error.clone().into(), out);
        }
        result
    }

    /// Whether a request by `route` may be answered, and if it is an announce, for that swarm.
    fn admit(
        &mut self,
        route: Option<Route<'_>>,
        info_hash: Option<&Sha1Digest>,
    ) -> Result<(), Failure> {
        if let Some(passkeys) = &self.passkeys {
            passkeys.check(route).inspect_err(|_| self.counters.strangers += 1)?;
        }
        let served = info_hash.map_or(Ok(()), |info_hash| self.access.check(info_hash));
        served.inspect_err(|_| self.counters.barred += 1)
    }

    fn answer_udp_announce(
        &mut self,
        now: Instant,
        (source, local): (SocketAddr, IpAddr),
        transaction: u32,
        announce: &AnnounceRequest,
        out: &mut Vec<u8>,
    ) {
        let limit = if source.is_ipv6() { MAX_NUMWANT_UDP6 } else { MAX_NUMWANT };
        let announce = store_announce(source.ip(), local, announce, limit);
        let store = &mut self.store;
        write_udp_announce(transaction, out, |out| store.announce_compact(now, &announce, out));
    }

    fn http_announce(
        &mut self,
        now: Instant,
        source: IpAddr,
        local: IpAddr,
        route: Route<'_>,
        query: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let announce = parse_announce_query(query)?;
        if let Err(failure) = self.admit(Some(route), Some(&announce.request.info_hash)) {
            write_failure(&failure, out);
            return Ok(());
        }
        self.counters.http_announces += 1;
        let source = source.to_canonical();
        let asked = store_announce(source, local, &announce.request, MAX_NUMWANT);
        let reply = self.store.announce(now, &asked);
        let response = AnnounceResponse {
            interval: reply.interval,
            min_interval: Some(reply.min_interval),
            seeders: Some(reply.seeders),
            leechers: Some(reply.leechers),
            peers: reply.peers,
            external_ip: Some(source),
            ..AnnounceResponse::default()
        };
        write_announce_response(&response, announce.compact, out);
        Ok(())
    }

    fn http_scrape(
        &mut self,
        source: IpAddr,
        route: Route<'_>,
        query: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let info_hashes = parse_scrape_query(query)?;
        if let Err(failure) = self.admit(Some(route), None) {
            write_failure(&failure, out);
            return Ok(());
        }
        if info_hashes.is_empty() {
            // A scrape of everything would be the largest answer for the smallest request.
            return Err(Error::MissingKey("info_hash"));
        }
        self.counters.http_scrapes += 1;
        let files = info_hashes.iter().map(|hash| (*hash, self.scrape(hash, source))).collect();
        write_scrape_response(&ScrapeResponse { files, min_interval: Some(SCRAPE_INTERVAL) }, out);
        Ok(())
    }

    fn scrape(&self, info_hash: &Sha1Digest, source: IpAddr) -> ScrapeEntry {
        if self.access.check(info_hash).is_ok() {
            self.store.scrape(info_hash, source)
        } else {
            ScrapeEntry::default()
        }
    }
}

/// An announce as the store takes it, with no more than `limit` peers wanted.
fn store_announce(
    source: IpAddr,
    local: IpAddr,
    request: &AnnounceRequest,
    limit: u32,
) -> StoreAnnounce {
    let numwant = request.numwant.unwrap_or(DEFAULT_NUMWANT).min(limit);
    StoreAnnounce {
        info_hash: request.info_hash,
        peer: SocketAddr::new(source, request.port),
        local,
        left: request.left,
        event: request.event,
        numwant: numwant as usize,
    }
}

#[cfg(test)]
mod tests;
