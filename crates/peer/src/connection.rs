use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use metainfo::Layout;
use stdx::{Bitfield, BlockRange, Buf, Instant, PieceIndex, Pool};
use wire::{Extension, Message};

use crate::allowed;
use crate::availability::Availability;
use crate::chatter::Chatter;
use crate::extensions::Extensions;
use crate::handshake;
use crate::handshake::{Agreed, Greeting, Partial};
use crate::outbox::Outbox;
use crate::pieces::PieceSet;
use crate::pipeline::Pipeline;
use crate::uploads::Uploads;
use crate::{Carrier, Config, PeerError, Report, Torrent, Totals};

/// Messages that may wait for the socket before the remote is no longer listened to, in bytes.
const CONTROL_MAX: usize = 256 * 1024;

/// Everything about a connection but its decoder, whose messages borrow from it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) config: Arc<Config>,
    pub(crate) remote: SocketAddr,
    pub(crate) carrier: Carrier,
    pub(crate) torrent: Option<Arc<Torrent>>,
    pub(crate) greeting: Greeting,
    pub(crate) agreed: Agreed,
    pub(crate) upload_only: bool,

    /// What we announced, or will when the conversation opens.
    pub(crate) have: PieceSet,
    /// We took an announcement back, so requests for lost pieces are honest mistakes.
    pub(crate) have_lost: bool,
    pub(crate) theirs: Availability,
    /// Nothing that ends the opening has come yet: what the remote has is still to be said.
    pub(crate) opening: bool,
    /// How often it said so again afterwards.
    pub(crate) late_claims: u32,
    /// The remote said where its node of the DHT is.
    pub(crate) dht_port_told: bool,

    pub(crate) am_choking: bool,
    pub(crate) am_interested: bool,
    pub(crate) peer_choking: bool,
    pub(crate) peer_interested: bool,
    /// What the remote may ask for while we choke, and how many bytes more of it.
    pub(crate) allowed_theirs: Vec<PieceIndex>,
    pub(crate) allowed_budget: u64,
    /// What we may ask for while choked.
    pub(crate) allowed_ours: Vec<PieceIndex>,

    pub(crate) chatter: Chatter,
    pub(crate) pipeline: Pipeline,
    /// Blocks of every order to request, see [`crate::Batch::taken`].
    pub(crate) taken: u64,
    pub(crate) uploads: Uploads,
    pub(crate) extensions: Extensions,
    pub(crate) outbox: Outbox,
    pub(crate) reports: VecDeque<Report>,

    started: Instant,
    heard: Instant,
    sent: Instant,
    /// The remote began, and has had nothing behind our opening yet, see [`Config::nudge`].
    to_nudge: bool,
    pub(crate) totals: Totals,
}

impl Connection {
    pub(crate) fn connect(
        now: Instant,
        config: Arc<Config>,
        torrent: Arc<Torrent>,
        have: Bitfield,
        upload_only: bool,
        remote: SocketAddr,
    ) -> Self {
        let mut new = Self::accept(now, config, remote);
        // A torrent without any hash cannot be asked for: the handshake then times out.
        let dht = new.config.has_dht(&torrent);
        if let Some(offer) = handshake::offer(&torrent.hashes, new.config.peer_id, dht) {
            new.outbox.send_raw(&offer.encode());
        }
        new.greeting = Greeting::Asked(Partial::EMPTY);
        new.to_nudge = false;
        new.enter(torrent, have);
        new.upload_only = upload_only;
        new
    }

    pub(crate) fn accept(now: Instant, config: Arc<Config>, remote: SocketAddr) -> Self {
        Self {
            remote,
            carrier: Carrier::default(),
            torrent: None,
            greeting: Greeting::Listening(Partial::EMPTY),
            agreed: Agreed::default(),
            upload_only: false,
            have: PieceSet::None(0),
            have_lost: false,
            theirs: Availability::UNKNOWN,
            opening: true,
            late_claims: 0,
            dht_port_told: false,
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            allowed_theirs: Vec::new(),
            allowed_budget: 0,
            allowed_ours: Vec::new(),
            chatter: Chatter::new(now),
            pipeline: Pipeline::new(&config),
            taken: 0,
            uploads: Uploads::new(&config),
            extensions: Extensions::default(),
            outbox: Outbox::default(),
            reports: VecDeque::new(),
            started: now,
            heard: now,
            sent: now,
            to_nudge: true,
            totals: Totals::default(),
            config,
        }
    }

    /// Takes the torrent, with or without metadata, and what we have of it.
    pub(crate) fn enter(&mut self, torrent: Arc<Torrent>, have: Bitfield) {
        let pieces = torrent.info.as_ref().map(|info| info.layout().pieces());
        self.torrent = Some(torrent);
        self.have = match pieces {
            Some(pieces) if have.len() == pieces => PieceSet::new(have),
            other => PieceSet::None(other.unwrap_or(0)),
        };
        if let Some(pieces) = pieces
            && let Availability::Early { .. } = self.theirs
            && !self.greeting.is_done()
        {
            // Nothing was said yet, so nothing is to be reported.
            self.theirs = Availability::Known(PieceSet::None(pieces));
        }
    }

