//! What the remote's messages do.

use std::net::SocketAddr;

use stdx::{BLOCK_LENGTH, BlockRange, Buf, Instant, PieceIndex};
use wire::{
    ExtendedHandshake, Extension, ExtensionIds, HASHES_MAX, HashRequest, Holepunch, Kind, Message,
    MetadataMessage, Pex, WireError,
};

use crate::availability::{Claim, check};
use crate::connection::Connection;
use crate::pipeline::Answer;
use crate::{Misbehaviour, PeerError, Report};

/// Blocks and rejects without a request that are forgiven: cancels cross answers.
const UNREQUESTED_MAX: u32 = 512;

/// Requests beyond the stated queue that are forgiven when they cannot be rejected.
const QUEUE_MARGIN: u32 = 500;

/// Pieces that the remote may allow us to ask for while choked; more are ignored.
const ALLOWED_MAX: usize = 64;

/// Bitfields after the opening. One that is shorter than the haves it stands for brings at least
/// 1/72 of the pieces, so an honest peer needs no more.
const LATE_CLAIMS_MAX: u32 = 80;

/// The highest layer that a tree of hashes can have.
const LAYERS_MAX: u32 = 64;

impl Connection {
    pub(crate) fn handle_message(
        &mut self,
        now: Instant,
        message: Message<'_>,
    ) -> Result<(), PeerError> {
        if is_chatter(&message) {
            self.chatter.add(now, 1)?;
        }
        match message {
            Message::KeepAlive => return Ok(()),
            Message::Port(port) => {
                self.handle_dht_port(port);
                return Ok(());
            }
            Message::Extended(id, payload) => return self.handle_extended(now, id, payload),
            Message::Bitfield(bits) => {
                return self.handle_claim(Kind::Bitfield, Claim::Bits(bits.to_vec()));
            }
            Message::HaveAll => return self.handle_claim(Kind::HaveAll, Claim::Everything),
            Message::HaveNone => return self.handle_claim(Kind::HaveNone, Claim::Nothing),
            _ => {}
        }
        self.opening = false;
        match message {
            Message::Choke => self.handle_choke(),
            Message::Unchoke => self.handle_unchoke(now),
            Message::Interested => self.handle_interested(true),
            Message::NotInterested => self.handle_interested(false),
            Message::Have(piece) => {
                if self.theirs.add(piece)? {
                    self.reports.push_back(Report::Have(piece));
                } else {
                    self.chatter.add(now, 1)?;
                }
            }
            Message::Request(range) => self.handle_request(now, range)?,
            Message::Piece(range, data) => self.handle_block(now, range, data)?,
            Message::Cancel(range) => self.handle_cancel(range),
            Message::Suggest(piece) => self.handle_suggest(piece)?,
            Message::Reject(range) => self.handle_reject(range)?,
            Message::AllowedFast(piece) => self.handle_allowed_fast(piece)?,
            Message::HashRequest(request) => self.handle_hash_request(request),
            Message::Hashes(request, hashes) => {
                if self.extensions.hashes_asked.answer(&request) {
                    self.reports.push_back(Report::Hashes(request, hashes));
                } else {
                    self.chatter.add(now, 1 + hashes.len() as u64 / 32)?;
                }
            }
            Message::HashReject(request) => {
                if self.extensions.hashes_asked.answer(&request) {
                    self.reports.push_back(Report::HashesRejected(request));
                }
            }
            Message::KeepAlive
            | Message::Port(_)
            | Message::Extended(..)
            | Message::Bitfield(_)
            | Message::HaveAll
            | Message::HaveNone => {}
        }
        Ok(())
    }

    /// Where the remote's node of the DHT is; told once (BEP 5).
    fn handle_dht_port(&mut self, port: u16) {
        let open = self.torrent.as_ref().is_some_and(|torrent| self.config.has_dht(torrent));
        if open && port != 0 && !std::mem::replace(&mut self.dht_port_told, true) {
            self.reports.push_back(Report::Node(SocketAddr::new(self.remote.ip(), port)));
        }
    }

    /// Takes note of messages of unknown kinds.
    pub(crate) fn handle_skipped(&mut self, now: Instant, messages: u64) -> Result<(), PeerError> {
        Ok(self.chatter.add(now, messages)?)
    }

    fn handle_claim(&mut self, kind: Kind, claim: Claim) -> Result<(), PeerError> {
        if kind != Kind::Bitfield {
            self.check_fast(kind)?;
        }
        if !std::mem::replace(&mut self.opening, false) {
            // Some send one bitfield in place of many haves (aria2).
            self.late_claims += 1;
            if self.late_claims > LATE_CLAIMS_MAX || self.theirs.would_lose(&claim)? {
                return Err(Misbehaviour::LateAvailability(kind).into());
            }
        }
        if let Some(bits) = self.theirs.claim(claim)? {
            self.reports.push_back(Report::Pieces(bits));
            self.allow_fast();
        }
        Ok(())
    }

