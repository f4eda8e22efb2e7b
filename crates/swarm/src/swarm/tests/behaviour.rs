//! One mind, played to by hand.

use std::sync::Arc;

use metainfo::Info;
use peer::{Batch, CloseReason, ExtendedInfo, Order, Report, Torrent, Totals};
use stdx::{Bitfield, BlockRange, Buf, ConnId, Duration, Instant, PieceIndex, Rng};

use super::world::{addr, hello, info, peer_id, torrent};
use crate::{Config, Direction, Event, Offence, Origin, Priority, Refusal, Swarm, Verdict};

const PIECE: u32 = 32 * 1024;

struct Stage {
    swarm: Swarm,
    info: Arc<Info>,
    now: Instant,
}

impl Stage {
    /// A torrent of so many pieces of two blocks.
    fn new(pieces: u32, have: &[u32]) -> Self {
        let info = info(u64::from(pieces * PIECE), PIECE);
        let now = Instant::from_secs(1);
        let mut swarm = Swarm::new(now, Config::new(peer_id(9)), torrent(&info), Rng::new(1));
        let mut had = Bitfield::new(pieces);
        for &piece in have {
            had.set(piece);
        }
        swarm.start(now, &had, Vec::new());
        Self { swarm, info, now }
    }

    /// A batch of a connection that has seen every order.
    fn batch(&mut self, conn: u64, reports: Vec<Report>, want: u32) {
        self.early_batch(conn, reports, want, u64::MAX);
    }

    /// A batch of a connection that has seen orders for so many blocks.
    fn early_batch(&mut self, conn: u64, reports: Vec<Report>, want: u32, taken: u64) {
        let batch = Batch { reports, want, taken, totals: Totals::default() };
        self.swarm.handle_batch(self.now, ConnId(conn), batch);
    }

    fn admit(&mut self, conn: u64, node: usize, direction: Direction) {
        self.swarm.admit(self.now, ConnId(conn), addr(node), direction).unwrap();
        self.batch(conn, vec![hello(node)], 0);
    }

    /// A peer that has everything and takes so many requests.
    fn seed(&mut self, conn: u64, want: u32) -> Vec<BlockRange> {
        self.admit(conn, conn as usize, Direction::Outgoing);
        let pieces = Bitfield::full(self.info.layout().pieces());
        self.batch(conn, vec![Report::Pieces(pieces), Report::Unchoked], want);
        requests(&self.orders(), conn)
    }

    fn deliver(&mut self, conn: u64, ranges: &[BlockRange]) {
        let block = |&range: &BlockRange| {
            let data = Buf::copy_of(&vec![0; range.length as usize]);
            Report::Block { range, data }
        };
        self.batch(conn, ranges.iter().map(block).collect(), 0);
        while self.swarm.poll_store().is_some() {}
    }

    fn hashed(&mut self, piece: u32, good: bool) -> Verdict {
        let piece = PieceIndex(piece);
        let right = self.info.v1_hash(piece);
        let sha1 = if good { right } else { Some(hash::sha1(b"wrong")) };
        self.swarm.handle_hashed(self.now, piece, sha1, None)
    }

    fn orders(&mut self) -> Vec<(ConnId, Order)> {
        std::iter::from_fn(|| self.swarm.poll_order()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.swarm.poll_event()).collect()
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.swarm.handle_timeout(self.now);
    }
}

