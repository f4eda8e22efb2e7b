//! The owner of all torrents.

use std::net::SocketAddr;
use std::sync::Arc;

use announce::{AnnounceResponse, Failure, TrackerStatus};
use cache::{Done, Op};
use peer::{Batch, CloseReason, Order, Torrent};
use stdx::{Bitfield, ConnId, Instant, PieceIndex, TorrentId};
use swarm::{Origin, Priority};

use crate::{AddError, AddTorrent, Announce, AnnounceId, Config, Event, Limits, Source, Status};

/// A connection to open.
#[derive(Clone, Debug)]
pub struct Connect {
    /// Its number. Answer with [`Session::handle_connected`] and go on with
    /// [`peer::Peer::connect`], or with [`Session::handle_connect_failed`].
    pub conn: ConnId,
    /// Where to.
    pub addr: SocketAddr,
    /// The torrent, for [`peer::Peer::connect`].
    pub torrent: Arc<Torrent>,
    /// What we have, for [`peer::Peer::connect`].
    pub have: Bitfield,
    /// We download nothing, for [`peer::Peer::connect`].
    pub upload_only: bool,
}

/// The minds of all torrents of a process, with what they share. Performs no I/O, reads no
/// clock; everything follows from its inputs and the seed.
///
/// Inputs are the `handle_*` methods and the commands. After any of them, drain
/// [`poll_order`](Self::poll_order), [`poll_connect`](Self::poll_connect),
/// [`poll_disk`](Self::poll_disk), [`poll_announce`](Self::poll_announce) and
/// [`poll_event`](Self::poll_event), then read [`poll_timeout`](Self::poll_timeout) and
/// [`reading_allowed`](Self::reading_allowed).
///
/// A connection begins with [`handle_incoming`](Self::handle_incoming) or
/// [`handle_connected`](Self::handle_connected) and ends with
/// [`handle_closed`](Self::handle_closed), which the driver calls exactly once, also after
/// [`Order::Close`]. Orders for a connection that has just ended may still come; drop them.
#[derive(Debug)]
pub struct Session {
    config: Config,
}

impl Session {
    /// A session without torrents. All its randomness follows from `seed`.
    pub fn new(now: Instant, config: Config, seed: u64) -> Self {
        let _ = (now, seed);
        Self { config }
    }

    /// Takes a torrent in. It looks for metadata at once if it has none; otherwise it waits for
    /// [`start`](Self::start).
    pub fn add_torrent(&mut self, now: Instant, add: AddTorrent) -> Result<TorrentId, AddError> {
        let _ = (now, add);
        Err(AddError::Nameless)
    }

    /// Goes to work: the files are ready. `have` are the verified pieces on disk, `partial` the
    /// blocks on disk of other pieces, unverified.
    ///
    /// Does nothing unless the torrent is in [`crate::State::Checking`]; a `have` of the wrong
    /// size counts as empty.
    pub fn start(
        &mut self,
        now: Instant,
        torrent: TorrentId,
        have: Bitfield,
        partial: Vec<(PieceIndex, Bitfield)>,
    ) {
        let _ = (now, torrent, have, partial);
    }

    /// Chooses among the files: one priority for each, in the order of the metadata.
    pub fn select(&mut self, now: Instant, torrent: TorrentId, priorities: &[Priority]) {
        let _ = (now, torrent, priorities);
    }

    /// Adds peers to try.
    pub fn add_peers(
        &mut self,
        now: Instant,
        torrent: TorrentId,
        peers: impl IntoIterator<Item = SocketAddr>,
        origin: Origin,
    ) {
        let _ = (now, torrent, peers.into_iter(), origin);
    }

    /// Adds a tracker in a tier of its own.
    pub fn add_tracker(&mut self, now: Instant, torrent: TorrentId, url: &announce::TrackerUrl) {
        let _ = (now, torrent, url);
    }

    /// Changes the rate limits that the choker goes by.
    pub fn set_limits(&mut self, limits: Limits) {
        self.config.limits = limits;
    }

