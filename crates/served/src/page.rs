//! A share's page and files, beside the tracker: the driver of the `page` core.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::watch;

use disk::Storage;
use page::{Site, Swarm};

use crate::http::{Fallback, FallbackFuture, Origin, Request};
use crate::limits::Gate;

mod answer;
mod sending;

/// Answers with a body under way at once, at most; one address may have a quarter of them. Each
/// holds one chunk of a file, or one page.
const MAX_DOWNLOADS: usize = 256;

/// The upload limit that every byte of an answer is taken from.
pub trait Uplink: Send + Sync + 'static {
    /// Takes a place of its own, for one answer.
    fn join(&self) -> Box<dyn Turns>;
}

/// A number of bytes that may be sent, once it is known; `None` when there is no more to come.
pub type Grant<'a> = Pin<Box<dyn Future<Output = Option<u64>> + Send + 'a>>;

/// One answer's place among all that share the uplink.
pub trait Turns: Send {
    /// Waits for leave to send some of `want` bytes.
    fn take(&mut self, want: u64) -> Grant<'_>;
}

/// What a page is about.
pub struct PageContent {
    /// Its names and paths.
    pub site: Site,
    /// The bytes of the `.torrent` file.
    pub torrent: Bytes,
    /// The files, watched: [`Storage::watch`].
    pub storage: Arc<Storage>,
    /// The upload limit.
    pub uplink: Arc<dyn Uplink>,
}

impl fmt::Debug for PageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageContent").field("site", &self.site).finish_non_exhaustive()
    }
}

/// A page for [`crate::TrackerBuilder::fallback`]. Cheap to clone; all clones are the same page.
#[derive(Clone, Debug)]
pub struct Page {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    open: OnceLock<PageContent>,
    downloads: Arc<Gate>,
    /// True once nothing more is to be sent.
    closed: watch::Sender<bool>,
    downloading: AtomicU32,
    seeding: AtomicU32,
    sent: AtomicU64,
}

impl Page {
    /// A page that says that nothing is there yet.
    pub fn new() -> Self {
        let inner = Inner {
            open: OnceLock::new(),
            downloads: Gate::new(MAX_DOWNLOADS),
            closed: watch::Sender::new(false),
            downloading: AtomicU32::new(0),
            seeding: AtomicU32::new(1),
            sent: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Shows `content` from now on. Only the first call counts.
    pub fn open(&self, content: PageContent) {
        let _again = self.inner.open.set(content);
    }

    /// Tells who is there.
    pub fn set_swarm(&self, swarm: Swarm) {
        self.inner.downloading.store(swarm.downloading, Ordering::Relaxed);
        self.inner.seeding.store(swarm.seeding, Ordering::Relaxed);
    }

    /// Bytes of answers sent so far, heads included.
    pub fn sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// Breaks off every answer under way.
    pub fn close(&self) {
        self.inner.closed.send_replace(true);
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

impl Fallback for Page {
    fn respond(&self, request: Request, origin: Origin) -> FallbackFuture {
        let inner = Arc::clone(&self.inner);
        // Nothing is expected in the body of a request.
        let (head, _body) = request.into_parts();
        Box::pin(async move { answer::answer(&inner, &head, origin).await })
    }
}

impl Inner {
    fn swarm(&self) -> Swarm {
        Swarm {
            downloading: self.downloading.load(Ordering::Relaxed),
            seeding: self.seeding.load(Ordering::Relaxed),
        }
    }
}
