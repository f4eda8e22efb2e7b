use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use stdx::{Bitfield, BlockRange, Buf, Instant, Pool};
use wire::{Decoder, HANDSHAKE_LENGTH, Landing, Message};

use crate::connection::Connection;
use crate::handshake;
use crate::handshake::Greeting;
use crate::{Batch, Carrier, CloseReason, Config, Order, PeerError, Report, Torrent, Totals};

/// One connection to a peer. Performs no I/O and reads no clock.
///
/// Inputs are the `handle_*` methods. After any of them, drain [`Self::poll_read`],
/// [`Self::poll_transmit`] and [`Self::poll_report`] (or [`Self::poll_batch`]), then read
/// [`Self::poll_timeout`]. Any error ends the connection.
#[derive(Debug)]
pub struct Peer {
    decoder: Decoder,
    connection: Connection,
    /// All that ever came, in bytes.
    received: u64,
}

impl Peer {
    /// The first bytes that [`Self::connect`] will want to send, for those who say them before
    /// (BEP 3); `None` for a torrent that has no hash.
    pub fn hello(config: &Config, torrent: &Torrent) -> Option<[u8; HANDSHAKE_LENGTH]> {
        Some(handshake::offer(&torrent.hashes, config.peer_id, config.has_dht(torrent))?.encode())
    }

    /// An outgoing connection, just established. `have` is empty without metadata.
    pub fn connect(
        now: Instant,
        config: Arc<Config>,
        torrent: Arc<Torrent>,
        have: Bitfield,
        upload_only: bool,
        remote: SocketAddr,
    ) -> Self {
        let connection = Connection::connect(now, config, torrent, have, upload_only, remote);
        Self::new(connection)
    }

    /// An incoming connection, just accepted.
    pub fn accept(now: Instant, config: Arc<Config>, remote: SocketAddr) -> Self {
        Self::new(Connection::accept(now, config, remote))
    }

    /// Says what carries the connection, when that is not TCP as it is; before the conversation
    /// opens.
    pub fn set_carrier(&mut self, carrier: Carrier) {
        self.connection.carrier = carrier;
    }

    fn new(connection: Connection) -> Self {
        let mut new = Self { decoder: Decoder::new(), connection, received: 0 };
        new.bound_decoder();
        new
    }

    /// Takes bytes from the transport, all of them. Blocks are taken from `pool`.
    ///
    /// # Errors
    /// When the remote breaks the protocol.
    pub fn handle_received(
        &mut self,
        now: Instant,
        data: &[u8],
        pool: &Pool,
    ) -> Result<(), PeerError> {
        self.received += data.len() as u64;
        self.connection.heard(now);
        let rest = match self.connection.greeting {
            Greeting::Done => data,
            _ => self.connection.handle_greeting(data, pool)?,
        };
        self.decode(now, rest, pool)
    }

    /// The room for the rest of the block that is arriving, to read into without a copy; `None`
    /// between blocks. What is read there comes before all else: tell [`Self::handle_direct`].
    pub fn direct(&mut self) -> Option<&mut [u8]> {
        self.decoder.direct()
    }

    /// Takes `n` bytes that were read into [`Self::direct`].
    ///
    /// # Errors
    /// When the remote breaks the protocol.
    ///
    /// # Panics
    /// When there was not that much room.
    pub fn handle_direct(&mut self, now: Instant, n: usize) -> Result<(), PeerError> {
        self.received += n as u64;
        self.connection.heard(now);
        match self.decoder.direct_filled(n) {
            Some((range, data)) => self.connection.handle_message(now, Message::Piece(range, data)),
            None => Ok(()),
        }
    }

    /// How many blocks are likely to come next, one behind the other, after what
    /// [`Self::direct`] has room for.
    pub fn likely_blocks(&self) -> usize {
        let arriving = usize::from(self.decoder.partial() > 0);
        let likely = self.outstanding().saturating_sub(arriving);
        let may_land =
            matches!(self.connection.greeting, Greeting::Done) && self.decoder.may_land();
        if may_land { likely } else { 0 }
    }

