use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use stdx::{Bitfield, BlockRange, Buf, Instant, Pool};

use crate::{Batch, CloseReason, Config, Order, PeerError, Report, Torrent, Totals};

/// One connection to a peer. Performs no I/O and reads no clock.
///
/// Inputs are the `handle_*` methods. After any of them, drain [`Self::poll_read`],
/// [`Self::poll_transmit`] and [`Self::poll_report`] (or [`Self::poll_batch`]), then read
/// [`Self::poll_timeout`]. Any error ends the connection.
#[derive(Debug)]
pub struct Peer {
    _config: Arc<Config>,
}

#[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut)]
impl Peer {
    /// An outgoing connection, just established. `have` is empty without metadata.
    pub fn connect(
        _now: Instant,
        config: Arc<Config>,
        _torrent: Arc<Torrent>,
        _have: Bitfield,
        _upload_only: bool,
        _remote: SocketAddr,
    ) -> Self {
        Self { _config: config }
    }

    /// An incoming connection, just accepted.
    pub fn accept(_now: Instant, config: Arc<Config>, _remote: SocketAddr) -> Self {
        Self { _config: config }
    }

    /// Takes bytes from the transport, all of them. Blocks are taken from `pool`.
    pub fn handle_received(
        &mut self,
        _now: Instant,
        _data: &[u8],
        _pool: &Pool,
    ) -> Result<(), PeerError> {
        Ok(())
    }

    /// The room for the rest of the block that is arriving, to read into without a copy; `None`
    /// between blocks. What is read there comes before all else: tell [`Self::handle_direct`].
    pub fn direct(&mut self) -> Option<&mut [u8]> {
        None
    }

    /// Takes `n` bytes that were read into [`Self::direct`].
    ///
    /// # Panics
    /// When there was not that much room.
    pub fn handle_direct(&mut self, _now: Instant, _n: usize) -> Result<(), PeerError> {
        Ok(())
    }

    /// False when the transport should not be read for now: the torrent's owner has not answered
    /// yet, or the remote does not take what we have to send.
    pub fn wants_input(&self) -> bool {
        true
    }

    /// Does what the owner says; the error is why the connection ends.
    pub fn handle_order(&mut self, _now: Instant, _order: Order) -> Result<(), CloseReason> {
        Ok(())
    }

    /// Takes the answer to [`Self::poll_read`]; `None` when it could not be read.
    pub fn handle_read(&mut self, _now: Instant, _range: BlockRange, _data: Option<Buf>) {}

    /// Takes note that the transport took `n` bytes of [`Self::poll_transmit`].
    pub fn handle_sent(&mut self, _now: Instant, _n: usize) {}

    /// Does what is due. Early and repeated calls do nothing.
    pub fn handle_timeout(&mut self, _now: Instant) -> Result<(), PeerError> {
        Ok(())
    }

    /// A block to be read from disk for the remote; answer each with [`Self::handle_read`].
    pub fn poll_read(&mut self) -> Option<BlockRange> {
        None
    }

    /// Appends what is to be sent to `out`, at most 64 slices, and returns how many bytes that is.
    /// Nothing is taken until [`Self::handle_sent`].
    pub fn poll_transmit<'a>(&'a self, _out: &mut Vec<IoSlice<'a>>) -> usize {
        0
    }

    /// The next report for the owner.
    pub fn poll_report(&mut self) -> Option<Report> {
        None
    }

    /// All reports that are waiting, with the state that goes with them.
    pub fn poll_batch(&mut self) -> Batch {
        Batch::default()
    }

    /// How many more blocks the request queue would take now.
    pub fn want(&self) -> u32 {
        0
    }

    /// Traffic so far.
    pub fn totals(&self) -> Totals {
        Totals::default()
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The torrent, once it is known.
    pub fn torrent(&self) -> Option<&Arc<Torrent>> {
        None
    }
}