    pub(crate) fn layout(&self) -> Option<&Layout> {
        Some(self.torrent.as_ref()?.info.as_ref()?.layout())
    }

    /// A request of ours as it goes over the wire.
    pub(crate) fn padded(&self, range: BlockRange) -> BlockRange {
        self.layout().map_or(range, |layout| layout.padded(range))
    }

    /// The request of ours that an answer from the wire belongs to.
    pub(crate) fn unpadded(&self, range: BlockRange) -> BlockRange {
        self.layout().map_or(range, |layout| layout.unpadded(range))
    }

    /// Takes bytes of the handshake off the front of `data`. What is left is for the decoder.
    pub(crate) fn handle_greeting<'a>(
        &mut self,
        mut data: &'a [u8],
        pool: &Pool,
    ) -> Result<&'a [u8], PeerError> {
        let theirs = match &mut self.greeting {
            Greeting::Asked(partial) | Greeting::Listening(partial) => partial.take(&mut data)?,
            Greeting::Reported { .. } => {
                self.greeting.keep(data)?;
                return Ok(&[]);
            }
            Greeting::Done => return Ok(data),
        };
        let Some(theirs) = theirs else { return Ok(&[]) };
        if theirs.peer_id == self.config.peer_id {
            return Err(PeerError::SelfConnection);
        }
        let mut report = |fast, extended, v2| {
            self.reports.push_back(Report::Handshake {
                info_hash: theirs.info_hash,
                peer_id: theirs.peer_id,
                fast,
                extended,
                v2,
            });
        };
        let Some(torrent) = &self.torrent else {
            let bits = theirs.reserved;
            report(bits.fast(), bits.extended(), bits.v2());
            self.greeting = Greeting::Reported { theirs, early: Vec::new(), pool: pool.clone() };
            self.greeting.keep(data)?;
            return Ok(&[]);
        };
        let agreed = handshake::conclude(&torrent.hashes, &theirs)?;
        report(agreed.fast, agreed.extended, agreed.v2);
        self.open(agreed);
        Ok(data)
    }

    /// Opens the conversation: what we have, what we speak, and what the owner has said already.
    pub(crate) fn open(&mut self, agreed: Agreed) {
        self.greeting = Greeting::Done;
        self.agreed = agreed;
        if self.carrier != Carrier::default() {
            self.reports.push_back(Report::Carried(self.carrier));
        }
        match &self.have {
            PieceSet::None(_) if agreed.fast => self.outbox.send(&Message::HaveNone),
            PieceSet::None(_) => {}
            PieceSet::All(_) if agreed.fast => self.outbox.send(&Message::HaveAll),
            some => self.outbox.send(&Message::Bitfield(some.to_bitfield().as_bytes())),
        }
        self.send_extended_handshake(true);
        self.send_dht_port();
        if !self.am_choking {
            self.outbox.send(&Message::Unchoke);
        }
        if self.am_interested {
            self.outbox.send(&Message::Interested);
        }
    }

    /// Whether peers are exchanged with the remote, as far as we are concerned (BEP 11, BEP 27).
    pub(crate) fn exchanges_peers(&self) -> bool {
        self.config.pex && self.torrent.as_ref().is_some_and(|torrent| !torrent.private)
    }

    /// Says where our node of the DHT is, to who has one, too (BEP 5).
    fn send_dht_port(&mut self) {
        let open = self.torrent.as_ref().is_some_and(|torrent| self.config.has_dht(torrent));
        if let Some(port) = self.config.dht_port.filter(|_| open && self.agreed.dht) {
            self.outbox.send(&Message::Port(port));
        }
    }

    /// The same for bringing peers together (BEP 55).
    pub(crate) fn punches(&self) -> bool {
        self.config.holepunch && self.torrent.as_ref().is_some_and(|torrent| !torrent.private)
    }

    /// What the first one leaves out, we do not speak; a later one has to say so.
    pub(crate) fn send_extended_handshake(&mut self, first: bool) {
        let Some(torrent) = &self.torrent else { return };
        if !self.agreed.extended {
            return;
        }
        let upload_only = self.upload_only;
        let mut handshake = Extensions::handshake(&self.config, torrent, upload_only, self.remote);
        if first {
            handshake.ids = handshake.ids.map(|id| id.filter(|&id| id != 0));
        }
        let mut payload = Vec::new();
        handshake.encode(&mut payload);
        self.outbox.send(&Message::Extended(0, &payload));
    }

    /// Allows a peer that has next to nothing its first pieces (BEP 6). A seed allows none: all its
    /// newcomers at once would split its uplink until nobody has a whole piece to pass on, while
    /// its slots go round anyway.
    pub(crate) fn allow_fast(&mut self) {
        let (Some(layout), Some(theirs)) = (self.layout(), self.theirs.known()) else {
            return;
        };
        let (pieces, count) = (layout.pieces(), allowed::count(layout.piece_length()));
        let settled = self.upload_only || !self.allowed_theirs.is_empty();
        if !self.agreed.fast || settled || theirs.ones() >= count {
            return;
        }
        let allowed = allowed::pieces(self.remote.ip(), &self.agreed.info_hash, pieces, count);
        let ours = |&piece: &PieceIndex| self.have.get(piece) && !theirs.get(piece);
        let allowed: Vec<_> = allowed.into_iter().filter(ours).collect();
        let sizes = allowed.iter().map(|&piece| u64::from(layout.piece_size(piece)));
        self.allowed_budget = sizes.sum();
        for &piece in &allowed {
            self.outbox.send(&Message::AllowedFast(piece));
        }
        self.allowed_theirs = allowed;
    }

    /// Reports requests that ended without a block; several in a row become one report.
    pub(crate) fn report_rejected(&mut self, ranges: impl IntoIterator<Item = BlockRange>) {
        let mut ranges = ranges.into_iter().peekable();
        if ranges.peek().is_none() {
            return;
        }
        if let Some(Report::Rejected(last)) = self.reports.back_mut() {
            last.extend(ranges);
        } else {
            self.reports.push_back(Report::Rejected(ranges.collect()));
        }
    }

    /// Answers requests with rejects, where the remote understands them.
    pub(crate) fn send_rejects(&mut self, ranges: impl IntoIterator<Item = BlockRange>) {
        if self.agreed.fast {
            ranges.into_iter().for_each(|range| self.outbox.send(&Message::Reject(range)));
        }
    }

    pub(crate) fn handle_read(&mut self, range: BlockRange, data: Option<Buf>) {
        let Some(live) = self.uploads.handle_read(range) else {
            return;
        };
        match data.filter(|data| live && data.len() == range.length as usize) {
            Some(data) => self.outbox.send_block(range, data),
            None => self.send_rejects([range]),
        }
    }

    pub(crate) fn handle_sent(&mut self, now: Instant, n: usize) {
        let sent = self.outbox.handle_sent(n);
        self.totals.up_payload += sent.payload;
        self.totals.up_protocol += sent.protocol;
        self.sent = now;
        if sent.payload > 0 {
            self.uploads.handle_sent(now, sent.payload);
        }
        self.pump();
    }

    /// Sends what waits for room in the outbox.
    pub(crate) fn pump(&mut self) {
        if let Some(torrent) = &self.torrent {
            self.extensions.pump_metadata(&mut self.outbox, torrent);
        }
    }

    pub(crate) fn wants_input(&self) -> bool {
        let waiting = matches!(self.greeting, Greeting::Reported { .. });
        !waiting && self.outbox.control_bytes() < CONTROL_MAX
    }

    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        let config = Arc::clone(&self.config);
        if self.handshake_deadline().is_some_and(|deadline| now >= deadline) {
            return Err(PeerError::HandshakeTimeout);
        }
        if now >= self.heard + config.inactivity_timeout {
            return Err(PeerError::Inactive);
        }
        if self.keep_alive_deadline().is_some_and(|deadline| now >= deadline) {
            self.outbox.send(&Message::KeepAlive);
            self.to_nudge = false;
        }
        let expired = self.pipeline.expire(now, &config, self.peer_choking);
        for &range in &expired.requests {
            self.outbox.send(&Message::Cancel(self.padded(range)));
        }
        if expired.snubbed {
            self.reports.push_back(Report::Snubbed(true));
        }
        self.report_rejected(expired.requests);
        let timeout = config.request_timeout;
        while let Some(piece) = self.extensions.metadata_asked.expire(now, timeout) {
            self.reports.push_back(Report::MetadataRejected(piece));
        }
        while let Some(request) = self.extensions.hashes_asked.expire(now, timeout) {
            self.reports.push_back(Report::HashesRejected(request));
        }
        Ok(())
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.handshake_deadline(),
            self.keep_alive_deadline(),
            Some(self.heard + self.config.inactivity_timeout),
            self.pipeline.deadline(&self.config),
            self.extensions.deadline(self.config.request_timeout),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn handshake_deadline(&self) -> Option<Instant> {
        let waiting = matches!(self.greeting, Greeting::Asked(_) | Greeting::Listening(_));
        waiting.then(|| self.started + self.config.handshake_timeout)
    }

    fn keep_alive_deadline(&self) -> Option<Instant> {
        let idle = self.greeting.is_done() && self.outbox.is_empty();
        let Config { nudge, keep_alive, .. } = *self.config;
        idle.then(|| self.sent + if self.to_nudge { nudge } else { keep_alive })
    }

    pub(crate) fn want(&self) -> u32 {
        if self.peer_choking && self.allowed_ours.is_empty() {
            return 0;
        }
        self.pipeline.want()
    }

    pub(crate) fn send_extension(&mut self, extension: Extension, payload: &[u8]) -> bool {
        self.extensions.send(&mut self.outbox, extension, payload)
    }
}
