use std::collections::VecDeque;
use std::net::SocketAddr;

use stdx::{Duration, Instant};
use wire::{
    ExtendedHandshake, Extension, ExtensionIds, HashRequest, METADATA_PIECE_LENGTH, Message,
    MetadataMessage, Pex,
};

use crate::outbox::Outbox;
use crate::{Config, ExtendedInfo, Misbehaviour, Torrent};

/// Requests for metadata that wait; more are rejected.
const METADATA_QUEUE_MAX: usize = 256;

/// Messages that may wait for the socket before the next piece of metadata is added, in bytes.
const METADATA_BACKLOG_MAX: usize = 32 * 1024;

/// How many times over one connection gets the metadata.
const METADATA_COPIES_MAX: u32 = 3;

/// Questions to the remote that may be open, for metadata and for hashes each.
const ASKED_MAX: usize = 256;

/// Questions of the remote for hashes that the owner may have open.
const HASH_QUESTIONS_MAX: u32 = 64;

/// Peer lists that come sooner after the last one are ignored (BEP 11: at most one a minute).
const PEX_INTERVAL: Duration = Duration::from_secs(30);

/// Peers of one kind that a list may hold; the first may be longer (BEP 11: 50, of both address
/// families together; some count each by itself).
const PEX_LENGTH_MAX: usize = 100;

/// How many more lists may be ignored, or too long, than are in order.
const PEX_FAULTS_MAX: u32 = 10;

/// What goes by the extension protocol, and hashes, which work alike.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    ids: ExtensionIds,
    info: ExtendedInfo,
    pub(crate) metadata_asked: Asked<u32>,
    pub(crate) hashes_asked: Asked<HashRequest>,
    hash_questions: u32,
    metadata_queue: VecDeque<u32>,
    metadata_sent: u32,
    pex_last: Option<Instant>,
    pex_lists: u64,
    pex_faults: u32,
}

/// Questions to the remote, in the order asked.
#[derive(Debug)]
pub(crate) struct Asked<T>(VecDeque<(T, Instant)>);

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: PartialEq> Asked<T> {
    /// Takes note of a question; false when there are too many.
    pub(crate) fn ask(&mut self, now: Instant, question: T) -> bool {
        if self.0.len() >= ASKED_MAX {
            return false;
        }
        self.0.push_back((question, now));
        true
    }

    /// Takes note of an answer; false when nobody asked.
    pub(crate) fn answer(&mut self, question: &T) -> bool {
        let found = self.0.iter().position(|(asked, _)| asked == question);
        found.and_then(|at| self.0.remove(at)).is_some()
    }

    /// The oldest question, when it is older than `timeout`.
    pub(crate) fn expire(&mut self, now: Instant, timeout: Duration) -> Option<T> {
        self.0.pop_front_if(|(_, asked)| now >= *asked + timeout).map(|(question, _)| question)
    }

    fn deadline(&self, timeout: Duration) -> Option<Instant> {
        Some(self.0.front()?.1 + timeout)
    }
}

impl Extensions {
    /// What we say of ourselves.
    pub(crate) fn handshake(
        config: &Config,
        torrent: &Torrent,
        upload_only: bool,
        remote: SocketAddr,
    ) -> ExtendedHandshake {
        let mut ids = ExtensionIds::OURS;
        if torrent.private || !config.pex {
            ids = ids.without(Extension::Pex);
        }
        if torrent.private || !config.holepunch {
            ids = ids.without(Extension::Holepunch);
        }
        let metadata_size = torrent.info.as_ref().map(|info| info.raw().len() as u64);
        let handshake = ExtendedHandshake {
            client: Some(config.client.clone()),
            port: Some(config.listen_port).filter(|&port| port != 0),
            reqq: Some(config.upload_queue_max),
            metadata_size,
            your_ip: Some(remote.ip()),
            upload_only: Some(upload_only),
            uplink: config.uplink,
            ..ExtendedHandshake::default()
        };
        handshake.with_ids(ids)
    }

    /// Takes a handshake, the first or a later one; returns all that is known now.
    pub(crate) fn handle_handshake(
        &mut self,
        handshake: ExtendedHandshake,
        (exchanges_peers, punches): (bool, bool),
    ) -> ExtendedInfo {
        handshake.update(&mut self.ids);
        let supports = |extension| self.ids.id(extension).is_some();
        let info = &mut self.info;
        info.client = handshake.client.or(info.client.take());
        info.reqq = handshake.reqq.or(info.reqq);
        info.metadata_size = handshake.metadata_size.or(info.metadata_size);
        info.upload_only = handshake.upload_only.unwrap_or(info.upload_only);
        info.listen_port = handshake.port.or(info.listen_port);
        info.your_ip = handshake.your_ip.or(info.your_ip);
        info.uplink = handshake.uplink.or(info.uplink);
        info.supports_metadata = supports(Extension::Metadata);
        info.supports_pex = exchanges_peers && supports(Extension::Pex);
        info.supports_holepunch = punches && supports(Extension::Holepunch);
        info.supports_dont_have = supports(Extension::DontHave);
        info.clone()
    }

