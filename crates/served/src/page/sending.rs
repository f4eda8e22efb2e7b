//! The bytes of an answer, as fast as the uplink and the other side take them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::watch;

use disk::Storage;
use stdx::FileIndex;

use super::{Inner, Turns};
use crate::http::Body;
use crate::limits::Pass;

/// Bytes read at a time, at most.
const CHUNK: u64 = 256 * 1024;

/// Where bytes come from.
pub(super) enum Source {
    /// They are here.
    Memory(Bytes),
    /// A file that must stay what was verified.
    File { storage: Arc<Storage>, file: FileIndex },
}

/// An answer's body on its way.
pub(super) struct Sending {
    pub(super) page: Arc<Inner>,
    pub(super) turns: Box<dyn Turns>,
    pub(super) closed: watch::Receiver<bool>,
    pub(super) source: Source,
    /// The bytes that are still to be sent.
    pub(super) at: u64,
    pub(super) end: u64,
    /// Bytes of the answer's head, which count as well.
    pub(super) head: u64,
    pub(super) _pass: Pass,
}

impl Sending {
    /// The body that sends it all; it fails, and with it the connection, when the file changes or
    /// the page is closed.
    pub(super) fn body(self) -> Body {
        let chunks = stream::try_unfold(self, |mut sending| async move {
            let chunk = sending.next().await?;
            Ok::<_, io::Error>(chunk.map(|chunk| (Frame::data(chunk), sending)))
        });
        StreamBody::new(chunks).boxed_unsync()
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.head > 0 {
            self.head -= self.granted(self.head).await?;
        }
        if self.at == self.end {
            return Ok(None);
        }
        let length = self.granted((self.end - self.at).min(CHUNK)).await?;
        let chunk = self.source.read(self.at, length).await?;
        self.at += length;
        Ok(Some(chunk))
    }

    /// Waits until at least one of `want` bytes may be sent, which then counts as sent.
    async fn granted(&mut self, want: u64) -> io::Result<u64> {
        let granted = tokio::select! {
            granted = self.turns.take(want) => granted,
            _ = self.closed.wait_for(|closed| *closed) => None,
        };
        let granted = granted.ok_or_else(|| io::Error::other("the share has ended"))?.min(want);
        self.page.sent.fetch_add(granted, Ordering::Relaxed);
        Ok(granted)
    }
}

impl Source {
    async fn read(&self, at: u64, length: u64) -> io::Result<Bytes> {
        let (storage, file) = match self {
            Self::Memory(bytes) => return Ok(bytes.slice(at as usize..(at + length) as usize)),
            Self::File { storage, file } => (Arc::clone(storage), *file),
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = BytesMut::zeroed(length as usize);
            storage.read_file(file, at, &mut chunk).map_err(io::Error::other)?;
            // Afterwards, so that a change while it was read is seen.
            if !storage.is_unchanged(file) {
                let path = storage.file_path(file);
                let why = format!("`{}` has changed since it was shared", path.display());
                return Err(io::Error::other(why));
            }
            Ok(chunk.freeze())
        });
        read.await?
    }
}