    /// Lets a torrent that failed go on, after the cause was removed.
    pub fn retry(&mut self, now: Instant, torrent: TorrentId) {
        let _ = (now, torrent);
    }

    /// Ends a torrent: closes its connections, writes what it holds, part pieces included, tells
    /// its trackers `stopped`. [`Event::Stopped`] follows, a few seconds later at most unless the
    /// disk is slower.
    pub fn stop(&mut self, now: Instant, torrent: TorrentId) {
        let _ = (now, torrent);
    }

    /// Ends every torrent, as [`stop`](Self::stop). Nothing is taken in afterwards.
    pub fn shutdown(&mut self, now: Instant) {
        let _ = now;
    }

    /// True when no torrent is left.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// A connection came in. `None`: there are too many; drop it.
    pub fn handle_incoming(&mut self, now: Instant, remote: SocketAddr) -> Option<ConnId> {
        let _ = (now, remote);
        None
    }

    /// A connection that [`poll_connect`](Self::poll_connect) asked for is open. False: it is no
    /// longer wanted; drop it, without calling [`handle_closed`](Self::handle_closed).
    pub fn handle_connected(&mut self, now: Instant, conn: ConnId) -> bool {
        let _ = (now, conn);
        false
    }

    /// A connection that [`poll_connect`](Self::poll_connect) asked for could not be opened.
    pub fn handle_connect_failed(&mut self, now: Instant, conn: ConnId) {
        let _ = (now, conn);
    }

    /// Takes what a connection has to say.
    pub fn handle_batch(&mut self, now: Instant, conn: ConnId, batch: Batch) {
        let _ = (now, conn, batch);
    }

    /// A connection has ended, for whatever reason.
    pub fn handle_closed(&mut self, now: Instant, conn: ConnId, reason: &CloseReason) {
        let _ = (now, conn, reason);
    }

    /// Takes the answer to a disk operation.
    pub fn handle_disk(&mut self, now: Instant, done: Done) {
        let _ = (now, done);
    }

    /// Takes the answer to an announce, or why there is none. Answers that come too late, or for
    /// a torrent that is gone, are ignored.
    pub fn handle_announce(
        &mut self,
        now: Instant,
        id: AnnounceId,
        result: Result<AnnounceResponse, Failure>,
    ) {
        let _ = (now, id, result);
    }

    /// Does what is due. Early and repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// The next order for a connection.
    pub fn poll_order(&mut self) -> Option<(ConnId, Order)> {
        None
    }

    /// The next connection to open.
    pub fn poll_connect(&mut self) -> Option<Connect> {
        None
    }

    /// The next operation for the disk; each is answered once by
    /// [`handle_disk`](Self::handle_disk).
    pub fn poll_disk(&mut self) -> Option<Op> {
        None
    }

    /// The next announce to make.
    pub fn poll_announce(&mut self) -> Option<Announce> {
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// False while the block cache is over its budget: read no sockets until it is true again.
    /// Orders and everything else go on.
    pub fn reading_allowed(&self) -> bool {
        true
    }

    /// The torrents, in the order they were added.
    pub fn torrents(&self) -> impl Iterator<Item = TorrentId> + '_ {
        std::iter::empty()
    }

    /// The torrent with this v1 info-hash, or truncated v2 info-hash.
    pub fn find(&self, info_hash: &hash::Sha1Digest) -> Option<TorrentId> {
        let _ = info_hash;
        None
    }

    /// How a torrent does; `None` when it is not here (any more).
    pub fn status(&self, now: Instant, torrent: TorrentId) -> Option<Status> {
        let _ = (now, torrent);
        None
    }

    /// Everybody who was met, who gave most first.
    pub fn sources(&self, torrent: TorrentId) -> Vec<Source> {
        let _ = torrent;
        Vec::new()
    }

    /// The trackers, and how they do.
    pub fn trackers(&self, torrent: TorrentId) -> Vec<TrackerStatus<'_>> {
        let _ = torrent;
        Vec::new()
    }

    /// The pieces that are verified and on disk; `None` without metadata.
    pub fn have(&self, torrent: TorrentId) -> Option<&Bitfield> {
        let _ = torrent;
        None
    }
}
