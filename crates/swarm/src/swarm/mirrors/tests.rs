use std::sync::Arc;

use metainfo::Info;
use peer::{Batch, CloseReason, Order, Report, Totals};
use stdx::{Bitfield, BlockRange, Buf, ConnId, Duration, Instant, PieceIndex, Rng};

use super::super::tests::world::{addr, hello, info, peer_id, torrent};
use crate::{Config, Direction, Event, Offence, Swarm};

const PIECE: u32 = 32 * 1024;
const MIRROR: u64 = 50;
const PEER: u64 = 1;

struct Stage {
    swarm: Swarm,
    info: Arc<Info>,
    now: Instant,
    /// What each connection has brought.
    brought: [u64; 64],
    /// What each owes, and how many of it were given.
    owed: Vec<(u64, BlockRange)>,
    given: [u64; 64],
    closed: Vec<(u64, CloseReason)>,
}

impl Stage {
    fn new(pieces: u32) -> Self {
        let info = info(u64::from(pieces) * u64::from(PIECE), PIECE);
        let now = Instant::from_secs(1);
        let mut swarm = Swarm::new(now, Config::new(peer_id(9)), torrent(&info), Rng::new(1));
        swarm.start(now, &Bitfield::new(pieces), Vec::new());
        let (owed, closed) = (Vec::new(), Vec::new());
        Self { swarm, info, now, brought: [0; 64], owed, given: [0; 64], closed }
    }

    fn say(&mut self, conn: u64, reports: Vec<Report>, want: u32) {
        let down_payload = self.brought[conn as usize];
        let totals = Totals { down_payload, ..Totals::default() };
        let batch = Batch { reports, want, taken: self.given[conn as usize], totals };
        self.swarm.handle_batch(self.now, ConnId(conn), batch);
        while let Some((conn, order)) = self.swarm.poll_order() {
            match order {
                Order::Request(ranges) => {
                    self.given[conn.0 as usize] += ranges.len() as u64;
                    self.owed.extend(ranges.into_iter().map(|range| (conn.0, range)));
                }
                Order::Cancel(ranges) => {
                    self.owed.retain(|(of, range)| *of != conn.0 || !ranges.contains(range));
                }
                Order::Close(reason) => {
                    self.owed.retain(|(of, _)| *of != conn.0);
                    self.closed.push((conn.0, reason));
                }
                _ => {}
            }
        }
    }

    fn all(&self) -> Bitfield {
        Bitfield::full(self.info.layout().pieces())
    }

    fn mirror(&mut self, conn: u64, want: u32) {
        self.swarm.admit_mirror(self.now, ConnId(conn), conn as u16).unwrap();
        let reports = vec![Report::Pieces(self.all()), Report::Unchoked];
        self.say(conn, reports, want);
    }

    /// A peer that lets us download all it has.
    fn peer(&mut self, conn: u64, have: Bitfield, want: u32) {
        self.swarm.admit(self.now, ConnId(conn), addr(conn as usize), Direction::Outgoing).unwrap();
        self.say(conn, vec![hello(conn as usize), Report::Pieces(have), Report::Unchoked], want);
    }

    /// Lets a second pass in which connections bring so many blocks of what they owe.
    fn second(&mut self, rates: &[(u64, usize)]) {
        self.now += Duration::from_secs(1);
        for &(conn, blocks) in rates {
            let owed: Vec<BlockRange> =
                self.owed.iter().filter(|(of, _)| *of == conn).map(|(_, it)| *it).collect();
            let now: Vec<BlockRange> = owed.into_iter().take(blocks).collect();
            self.owed.retain(|(of, it)| *of != conn || !now.contains(it));
            let length: u64 = now.iter().map(|range| u64::from(range.length)).sum();
            self.brought[conn as usize] += length;
            let block =
                |range: BlockRange| Report::Block { range, data: Buf::copy_of(&[7; 16_384]) };
            self.say(conn, now.into_iter().map(block).collect(), 64);
        }
        self.swarm.handle_timeout(self.now);
        while self.swarm.poll_store().is_some() {}
        self.say(63, Vec::new(), 0);
    }

    fn owes(&self, conn: u64) -> usize {
        self.owed.iter().filter(|(of, _)| *of == conn).count()
    }
}

