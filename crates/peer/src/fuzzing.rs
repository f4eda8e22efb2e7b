//! Entry points for fuzzing: a connection under arbitrary bytes, and under an arbitrary sequence
//! of messages, orders and time. Both panic when an invariant breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use hash::{Sha1Digest, Sha256Digest};
use metainfo::{Info, InfoHashes};
use stdx::{
    BLOCK_LENGTH, Bitfield, BlockRange, Buf, Duration, Instant, PeerId, PieceIndex, Pool, TorrentId,
};
use wire::{Extension, ExtensionIds, Handshake, HashRequest, Message, MetadataMessage, Reserved};

use crate::{Config, Order, Peer, Report, Torrent};

/// Pieces of the torrent that is fuzzed with; the last is shorter.
pub(crate) const PIECES: u32 = 20;

/// Its piece length: two blocks.
const PIECE_LENGTH: u32 = 2 * BLOCK_LENGTH;

/// Feeds `data` to a connection, as what comes after the handshake (or, of every second input, in
/// place of one) in slices of a size that `data` names.
///
/// # Panics
/// When the connection breaks its own rules.
pub fn fuzz_stream(data: &[u8]) {
    let [mode, slice, data @ ..] = data else {
        return;
    };
    let mut run = Run::new(mode & 2 != 0, mode & 8 != 0);
    if mode & 1 == 0 {
        run.greet(Reserved([0, 0, 0, 0, 0, mode & 0x10, 0, *mode]));
    }
    for chunk in data.chunks(usize::from(*slice).max(1)) {
        run.receive(chunk);
    }
}

/// Reads `data` as a sequence of messages from the remote, orders from the owner, writes and
/// moments.
///
/// # Panics
/// When the connection breaks its own rules, above all when a request ends twice or never.
pub fn fuzz_sequence(data: &[u8]) {
    let [mode, data @ ..] = data else { return };
    let mut run = Run::new(mode & 2 != 0, mode & 8 != 0);
    run.greet(Reserved([0, 0, 0, 0, 0, mode & 0x10, 0, *mode]));
    for step in data.as_chunks::<3>().0 {
        run.step(*step);
        if run.closed {
            return;
        }
    }
}

/// A connection, and what must be true of it.
struct Run {
    peer: Peer,
    pool: Pool,
    now: Instant,
    /// Requests given out that have not ended.
    open: BTreeMap<BlockRange, usize>,
    /// Requests ever given out.
    known: BTreeSet<BlockRange>,
    reads: Vec<BlockRange>,
    closed: bool,
}

impl Run {
    fn new(incoming: bool, metadata: bool) -> Self {
        let config = Arc::new(Config::new(PeerId([1; 20]), "fuzz"));
        let remote = SocketAddr::from(([203, 0, 113, 9], 6881));
        let have = if metadata { some_pieces() } else { Bitfield::default() };
        let now = Instant::from_secs(1);
        let peer = if incoming {
            Peer::accept(now, config, remote)
        } else {
            Peer::connect(now, config, torrent(metadata), have, false, remote)
        };
        let mut new = Self {
            peer,
            pool: Pool::new(4),
            now,
            open: BTreeMap::new(),
            known: BTreeSet::new(),
            reads: Vec::new(),
            closed: false,
        };
        new.drain();
        new
    }

    fn greet(&mut self, reserved: Reserved) {
        let info_hash = hashes().handshake_hashes().next().unwrap_or_default();
        let handshake = Handshake { reserved, info_hash, peer_id: PeerId([2; 20]) };
        self.receive(&handshake.encode());
        self.order(Order::Welcome {
            torrent: torrent(true),
            have: some_pieces(),
            upload_only: false,
        });
    }

