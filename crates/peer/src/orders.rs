//! What the owner's orders do.

use std::sync::Arc;

use stdx::{Bitfield, BlockRange, Instant, PieceIndex};
use wire::{Extension, HashRequest, Message, MetadataMessage};

use crate::connection::Connection;
use crate::handshake;
use crate::pieces::PieceSet;
use crate::{CloseReason, Order, PeerError, Report, Torrent};

impl Connection {
    /// Does what the owner says, except [`Order::Welcome`], which needs the decoder.
    pub(crate) fn handle_order(&mut self, now: Instant, order: Order) -> Result<(), CloseReason> {
        match order {
            Order::Welcome { torrent, have, upload_only } => {
                return self.handle_welcome(torrent, have, upload_only);
            }
            Order::Metadata { torrent, have } => self.handle_metadata_known(torrent, have)?,
            Order::Choke => self.choke(),
            Order::Unchoke => {
                if self.am_choking {
                    self.am_choking = false;
                    self.say(&Message::Unchoke);
                }
            }
            Order::Interested(interested) => {
                if self.am_interested != interested {
                    self.am_interested = interested;
                    let (yes, no) = (Message::Interested, Message::NotInterested);
                    self.say(if interested { &yes } else { &no });
                    self.pipeline.rest();
                }
            }
            Order::Request(ranges) => {
                self.taken += ranges.len() as u64;
                self.request(now, ranges);
            }
            Order::Cancel(ranges) => {
                for range in ranges {
                    if self.pipeline.cancel(range) {
                        self.outbox.send(&Message::Cancel(self.padded(range)));
                    }
                }
            }
            Order::Have(piece) => {
                if self.have.insert(piece) {
                    self.say(&Message::Have(piece));
                }
            }
            Order::Lost(piece) => self.lose(piece)?,
            Order::Suggest(piece) => {
                if self.agreed.fast {
                    self.say(&Message::Suggest(piece));
                }
            }
            Order::UploadOnly(upload_only) => {
                if self.upload_only != upload_only {
                    self.upload_only = upload_only;
                    self.state_upload_only();
                }
            }
            Order::RequestMetadata(piece) => self.request_metadata(now, piece),
            Order::RequestHashes(request) => self.request_hashes(now, request),
            Order::Hashes(request, hashes) => {
                self.extensions.close_hash_question();
                self.say(&Message::Hashes(request, hashes));
            }
            Order::RejectHashes(request) => {
                self.extensions.close_hash_question();
                self.say(&Message::HashReject(request));
            }
            Order::Pex(pex) => self.tell(Extension::Pex, |out| pex.encode(out)),
            Order::Holepunch(message) => self.tell(Extension::Holepunch, |out| message.encode(out)),
            Order::Close(reason) => return Err(reason),
        }
        Ok(())
    }

    /// Sends what an extension has to tell, where we do that.
    fn tell(&mut self, extension: Extension, encode: impl FnOnce(&mut Vec<u8>)) {
        let agreed = match extension {
            Extension::Pex => self.exchanges_peers(),
            _ => self.punches(),
        };
        if agreed && self.greeting.is_done() {
            let mut payload = Vec::new();
            encode(&mut payload);
            self.send_extension(extension, &payload);
        }
    }

    /// Answers the handshake of an incoming connection.
    fn handle_welcome(
        &mut self,
        torrent: Arc<Torrent>,
        have: Bitfield,
        upload_only: bool,
    ) -> Result<(), CloseReason> {
        let handshake::Greeting::Reported { theirs, .. } = &self.greeting else {
            return Ok(());
        };
        let dht = self.config.has_dht(&torrent);
        let answer = handshake::answer(&torrent.hashes, theirs, self.config.peer_id, dht);
        let (ours, agreed) = answer.ok_or(CloseReason::UnknownTorrent)?;
        self.outbox.send_raw(&ours.encode());
        self.enter(torrent, have);
        self.upload_only = upload_only;
        self.open(agreed);
        Ok(())
    }

