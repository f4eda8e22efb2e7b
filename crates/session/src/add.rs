use std::net::SocketAddr;
use std::sync::Arc;

use announce::TrackerUrl;
use metainfo::{Info, InfoHashes, PieceLayers};
use stdx::TorrentId;
use swarm::{Origin, Priority};

/// A torrent to take into a session.
#[derive(Clone, Debug)]
pub struct AddTorrent {
    /// What names it.
    pub hashes: InfoHashes,
    /// The metadata; `None` for a magnet.
    pub info: Option<Arc<Info>>,
    /// The piece layers that came with the metadata (BEP 52); what lacks is fetched from peers.
    pub layers: PieceLayers,
    /// Trackers by tier (BEP 12), vetted: content may not name every address.
    pub trackers: Vec<Vec<TrackerUrl>>,
    /// Peers known from the start, and who named them.
    pub peers: Vec<(SocketAddr, Origin)>,
    /// Mirrors, as far as their URLs can be used.
    pub mirrors: Vec<mirror::Address>,
    /// The priority of each file in the order of the metadata; empty for normal everywhere.
    pub priorities: Vec<Priority>,
    /// Fetch in order rather than the rarest first.
    pub sequential: bool,
}

impl AddTorrent {
    /// A magnet: nothing is known but the info-hashes.
    pub fn magnet(hashes: InfoHashes) -> Self {
        Self {
            hashes,
            info: None,
            layers: PieceLayers::default(),
            trackers: Vec::new(),
            peers: Vec::new(),
            mirrors: Vec::new(),
            priorities: Vec::new(),
            sequential: false,
        }
    }

    /// A torrent whose metadata is here.
    pub fn torrent(info: Arc<Info>, layers: PieceLayers) -> Self {
        let hashes = info.hashes();
        Self { info: Some(info), layers, ..Self::magnet(hashes) }
    }
}

/// Why a torrent was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// It is here already: one of its info-hashes is the other's.
    #[error("the torrent is in the session already")]
    Duplicate(TorrentId),
    /// There is no info-hash to find it by.
    #[error("the torrent has no info-hash")]
    Nameless,
    /// [`crate::Session::shutdown`] was called.
    #[error("the session is shutting down")]
    Closing,
}