    /// Takes the first `n` bytes that were read into `landing`, after those of
    /// [`Self::handle_direct`] and before those of [`Self::handle_received`].
    ///
    /// # Errors
    /// When the remote breaks the protocol.
    pub fn handle_landed(
        &mut self,
        now: Instant,
        (landing, n): (&mut Landing, usize),
        pool: &Pool,
    ) -> Result<(), PeerError> {
        self.received += n as u64;
        self.connection.heard(now);
        let Self { decoder, connection, .. } = self;
        let skipped = decoder.skipped();
        decoder.decode_landed(landing, n, pool, |it| connection.handle_message(now, it))?;
        connection.handle_skipped(now, decoder.skipped() - skipped)
    }

    /// False when the transport should not be read for now: the torrent's owner has not answered
    /// yet, or the remote does not take what we have to send.
    pub fn wants_input(&self) -> bool {
        self.connection.wants_input()
    }

    /// Does what the owner says.
    ///
    /// # Errors
    /// Why the connection ends.
    pub fn handle_order(&mut self, now: Instant, order: Order) -> Result<(), CloseReason> {
        let early = match (&order, &mut self.connection.greeting) {
            (Order::Welcome { .. }, Greeting::Reported { early, pool, .. }) => {
                Some((std::mem::take(early), pool.clone()))
            }
            _ => None,
        };
        let entering = matches!(order, Order::Welcome { .. } | Order::Metadata { .. });
        self.connection.handle_order(now, order)?;
        if entering {
            self.bound_decoder();
        }
        if let Some((early, pool)) = early {
            self.decode(now, &early, &pool)?;
        }
        Ok(())
    }

    /// Takes the answer to [`Self::poll_read`]; `None` when it could not be read.
    pub fn handle_read(&mut self, _now: Instant, range: BlockRange, data: Option<Buf>) {
        self.connection.handle_read(range, data);
    }

    /// Takes note that the transport took `n` bytes of [`Self::poll_transmit`]. Nothing else may
    /// be told in between.
    ///
    /// # Panics
    /// When that is more than was given out.
    pub fn handle_sent(&mut self, now: Instant, n: usize) {
        self.connection.handle_sent(now, n);
    }

    /// Does what is due. Early and repeated calls do nothing.
    ///
    /// # Errors
    /// When the remote was silent for too long.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        self.connection.handle_timeout(now)
    }

    /// A block to be read from disk for the remote; answer each with [`Self::handle_read`].
    pub fn poll_read(&mut self) -> Option<BlockRange> {
        let sending = self.connection.outbox.block_bytes();
        self.connection.uploads.poll_read(sending)
    }

    /// Appends what is to be sent to `out`, at most 64 slices, and returns how many bytes that is.
    /// Nothing is taken until [`Self::handle_sent`].
    pub fn poll_transmit<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) -> usize {
        self.connection.outbox.poll_transmit(out)
    }

    /// Whether [`Self::poll_transmit`] has anything; cheaper than asking it.
    pub fn has_transmit(&self) -> bool {
        !self.connection.outbox.is_empty()
    }

    /// The next report for the owner.
    pub fn poll_report(&mut self) -> Option<Report> {
        self.connection.reports.pop_front()
    }

    /// All reports that are waiting, with the state that goes with them.
    pub fn poll_batch(&mut self) -> Batch {
        let reports = self.connection.reports.drain(..).collect();
        Batch { reports, want: self.want(), taken: self.connection.taken, totals: self.totals() }
    }

    /// How many more blocks the request queue would take now.
    pub fn want(&self) -> u32 {
        self.connection.want()
    }

    /// How many blocks were asked for and have not come.
    pub fn outstanding(&self) -> usize {
        self.connection.pipeline.outstanding()
    }

    /// Traffic so far; payload counts as it comes, not only when its block is whole.
    pub fn totals(&self) -> Totals {
        let mut totals = self.connection.totals;
        totals.down_payload += self.decoder.partial() as u64;
        totals.down_protocol = self.received - totals.down_payload;
        totals
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    /// The torrent, once it is known.
    pub fn torrent(&self) -> Option<&Arc<Torrent>> {
        self.connection.torrent.as_ref()
    }

    fn decode(&mut self, now: Instant, mut data: &[u8], pool: &Pool) -> Result<(), PeerError> {
        let skipped = self.decoder.skipped();
        while let Some(message) = self.decoder.decode(&mut data, pool)? {
            self.connection.handle_message(now, message)?;
        }
        self.connection.handle_skipped(now, self.decoder.skipped() - skipped)
    }

    fn bound_decoder(&mut self) {
        if let Some(layout) = self.connection.layout() {
            self.decoder.set_pieces(layout.pieces());
        }
    }
}