#[test]
fn a_mirror_alone_is_asked_for_everything_and_counted_as_none_of_the_peers() {
    let mut stage = Stage::new(8);
    stage.mirror(MIRROR, 100);
    assert_eq!(stage.owes(MIRROR), 16);
    let stats = stage.swarm.stats();
    assert_eq!((stats.peers, stats.seeds, stats.mirrors), (0, 0, 1));
    assert_eq!(stage.swarm.peers(stage.now).count(), 0);
    stage.say(MIRROR, vec![Report::Choked], 0);
    assert_eq!(stage.swarm.stats().mirrors, 0, "at rest");
}

#[test]
fn a_mirror_is_asked_for_what_no_peer_gives() {
    let mut stage = Stage::new(400);
    let mut some = Bitfield::new(400);
    for piece in 0..390 {
        some.set(piece);
    }
    stage.peer(PEER, some, 64);
    for _ in 0..8 {
        stage.second(&[(PEER, 64)]);
    }
    for piece in 0..300u32 {
        let right = Some(hash::sha1(&u64::from(piece).to_be_bytes()));
        stage.swarm.handle_hashed(stage.now, PieceIndex(piece), right, None);
    }
    // The peer brings the rest within seconds.
    stage.mirror(MIRROR, 64);
    let pieces: Vec<u32> =
        stage.owed.iter().filter(|it| it.0 == MIRROR).map(|it| it.1.piece.0).collect();
    assert!(pieces.iter().all(|piece| (390..400).contains(piece)), "{pieces:?}");
    assert_eq!(pieces.len(), 20);
    // Once it gives no more, the mirror is asked for all.
    stage.say(PEER, vec![Report::Choked], 0);
    for _ in 0..12 {
        stage.second(&[(MIRROR, 64)]);
    }
    assert!(stage.brought[MIRROR as usize] > 20 * 16_384);
}

#[test]
fn slow_peers_do_not_keep_the_mirror_waiting() {
    let mut stage = Stage::new(4_000);
    stage.peer(PEER, stage.all(), 8);
    for _ in 0..12 {
        stage.second(&[(PEER, 2)]);
    }
    stage.mirror(MIRROR, 64);
    assert_eq!(stage.owes(MIRROR), 64, "alone, the peer would take long");
}

#[test]
fn a_slow_mirror_is_left_out_when_others_could_bring_what_it_holds() {
    let mut stage = Stage::new(4_000);
    stage.mirror(MIRROR, 64);
    for _ in 0..20 {
        stage.second(&[]);
    }
    assert!(stage.closed.is_empty(), "alone it may be as slow as it is");
    stage.peer(PEER, stage.all(), 64);
    for _ in 0..15 {
        stage.second(&[(PEER, 64)]);
    }
    assert_eq!(stage.closed, [(MIRROR, CloseReason::Slow)]);
    assert!(stage.swarm.admit_mirror(stage.now, ConnId(51), 50).is_ok(), "not banned");
}

#[test]
fn a_mirror_that_lies_is_shut_out() {
    let mut stage = Stage::new(8);
    stage.mirror(MIRROR, 100);
    stage.mirror(MIRROR + 1, 100);
    stage.second(&[(MIRROR, 100)]);
    let wrong = Some(hash::sha1(b"something else"));
    stage.swarm.handle_hashed(stage.now, PieceIndex(3), wrong, None);
    let events: Vec<Event> = std::iter::from_fn(|| stage.swarm.poll_event()).collect();
    let banned = events.iter().find_map(|event| match event {
        Event::Banned(addr, offence) => Some((Swarm::mirror_at(*addr), *offence)),
        _ => None,
    });
    assert_eq!(banned, Some((Some(50), Offence::WholePiece(PieceIndex(3)))));
    stage.say(63, Vec::new(), 0);
    assert_eq!(stage.closed, [(MIRROR, CloseReason::Banned)], "the other stays");
    assert!(stage.swarm.admit_mirror(stage.now, ConnId(52), 50).is_err());
}

#[test]
fn nothing_is_asked_of_mirrors_when_all_is_here() {
    let mut stage = Stage::new(1);
    stage.mirror(MIRROR, 4);
    stage.second(&[(MIRROR, 4)]);
    let right = Some(hash::sha1(&0u64.to_be_bytes()));
    stage.swarm.handle_hashed(stage.now, PieceIndex(0), right, None);
    stage.swarm.handle_written(stage.now, PieceIndex(0));
    stage.say(63, Vec::new(), 0);
    assert_eq!(stage.closed, [(MIRROR, CloseReason::Redundant)]);
    assert!(stage.swarm.admit_mirror(stage.now, ConnId(53), 53).is_err());
}
