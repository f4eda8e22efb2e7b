use stdx::{Bitfield, BlockRange, Buf, Instant, PieceIndex, TorrentId};

use crate::{Config, Content, Done, Event, Op};

/// The block cache of a session.
#[derive(Debug)]
pub struct Cache {
    config: Config,
}

impl Cache {
    /// An empty cache.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Takes a torrent in. `have` are the pieces on disk already: they are never written.
    ///
    /// # Panics
    /// When the torrent is here already, or `have` is of another size.
    pub fn add_torrent(&mut self, torrent: TorrentId, content: impl Into<Content>, have: Bitfield) {
        let _ = (torrent, content.into(), have);
    }

    /// Forgets a torrent; what is in memory is dropped, operations in flight are left to end.
    /// [`Self::flush`] first to keep it.
    pub fn remove_torrent(&mut self, torrent: TorrentId) {
        let _ = torrent;
    }

    /// Notes blocks of a piece that are on disk, unverified, from an earlier run.
    pub fn restore_partial(&mut self, torrent: TorrentId, piece: PieceIndex, blocks: &Bitfield) {
        let _ = (torrent, piece, blocks);
    }

    /// Takes a block in, as [`metainfo::Layout::request`] cuts it. A block that is here already,
    /// of a piece that is held, or not cut so is dropped.
    pub fn store(&mut self, now: Instant, torrent: TorrentId, range: BlockRange, data: Buf) {
        let _ = (now, torrent, range, data);
    }

    /// Answers [`Event::Hashed`]: a good piece is written, a bad one dropped.
    pub fn verdict(&mut self, now: Instant, torrent: TorrentId, piece: PieceIndex, good: bool) {
        let _ = (now, torrent, piece, good);
    }

    /// Has the piece read back and hashed as if its blocks had just arrived, whether or not it is
    /// held: after the disk gave back wrong bytes, and for pieces of padding alone.
    pub fn recheck(&mut self, now: Instant, torrent: TorrentId, piece: PieceIndex) {
        let _ = (now, torrent, piece);
    }

    /// Drops what is held of a piece, also from the record.
    pub fn forget(&mut self, now: Instant, torrent: TorrentId, piece: PieceIndex) {
        let _ = (now, torrent, piece);
    }

    /// Raises a fence: all that was stored so far goes to disk and into the record, complete or
    /// not; answered by [`Event::Flushed`], also after failures.
    pub fn flush(&mut self, now: Instant, torrent: TorrentId) {
        let _ = (now, torrent);
    }

    /// Lets the next failure of the torrent be reported again.
    pub fn retry(&mut self, torrent: TorrentId) {
        let _ = torrent;
    }

    /// True while no more blocks should be asked for.
    pub fn is_full(&self) -> bool {
        self.used() >= self.config.budget
    }

    /// Bytes held in memory now.
    pub fn used(&self) -> u64 {
        0
    }

    /// Takes the answer to an operation.
    pub fn handle_done(&mut self, now: Instant, done: Done) {
        let _ = (now, done);
    }

    /// Issues the syncs that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// The next operation for the disk. Draw events first, so that verdicts are in before pieces
    /// are chosen to be spilled.
    pub fn poll_op(&mut self) -> Option<Op> {
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
