use stdx::BlockIndex;

use super::*;
use crate::address::tests::torrent;

const BLOCK: u64 = BLOCK_LENGTH as u64;

/// A mirror, and the content that it should have.
struct World {
    mirror: Mirror,
    now: Instant,
    asked: Vec<BlockRange>,
    got: Vec<(BlockRange, Vec<u8>)>,
    rejected: Vec<BlockRange>,
    troubles: Vec<String>,
    choked: Option<bool>,
    have: Bitfield,
    want: u32,
    /// How often it said that it is to be asked in order.
    in_order: u32,
}

impl World {
    fn new(info: &Arc<Info>) -> Self {
        let address = Address::files("http://m/", false).unwrap();
        let mirror = Mirror::new(Arc::clone(info), address, Pool::new(8), Rng::new(1));
        let mut world = Self {
            mirror,
            now: Instant::from_secs(1),
            asked: Vec::new(),
            got: Vec::new(),
            rejected: Vec::new(),
            troubles: Vec::new(),
            choked: None,
            have: Bitfield::default(),
            want: 0,
            in_order: 0,
        };
        world.listen();
        world
    }

    fn listen(&mut self) {
        let batch = self.mirror.poll_batch();
        self.want = batch.want;
        for report in batch.reports {
            match report {
                Report::Block { range, data } => self.got.push((range, data.to_vec())),
                Report::Rejected(ranges) => self.rejected.extend(ranges),
                Report::Trouble(text) => self.troubles.push(text),
                Report::Choked => self.choked = Some(true),
                Report::Unchoked => self.choked = Some(false),
                Report::Pieces(have) => self.have = have,
                Report::InOrder => self.in_order += 1,
                other => panic!("{other:?}"),
            }
        }
    }

    fn ask(&mut self, pieces: impl IntoIterator<Item = u32>) {
        let layout = self.mirror.info.layout();
        let blocks = |piece| (0..layout.block_count(PieceIndex(piece))).map(move |at| (piece, at));
        let range = |(piece, at)| layout.request(PieceIndex(piece), BlockIndex(at));
        let ranges: Vec<_> = pieces.into_iter().flat_map(blocks).filter_map(range).collect();
        self.asked.extend(&ranges);
        self.mirror.handle_order(self.now, Order::Request(ranges)).unwrap();
        self.listen();
    }

    fn fetches(&mut self) -> Vec<Fetch> {
        std::iter::from_fn(|| self.mirror.poll_fetch()).collect()
    }

    /// Answers every fetch whole, with bytes that say where they stand in their file.
    fn serve(&mut self) {
        loop {
            let fetches = self.fetches();
            if fetches.is_empty() {
                return self.listen();
            }
            for Fetch { line, asked, .. } in fetches {
                let bytes: Vec<u8> =
                    (asked.from..asked.to).map(|at| (at % 251) as u8 + 1).collect();
                bytes.chunks(5_000).for_each(|part| self.mirror.handle_data(line, part));
                self.mirror.handle_done(self.now, line).unwrap();
            }
        }
    }

    fn fail(&mut self, fault: &Fault) -> Result<(), CloseReason> {
        let fetch = self.mirror.poll_fetch().expect("something is asked for");
        let result = self.mirror.handle_fault(self.now, fetch.line, fault);
        self.listen();
        result
    }

    /// Every block asked for has ended once.
    fn check_books(&self) {
        let mut ended: Vec<_> = self.got.iter().map(|(range, _)| *range).collect();
        ended.extend(&self.rejected);
        let mut asked = self.asked.clone();
        ended.sort_unstable();
        asked.sort_unstable();
        assert_eq!(ended, asked);
    }
}

fn one_file(blocks: u64) -> Arc<Info> {
    torrent("f", &[(&[], blocks * BLOCK)])
}

#[test]
fn a_run_is_one_request_for_each_connection() {
    let mut world = World::new(&one_file(400));
    assert!(world.want >= 32 && world.have.is_full() && world.choked == Some(false));
    world.ask(0..16);
    let fetches = world.fetches();
    let spans: Vec<_> = fetches.iter().map(|it| (it.line.0, it.asked.from, it.asked.to)).collect();
    assert_eq!(spans, [(0, 0, 16 * BLOCK), (1, 16 * BLOCK, 32 * BLOCK)]);
    assert_eq!(fetches[0].url.to_string(), "http://m/f");
    for fetch in fetches {
        let bytes: Vec<u8> =
            (fetch.asked.from..fetch.asked.to).map(|at| (at % 251) as u8 + 1).collect();
        world.mirror.handle_data(fetch.line, &bytes);
        world.mirror.handle_done(world.now, fetch.line).unwrap();
    }
    world.listen();
    world.check_books();
    let whole: Vec<u8> = world.got.iter().flat_map(|(_, data)| data.clone()).collect();
    assert!(whole.iter().zip(0..).all(|(&byte, at)| byte == (at % 251) as u8 + 1));
    assert!(world.want >= 4 * 32, "it was quick, so more at a time: {}", world.want);
    assert_eq!(world.mirror.totals().down_payload, 32 * BLOCK);
}