    fn handle_choke(&mut self) {
        if self.peer_choking {
            return;
        }
        self.peer_choking = true;
        self.reports.push_back(Report::Choked);
        // With the fast extension every request is still answered (BEP 6).
        if !self.agreed.fast {
            let rejected = self.pipeline.cancel_all();
            self.report_rejected(rejected);
        }
    }

    fn handle_unchoke(&mut self, now: Instant) {
        if self.peer_choking {
            self.peer_choking = false;
            self.pipeline.handle_unchoke(now);
            self.reports.push_back(Report::Unchoked);
        }
    }

    fn handle_interested(&mut self, interested: bool) {
        if self.peer_interested != interested {
            self.peer_interested = interested;
            self.reports.push_back(Report::Interested(interested));
        }
    }

    fn handle_request(&mut self, now: Instant, range: BlockRange) -> Result<(), PeerError> {
        let piece = range.piece;
        let unannounced = Misbehaviour::RequestNotAnnounced(piece);
        let layout = self.layout().ok_or(unannounced)?;
        if !layout.is_valid_request(range) || range.length > BLOCK_LENGTH {
            return Err(Misbehaviour::ImpossibleRequest(range).into());
        }
        if !self.have.get(piece) {
            if !self.have_lost {
                return Err(unannounced.into());
            }
            self.chatter.add(now, 1)?;
            self.send_rejects([range]);
            return Ok(());
        }
        let (queued, limit) = (self.uploads.len(), self.config.upload_queue_max);
        let choked = self.am_choking && !self.spend_allowance(range);
        if !self.agreed.fast && queued >= (limit + QUEUE_MARGIN) as usize {
            return Err(Misbehaviour::TooManyRequests { queued, limit }.into());
        }
        if choked || (self.agreed.fast && queued >= limit as usize) {
            self.chatter.add(now, 1)?;
            self.send_rejects([range]);
            return Ok(());
        }
        self.uploads.push(range);
        Ok(())
    }

    /// Whether a request may be served although we choke; counts it when it may.
    fn spend_allowance(&mut self, range: BlockRange) -> bool {
        let length = u64::from(range.length);
        let allowed = self.allowed_theirs.contains(&range.piece) && length <= self.allowed_budget;
        if allowed {
            self.allowed_budget -= length;
        }
        allowed
    }

    pub(crate) fn handle_block(
        &mut self,
        now: Instant,
        range: BlockRange,
        mut data: Buf,
    ) -> Result<(), PeerError> {
        self.opening = false;
        let range = self.unpadded(range);
        data.truncate(range.length as usize);
        self.totals.down_payload += data.len() as u64;
        let snubbed = self.pipeline.is_snubbed();
        if let Answer::Unrequested(count) = self.pipeline.handle_block(now, range) {
            return forgive(count);
        }
        if snubbed {
            self.reports.push_back(Report::Snubbed(false));
        }
        self.reports.push_back(Report::Block { range, data });
        Ok(())
    }

    fn handle_cancel(&mut self, range: BlockRange) {
        let gone = self.uploads.cancel_waiting(range) || self.outbox.drop_block(range);
        if gone {
            self.send_rejects([range]);
        } else {
            // Its read will end in a reject.
            self.uploads.cancel_reading(range);
        }
    }

    fn handle_reject(&mut self, range: BlockRange) -> Result<(), PeerError> {
        self.check_fast(Kind::Reject)?;
        let range = self.unpadded(range);
        match self.pipeline.handle_reject(range) {
            Answer::Outstanding => {
                // The allowance is used up: asking on would go round in circles.
                if self.peer_choking {
                    self.allowed_ours.clear();
                }
                self.report_rejected([range]);
                Ok(())
            }
            Answer::Late => Ok(()),
            Answer::Unrequested(count) => forgive(count),
        }
    }

    fn handle_suggest(&mut self, piece: PieceIndex) -> Result<(), PeerError> {
        self.check_fast(Kind::Suggest)?;
        if let Some(layout) = self.layout() {
            check(Kind::Suggest, piece, layout.pieces())?;
            self.reports.push_back(Report::Suggested(piece));
        }
        Ok(())
    }

    fn handle_allowed_fast(&mut self, piece: PieceIndex) -> Result<(), PeerError> {
        self.check_fast(Kind::AllowedFast)?;
        if let Some(layout) = self.layout() {
            check(Kind::AllowedFast, piece, layout.pieces())?;
        }
        if self.allowed_ours.len() < ALLOWED_MAX && !self.allowed_ours.contains(&piece) {
            self.allowed_ours.push(piece);
            // Before metadata it is kept, and reported with it.
            if self.layout().is_some() {
                self.reports.push_back(Report::AllowedFast(piece));
            }
        }
        Ok(())
    }