    /// Takes a change of the remote's state of BEP 21; returns all that is known when it is news.
    pub(crate) fn handle_upload_only(&mut self, upload_only: bool) -> Option<ExtendedInfo> {
        let news = self.info.upload_only != upload_only;
        self.info.upload_only = upload_only;
        news.then(|| self.info.clone())
    }

    /// Sends a message of an extension; false when the remote does not take it.
    pub(crate) fn send(&self, out: &mut Outbox, extension: Extension, payload: &[u8]) -> bool {
        let Some(id) = self.ids.id(extension) else {
            return false;
        };
        out.send(&Message::Extended(id, payload));
        true
    }

    pub(crate) fn send_metadata(&self, out: &mut Outbox, message: &MetadataMessage<'_>) -> bool {
        let mut payload = Vec::new();
        message.encode(&mut payload);
        self.send(out, Extension::Metadata, &payload)
    }

    /// Takes a request for metadata; a false answer is to be a reject.
    pub(crate) fn queue_metadata(&mut self, torrent: &Torrent, piece: u32) -> bool {
        let Some(info) = &torrent.info else {
            return false;
        };
        let pieces = (info.raw().len() as u32).div_ceil(METADATA_PIECE_LENGTH);
        let ours = self.metadata_sent + self.metadata_queue.len() as u32;
        let fair = ours < pieces.saturating_mul(METADATA_COPIES_MAX);
        if piece >= pieces || !fair || self.metadata_queue.len() >= METADATA_QUEUE_MAX {
            return false;
        }
        self.metadata_queue.push_back(piece);
        true
    }

    /// Sends waiting pieces of metadata as far as the socket keeps up.
    pub(crate) fn pump_metadata(&mut self, out: &mut Outbox, torrent: &Torrent) {
        let Some(info) = &torrent.info else { return };
        while out.control_bytes() < METADATA_BACKLOG_MAX {
            let Some(piece) = self.metadata_queue.pop_front() else {
                return;
            };
            let start = piece as usize * METADATA_PIECE_LENGTH as usize;
            let end = info.raw().len().min(start + METADATA_PIECE_LENGTH as usize);
            self.metadata_sent += 1;
            let total_size = info.raw().len() as u64;
            let data = &info.raw()[start..end];
            self.send_metadata(out, &MetadataMessage::Data { piece, total_size, data });
        }
    }

    /// Counts a question for hashes; false when the owner has enough of them.
    pub(crate) fn open_hash_question(&mut self) -> bool {
        let open = self.hash_questions < HASH_QUESTIONS_MAX;
        self.hash_questions += u32::from(open);
        open
    }

    pub(crate) fn close_hash_question(&mut self) {
        self.hash_questions = self.hash_questions.saturating_sub(1);
    }

    /// Whether a peer list that comes now is taken.
    pub(crate) fn admit_pex(&mut self, now: Instant) -> Result<bool, Misbehaviour> {
        let due = self.pex_last.is_none_or(|last| now.since(last) >= PEX_INTERVAL);
        if !due {
            self.blame_pex()?;
            return Ok(false);
        }
        self.pex_last = Some(now);
        Ok(true)
    }

    /// Looks at how long a peer list is. What is too much of it, its reader leaves.
    pub(crate) fn judge_pex(&mut self, pex: &Pex) -> Result<(), Misbehaviour> {
        self.pex_lists += 1;
        let long = pex.added.len().max(pex.dropped.len()) > PEX_LENGTH_MAX;
        if long && self.pex_lists > 1 {
            return self.blame_pex();
        }
        self.pex_faults = self.pex_faults.saturating_sub(1);
        Ok(())
    }

    fn blame_pex(&mut self) -> Result<(), Misbehaviour> {
        self.pex_faults += 1;
        if self.pex_faults > PEX_FAULTS_MAX {
            return Err(Misbehaviour::PeerLists(self.pex_faults));
        }
        Ok(())
    }

    pub(crate) fn deadline(&self, timeout: Duration) -> Option<Instant> {
        let metadata = self.metadata_asked.deadline(timeout);
        metadata.into_iter().chain(self.hashes_asked.deadline(timeout)).min()
    }
}
