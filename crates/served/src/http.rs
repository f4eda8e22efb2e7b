use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use announce::HttpAction;
use stdx::Duration;

use crate::limits::{Gate, Pass};
use crate::shared::{Shared, count};

/// Bytes of one request's head, at most; 74 info-hashes in a scrape take less than 6,000.
const MAX_HEAD: usize = 16 * 1024;
/// Time in which the head of a request must arrive, the wait for a further request included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause when the system has no more sockets to give.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// The body of an answer.
pub type Body = BoxBody<Bytes, io::Error>;
/// A request that is not for the tracker.
pub type Request = hyper::Request<Incoming>;
/// An answer.
pub type Response = hyper::Response<Body>;
/// An answer that is being made.
pub type FallbackFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The other end of the connection. What headers say of it is not believed.
    pub remote: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
}

/// What answers requests that are not for the tracker.
pub trait Fallback: Send + Sync + 'static {
    /// Answers one request.
    fn respond(&self, request: Request, origin: Origin) -> FallbackFuture;
}

/// A body that is known whole.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed()
}

/// What every connection of one listener needs.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) shared: Arc<Shared>,
    pub(crate) fallback: Option<Arc<dyn Fallback>>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fallback = self.fallback.is_some();
        f.debug_struct("Site").field("fallback", &fallback).finish_non_exhaustive()
    }
}

/// Accepts connections until `stop` changes, then waits for the requests under way.
pub(crate) async fn serve(listener: TcpListener, site: Site, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stop.changed() => break,
        };
        match accepted {
            Ok((stream, remote)) => match Gate::enter(&site.shared.gate, remote.ip()) {
                Some(pass) => {
                    connections.spawn(connection(stream, remote, site.clone(), stop.clone(), pass));
                }
                None => count(&site.shared.http_shed),
            },
            Err(error) => {
                warn!(%error, "cannot accept HTTP connections");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    remote: SocketAddr,
    site: Site,
    mut stop: watch::Receiver<bool>,
    _pass: Pass,
) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Answers are single writes; waiting to join them with later ones would only delay them.
    let _ = stream.set_nodelay(true);
    let origin = Origin { remote, local };
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(respond(&site, request, origin).await) }
    });
    let serve = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut serve = pin!(serve);
    let ended = tokio::select! {
        ended = serve.as_mut() => ended,
        _ = stop.changed() => {
            serve.as_mut().graceful_shutdown();
            serve.await
        }
    };
    if let Err(error) = ended {
        debug!(%remote, %error, "HTTP connection ended");
    }
}

async fn respond(site: &Site, request: Request, origin: Origin) -> Response {
    let action = match request.uri().path() {
        "/announce" => HttpAction::Announce,
        "/scrape" => HttpAction::Scrape,
        _ => {
            count(&site.shared.http_other);
            return match &site.fallback {
                Some(fallback) => fallback.respond(request, origin).await,
                None => plain(StatusCode::NOT_FOUND, "not found\n"),
            };
        }
    };
    if request.method() != Method::GET {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let mut body = Vec::new();
    let (remote, local) = (origin.remote.ip(), origin.local.ip());
    let handled = {
        let mut server = site.shared.server();
        let now = site.shared.now();
        server.handle_http_query(now, remote, local, action, query, &mut body)
    };
    if let Err(error) = handled {
        debug!(remote = %origin.remote, %error, "HTTP query refused");
    }
    plain(StatusCode::OK, body)
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(full_body(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