    fn handle_hash_request(&mut self, request: HashRequest) {
        let HashRequest { base_layer, index, length, proof_layers, .. } = request;
        let layers = base_layer < LAYERS_MAX && proof_layers < LAYERS_MAX;
        let run = length.is_power_of_two() && length <= HASHES_MAX && index % length == 0;
        let sound = layers && run;
        if self.agreed.v2 && sound && self.extensions.open_hash_question() {
            self.reports.push_back(Report::HashRequest(request));
        } else {
            self.outbox.send(&Message::HashReject(request));
        }
    }

    fn handle_extended(&mut self, now: Instant, id: u8, payload: &[u8]) -> Result<(), PeerError> {
        if !self.agreed.extended {
            return Ok(());
        }
        if id == 0 {
            let handshake = ExtendedHandshake::decode(payload)?;
            let ours = (self.exchanges_peers(), self.punches());
            let info = self.extensions.handle_handshake(handshake, ours);
            if let Some(reqq) = info.reqq {
                self.pipeline.set_remote_queue(reqq);
            }
            self.reports.push_back(Report::Extended(info));
            return Ok(());
        }
        match ExtensionIds::OURS.extension(id) {
            Some(Extension::Metadata) => self.handle_metadata(payload)?,
            Some(Extension::DontHave) => {
                let what = WireError::Malformed { what: "lt_donthave message" };
                let index = payload.try_into().map_err(|_| what)?;
                let piece = PieceIndex(u32::from_be_bytes(index));
                if self.theirs.remove(piece)? {
                    self.reports.push_back(Report::Lost(piece));
                }
            }
            Some(Extension::UploadOnly) => {
                let upload_only = payload.first().is_some_and(|&flag| flag != 0);
                let news = self.extensions.handle_upload_only(upload_only);
                self.reports.extend(news.map(Report::Extended));
            }
            Some(Extension::Pex) => self.handle_pex(now, payload)?,
            Some(Extension::Holepunch) => {
                let message = Holepunch::decode(payload)?.filter(|_| self.punches());
                self.reports.extend(message.map(Report::Holepunch));
            }
            None => {}
        }
        Ok(())
    }

    fn handle_pex(&mut self, now: Instant, payload: &[u8]) -> Result<(), PeerError> {
        if self.exchanges_peers() && self.extensions.admit_pex(now)? {
            let pex = Pex::decode(payload)?;
            self.extensions.judge_pex(&pex)?;
            self.reports.push_back(Report::Pex(pex));
        }
        Ok(())
    }

    fn handle_metadata(&mut self, payload: &[u8]) -> Result<(), PeerError> {
        match MetadataMessage::decode(payload)? {
            Some(MetadataMessage::Request(piece)) => {
                let Some(torrent) = &self.torrent else {
                    return Ok(());
                };
                if !self.extensions.queue_metadata(torrent, piece) {
                    let reject = MetadataMessage::Reject(piece);
                    self.extensions.send_metadata(&mut self.outbox, &reject);
                }
                self.pump();
            }
            Some(MetadataMessage::Data { piece, data, .. }) => {
                let asked = self.extensions.metadata_asked.answer(&piece);
                let report = || Report::Metadata { piece, data: data.to_vec() };
                self.reports.extend(asked.then(report));
            }
            Some(MetadataMessage::Reject(piece)) => {
                let asked = self.extensions.metadata_asked.answer(&piece);
                self.reports.extend(asked.then_some(Report::MetadataRejected(piece)));
            }
            None => {}
        }
        Ok(())
    }

    fn check_fast(&self, kind: Kind) -> Result<(), Misbehaviour> {
        if self.agreed.fast {
            return Ok(());
        }
        Err(Misbehaviour::FastNotAgreed(kind))
    }
}

/// Messages that an honest peer sends now and then, and that cost nothing to repeat. Requests,
/// blocks and haves are told apart by what becomes of them.
fn is_chatter(message: &Message<'_>) -> bool {
    match message {
        Message::Have(_)
        | Message::Request(_)
        | Message::Piece(..)
        | Message::Reject(_)
        | Message::Bitfield(_)
        | Message::HaveAll
        | Message::HaveNone
        | Message::Hashes(..) => false,
        Message::KeepAlive
        | Message::Port(_)
        | Message::Extended(..)
        | Message::Choke
        | Message::Unchoke
        | Message::Interested
        | Message::NotInterested
        | Message::Cancel(_)
        | Message::Suggest(_)
        | Message::AllowedFast(_)
        | Message::HashRequest(_)
        | Message::HashReject(_) => true,
    }
}

fn forgive(count: u32) -> Result<(), PeerError> {
    if count <= UNREQUESTED_MAX {
        return Ok(());
    }
    Err(Misbehaviour::Unrequested(count).into())
}
