use std::error::Error as _;
use std::io::ErrorKind;
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
use crate::http::{AGENT, causes, is_lasting, tls_connector, why_insecure};

/// Redirects followed for one request.
const REDIRECTS_MAX: usize = 5;
/// The longest head of an answer, and what is read ahead of a body, in bytes.
const BUFFER_MAX: usize = 64 * 1024;
/// So much that is read in vain is told at once, so that the server is not taken for a slow one.
pub(super) const OVERHEAD_TOLD: u64 = 1024 * 1024;
/// How long the end of a body that is all there may take, for the connection to be kept.
const FAREWELL: Duration = Duration::from_millis(500);

/// The answer of a server that gives whole files only, as far as it has been read.
#[derive(Debug)]
struct Answer {
    /// Of what.
    url: Url,
    body: Incoming,
    /// Read, and not asked for yet.
    ahead: Bytes,
    /// Where in the file that is.
    at: u64,
}

/// Where redirects led.
#[derive(Clone, Debug)]
struct Moved {
    was: Url,
    is: Url,
    /// The host whose word it was: it may still lead only to where it might then.
    by: IpAddr,
}

/// A connection to an HTTP server, to be used again.
#[derive(Debug)]
pub(super) struct HttpLine {
    /// Where it leads.
    origin: Url,
    ip: IpAddr,
    sender: SendRequest<Empty<Bytes>>,
    /// Where what was asked for last was found, if that is elsewhere.
    moved: Option<Moved>,
    /// What was answered last, if it goes on.
    answer: Option<Answer>,
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
    let asked = errand.fetch.asked;
    if let Some(mut line) = kept.take_if(|line| line.answer.is_some()) {
        let allowed = asked.streamed && !errand.is_forbidden(line.ip);
        let ahead = |it: &Answer| allowed && it.url == first && it.at <= asked.from;
        if let Some(answer) = line.answer.take().filter(ahead) {
            return take(errand, line, answer).await;
        }
    }
    let moved = kept.as_ref().and_then(|line| line.moved.clone());
    // Where the last part was found is asked at once.
    let moved = moved.filter(|it| it.was == first);
    let mut is_remembered = moved.is_some();
    let (mut url, mut from) = match moved {
        Some(moved) => (moved.is, Some(moved.by)),
        None => (first.clone(), None),
    };
    for _ in 0..=REDIRECTS_MAX {
        let answered = ask(errand, kept.take(), &url, from).await;
        // Such places expire: then the first knows where it is now.
        let is_over = answered
            .as_ref()
            .map_or(true, |(_, response)| matches!(judged(&asked, response), Judgement::Refuse(_)));
        if std::mem::take(&mut is_remembered) && is_over {
            (url, from) = (first.clone(), None);
            continue;
        }
        let (mut line, response) = match answered {
            Ok(it) => it,
            Err(fault) => return (Err(fault), None),
        };
        match judged(&asked, &response) {
            Judgement::Take { skip } => {
                line.moved = from.map(|by| Moved { was: first.clone(), is: url, by });
                let (body, ahead, at) = (response.into_body(), Bytes::new(), asked.from - skip);
                return take(errand, line, Answer { url: first, body, ahead, at }).await;
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
    let good = |line: &HttpLine| line.origin.same_origin(url) && !errand.is_forbidden(line.ip);
    if let Some(mut line) = kept.filter(good)
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
        let (stream, ip) = dial::connect(egress, url, typed && from.is_none(), allow).await?;
        let read = Arc::new(AtomicU64::new(0));
        let stream = Counted { stream, read: Arc::clone(&read) };
        let (sender, driver) = if url.scheme() == Scheme::Https {
            let name = ServerName::try_from(url.host().to_owned()).map_err(|it| broken(&it))?;
            let connecting = timeout(SILENT_MAX, tls_connector().connect(name, stream));
            let stream = connecting.await.map_err(|_| Fault::Silent)?.map_err(|error| {
                let (host, why) = (url.host(), why_insecure(&error));
                let text = format!("no secure connection to `{host}`: {why}");
                if is_lasting(&error) { Fault::Untrusted(text) } else { Fault::Network(text) }
            })?;
            handshake(stream).await?
        } else {
            handshake(stream).await?
        };
        let origin = url.clone();
        Ok(Self {
            origin,
            ip,
            sender,
            moved: None,
            answer: None,
            read,
            counted: 0,
            _driver: driver,
        })
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

/// Takes of an answer what is asked for. Returns the connection if it is good for more.
async fn take(
    errand: &mut Errand,
    mut line: HttpLine,
    mut answer: Answer,
) -> (Result<(), Fault>, Option<HttpLine>) {
    if let Err(fault) = read(errand, &mut line, &mut answer).await {
        return (Err(fault), None);
    }
    let asked = errand.fetch.asked;
    if asked.goes_on() && answer.at == asked.to {
        line.answer = Some(answer);
        return (Ok(()), Some(line));
    }
    let mut body = answer.body;
    let ended = body.is_end_stream() || matches!(timeout(FAREWELL, body.frame()).await, Ok(None));
    (Ok(()), Some(line).filter(|_| ended))
}

/// Reads an answer past what was not asked for, and to the end of what was.
async fn read(errand: &mut Errand, line: &mut HttpLine, answer: &mut Answer) -> Result<(), Fault> {
    let Asked { from, to, .. } = errand.fetch.asked;
    let (mut all, mut waited) = (0, Duration::ZERO);
    // What was read and not handed on.
    let mut rest = answer.ahead.len() as u64;
    while answer.at < to {
        if answer.ahead.is_empty() {
            errand.meter.ready().await;
            let since = Instant::now();
            let frame = timeout(SILENT_MAX, answer.body.frame()).await;
            waited += since.elapsed();
            let Some(frame) = frame.map_err(|_| Fault::Silent)? else { break };
            let read = line.count(errand).await;
            (all, rest) = (all + read, rest + read);
            if let Ok(data) = frame.map_err(|error| cut_off(&error))?.into_data() {
                answer.ahead = data;
            }
        }
        let limit = if answer.at < from { from } else { to } - answer.at;
        let length = answer.ahead.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        let data = answer.ahead.split_to(length);
        answer.at += length as u64;
        if answer.at > from && !data.is_empty() {
            rest = rest.saturating_sub(length as u64);
            errand.say(What::Data(data)).await;
        }
        let vain = rest.saturating_sub(answer.ahead.len() as u64);
        if vain >= OVERHEAD_TOLD {
            rest -= vain;
            errand.say(What::Overhead(vain)).await;
        }
        if is_too_slow(all, waited) {
            return Err(Fault::Silent);
        }
    }
    let vain = rest.saturating_sub(answer.ahead.len() as u64);
    errand.say(What::Overhead(vain)).await;
    Ok(())
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

/// Why an answer did not come to its end.
fn cut_off(error: &hyper::Error) -> Fault {
    let cause = error.source().and_then(|it| it.downcast_ref::<std::io::Error>());
    let ended = cause.is_some_and(|it| it.kind() == ErrorKind::UnexpectedEof);
    if ended || error.is_incomplete_message() { Fault::Short } else { broken(error) }
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
