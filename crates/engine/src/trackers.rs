use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use announce::{
    AnnounceRequest, AnnounceResponse, Failure, Host, Scheme, TrackerUrl, announce_url,
    content_may_contact, may_redirect, parse_announce_response,
};

use crate::clock::Clock;
use crate::egress::Egress;
use crate::http;

use udp::UdpTrackers;

mod udp;

/// A larger answer is not an announce response.
const ANSWER_MAX: u64 = 1 << 20;
/// All of one HTTP announce: connecting, redirects, answer.
const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
/// All of asking the system for a tracker's addresses.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one of several addresses of a UDP tracker has to answer before the next is tried:
/// enough for a datagram and its repetition.
const UDP_PATIENCE: Duration = Duration::from_secs(20);
/// Addresses of one tracker that are tried.
const ADDRESSES_MAX: usize = 4;
/// Trackers of which it is remembered which address answered.
const ANSWERED_MAX: usize = 1_024;
/// HTTP announces under way at once.
const HTTP_AT_ONCE: usize = 50;

/// The client's side of all trackers: carries the announces that the cores ask for.
#[derive(Debug)]
pub(crate) struct Trackers {
    udp: UdpTrackers,
    egress: Egress,
    http: Semaphore,
    /// URLs that a person typed; these may lead anywhere.
    typed: Mutex<HashSet<String>>,
    /// Which address of a UDP tracker answered last: it is asked first.
    answered: Mutex<BTreeMap<String, SocketAddr>>,
}

impl Trackers {
    pub(crate) fn start(egress: Egress, clock: Clock, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            udp: UdpTrackers::start(egress.clone(), clock, seed),
            egress,
            http: Semaphore::new(HTTP_AT_ONCE),
            typed: Mutex::default(),
            answered: Mutex::default(),
        })
    }

    /// Notes that a person named this tracker.
    pub(crate) fn trust(&self, url: &TrackerUrl) {
        lock(&self.typed).insert(url.as_str().to_owned());
    }

    /// Announces, and waits for the answer.
    pub(crate) async fn announce(
        &self,
        url: &TrackerUrl,
        request: AnnounceRequest,
    ) -> Result<AnnounceResponse, Failure> {
        let typed = lock(&self.typed).contains(url.as_str());
        match url.scheme() {
            Scheme::Udp => self.announce_udp(url, request, typed).await,
            Scheme::Http | Scheme::Https => self.announce_http(url, request, typed).await,
        }
    }

    async fn announce_udp(
        &self,
        url: &TrackerUrl,
        request: AnnounceRequest,
        typed: bool,
    ) -> Result<AnnounceResponse, Failure> {
        let mut targets = resolve(&self.egress, url).await?;
        targets.retain(|target| typed || self.may_contact(url, target.ip()));
        if let Some(last) = lock(&self.answered).get(url.as_str()) {
            // Stable: the others stay in the order that the system prefers.
            targets.sort_by_key(|target| target != last);
        }
        targets.truncate(ADDRESSES_MAX);
        let ask =
            |target| self.udp.announce(target, url.path_and_query().to_owned(), request.clone());
        let (target, response) = first_answer(targets, UDP_PATIENCE, ask).await?;
        self.remember(url, target);
        Ok(response)
    }

    /// Whether a tracker that content names may be asked at this address. A person who names one
    /// means it, whatever a list says.
    fn may_contact(&self, url: &TrackerUrl, ip: IpAddr) -> bool {
        content_may_contact(url, ip) && !self.egress.forbidden().holds(ip)
    }

    fn remember(&self, url: &TrackerUrl, target: SocketAddr) {
        let mut answered = lock(&self.answered);
        if answered.len() >= ANSWERED_MAX && !answered.contains_key(url.as_str()) {
            answered.pop_first();
        }
        answered.insert(url.as_str().to_owned(), target);
    }

    async fn announce_http(
        &self,
        url: &TrackerUrl,
        request: AnnounceRequest,
        typed: bool,
    ) -> Result<AnnounceResponse, Failure> {
        let _turn = self.http.acquire().await;
        let allow = |next: &str, to: IpAddr, from: Option<IpAddr>| match from {
            None => typed || self.may_contact(url, to),
            Some(from) => {
                let may = next.parse().is_ok_and(|next| may_redirect(from, &next, to));
                may && !self.egress.forbidden().holds(to)
            }
        };
        let full = announce_url(url.as_str(), &request);
        let body = http::get(&self.egress, &full, ANSWER_MAX, HTTP_TIMEOUT, &allow)
            .await
            .map_err(|error| Failure::new(error.to_string().as_bytes()))?;
        parse_announce_response(&body)
    }
}

/// Asks one address after the other; each but the last has `patience` to answer.
async fn first_answer<A>(
    targets: Vec<SocketAddr>,
    patience: Duration,
    ask: impl Fn(SocketAddr) -> A,
) -> Result<(SocketAddr, AnnounceResponse), Failure>
where
    A: Future<Output = Result<AnnounceResponse, Failure>>,
{
    let mut last = forbidden();
    let mut targets = targets.into_iter().peekable();
    while let Some(target) = targets.next() {
        let asked = ask(target);
        let outcome = if targets.peek().is_none() {
            asked.await
        } else {
            let late = |_| Err(Failure::new(b"the tracker does not answer"));
            tokio::time::timeout(patience, asked).await.unwrap_or_else(late)
        };
        match outcome {
            Ok(response) => return Ok((target, response)),
            Err(failure) => {
                tracing::debug!(%target, reason = failure.reason, "an announce failed");
                last = failure;
            }
        }
    }
    Err(last)
}

async fn resolve(egress: &Egress, url: &TrackerUrl) -> Result<Vec<SocketAddr>, Failure> {
    let name = match url.host() {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, url.port())]),
        Host::Name(name) => name,
    };
    let look = egress.lookup(name, url.port());
    let late = |_| Err(std::io::ErrorKind::TimedOut.into());
    let found = tokio::time::timeout(RESOLVE_TIMEOUT, look).await.unwrap_or_else(late);
    found.map_err(|error| {
        Failure::new(format!("cannot find the address of `{name}`: {error}").as_bytes())
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forbidden() -> Failure {
    Failure::new(b"its address is one that a torrent may not name, or that the IP filter forbids")
}

#[cfg(test)]
mod tests;
