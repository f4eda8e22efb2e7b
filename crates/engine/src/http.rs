use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::rustls::pki_types::ServerName;

use announce::Scope;

use crate::egress::Egress;

use target::{Target, host_of, shown};

mod target;
mod tls;

pub(crate) use tls::{is_lasting, tls_connector, why_insecure};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const FETCH_TIMEOUT: Duration = Duration::from_mins(1);
const REDIRECTS_MAX: usize = 5;
pub(crate) const AGENT: &str = concat!("Fluvial/", env!("CARGO_PKG_VERSION"));

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a URL we can use.
    #[error("`{0}` is not an http or https URL")]
    Url(String),
    /// The name has no address.
    #[error("cannot find the address of `{host}`: {source}")]
    Resolve {
        /// The host's name.
        host: String,
        /// What the resolver said.
        source: std::io::Error,
    },
    /// The URL stands in content and names an address that content may not name.
    #[error("`{0}` names an address that a torrent may not name, or that the IP filter forbids")]
    Forbidden(String),
    /// No connection.
    #[error("cannot connect to `{host}` port {port}: {reason}")]
    Connect {
        /// The host's name.
        host: String,
        /// The TCP port.
        port: u16,
        /// What went wrong.
        reason: String,
    },
    /// A connection, and nobody known at its other end.
    #[error("no secure connection to `{host}`: {reason}")]
    Insecure {
        /// The host's name.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// The exchange broke off.
    #[error("no usable answer from `{host}`: {reason}")]
    Exchange {
        /// The host's name.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// More than was asked for.
    #[error("the answer of `{host}` is longer than {limit} bytes, which nothing of use here is")]
    TooLong {
        /// The host's name.
        host: String,
        /// How much would have been taken.
        limit: u64,
    },
    /// An answer other than success.
    #[error("`{host}` answered {status}")]
    Status {
        /// The host's name.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// Sent on and on.
    #[error("more than {REDIRECTS_MAX} redirects from `{0}`")]
    Redirects(String),
    /// It took too long.
    #[error("no answer from `{0}` in time")]
    Timeout(String),
}

/// Fetches a document that a person named; at most `limit` bytes.
///
/// # Errors
/// When it cannot be had whole.
pub async fn fetch(egress: &Egress, url: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
    get(egress, url, limit, FETCH_TIMEOUT, &|_, to, from| {
        !from.is_some_and(|from| Scope::is_inward(from, to))
    })
    .await
}

/// Decides whether a URL may be asked at an address; the last argument is where the request before
/// went, of which this is a redirect.
pub(crate) type Allow<'a> = dyn Fn(&str, IpAddr, Option<IpAddr>) -> bool + Sync + 'a;

/// Fetches a document of at most `limit` bytes within `timeout`, following redirects that `allow`
/// permits.
pub(crate) async fn get(
    egress: &Egress,
    url: &str,
    limit: u64,
    timeout: Duration,
    allow: &Allow<'_>,
) -> Result<Vec<u8>, FetchError> {
    tokio::time::timeout(timeout, follow(egress, url, limit, allow))
        .await
        .unwrap_or_else(|_| Err(FetchError::Timeout(host_of(url))))
}

async fn follow(
    egress: &Egress,
    url: &str,
    limit: u64,
    allow: &Allow<'_>,
) -> Result<Vec<u8>, FetchError> {
    let mut url = url.to_owned();
    let mut from = None;
    for _ in 0..=REDIRECTS_MAX {
        let target = Target::parse(&url)?;
        let addresses = target.resolve(egress).await?;
        let allowed: Vec<_> = addresses.into_iter().filter(|a| allow(&url, a.ip(), from)).collect();
        if allowed.is_empty() {
            return Err(FetchError::Forbidden(shown(&url)));
        }
        let (stream, address) = target.connect(egress, &allowed).await?;
        from = Some(address.ip());
        match target.exchange(stream, limit).await? {
            Answer::Body(body) => return Ok(body),
            Answer::Elsewhere(next) => url = target.join(&next),
        }
    }
    Err(FetchError::Redirects(host_of(&url)))
}

enum Answer {
    Body(Vec<u8>),
    Elsewhere(String),
}

impl Target {
    async fn resolve(&self, egress: &Egress) -> Result<Vec<SocketAddr>, FetchError> {
        egress
            .places(&self.host, self.port)
            .await
            .map_err(|source| FetchError::Resolve { host: self.host.clone(), source })
    }

    async fn connect(
        &self,
        egress: &Egress,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, SocketAddr), FetchError> {
        let mut reason = String::from("no address");
        for &address in addresses {
            match tokio::time::timeout(CONNECT_TIMEOUT, egress.connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(error)) => reason = error.to_string(),
                Err(_) => "timed out".clone_into(&mut reason),
            }
        }
        Err(FetchError::Connect { host: self.host.clone(), port: self.port, reason })
    }

    async fn exchange(&self, stream: TcpStream, limit: u64) -> Result<Answer, FetchError> {
        if !self.tls {
            return self.request(stream, limit).await;
        }
        let bare = self.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(bare).map_err(|error| self.broken(error))?;
        let stream = tls_connector().connect(name, stream).await.map_err(|error| {
            let (host, reason) = (self.host.clone(), why_insecure(&error));
            FetchError::Insecure { host, reason }
        })?;
        self.request(stream, limit).await
    }

    async fn request<S>(&self, stream: S, limit: u64) -> Result<Answer, FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        // Ends with this request, however that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = hyper::Request::get(self.path())
            .header(HOST, self.authority())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, HeaderValue::from_static("*/*"))
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.broken(error))?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        self.read(response, limit).await
    }

    async fn read(
        &self,
        response: hyper::Response<Incoming>,
        limit: u64,
    ) -> Result<Answer, FetchError> {
        let status = response.status();
        if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
            && let Some(next) = response.headers().get(LOCATION)
        {
            let next = next.to_str().map_err(|error| self.broken(error))?;
            return Ok(Answer::Elsewhere(next.to_owned()));
        }
        if !status.is_success() {
            return Err(FetchError::Status { host: self.host.clone(), status: status.as_u16() });
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return FetchError::TooLong { host: self.host.clone(), limit };
            }
            self.broken(error)
        })?;
        Ok(Answer::Body(body.to_bytes().to_vec()))
    }

    fn broken(&self, error: impl Into<BoxError>) -> FetchError {
        FetchError::Exchange { host: self.host.clone(), reason: causes(&*error.into()) }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An error with what caused it: the HTTP library alone says only in which of its steps.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = all.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests;