    fn handle_metadata_known(
        &mut self,
        torrent: Arc<Torrent>,
        have: Bitfield,
    ) -> Result<(), PeerError> {
        let known = self.layout().is_some();
        if !self.greeting.is_done() {
            self.enter(torrent, have);
            return Ok(());
        }
        self.torrent = Some(torrent);
        let Some(pieces) = self.layout().map(metainfo::Layout::pieces) else {
            return Ok(());
        };
        if known {
            return Ok(());
        }
        self.have = PieceSet::None(pieces);
        for piece in have.iter_ones().map(PieceIndex) {
            if self.have.insert(piece) {
                self.outbox.send(&Message::Have(piece));
            }
        }
        self.send_extended_handshake(false);
        self.allowed_ours.retain(|piece| piece.0 < pieces);
        if let Some(bits) = self.theirs.resolve(pieces)? {
            self.reports.push_back(Report::Pieces(bits));
        }
        self.reports.extend(self.allowed_ours.iter().map(|&piece| Report::AllowedFast(piece)));
        self.allow_fast();
        Ok(())
    }

    /// Sends a message, once the conversation is open; before, the opening tells it.
    fn say(&mut self, message: &Message<'_>) {
        if self.greeting.is_done() {
            self.outbox.send(message);
        }
    }

    fn choke(&mut self) {
        if self.am_choking {
            return;
        }
        self.am_choking = true;
        self.say(&Message::Choke);
        if self.agreed.fast {
            // What is on its way from disk or to the socket still goes: each request has one
            // answer, and it is half a second's worth.
            let allowed = &self.allowed_theirs;
            let gone = self.uploads.cancel_all(|range| allowed.contains(&range.piece));
            self.send_rejects(gone);
        } else {
            self.uploads.cancel_all(|_| false);
            self.uploads.cancel_readings();
            self.outbox.drop_blocks();
        }
    }

    fn request(&mut self, now: Instant, ranges: Vec<BlockRange>) {
        let mut refused = Vec::new();
        for range in ranges {
            let allowed = !self.peer_choking || self.allowed_ours.contains(&range.piece);
            let there = self.theirs.known().is_some_and(|theirs| theirs.get(range.piece));
            if allowed && there && self.pipeline.request(now, range) {
                self.outbox.send(&Message::Request(self.padded(range)));
            } else {
                refused.push(range);
            }
        }
        self.report_rejected(refused);
    }

    /// Takes an announcement back. A remote that does not understand that would ask for the piece
    /// again and again, or wait for ever.
    fn lose(&mut self, piece: PieceIndex) -> Result<(), CloseReason> {
        if !self.have.remove(piece) {
            return Ok(());
        }
        self.have_lost = true;
        let gone = self.uploads.cancel_all(|range| range.piece != piece);
        self.send_rejects(gone);
        let told = !self.greeting.is_done()
            || self.send_extension(Extension::DontHave, &piece.0.to_be_bytes());
        if told { Ok(()) } else { Err(CloseReason::Changed) }
    }

    fn state_upload_only(&mut self) {
        let flag = [u8::from(self.upload_only)];
        if self.greeting.is_done() && !self.send_extension(Extension::UploadOnly, &flag) {
            self.send_extended_handshake(false);
        }
    }

    fn request_metadata(&mut self, now: Instant, piece: u32) {
        let asked = self.greeting.is_done()
            && self.extensions.metadata_asked.ask(now, piece)
            && self.extensions.send_metadata(&mut self.outbox, &MetadataMessage::Request(piece));
        if !asked {
            self.extensions.metadata_asked.answer(&piece);
            self.reports.push_back(Report::MetadataRejected(piece));
        }
    }

    fn request_hashes(&mut self, now: Instant, request: HashRequest) {
        let can = self.greeting.is_done() && self.agreed.v2;
        if can && self.extensions.hashes_asked.ask(now, request) {
            self.outbox.send(&Message::HashRequest(request));
        } else {
            self.reports.push_back(Report::HashesRejected(request));
        }
    }
}