#[test]
fn blocks_over_several_files_are_put_together() {
    let info = torrent("d", &[(&["a"], 10_000), (&["b"], 0), (&["c"], 20_000), (&["e"], 5_000)]);
    let mut world = World::new(&info);
    world.ask(0..2);
    world.serve();
    world.check_books();
    let whole: Vec<u8> = world.got.iter().flat_map(|(_, data)| data.clone()).collect();
    let of = |length: u64| (0..length).map(|at| (at % 251) as u8 + 1);
    let expected: Vec<u8> = of(10_000).chain(of(20_000)).chain(of(5_000)).collect();
    assert_eq!(whole, expected);
}

#[test]
fn what_is_cancelled_is_dropped_or_broken_off() {
    let mut world = World::new(&one_file(64));
    world.ask(0..16);
    let fetches = world.fetches();
    let (first, rest): (Vec<_>, Vec<_>) =
        world.asked.clone().into_iter().partition(|range| range.piece.0 < 8);
    // All that the first connection is at, and one block of the second.
    world.mirror.handle_order(world.now, Order::Cancel(first)).unwrap();
    world.mirror.handle_order(world.now, Order::Cancel(vec![rest[3]])).unwrap();
    assert_eq!(world.mirror.poll_abort(), Some(LineId(0)));
    assert_eq!(world.mirror.poll_abort(), None);
    world.mirror.handle_data(LineId(0), &[1; 16_384]);
    let asked = fetches[1].asked;
    world.mirror.handle_data(LineId(1), &vec![1; asked.length() as usize]);
    world.mirror.handle_done(world.now, LineId(1)).unwrap();
    world.listen();
    let got: Vec<_> = world.got.iter().map(|(range, _)| *range).collect();
    let expected: Vec<_> = rest.iter().copied().filter(|range| *range != rest[3]).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_mirror_that_fails_is_left_alone_for_longer_each_time() {
    let mut world = World::new(&one_file(64));
    let mut last = Duration::ZERO;
    for round in 0..12 {
        world.ask(0..4);
        let down = Fault::Network("refused".to_owned());
        world.fail(&down).unwrap();
        world.check_books();
        assert_eq!((world.choked, world.want), (Some(true), 0), "round {round}");
        let until = world.mirror.poll_timeout().unwrap();
        let rest = until.since(world.now);
        assert!(rest > last.mul_f64(0.9) && rest <= REST_MAX.mul_f64(1.25), "{rest:?}");
        last = rest;
        // Whoever asks nevertheless is refused.
        world.ask(0..1);
        world.check_books();
        world.now = until;
        world.mirror.handle_timeout(world.now);
        world.listen();
        assert_eq!(world.choked, Some(false));
    }
    assert_eq!(world.troubles.len(), 1, "told once: {:?}", world.troubles);
    world.ask(0..4);
    world.serve();
    world.ask(4..5);
    world.fail(&Fault::Busy(Some(Duration::from_secs(100)))).unwrap();
    let rest = world.mirror.poll_timeout().unwrap().since(world.now);
    assert!(rest >= Duration::from_secs(100), "as it wished: {rest:?}");
}

#[test]
fn one_connection_of_several_may_fail() {
    let mut world = World::new(&one_file(64));
    world.ask(0..32);
    assert_eq!(world.mirror.lines_max, 2);
    world.fail(&Fault::Busy(None)).unwrap();
    assert_eq!((world.choked, world.mirror.lines_max), (Some(false), 1), "the other goes on");
    world.serve();
    world.check_books();
    assert!(world.rejected.is_empty());
}

#[test]
fn connections_that_fail_in_turn_are_not_tried_without_end() {
    let mut world = World::new(&one_file(64));
    world.ask(0..8);
    world.serve();
    world.ask(8..32);
    let mut tried = 0;
    while world.choked == Some(false) {
        world.fail(&Fault::Network("reset".to_owned())).unwrap();
        tried += 1;
        assert!(tried < 10);
    }
    world.check_books();
    assert!(tried > 1, "the others may do better");
    world.now = world.mirror.poll_timeout().unwrap();
    world.mirror.handle_timeout(world.now);
    world.ask(8..32);
    world.fail(&Fault::Silent).unwrap();
    assert_eq!(world.choked, Some(true), "where nothing has come at all, they may not");
    assert!(world.mirror.poll_fetch().is_none());
}

#[test]
fn files_that_are_not_there_are_not_asked_for_again() {
    let info = torrent("d", &[(&["a"], 4 * BLOCK), (&["b"], 4 * BLOCK)]);
    let mut world = World::new(&info);
    world.ask(0..4);
    world.fail(&Fault::Status(404)).unwrap();
    assert_eq!(world.have.iter_ones().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(world.troubles, ["`d/a`: the server answers 404 Not Found"]);
    world.serve();
    world.check_books();
    assert_eq!(world.got.len(), 4);
    world.ask(2..3);
    let over = world.fail(&Fault::Status(404));
    let reason = "`d/b`: the server answers 404 Not Found".to_owned();
    assert_eq!(over, Err(CloseReason::Mirror(reason)), "nothing is left");
}

#[test]
fn answers_that_end_too_soon_are_gone_on_with() {
    let mut world = World::new(&one_file(16));
    world.ask(0..8);
    let fetch = world.mirror.poll_fetch().unwrap();
    world.mirror.handle_data(fetch.line, &vec![1; BLOCK as usize * 3 + 100]);
    world.mirror.handle_done(world.now, fetch.line).unwrap();
    world.listen();
    assert_eq!(world.got.len(), 3);
    assert_eq!(world.choked, Some(true), "a rest first");
    world.check_books();
}

#[test]
fn drips_are_as_good_as_nothing() {
    let check = |bytes, seconds, expected| {
        assert_eq!(is_too_slow(bytes, Duration::from_secs(seconds)), expected);
    };
    check(0, 29, false);
    check(30 * 1_024, 30, false);
    check(30 * 1_024 - 1, 30, true);
    check(1 << 40, 1_000, false);
}

#[test]
fn a_server_without_ranges_is_read_in_order_over_one_connection() {
    let mut world = World::new(&one_file(400));
    world.ask(100..132);
    world.fail(&Fault::NoRanges).unwrap();
    assert_eq!(world.mirror.poll_abort(), Some(LineId(1)), "the other connection, too");
    world.check_books();
    assert_eq!((world.in_order, world.choked, world.have.is_full()), (1, Some(false), true));
    assert_eq!(world.troubles, [""; 0], "that is nothing to complain of");
    world.ask(3..11);
    world.ask(20..28);
    let spans: Vec<_> = world.fetches().iter().map(|it| (it.line.0, it.asked)).collect();
    let asked = |from, to| Asked {
        from: from * BLOCK,
        to: to * BLOCK,
        whole: Some(400 * BLOCK),
        streamed: true,
    };
    assert_eq!(spans, [(0, asked(6, 22))], "the rest waits for its turn");
    world.mirror.handle_data(LineId(0), &vec![1; 16 * BLOCK as usize]);
    world.mirror.handle_done(world.now, LineId(0)).unwrap();
    let next: Vec<_> = world.fetches().iter().map(|it| (it.line.0, it.asked)).collect();
    assert_eq!(next, [(0, asked(40, 56))]);
    world.mirror.handle_data(LineId(0), &vec![1; 16 * BLOCK as usize]);
    world.mirror.handle_done(world.now, LineId(0)).unwrap();
    world.listen();
    world.check_books();
    assert_eq!((world.got.len(), world.in_order, world.mirror.lines_max), (32, 1, 1));
}

#[test]
fn what_has_to_begin_anew_is_told() {
    let mut world = World::new(&one_file(8_000));
    world.ask(0..4);
    world.fail(&Fault::NoRanges).unwrap();
    world.ask(0..4);
    world.fail(&Fault::Short).unwrap();
    assert_eq!((world.in_order, world.choked), (2, Some(true)), "broken off: a rest");
    world.now = world.mirror.poll_timeout().unwrap();
    world.mirror.handle_timeout(world.now);
    let troubles = world.troubles.len();
    world.ask(3_000..3_004);
    let asked = world.asked[world.asked.len() - 8..].to_vec();
    world.mirror.handle_order(world.now, Order::Cancel(asked.clone())).unwrap();
    world.asked.retain(|range| !asked.contains(range));
    world.listen();
    assert_eq!((world.in_order, world.mirror.poll_abort()), (3, Some(LineId(0))), "not wanted");
    let told = &world.troubles[troubles..];
    assert!(told.len() == 1 && told[0].contains("so 93 MiB"), "{told:?}");
    world.ask(3_500..3_504);
    world.serve();
    world.check_books();
    assert_eq!(world.troubles.len(), troubles + 1, "told once");
}