    fn step(&mut self, [op, a, b]: [u8; 3]) {
        let piece = PieceIndex(u32::from(a));
        let range = BlockRange {
            piece,
            begin: u32::from(b & 3) * BLOCK_LENGTH,
            length: if b & 0x40 == 0 { BLOCK_LENGTH } else { u32::from(b) },
        };
        match op % 40 {
            0 => self.order(Order::Choke),
            1 => self.order(Order::Unchoke),
            2 => self.order(Order::Interested(a & 1 == 0)),
            3..=8 => self.order(Order::Request(vec![range])),
            9 => self.order(Order::Request((0..PIECES).flat_map(blocks).collect())),
            10 | 11 => self.order(Order::Cancel(vec![range])),
            12 => self.order(Order::Have(piece)),
            13 => self.order(Order::Lost(piece)),
            14 => self.order(Order::Suggest(piece)),
            15 => self.order(Order::UploadOnly(a & 1 == 0)),
            16 => self.order(Order::RequestMetadata(u32::from(a))),
            17 => self.order(Order::RequestHashes(hash_request(a, b))),
            18 => self.order(Order::Hashes(hash_request(a, b), vec![Sha256Digest([a; 32])])),
            19 => self.order(Order::Metadata { torrent: torrent(true), have: some_pieces() }),
            20 => self.wait(Duration::from_millis(u64::from(a) * 1_000 + u64::from(b))),
            21 => self.write(usize::from(a) * 1_000 + usize::from(b)),
            22 => self.read(usize::from(a), b & 1 == 0),
            23 => self.message(&Message::Choke),
            24 => self.message(&Message::Unchoke),
            25 => self.message(&Message::Interested),
            26 => self.message(&Message::Have(piece)),
            27 => self.message(&Message::Bitfield(&[a, b, 0])),
            28 => self.message(&Message::HaveAll),
            29 => self.message(&Message::Request(range)),
            30 => self.message(&Message::Cancel(range)),
            31..=33 => {
                let data = Buf::copy_of(&vec![a; range.length as usize]);
                self.message(&Message::Piece(range, data));
            }
            34 => self.message(&Message::Reject(range)),
            35 => self.message(&Message::AllowedFast(piece)),
            36 => self.message(&Message::Suggest(piece)),
            37 => self.message(&Message::HashRequest(hash_request(a, b))),
            38 => self.message(&Message::HashReject(hash_request(a, b))),
            _ => self.extended(a, b),
        }
    }

    fn extended(&mut self, a: u8, b: u8) {
        let mut payload = Vec::new();
        match a % 4 {
            0 => payload.extend(b"d1:md11:ut_metadatai7e11:lt_donthavei8ee4:reqqi20ee"),
            1 => MetadataMessage::Request(u32::from(b)).encode(&mut payload),
            2 => MetadataMessage::Reject(u32::from(b)).encode(&mut payload),
            _ => payload.extend(u32::from(b).to_be_bytes()),
        }
        let extension = if a % 4 == 3 { Extension::DontHave } else { Extension::Metadata };
        let id = if a.is_multiple_of(4) { Some(0) } else { ExtensionIds::OURS.id(extension) };
        self.message(&Message::Extended(id.unwrap_or(0), &payload));
    }

    fn message(&mut self, message: &Message<'_>) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.receive(&bytes);
    }

    fn receive(&mut self, data: &[u8]) {
        if !self.closed {
            self.closed = self.peer.handle_received(self.now, data, &self.pool).is_err();
            self.drain();
        }
    }

    fn order(&mut self, order: Order) {
        match &order {
            Order::Request(ranges) => {
                for &range in ranges {
                    *self.open.entry(range).or_default() += 1;
                    self.known.insert(range);
                }
            }
            Order::Cancel(ranges) => ranges.iter().for_each(|&range| {
                self.end(range);
            }),
            _ => {}
        }
        self.closed |= self.peer.handle_order(self.now, order).is_err();
        self.drain();
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.closed |= self.peer.handle_timeout(self.now).is_err();
        let due = self.peer.poll_timeout().is_some_and(|deadline| deadline <= self.now);
        assert!(self.closed || !due, "a deadline that does not pass");
        self.drain();
    }

