use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HOST,
    HeaderName, LOCATION, RANGE, RETRY_AFTER, USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::rustls::pki_types::ServerName;

use mirror::{Asked, Fault, Head, Judgement, Scheme, Url, is_too_slow, judge};
use stdx::Duration;

use super::{Errand, SILENT_MAX, What, dial};
use crate::egress::Egress;
use crate::http::{AGENT, causes, tls_connector};

/// Redirects followed for one request.
const REDIRECTS_MAX: usize = 5;
/// The longest head of an answer, and what is read ahead of a body, in bytes.
const BUFFER_MAX: usize = 64 * 1024;
/// How long the end of a body that is all there may take, for the connection to be kept.
const FAREWELL: Duration = Duration::from_millis(500);

/// A connection to an HTTP server, to be used again.
#[derive(Debug)]
pub(super) struct HttpLine {
    /// Where it leads.
    origin: Url,
    ip: IpAddr,
    sender: SendRequest<Empty<Bytes>>,
    /// What was asked for last and where it was found, if that is elsewhere.
    moved: Option<(Url, Url)>,
    /// Bytes read, all in all and those that were counted.
    read: Arc<AtomicU64>,
    counted: u64,
    /// Ends with this.
    _driver: JoinSet<()>,
}

/// Fetches a part of a file, following redirects. Returns the connection if it is good for more.
pub(super) async fn fetch(
    errand: &mut Errand,
    mut kept: Option<HttpLine>,
) -> (Result<(), Fault>, Option<HttpLine>) {
    let first = errand.fetch.url.clone();
    let moved = kept.as_ref().and_then(|line| line.moved.clone());
    // The server that the last part was found at is asked at once, as long as it keeps us.
    let mut url = moved.filter(|(was, _)| *was == first).map_or(first.clone(), |(_, is)| is);
    let mut from = None;
    for _ in 0..=REDIRECTS_MAX {
        let (mut line, response) = match ask(errand, kept.take(), &url, from).await {
            Ok(answered) => answered,
            Err(fault) => return (Err(fault), None),
        };
        match judged(&errand.fetch.asked, &response) {
            Judgement::Take { skip } => {
                line.moved = (url != first).then_some((first, url));
                let result = take(errand, &mut line, response, skip).await;
                let good = matches!(result, Ok(true));
                return (result.map(drop), Some(line).filter(|_| good));
            }
            Judgement::Refuse(fault) => {
                line.count(errand).await;
                return (Err(fault), None);
            }
            Judgement::Follow(location) => {
                line.count(errand).await;
                from = Some(line.ip);
                url = match url.redirect(&location) {
                    Ok(next) => next,
                    Err(error) => {
                        let text = format!("the server redirects to where we do not go: {error}");
                        return (Err(Fault::Redirect(text)), None);
                    }
                };
            }
        }
    }
    let text = format!("the server redirects more than {REDIRECTS_MAX} times");
    (Err(Fault::Redirect(text)), None)
}

/// Asks for a URL over the connection that is kept, if it leads there, or a new one.
async fn ask(
    errand: &mut Errand,
    kept: Option<HttpLine>,
    url: &Url,
    from: Option<IpAddr>,
) -> Result<(HttpLine, Response<Incoming>), Fault> {
    if let Some(mut line) = kept.filter(|line| line.origin.same_origin(url))
        && let Ok(response) = line.request(url, &errand.fetch.asked).await
    {
        return Ok((line, response));
    }
    // The server may have hung up in between: that is no fault of its.
    let mut line = HttpLine::open(&errand.egress, url, errand.typed, from).await?;
    let response = line.request(url, &errand.fetch.asked).await?;
    Ok((line, response))
}

impl HttpLine {
    /// Connects; `from` is the host that redirected here.
    async fn open(
        egress: &Egress,
        url: &Url,
        typed: bool,
        from: Option<IpAddr>,
    ) -> Result<Self, Fault> {
        let allow = |ip: IpAddr| match from {
            Some(from) => url.may_follow(from, ip, typed),
            None => typed || url.may_contact(ip),
        };
        let (stream, ip) = dial::connect(egress, url, allow).await?;
        let read = Arc::new(AtomicU64::new(0));
        let stream = Counted { stream, read: Arc::clone(&read) };
        let (sender, driver) = if url.scheme() == Scheme::Https {
            let name = ServerName::try_from(url.host().to_owned()).map_err(|it| broken(&it))?;
            let connecting = timeout(SILENT_MAX, tls_connector().connect(name, stream));
            let stream = connecting.await.map_err(|_| Fault::Silent)?.map_err(|error| {
                let host = url.host();
                Fault::Network(format!("no secure connection to `{host}`: {}", causes(&error)))
            })?;
            handshake(stream).await?
        } else {
            handshake(stream).await?
        };
        let origin = url.clone();
        Ok(Self { origin, ip, sender, moved: None, read, counted: 0, _driver: driver })
    }

