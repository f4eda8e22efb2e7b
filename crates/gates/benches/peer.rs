//! A connection: 1,024 blocks are asked for and sent, and what both ends do is counted.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "so the macros have it")]

use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use gungraun::{library_benchmark, library_benchmark_group, main};

use gates::{at_most, torrent};
use metainfo::Metainfo;
use peer::{Config, Order, Peer, Report, Torrent};
use stdx::{
    BLOCK_LENGTH, Bitfield, BlockRange, Buf, Duration, Instant, PeerId, PieceIndex, Pool, TorrentId,
};

const PAIR_MAX: u64 = 11_900_000;

const PIECES: u32 = 64;
const BLOCKS_OF_PIECE: u32 = 16;
const BLOCKS: u32 = PIECES * BLOCKS_OF_PIECE;
const TURN: Duration = Duration::from_millis(1);

struct Pair {
    now: Instant,
    leecher: Peer,
    seeder: Peer,
    pool: Pool,
    /// What is on its way.
    carried: Vec<u8>,
    /// Any block.
    payload: Arc<[u8]>,
    asked: u32,
    received: u32,
}

/// Both have greeted each other, and the leecher may ask.
fn pair() -> Pair {
    let now = Instant::from_secs(1);
    let file = torrent(PIECES, BLOCKS_OF_PIECE * BLOCK_LENGTH, 1);
    let info = Metainfo::parse(&file).expect("it is a torrent").info;
    let hashes = info.hashes();
    let torrent = Arc::new(Torrent { id: TorrentId(1), hashes, info: Some(info), private: false });
    let config = |name| Arc::new(Config::new(PeerId([name; 20]), "gate"));
    let address = SocketAddr::from(([203, 0, 113, 1], 6_881));
    let nothing = Bitfield::new(PIECES);
    let mut pair = Pair {
        now,
        leecher: Peer::connect(now, config(1), torrent.clone(), nothing, false, address),
        seeder: Peer::accept(now, config(2), address),
        pool: Pool::new(64),
        carried: Vec::with_capacity(1 << 20),
        payload: vec![7; BLOCK_LENGTH as usize].into(),
        asked: 0,
        received: 0,
    };
    pair.carry();
    let welcome = Order::Welcome { torrent, have: Bitfield::full(PIECES), upload_only: true };
    pair.seeder.handle_order(now, welcome).expect("it is the torrent that was named");
    pair.leecher.handle_order(now, Order::Interested(true)).expect("it is open");
    pair.carry();
    pair.seeder.handle_order(now, Order::Unchoke).expect("it is open");
    pair.carry();
    pair
}

impl Pair {
    fn run(&mut self) {
        while self.received < BLOCKS {
            self.now += TURN;
            self.ask();
            self.carry();
            while let Some(range) = self.seeder.poll_read() {
                let data = Buf::window(&self.payload, 0..range.length as usize);
                self.seeder.handle_read(self.now, range, Some(data));
            }
            self.carry();
        }
    }

    fn ask(&mut self) {
        let range = |block: u32| BlockRange {
            piece: PieceIndex(block / BLOCKS_OF_PIECE),
            begin: block % BLOCKS_OF_PIECE * BLOCK_LENGTH,
            length: BLOCK_LENGTH,
        };
        let last = (self.asked + self.leecher.want()).min(BLOCKS);
        let ranges: Vec<_> = (self.asked..last).map(range).collect();
        self.asked = last;
        if !ranges.is_empty() {
            self.leecher.handle_order(self.now, Order::Request(ranges)).expect("it is open");
        }
    }

    /// Moves what either end has to send.
    fn carry(&mut self) {
        let (now, pool, carried) = (self.now, &self.pool, &mut self.carried);
        carry(now, pool, carried, (&mut self.leecher, &mut self.seeder));
        carry(now, pool, carried, (&mut self.seeder, &mut self.leecher));
        while let Some(report) = self.leecher.poll_report() {
            self.received += u32::from(matches!(report, Report::Block { .. }));
        }
        while self.seeder.poll_report().is_some() {}
    }
}

fn carry(now: Instant, pool: &Pool, carried: &mut Vec<u8>, (from, to): (&mut Peer, &mut Peer)) {
    while from.has_transmit() {
        carried.clear();
        let mut slices: Vec<IoSlice<'_>> = Vec::new();
        let n = from.poll_transmit(&mut slices);
        for slice in slices {
            carried.extend_from_slice(&slice);
        }
        from.handle_sent(now, n);
        to.handle_received(now, carried, pool).expect("both speak rightly");
    }
}

#[library_benchmark(config = at_most(PAIR_MAX))]
#[bench::of_1024_blocks(pair())]
fn converse(mut pair: Pair) -> Pair {
    pair.run();
    pair
}

library_benchmark_group!(name = connections, benchmarks = converse);

main!(library_benchmark_groups = connections);