fn requests(orders: &[(ConnId, Order)], conn: u64) -> Vec<BlockRange> {
    let of_conn = orders.iter().filter(|(it, _)| *it == ConnId(conn));
    of_conn
        .filter_map(|(_, order)| match order {
            Order::Request(ranges) => Some(ranges.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}

fn closed(orders: &[(ConnId, Order)]) -> Vec<(u64, CloseReason)> {
    let close = |(conn, order): &(ConnId, Order)| match order {
        Order::Close(reason) => Some((conn.0, reason.clone())),
        _ => None,
    };
    orders.iter().filter_map(close).collect()
}

#[test]
fn who_sent_all_of_a_bad_piece_is_banned() {
    let mut it = Stage::new(1, &[]);
    let ranges = it.seed(1, 2);
    assert_eq!(ranges.len(), 2);
    it.deliver(1, &ranges);
    assert_eq!(it.hashed(0, false), Verdict::Bad);
    assert_eq!(closed(&it.orders()), [(1, CloseReason::Banned)]);
    assert!(
        it.events()
            .iter()
            .any(|event| matches!(event, Event::Banned(_, Offence::WholePiece(PieceIndex(0)))))
    );
    let refusal = it.swarm.admit(it.now, ConnId(2), addr(1), Direction::Incoming);
    assert_eq!(refusal, Err(Refusal::Banned));
}

#[test]
fn who_sent_half_of_a_bad_piece_gets_whole_pieces_and_is_found_out() {
    let mut it = Stage::new(1, &[]);
    for conn in [1, 2] {
        let ranges = it.seed(conn, 1);
        assert_eq!(ranges.len(), 1);
        it.deliver(conn, &ranges);
    }
    assert_eq!(it.hashed(0, false), Verdict::Bad);
    assert_eq!(closed(&it.orders()), []);
    it.batch(1, Vec::new(), 1);
    let first = requests(&it.orders(), 1);
    assert_eq!(first.len(), 1);
    it.batch(2, Vec::new(), 2);
    assert_eq!(requests(&it.orders(), 2), [], "the rest of the piece is the first one's");
    it.deliver(1, &first);
    it.batch(1, Vec::new(), 2);
    let second = requests(&it.orders(), 1);
    assert_eq!(second.len(), 1);
    it.deliver(1, &second);
    it.hashed(0, false);
    assert_eq!(closed(&it.orders()), [(1, CloseReason::Banned)]);
}

fn banned(events: &[Event]) -> Vec<std::net::SocketAddr> {
    let addr = |event: &Event| match event {
        Event::Banned(addr, _) => Some(*addr),
        _ => None,
    };
    events.iter().filter_map(addr).collect()
}

#[test]
fn the_first_good_copy_shows_who_sent_the_bad_block_even_if_it_left() {
    for leaves in [false, true] {
        let mut it = Stage::new(1, &[]);
        for conn in [1, 2] {
            let ranges = it.seed(conn, 1);
            it.deliver(conn, &ranges);
        }
        assert_eq!(it.hashed(0, false), Verdict::Bad);
        let good = hash::sha256(&vec![0; 16 * 1024]);
        it.swarm.handle_block_digests(it.now, PieceIndex(0), &[good, hash::sha256(b"a lie")]);
        assert_eq!(banned(&it.events()), [], "nobody knows yet");
        if leaves {
            it.swarm.handle_closed(it.now, ConnId(2), &CloseReason::Remote);
        }
        it.orders();
        let ranges = it.seed(3, 2);
        it.deliver(3, &ranges);
        assert_eq!(it.hashed(0, true), Verdict::Good);
        assert_eq!(banned(&it.events()), [addr(2)]);
        let gone: &[_] = if leaves { &[] } else { &[(2, CloseReason::Banned)] };
        assert_eq!(closed(&it.orders()), gone);
        let refusal = it.swarm.admit(it.now, ConnId(4), addr(2), Direction::Incoming);
        assert_eq!(refusal, Err(Refusal::Banned));
    }
}

#[test]
fn what_was_found_on_disk_is_never_blamed_on_the_peer_that_sent_the_rest() {
    let mut it = Stage::new(1, &[]);
    let mut found = Bitfield::new(2);
    found.set(0);
    let info = it.info.clone();
    it.swarm = Swarm::new(it.now, Config::new(peer_id(9)), torrent(&info), Rng::new(1));
    it.swarm.start(it.now, &Bitfield::new(1), vec![(PieceIndex(0), found)]);
    let ranges = it.seed(1, 2);
    assert_eq!(ranges.len(), 1);
    it.deliver(1, &ranges);
    assert_eq!(it.hashed(0, false), Verdict::Bad);
    let good = hash::sha256(&vec![0; 16 * 1024]);
    it.swarm.handle_block_digests(it.now, PieceIndex(0), &[hash::sha256(b"torn"), good]);
    it.batch(1, Vec::new(), 2);
    let ranges = requests(&it.orders(), 1);
    it.deliver(1, &ranges);
    assert_eq!(it.hashed(0, true), Verdict::Good);
    assert_eq!(banned(&it.events()), []);
}

#[test]
fn a_piece_is_announced_once_it_is_on_disk_and_the_end_is_told() {
    let mut it = Stage::new(2, &[0]);
    let ranges = it.seed(1, 9);
    it.admit(2, 2, Direction::Incoming);
    it.orders();
    it.deliver(1, &ranges);
    assert_eq!(it.hashed(1, true), Verdict::Good);
    assert_eq!(it.swarm.left(), 0);
    assert!(!it.swarm.is_complete() && !it.swarm.have().get(1));
    let interested = |order: &Order| matches!(order, Order::Interested(false));
    assert!(it.orders().iter().any(|(conn, order)| conn.0 == 1 && interested(order)));
    it.swarm.handle_written(it.now, PieceIndex(1));
    let orders = it.orders();
    let has = |wanted: fn(&Order) -> bool| orders.iter().any(|it| it.0.0 == 2 && wanted(&it.1));
    assert!(has(|order| matches!(order, Order::Have(PieceIndex(1)))));
    assert!(has(|order| matches!(order, Order::UploadOnly(true))));
    assert_eq!(closed(&orders), [(1, CloseReason::Redundant)]);
    let complete = it.events().iter().filter(|it| matches!(it, Event::Complete)).count();
    assert_eq!(complete, 1);
}

#[test]
fn both_ends_keep_the_same_of_two_crossing_connections() {
    // We are node 9; peers 3 and 11 have a lower and a higher id.
    for (node, ours_stays) in [(3, false), (11, true)] {
        for first in [Direction::Incoming, Direction::Outgoing] {
            let mut it = Stage::new(2, &[]);
            let second = match first {
                Direction::Incoming => Direction::Outgoing,
                Direction::Outgoing => Direction::Incoming,
            };
            let from = |direction| {
                if direction == Direction::Outgoing { node } else { node + 50 }
            };
            for (conn, direction) in [(1, first), (2, second)] {
                let to = addr(from(direction));
                it.swarm.admit(it.now, ConnId(conn), to, direction).unwrap();
            }
            it.batch(1, vec![hello(node)], 0);
            it.batch(2, vec![hello(node)], 0);
            let stays = if (first == Direction::Outgoing) == ours_stays { 1 } else { 2 };
            assert_eq!(closed(&it.orders()), [(3 - stays, CloseReason::Duplicate)]);
            assert_eq!(it.swarm.stats().peers, 1);
        }
    }
}

#[test]
fn a_connection_to_ourselves_is_closed_and_not_tried_again() {
    let mut it = Stage::new(2, &[]);
    it.swarm.add_candidates(it.now, std::iter::once(addr(9)), Origin::Tracker);
    assert_eq!(it.swarm.poll_connect(it.now), Some(addr(9)));
    it.admit(1, 9, Direction::Outgoing);
    assert_eq!(closed(&it.orders()).len(), 1);
    it.pass(3_000);
    assert_eq!(it.swarm.poll_connect(it.now), None);
}

#[test]
fn nothing_is_asked_for_while_paused() {
    let mut it = Stage::new(2, &[]);
    it.swarm.set_paused(it.now, true);
    assert_eq!(it.seed(1, 2), []);
    it.swarm.set_paused(it.now, false);
    assert_eq!(requests(&it.orders(), 1).len(), 2);
}

#[test]
fn rejected_blocks_are_asked_of_others_at_once_and_of_the_same_later() {
    let mut it = Stage::new(1, &[]);
    let ranges = it.seed(1, 2);
    assert_eq!(it.seed(2, 0), []);
    it.batch(1, vec![Report::Rejected(ranges)], 2);
    assert_eq!(requests(&it.orders(), 1), []);
    it.pass(2);
    assert_eq!(requests(&it.orders(), 1).len(), 2);
    it.swarm.handle_closed(it.now, ConnId(1), &CloseReason::Remote);
    it.batch(2, Vec::new(), 2);
    assert_eq!(requests(&it.orders(), 2).len(), 2);
}

#[test]
fn requests_on_their_way_are_not_given_out_a_second_time() {
    let mut it = Stage::new(100, &[]);
    assert_eq!(it.seed(1, 10).len(), 10);
    // The connection has seen none of these and says so; then it has seen them all.
    for (want, taken, given) in [(10, 0, 0), (12, 0, 2), (12, 10, 10), (3, 22, 3)] {
        it.early_batch(1, Vec::new(), want, taken);
        assert_eq!(requests(&it.orders(), 1).len(), given, "{want} {taken}");
    }
}

#[test]
fn the_only_seed_is_spared_a_piece_that_others_have_by_now() {
    let mut it = Stage::new(100, &[]);
    let ranges = it.seed(1, 4);
    it.admit(2, 2, Direction::Incoming);
    let (begun, waiting) = (ranges[0].piece, ranges[2].piece);
    it.deliver(1, &ranges[..1]);
    it.orders();
    for piece in [begun, waiting] {
        it.batch(2, vec![Report::Have(piece)], 0);
    }
    let cancelled = it.orders().into_iter().find_map(|(conn, order)| match order {
        Order::Cancel(ranges) => Some((conn, ranges)),
        _ => None,
    });
    assert_eq!(cancelled, Some((ConnId(1), ranges[2..].to_vec())));
}

#[test]
fn skipped_files_complete_the_rest_and_can_be_added_later() {
    let mut it = Stage::new(2, &[]);
    it.swarm.select(it.now, vec![Priority::Skip]);
    assert!(it.swarm.is_complete());
    assert_eq!((it.swarm.done(), it.swarm.left()), (0, 0));
    it.swarm.select(it.now, vec![Priority::High]);
    assert_eq!(it.swarm.left(), u64::from(2 * PIECE));
    assert_eq!(it.seed(1, 9).len(), 4);
}

#[test]
fn a_lost_piece_is_taken_back_and_fetched_again() {
    let mut it = Stage::new(2, &[0, 1]);
    it.admit(1, 1, Direction::Incoming);
    it.orders();
    it.swarm.handle_lost(it.now, PieceIndex(1));
    assert_eq!(it.swarm.left(), u64::from(PIECE));
    let lost = |(_, order): &(ConnId, Order)| matches!(order, Order::Lost(PieceIndex(1)));
    assert!(it.orders().iter().any(lost));
    assert_eq!(it.seed(2, 9).len(), 2);
}

#[test]
fn a_forgotten_piece_in_progress_is_fetched_anew_and_asked_for_once() {
    let mut it = Stage::new(1, &[]);
    let ranges = it.seed(1, 2);
    it.deliver(1, &ranges[..1]);
    it.swarm.handle_forgotten(it.now, PieceIndex(0));
    it.batch(1, Vec::new(), 2);
    let orders = it.orders();
    let cancels = |(_, order): &(ConnId, Order)| match order {
        Order::Cancel(cancelled) => cancelled[..] == ranges[1..],
        _ => false,
    };
    assert!(orders.iter().any(cancels), "{orders:?}");
    assert_eq!(requests(&orders, 1), ranges);
    assert_eq!(it.swarm.stats().outstanding, 2);
    it.deliver(1, &ranges);
    assert_eq!(it.hashed(0, true), Verdict::Good);
}

#[test]
fn a_withheld_piece_is_taken_back_and_not_fetched_again() {
    let mut it = Stage::new(2, &[0, 1]);
    it.admit(1, 1, Direction::Incoming);
    it.orders();
    it.swarm.withhold(it.now, [PieceIndex(1), PieceIndex(9)]);
    let lost = |(_, order): &(ConnId, Order)| matches!(order, Order::Lost(PieceIndex(1)));
    assert!(it.orders().iter().any(lost));
    assert!(!it.swarm.have().get(1) && it.swarm.have().get(0));
    assert!(it.swarm.is_complete() && it.swarm.left() == 0);
    it.swarm.withhold(it.now, [PieceIndex(1)]);
    it.swarm.handle_written(it.now, PieceIndex(1));
    it.swarm.select(it.now, vec![Priority::High]);
    assert!(it.orders().is_empty() && it.swarm.is_complete());

    it.swarm.offer_again(it.now, [PieceIndex(0), PieceIndex(1)]);
    let have = |(_, order): &(ConnId, Order)| matches!(order, Order::Have(PieceIndex(1)));
    assert!(matches!(&it.orders()[..], [one] if have(one)));
    assert!(it.swarm.have().is_full());
}

#[test]
fn a_withheld_piece_that_is_lost_is_fetched_again() {
    let mut it = Stage::new(2, &[0, 1]);
    it.swarm.withhold(it.now, [PieceIndex(1)]);
    it.swarm.handle_lost(it.now, PieceIndex(1));
    assert!(!it.swarm.is_complete());
    assert_eq!(it.seed(2, 9).len(), 2);
    it.swarm.offer_again(it.now, [PieceIndex(1)]);
    assert!(!it.swarm.have().get(1));
}

#[test]
fn connections_begin_anew_where_much_changed() {
    let all: Vec<u32> = (0..300).collect();
    let mut it = Stage::new(300, &all);
    it.admit(1, 1, Direction::Incoming);
    it.orders();
    it.swarm.withhold(it.now, all.into_iter().map(PieceIndex));
    assert_eq!(closed(&it.orders()), [(1, CloseReason::Changed)]);
}

#[test]
fn an_unchoked_downloader_hears_suggestions_first() {
    let mut it = Stage::new(2, &[0, 1]);
    it.admit(1, 1, Direction::Incoming);
    let none = Bitfield::new(2);
    it.batch(1, vec![Report::Pieces(none), Report::Interested(true)], 0);
    it.orders();
    it.swarm.set_choked(it.now, ConnId(1), false);
    let orders = it.orders();
    assert!(matches!(
        orders[..],
        [(_, Order::Suggest(_)), (_, Order::Suggest(_)), (_, Order::Unchoke)]
    ));
}

#[test]
fn stopping_closes_everything_and_nothing_is_let_in() {
    let mut it = Stage::new(2, &[]);
    it.seed(1, 2);
    it.swarm.stop(it.now);
    assert_eq!(closed(&it.orders()), [(1, CloseReason::Stopped)]);
    let refusal = it.swarm.admit(it.now, ConnId(2), addr(2), Direction::Incoming);
    assert_eq!(refusal, Err(Refusal::NotRunning));
}

#[test]
fn a_magnet_gets_its_metadata_and_then_its_pieces() {
    let info = info(u64::from(2 * PIECE), PIECE);
    let now = Instant::from_secs(1);
    let bare = Torrent { info: None, ..(*torrent(&info)).clone() };
    let swarm = Swarm::new(now, Config::new(peer_id(9)), Arc::new(bare), Rng::new(1));
    let mut it = Stage { swarm, info: info.clone(), now };
    it.admit(1, 1, Direction::Outgoing);
    let size = info.raw().len();
    let extended = ExtendedInfo {
        metadata_size: Some(size as u64),
        supports_metadata: true,
        ..ExtendedInfo::default()
    };
    it.batch(1, vec![Report::Extended(extended)], 0);
    assert!(matches!(it.orders()[..], [(ConnId(1), Order::RequestMetadata(0))]));
    it.batch(1, vec![Report::Metadata { piece: 0, data: info.raw().to_vec() }], 0);
    assert!(matches!(it.events()[..], [Event::MetadataReady(_)]));
    let refusal = it.swarm.admit(now, ConnId(2), addr(2), Direction::Incoming);
    assert_eq!(refusal, Err(Refusal::NotRunning), "the disk is being looked at");
    it.swarm.start(now, &Bitfield::new(2), Vec::new());
    assert!(matches!(it.orders()[..], [(ConnId(1), Order::Metadata { .. })]));
    it.batch(1, vec![Report::Pieces(Bitfield::full(2)), Report::Unchoked], 9);
    assert_eq!(requests(&it.orders(), 1).len(), 4);
}
