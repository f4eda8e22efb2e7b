//! One connection against a remote that says what a test wants.

use std::net::SocketAddr;
use std::sync::Arc;

use stdx::{Bitfield, BlockRange, Buf, Instant, PeerId, Pool};
use wire::{Handshake, Message, Reserved};

use super::pair::config;
use crate::fuzzing::{PIECES, hashes, torrent};
use crate::{CloseReason, Order, Peer, PeerError, Report, Torrent};

pub(super) struct Scripted {
    pub(super) peer: Peer,
    pub(super) now: Instant,
    pool: Pool,
}

pub(super) const FULL: Reserved = Reserved::NONE.with_fast().with_extended();

impl Scripted {
    /// An open outgoing connection of a side that has the first half of the pieces.
    pub(super) fn new(reserved: Reserved) -> Self {
        Self::with(reserved, true)
    }

    pub(super) fn with(reserved: Reserved, metadata: bool) -> Self {
        let mut have = Bitfield::default();
        if metadata {
            have = Bitfield::new(PIECES);
            (0..PIECES / 2).for_each(|piece| assert!(have.set(piece)));
        }
        Self::of(torrent(metadata), have, reserved)
    }

    pub(super) fn of(torrent: Arc<Torrent>, have: Bitfield, reserved: Reserved) -> Self {
        let now = Instant::from_secs(50);
        let address = SocketAddr::from(([203, 0, 113, 7], 6881));
        let peer = Peer::connect(now, Arc::new(config(1)), torrent, have, false, address);
        let mut new = Self { peer, now, pool: Pool::new(8) };
        new.greet(reserved);
        new.sent();
        new.reports();
        new
    }

    pub(super) fn greet(&mut self, reserved: Reserved) {
        let info_hash = hashes().v1.unwrap();
        let theirs = Handshake { reserved, info_hash, peer_id: PeerId([2; 20]) };
        self.receive(&theirs.encode()).unwrap();
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), PeerError> {
        self.peer.handle_received(self.now, bytes, &self.pool)
    }

    pub(super) fn say(&mut self, message: &Message<'_>) -> Result<(), PeerError> {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.receive(&bytes)
    }

    pub(super) fn block(&mut self, range: BlockRange) -> Result<(), PeerError> {
        let data = Buf::copy_of(&vec![3; range.length as usize]);
        self.say(&Message::Piece(range, data))
    }

    pub(super) fn order(&mut self, order: Order) -> Result<(), CloseReason> {
        self.peer.handle_order(self.now, order)
    }

    /// The reports so far, as text.
    pub(super) fn reports(&mut self) -> Vec<String> {
        let reports = std::iter::from_fn(|| self.peer.poll_report());
        reports.map(|report| describe(&report)).collect()
    }

    /// Takes all that is sent, and returns its messages as text.
    pub(super) fn sent(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        loop {
            let mut slices = Vec::new();
            let n = self.peer.poll_transmit(&mut slices);
            bytes.extend(slices.iter().flat_map(|slice| slice.iter().copied()));
            drop(slices);
            if n == 0 {
                break;
            }
            self.peer.handle_sent(self.now, n);
        }
        if Handshake::check_start(&bytes).is_ok() && !bytes.is_empty() {
            bytes.drain(..wire::HANDSHAKE_LENGTH);
        }
        let (mut decoder, mut input) = (wire::Decoder::new(), &bytes[..]);
        let mut out = Vec::new();
        while let Some(message) = decoder.decode(&mut input, &self.pool).unwrap() {
            out.push(match message {
                Message::Piece(range, _) => format!("Piece({range:?})"),
                Message::Extended(id, _) => format!("Extended({id})"),
                other => format!("{other:?}"),
            });
        }
        out
    }
}

pub(super) fn describe(report: &Report) -> String {
    match report {
        Report::Block { range, .. } => format!("Block({range:?})"),
        other => format!("{other:?}"),
    }
}
