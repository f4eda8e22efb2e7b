//! The mirrors of a torrent, and how they do.

use std::sync::Arc;

use metainfo::Info;
use mirror::Address;
use peer::Totals;
use stdx::{ConnId, Instant, PeerId, TorrentId};

use crate::Source;

/// Mirrors of one torrent that are asked at a time; the others stand by.
pub(crate) const MIRRORS_AT_ONCE: usize = 8;
/// Mirrors of one torrent.
pub(crate) const MIRRORS_MAX: usize = 256;

/// A mirror to be asked: run a [`mirror::Mirror`] for it.
#[derive(Clone, Debug)]
pub struct OpenMirror {
    /// Its number, as that of a connection: its batches go to [`crate::Session::handle_batch`],
    /// its end to [`crate::Session::handle_closed`].
    pub conn: ConnId,
    /// Where it is.
    pub address: Address,
    /// What it is a mirror of.
    pub info: Arc<Info>,
}

/// A mirror as the session keeps it.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) address: Address,
    /// While it is asked.
    pub(crate) conn: Option<ConnId>,
    /// Not asked again before this.
    pub(crate) not_before: Instant,
    /// Not asked again at all.
    pub(crate) left_out: bool,
    pub(crate) received: u64,
    /// What it says, or why it is not asked.
    pub(crate) trouble: Option<String>,
}

/// Whose a mirror's connection is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MirrorConn {
    pub(crate) torrent: TorrentId,
    /// Its number in the torrent.
    pub(crate) mirror: usize,
    pub(crate) totals: Totals,
}

/// How a mirror does, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorView {
    /// Its URL, without secrets.
    pub url: String,
    /// It is not asked again.
    pub left_out: bool,
    /// What went wrong, if something did.
    pub trouble: Option<String>,
}

impl Mirror {
    fn new(address: Address) -> Self {
        Self {
            address,
            conn: None,
            not_before: Instant::ZERO,
            left_out: false,
            received: 0,
            trouble: None,
        }
    }

    /// Those that are named, each once.
    pub(crate) fn all(named: Vec<Address>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for address in named {
            let known = all
                .iter()
                .any(|it| (&it.address.url, it.address.kind) == (&address.url, address.kind));
            if !known && all.len() < MIRRORS_MAX {
                all.push(Self::new(address));
            }
        }
        all
    }

    /// Whether it could be asked at some time.
    pub(crate) fn stands_by(&self) -> bool {
        self.conn.is_none() && !self.left_out
    }

    pub(crate) fn view(&self) -> MirrorView {
        let (url, trouble) = (self.address.url.to_string(), self.trouble.clone());
        MirrorView { url, left_out: self.left_out, trouble }
    }

    /// As one of those who gave something.
    pub(crate) fn source(&self) -> Option<Source> {
        (self.received > 0).then(|| Source {
            peer_id: PeerId::default(),
            is_mirror: true,
            address: self.address.url.to_string(),
            client: None,
            received: self.received,
            sent: 0,
            uplink: None,
            began_whole: Some(true),
        })
    }
}
