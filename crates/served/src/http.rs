use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use announce::Route;
use stdx::Duration;

use crate::limits::{Gate, MAX_TURNED_AWAY, Pass};
use crate::shared::{Shared, count};
use crate::{away, metrics};

/// Bytes of one request's head, at most; 74 info-hashes in a scrape take less than 6,000.
const MAX_HEAD: usize = 16 * 1024;
/// Time in which the head of a request must arrive, the wait for a further request included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Time in which some of an answer must be taken. Who takes nothing for so long is gone, or only
/// there to hold a place.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Pause when the system has no more sockets to give.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;
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
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// What every connection of one listener needs.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) shared: Arc<Shared>,
    /// Whoever asks for the tracker's state must not wait behind the peers.
    pub(crate) gate: Arc<Gate>,
    pub(crate) role: Role,
}

/// What a listener is for.
#[derive(Clone)]
pub(crate) enum Role {
    /// Announces and scrapes, and perhaps something else.
    Tracker(Option<Arc<dyn Fallback>>),
    /// The tracker's own state.
    Metrics,
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tracker(_) => "Tracker",
            Self::Metrics => "Metrics",
        })
    }
}

/// Accepts connections until `stop` changes, then waits for the requests under way.
pub(crate) async fn serve(listener: TcpListener, site: Site, mut stop: watch::Receiver<bool>) {
    let (mut connections, mut may_warn) = (JoinSet::new(), true);
    let turned_away = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stop.changed() => break,
        };
        match accepted {
            Ok((stream, remote)) => {
                may_warn = true;
                if let Some(pass) = Gate::enter(&site.gate, remote.ip()) {
                    let (site, stop) = (site.clone(), stop.clone());
                    connections.spawn(connection(stream, remote, site, stop, pass));
                    continue;
                }
                count(&site.shared.http_shed);
                if let Ok(permit) = Arc::clone(&turned_away).try_acquire_owned() {
                    connections.spawn(away::turn_away(stream, permit));
                }
            }
            Err(error) => {
                count(&site.shared.http_unaccepted);
                if std::mem::take(&mut may_warn) {
                    warn!(%error, "cannot accept HTTP connections; trying on");
                }
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
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALL_TIMEOUT));
    let serve = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
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
    let mut response = match &site.role {
        Role::Tracker(fallback) => match Route::parse(request.uri().path()) {
            Some(route) if route.passkey.is_none() || site.shared.server().passkeys().is_some() => {
                only_get(&request).unwrap_or_else(|| track(site, route, &request, origin))
            }
            _ => {
                count(&site.shared.http_other);
                match fallback {
                    Some(fallback) => fallback.respond(request, origin).await,
                    None => plain(StatusCode::NOT_FOUND, "not found\n"),
                }
            }
        },
        Role::Metrics if request.uri().path() == "/metrics" => {
            only_get(&request).unwrap_or_else(|| {
                let mut response = plain(StatusCode::OK, metrics::exposition(&site.shared));
                let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            })
        }
        Role::Metrics => plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n"),
    };
    if site.gate.is_crowded(origin.remote.ip()) {
        // Places are worth more to others than a connection kept for the next announce.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Answers an announce or a scrape.
fn track(site: &Site, route: Route<'_>, request: &Request, origin: Origin) -> Response {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let mut body = Vec::new();
    let (remote, local) = (origin.remote.ip(), origin.local.ip());
    let handled = {
        let mut server = site.shared.server();
        let now = site.shared.now();
        server.handle_http_query(now, remote, local, route, query, &mut body)
    };
    if let Err(error) = handled {
        debug!(remote = %origin.remote, %error, "HTTP query refused");
    }
    plain(StatusCode::OK, body)
}

/// The answer to a request that is no GET.
fn only_get(request: &Request) -> Option<Response> {
    if request.method() == Method::GET {
        return None;
    }
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    Some(response)
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(full_body(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