    async fn request(&mut self, url: &Url, asked: &Asked) -> Result<Response<Incoming>, Fault> {
        let ready = timeout(SILENT_MAX, self.sender.ready()).await;
        ready.map_err(|_| Fault::Silent)?.map_err(|error| broken(&error))?;
        let mut request = Request::get(url.target())
            .header(HOST, url.authority())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "*/*")
            .header(ACCEPT_ENCODING, "identity");
        if let Some(range) = asked.range() {
            request = request.header(RANGE, range);
        }
        if let Some(user) = url.user() {
            let user: Vec<u8> = percent_decode_str(user).collect();
            request =
                request.header(AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(user)));
        }
        let request = request.body(Empty::new()).map_err(|error| broken(&error))?;
        let answered = timeout(SILENT_MAX, self.sender.send_request(request)).await;
        answered.map_err(|_| Fault::Silent)?.map_err(|error| broken(&error))
    }

    /// Counts what was read since the last time, and waits as the limit asks for.
    async fn count(&mut self, errand: &mut Errand) -> u64 {
        let read = self.read.load(Ordering::Relaxed);
        let new = read - std::mem::replace(&mut self.counted, read);
        errand.meter.pay(new).await;
        new
    }
}

/// Takes the body. Returns whether the connection is good for more.
async fn take(
    errand: &mut Errand,
    line: &mut HttpLine,
    response: Response<Incoming>,
    mut skip: u64,
) -> Result<bool, Fault> {
    let mut body = response.into_body();
    let mut need = errand.fetch.asked.length();
    let (mut all, mut content, mut waited) = (0, 0, Duration::ZERO);
    while need > 0 {
        errand.meter.ready().await;
        let since = Instant::now();
        let frame = timeout(SILENT_MAX, body.frame()).await.map_err(|_| Fault::Silent)?;
        waited += since.elapsed();
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| broken(&error))?;
        all += line.count(errand).await;
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        let drop = skip.min(data.len() as u64);
        skip -= drop;
        data = data.split_off(drop as usize);
        data.truncate(usize::try_from(need).unwrap_or(usize::MAX));
        need -= data.len() as u64;
        content += data.len() as u64;
        errand.say(What::Data(data)).await;
        if is_too_slow(all, waited) {
            return Err(Fault::Silent);
        }
    }
    errand.say(What::Overhead(all.saturating_sub(content))).await;
    let ended = body.is_end_stream() || matches!(timeout(FAREWELL, body.frame()).await, Ok(None));
    Ok(ended)
}

fn judged(asked: &Asked, response: &Response<Incoming>) -> Judgement {
    let header =
        |name: HeaderName| response.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let length = header(CONTENT_LENGTH).and_then(|text| text.trim().parse().ok());
    judge(
        asked,
        &Head {
            status: response.status().as_u16(),
            length,
            range: header(CONTENT_RANGE),
            encoding: header(CONTENT_ENCODING),
            retry_after: header(RETRY_AFTER).and_then(seconds_until),
            location: header(LOCATION),
        },
    )
}

/// Seconds from now of a `Retry-After`: a number, or a date (RFC 9110 §10.2.3).
fn seconds_until(text: &str) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(SystemTime::now()).ok().map(|wait| wait.as_secs())
    })
}

async fn handshake<S>(stream: S) -> Result<(SendRequest<Empty<Bytes>>, JoinSet<()>), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::Builder::new().max_buf_size(BUFFER_MAX).handshake(TokioIo::new(stream));
    let (sender, connection) = handshake.await.map_err(|error| broken(&error))?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // Whoever waits for an answer hears of it.
        let _told = connection.await;
    });
    Ok((sender, driver))
}

fn broken(error: &(dyn std::error::Error + 'static)) -> Fault {
    Fault::Network(causes(error))
}

/// Counts what is read, whatever is spoken over it.
#[derive(Debug)]
struct Counted {
    stream: TcpStream,
    read: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.read.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
