//! What a request is answered with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::task::spawn_blocking;

use page::{Conditions, Problem, Route, Selection, Version};
use stdx::FileIndex;

use super::sending::{Sending, Source};
use super::{Inner, PageContent};
use crate::http::{Origin, Response, full_body};
use crate::limits::Gate;

/// When to come back if there are too many downloads.
const RETRY: Duration = Duration::from_secs(10);
/// Bytes of a head besides its own headers: status line, date, empty line.
const HEAD_BYTES: u64 = 64;

/// An answer whose body is still to be begun.
struct Plan {
    response: Response,
    source: Source,
    at: u64,
    end: u64,
}

pub(super) async fn answer(page: &Arc<Inner>, head: &Parts, origin: Origin) -> Response {
    let get = head.method == Method::GET;
    if !get && head.method != Method::HEAD {
        return problem(Problem::Method);
    }
    let Some(open) = page.open.get().filter(|_| !*page.closed.borrow()) else {
        return problem(Problem::Closed);
    };
    let site = &open.site;
    let plan = match site.route(head.uri.path(), head.uri.query()) {
        Route::Page(number) => Plan::html(site.page(number, page.swarm())),
        Route::Torrent => Plan::torrent(open),
        Route::File(file) => match Plan::file(open, file, head).await {
            Ok(plan) => plan,
            Err(response) => return response,
        },
        Route::Nothing(why) => return problem(why),
    };
    let Plan { mut response, source, at, end } = plan;
    put(&mut response, CONTENT_LENGTH, (end - at).to_string());
    if !get {
        return response;
    }
    let Some(pass) = Gate::enter(&page.downloads, origin.remote.ip()) else {
        return problem(Problem::Busy);
    };
    let sending = Sending {
        page: Arc::clone(page),
        turns: open.uplink.join(),
        closed: page.closed.subscribe(),
        source,
        at,
        end,
        head: head_bytes(&response),
        _pass: pass,
    };
    *response.body_mut() = sending.body();
    response
}

impl Plan {
    fn html(html: String) -> Self {
        Self::whole(document(StatusCode::OK), html.into())
    }

    fn torrent(open: &PageContent) -> Self {
        let mut response = download(&open.site.torrent_name());
        let kind = HeaderValue::from_static("application/x-bittorrent");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        Self::whole(response, open.torrent.clone())
    }

    fn whole(response: Response, bytes: Bytes) -> Self {
        let end = bytes.len() as u64;
        Self { response, source: Source::Memory(bytes), at: 0, end }
    }

    /// A file, or the part of it that is asked for. What is no longer what was hashed is not given
    /// out: nobody could verify it.
    async fn file(open: &PageContent, file: FileIndex, head: &Parts) -> Result<Self, Response> {
        let storage = Arc::clone(&open.storage);
        let looked =
            spawn_blocking(move || (storage.stat_file(file), storage.is_whole(file))).await;
        let stat = match looked {
            Ok((Some(stat), true)) => stat,
            Ok((Some(_), false)) => return Err(problem(Problem::Changed)),
            Ok((None, _)) => return Err(problem(Problem::Gone)),
            Err(_) => return Err(problem(Problem::Unreadable)),
        };
        let site = &open.site;
        let entry = site.file(file).expect("the route is to a file of the site");
        let length = entry.length;
        let tag = site.tag(file);
        let modified = Duration::from_nanos(stat.mtime).as_secs();
        let version = Version { tag: &tag, modified, length };
        let selection = page::select(&version, &conditions(head));
        let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
        let mut response = download(&name);
        put(&mut response, ETAG, tag.as_str());
        put(&mut response, LAST_MODIFIED, version.last_modified());
        put(&mut response, ACCEPT_RANGES, "bytes");
        let (at, end) = match selection {
            Selection::Whole => (0, length),
            Selection::Part(range) => {
                let (first, last) = (range.start, range.end - 1);
                put(&mut response, CONTENT_RANGE, format!("bytes {first}-{last}/{length}"));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                (range.start, range.end)
            }
            Selection::Unmodified => {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return Err(response);
            }
            Selection::Refused => return Err(problem(Problem::Condition)),
            Selection::Unsatisfiable => {
                let mut response = problem(Problem::Range);
                put(&mut response, CONTENT_RANGE, format!("bytes */{length}"));
                return Err(response);
            }
        };
        let storage = Arc::clone(&open.storage);
        Ok(Self { response, source: Source::File { storage, file }, at, end })
    }
}

fn conditions(head: &Parts) -> Conditions<'_> {
    let value = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    Conditions {
        // Only for GET does RFC 9110 §14.2 define it.
        range: value(RANGE).filter(|_| head.method == Method::GET),
        if_range: value(IF_RANGE),
        if_match: value(IF_MATCH),
        if_none_match: value(IF_NONE_MATCH),
        if_modified_since: value(IF_MODIFIED_SINCE),
        if_unmodified_since: value(IF_UNMODIFIED_SINCE),
    }
}

fn problem(why: Problem) -> Response {
    let status = StatusCode::from_u16(why.status()).expect("problems have proper statuses");
    let mut response = document(status);
    match why {
        Problem::Method => put(&mut response, ALLOW, "GET, HEAD"),
        Problem::Busy | Problem::Closed => {
            put(&mut response, RETRY_AFTER, RETRY.as_secs().to_string());
        }
        _ => {}
    }
    *response.body_mut() = full_body(page::problem(why));
    response
}

/// The head of an HTML document of ours.
fn document(status: StatusCode) -> Response {
    let mut response = plain("text/html; charset=utf-8");
    *response.status_mut() = status;
    put(&mut response, CONTENT_SECURITY_POLICY, page::content_policy());
    put(&mut response, REFERRER_POLICY, "no-referrer");
    response
}

/// The head of something to be saved under `name`. Whatever it is, no browser is to run it as part
/// of the page.
fn download(name: &str) -> Response {
    let mut response = plain("application/octet-stream");
    put(&mut response, CONTENT_SECURITY_POLICY, page::FILE_POLICY);
    put(&mut response, CONTENT_DISPOSITION, page::attachment(name));
    response
}

fn plain(kind: &'static str) -> Response {
    let mut response = Response::new(full_body(Bytes::new()));
    put(&mut response, CONTENT_TYPE, kind);
    put(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(&mut response, CACHE_CONTROL, "no-cache");
    response
}

fn put(response: &mut Response, name: HeaderName, value: impl Into<String>) {
    // All values are numbers, dates, digests and escaped names.
    let value = HeaderValue::try_from(value.into()).expect("it is printable ASCII");
    response.headers_mut().insert(name, value);
}

fn head_bytes(response: &Response) -> u64 {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        // A colon, a space and the line's end.
        (name.as_str().len() + value.len() + 4) as u64
    };
    HEAD_BYTES + response.headers().iter().map(header).sum::<u64>()
}
