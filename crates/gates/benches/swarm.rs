//! A torrent's mind: 4,096 pieces of 16 blocks, of which each of 50 peers has half, are fetched to
//! the end.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "so the macros have it")]

use std::net::SocketAddr;
use std::sync::Arc;

use gungraun::{library_benchmark, library_benchmark_group, main};

use gates::{at_most, torrent};
use metainfo::{Info, Metainfo};
use peer::{Batch, Order, Report, Torrent, Totals};
use stdx::{
    BLOCK_LENGTH, Bitfield, BlockRange, Buf, ConnId, Duration, Instant, PeerId, Rng, TorrentId,
};
use swarm::{Asker, Config, Direction, Picker, Received, Swarm, Verdict};

const PICKER_MAX: u64 = 52_600_000;
const SWARM_MAX: u64 = 213_000_000;

const PIECES: u32 = 4_096;
const BLOCKS_OF_PIECE: u32 = 16;
const PEERS: u64 = 50;
/// Blocks that each peer sends in a turn.
const WANT: u32 = 16;
const TURN: Duration = Duration::from_millis(100);

fn info() -> Arc<Info> {
    let file = torrent(PIECES, BLOCKS_OF_PIECE * BLOCK_LENGTH, 1);
    Metainfo::parse(&file).expect("it is a torrent").info
}

fn peers() -> Vec<(ConnId, Bitfield)> {
    let mut rng = Rng::new(2);
    let mut half = || {
        let mut bytes = vec![0; PIECES as usize / 8];
        rng.fill(&mut bytes);
        Bitfield::from_bytes(&bytes, PIECES).expect("there is a bit for each piece")
    };
    (1..=PEERS).map(|conn| (ConnId(conn), half())).collect()
}

fn picker() -> (Picker, Vec<(ConnId, Bitfield)>) {
    let (mut picker, peers) = (Picker::new(info(), Rng::new(3)), peers());
    for (_, have) in &peers {
        picker.peer_joined(have);
    }
    (picker, peers)
}

// The picker alone.
#[library_benchmark(config = at_most(PICKER_MAX))]
#[bench::of_4096_pieces(picker())]
fn pick((mut picker, peers): (Picker, Vec<(ConnId, Bitfield)>)) -> Picker {
    while !picker.have().is_full() {
        for (conn, have) in &peers {
            let asker = Asker {
                conn: *conn,
                have,
                only: None,
                suggested: &[],
                whole_pieces: false,
                parole: false,
                snubbed: false,
                outstanding: 0,
                peers: peers.len(),
            };
            for (piece, block) in picker.pick(&asker, WANT) {
                if let Received::Accepted { complete: true, .. } =
                    picker.received(*conn, piece, block)
                {
                    picker.verified(piece);
                }
            }
        }
    }
    picker
}

/// A leecher among peers who answer whatever they are asked.
struct Leecher {
    swarm: Swarm,
    now: Instant,
    info: Arc<Info>,
    /// By connection.
    asked: Vec<Vec<BlockRange>>,
    /// Blocks that are here, by piece.
    stored: Vec<u32>,
    /// Any block.
    payload: Arc<[u8]>,
}

fn leecher() -> Leecher {
    let (now, info) = (Instant::from_secs(1), info());
    let torrent = Torrent {
        id: TorrentId(1),
        hashes: info.hashes(),
        info: Some(info.clone()),
        private: false,
    };
    let mut swarm = Swarm::new(now, Config::new(PeerId([9; 20])), Arc::new(torrent), Rng::new(3));
    swarm.start(now, &Bitfield::new(PIECES), Vec::new());
    for (conn, have) in peers() {
        let address = SocketAddr::from(([203, 0, 113, conn.0 as u8], 6_881));
        swarm.admit(now, conn, address, Direction::Outgoing).expect("there is room");
        let hello = Report::Handshake {
            info_hash: info.hashes().v1.expect("it is a v1 torrent"),
            peer_id: PeerId([conn.0 as u8; 20]),
            fast: true,
            extended: true,
            v2: false,
        };
        let reports = vec![hello, Report::Pieces(have), Report::Unchoked];
        swarm.handle_batch(now, conn, Batch { reports, ..Batch::default() });
    }
    let payload = vec![0; BLOCK_LENGTH as usize].into();
    let (asked, stored) = (vec![Vec::new(); PEERS as usize + 1], vec![0; PIECES as usize]);
    let mut leecher = Leecher { swarm, now, info, asked, stored, payload };
    leecher.drain();
    leecher
}

impl Leecher {
    /// Every peer sends what it was asked for.
    fn turn(&mut self) {
        self.now += TURN;
        self.swarm.handle_timeout(self.now);
        for conn in (1..=PEERS).map(ConnId) {
            let ranges = std::mem::take(&mut self.asked[conn.0 as usize]);
            let block = |range: BlockRange| {
                let data = Buf::window(&self.payload, 0..range.length as usize);
                Report::Block { range, data }
            };
            let reports = ranges.into_iter().map(block).collect();
            let batch = Batch { reports, want: WANT, taken: u64::MAX, totals: Totals::default() };
            self.swarm.handle_batch(self.now, conn, batch);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some((range, _)) = self.swarm.poll_store() {
            let stored = &mut self.stored[range.piece.get()];
            *stored += 1;
            if *stored == BLOCKS_OF_PIECE {
                let sha1 = self.info.v1_hash(range.piece);
                let verdict = self.swarm.handle_hashed(self.now, range.piece, sha1, None);
                assert_eq!(verdict, Verdict::Good);
                self.swarm.handle_written(self.now, range.piece);
            }
        }
        while let Some((conn, order)) = self.swarm.poll_order() {
            let asked = &mut self.asked[conn.0 as usize];
            match order {
                Order::Request(ranges) => asked.extend(ranges),
                Order::Cancel(ranges) => asked.retain(|range| !ranges.contains(range)),
                _ => {}
            }
        }
        while self.swarm.poll_event().is_some() {}
    }
}

// All of the mind: reports in, orders out.
#[library_benchmark(config = at_most(SWARM_MAX))]
#[bench::of_4096_pieces(leecher())]
fn fetch(mut leecher: Leecher) -> Leecher {
    while !leecher.swarm.is_complete() {
        leecher.turn();
    }
    leecher
}

library_benchmark_group!(name = torrents, benchmarks = [pick, fetch]);

main!(library_benchmark_groups = torrents);
