use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use announce::{
    AnnounceRequest, AnnounceResponse, Failure, Host, Scheme, TrackerUrl, announce_url,
    content_may_contact, may_redirect, parse_announce_response,
};

use crate::clock::Clock;
use crate::http;

use udp::UdpTrackers;

mod udp;

/// A larger answer is not an announce response.
const ANSWER_MAX: u64 = 1 << 20;
/// All of one HTTP announce: connecting, redirects, answer.
const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
/// HTTP announces under way at once.
const HTTP_AT_ONCE: usize = 50;

/// The client's side of all trackers: carries the announces that the cores ask for.
#[derive(Debug)]
pub(crate) struct Trackers {
    udp: UdpTrackers,
    http: Semaphore,
    /// URLs that a person typed; these may lead anywhere.
    typed: Mutex<HashSet<String>>,
}

impl Trackers {
    pub(crate) fn start(clock: Clock, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            udp: UdpTrackers::start(clock, seed),
            http: Semaphore::new(HTTP_AT_ONCE),
            typed: Mutex::default(),
        })
    }

    /// Notes that a person named this tracker.
    pub(crate) fn trust(&self, url: &TrackerUrl) {
        self.typed().insert(url.as_str().to_owned());
    }

    /// Announces, and waits for the answer.
    pub(crate) async fn announce(
        &self,
        url: &TrackerUrl,
        request: AnnounceRequest,
    ) -> Result<AnnounceResponse, Failure> {
        let typed = self.typed().contains(url.as_str());
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
        let addresses = resolve(url).await?;
        let target = addresses
            .into_iter()
            .find(|target| typed || content_may_contact(url, target.ip()))
            .ok_or_else(forbidden)?;
        self.udp.announce(target, url.path_and_query().to_owned(), request).await
    }

    async fn announce_http(
        &self,
        url: &TrackerUrl,
        request: AnnounceRequest,
        typed: bool,
    ) -> Result<AnnounceResponse, Failure> {
        let _turn = self.http.acquire().await;
        let url = announce_url(url.as_str(), &request);
        let allow =
            move |url: &str, to: IpAddr, from: Option<IpAddr>| match url.parse::<TrackerUrl>() {
                Ok(_) if typed && from.is_none() => true,
                Ok(url) => match from {
                    Some(from) => may_redirect(from, &url, to),
                    None => content_may_contact(&url, to),
                },
                Err(_) => false,
            };
        let body = http::get(&url, ANSWER_MAX, HTTP_TIMEOUT, &allow)
            .await
            .map_err(|error| Failure::new(error.to_string().as_bytes()))?;
        parse_announce_response(&body)
    }

    fn typed(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn resolve(url: &TrackerUrl) -> Result<Vec<SocketAddr>, Failure> {
    let name = match url.host() {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, url.port())]),
        Host::Name(name) => name,
    };
    tokio::net::lookup_host((name.as_str(), url.port()))
        .await
        .map(Iterator::collect)
        .map_err(|error| Failure::new(format!("cannot find `{name}`: {error}").as_bytes()))
}

fn forbidden() -> Failure {
    Failure::new(b"its address is one that a torrent may not name")
}