    fn write(&mut self, most: usize) {
        let mut slices: Vec<IoSlice<'_>> = Vec::new();
        let ready = self.peer.poll_transmit(&mut slices);
        assert_eq!(ready, slices.iter().map(|slice| slice.len()).sum::<usize>());
        assert!(slices.len() <= 64);
        drop(slices);
        self.peer.handle_sent(self.now, ready.min(most));
    }

    fn read(&mut self, which: usize, there: bool) {
        if !self.reads.is_empty() {
            let range = self.reads.swap_remove(which % self.reads.len());
            let data = there.then(|| Buf::copy_of(&vec![9; range.length as usize]));
            self.peer.handle_read(self.now, range, data);
        }
    }

    fn drain(&mut self) {
        self.reads.extend(std::iter::from_fn(|| self.peer.poll_read()));
        assert!(self.reads.len() <= 512, "reads without bound");
        while let Some(report) = self.peer.poll_report() {
            match report {
                Report::Rejected(ranges) => {
                    for range in ranges {
                        assert!(self.end(range), "{range:?} ended twice");
                    }
                }
                Report::Block { range, data } => {
                    assert_eq!(data.len(), range.length as usize);
                    let owned = self.end(range);
                    assert!(owned || self.known.contains(&range), "{range:?} unasked");
                }
                Report::Pieces(bits) => assert_eq!(bits.len(), PIECES),
                Report::Have(piece) | Report::Lost(piece) | Report::Suggested(piece) => {
                    assert!(piece.0 < PIECES);
                }
                _ => {}
            }
        }
        let open: usize = self.open.values().sum();
        assert_eq!(open, self.peer.outstanding(), "a request that never ends");
    }

    fn end(&mut self, range: BlockRange) -> bool {
        let Some(open) = self.open.get_mut(&range) else {
            return false;
        };
        *open -= 1;
        if *open == 0 {
            self.open.remove(&range);
        }
        true
    }
}

pub(crate) fn hashes() -> InfoHashes {
    InfoHashes { v1: Some(Sha1Digest([0xaa; 20])), v2: Some(Sha256Digest([0xbb; 32])) }
}

pub(crate) fn torrent(metadata: bool) -> Arc<Torrent> {
    let info = metadata.then(|| Arc::new(info()));
    Arc::new(Torrent { id: TorrentId(0), hashes: hashes(), info, private: false })
}

/// Every block of a piece of [`torrent`].
pub(crate) fn blocks(piece: u32) -> impl Iterator<Item = BlockRange> {
    (0..2).map(move |block| {
        let last = piece == PIECES - 1 && block == 1;
        BlockRange {
            piece: PieceIndex(piece),
            begin: block * BLOCK_LENGTH,
            length: if last { BLOCK_LENGTH - 1_000 } else { BLOCK_LENGTH },
        }
    })
}

fn info() -> Info {
    let raw = bencode_info();
    Info::parse(&raw).expect("a fixed dictionary that is well formed")
}

fn bencode_info() -> Vec<u8> {
    let length = PIECES * PIECE_LENGTH - 1_000;
    let hashes = PIECES * 20;
    let mut raw =
        format!("d6:lengthi{length}e4:name4:file12:piece lengthi{PIECE_LENGTH}e6:pieces{hashes}:");
    raw.extend(std::iter::repeat_n('h', hashes as usize));
    raw.push('e');
    raw.into_bytes()
}

fn some_pieces() -> Bitfield {
    let mut bits = Bitfield::new(PIECES);
    (0..PIECES / 2).for_each(|piece| {
        bits.set(piece);
    });
    bits
}

fn hash_request(a: u8, b: u8) -> HashRequest {
    HashRequest {
        root: Sha256Digest([a; 32]),
        base_layer: u32::from(b & 7),
        index: u32::from(a),
        length: u32::from(b),
        proof_layers: u32::from(a),
    }
}
