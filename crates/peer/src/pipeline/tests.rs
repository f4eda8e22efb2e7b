use stdx::{BLOCK_LENGTH, BlockRange, Duration, Instant, PeerId, PieceIndex};

use super::{Answer, DEPTH_INITIAL, DEPTH_MIN, Pipeline};
use crate::Config;

struct Bench {
    pipeline: Pipeline,
    config: Config,
    now: Instant,
    next: u32,
    /// Requests in the order they will be answered.
    sent: Vec<BlockRange>,
}

fn block(number: u32) -> BlockRange {
    BlockRange { piece: PieceIndex(number), begin: 0, length: BLOCK_LENGTH }
}

impl Bench {
    fn new() -> Self {
        Self::with_queue_max(2_000)
    }

    fn with_queue_max(request_queue_max: u32) -> Self {
        let config = Config { request_queue_max, ..Config::new(PeerId([0; 20]), "test") };
        let now = Instant::from_secs(10);
        let mut pipeline = Pipeline::new(&config);
        pipeline.set_remote_queue(2_000);
        pipeline.handle_unchoke(now);
        Self { pipeline, config, now, next: 0, sent: Vec::new() }
    }

    /// Sends as many requests as are wanted.
    fn fill(&mut self) {
        for _ in 0..self.pipeline.want() {
            assert!(self.pipeline.request(self.now, block(self.next)));
            self.sent.push(block(self.next));
            self.next += 1;
        }
    }

    /// Serves `rate` blocks per second for `seconds`, with requests that never run out.
    fn serve(&mut self, rate: u32, seconds: u32) {
        for _ in 0..rate * seconds {
            self.fill();
            self.now += Duration::from_nanos(1_000_000_000 / u64::from(rate));
            let range = self.sent.remove(0);
            assert_eq!(self.pipeline.handle_block(self.now, range), Answer::Outstanding);
        }
        self.fill();
    }

    fn expire(&mut self, choked: bool) -> (usize, bool) {
        let expired = self.pipeline.expire(self.now, &self.config, choked);
        (expired.requests.len(), expired.snubbed)
    }
}

#[test]
fn slow_start_adds_one_for_each_block() {
    let mut bench = Bench::new();
    assert_eq!(bench.pipeline.want(), DEPTH_INITIAL);
    bench.fill();
    assert_eq!(bench.pipeline.want(), 0);
    for answered in 1..=DEPTH_INITIAL {
        let range = bench.sent.remove(0);
        bench.pipeline.handle_block(bench.now, range);
        assert_eq!(bench.pipeline.want(), 2 * answered);
    }
}

#[test]
fn a_fast_peer_gets_all_that_it_queues() {
    let mut bench = Bench::new();
    bench.pipeline.set_remote_queue(500);
    bench.serve(20_000, 1);
    assert!((375..=500).contains(&bench.pipeline.outstanding()));
    assert_eq!(bench.pipeline.target, 500);
}

#[test]
fn no_more_is_asked_for_than_may_arrive() {
    let mut bench = Bench::with_queue_max(1_000);
    bench.serve(20_000, 1);
    assert!((750..=1_000).contains(&bench.pipeline.outstanding()));
    assert_eq!(bench.pipeline.target, 1_000);
}

#[test]
fn the_queue_settles_at_three_seconds() {
    for rate in [10, 100, 400] {
        let mut bench = Bench::new();
        bench.serve(rate, 12);
        let depth = bench.pipeline.target;
        let ideal = rate * 3;
        assert!((ideal * 9 / 10..=ideal * 11 / 10).contains(&depth), "{rate}/s: {depth}");
    }
    let mut bench = Bench::new();
    bench.serve(1, 20);
    assert_eq!(bench.pipeline.target, DEPTH_MIN);
}

#[test]
fn requests_travel_in_batches() {
    let mut bench = Bench::new();
    bench.serve(100, 12);
    let target = bench.pipeline.target;
    for _ in 0..3 {
        let mut answered = 0;
        while bench.pipeline.want() == 0 {
            let range = bench.sent.remove(0);
            bench.pipeline.handle_block(bench.now, range);
            answered += 1;
        }
        assert!(bench.pipeline.want() >= target / 4);
        assert!(answered <= target / 4 + 1);
        bench.fill();
    }
}

#[test]
fn silence_for_twenty_seconds_snubs_and_a_block_forgives() {
    let mut bench = Bench::new();
    bench.serve(100, 2);
    let owed = bench.pipeline.outstanding();
    bench.now += Duration::from_millis(19_990);
    assert_eq!(bench.expire(false), (0, false));
    bench.now += Duration::from_millis(10);
    assert_eq!(bench.pipeline.deadline(&bench.config), Some(bench.now));
    assert_eq!(bench.expire(false), (owed - 1, true));
    assert_eq!((bench.pipeline.outstanding(), bench.pipeline.want()), (1, 0));
    assert_eq!(bench.expire(false), (0, false));
    let late = bench.sent[1];
    assert_eq!(bench.pipeline.handle_block(bench.now, late), Answer::Late);
    assert!(!bench.pipeline.is_snubbed());
    assert_eq!(bench.pipeline.want(), DEPTH_INITIAL);
}

#[test]
fn the_last_request_of_a_snubbing_peer_times_out_too() {
    let mut bench = Bench::new();
    bench.fill();
    bench.now += Duration::from_secs(20);
    assert_eq!(bench.expire(false), (3, true));
    bench.now += Duration::from_secs(40);
    assert_eq!(bench.pipeline.deadline(&bench.config), Some(bench.now));
    assert_eq!(bench.expire(false), (1, false));
    assert_eq!(bench.pipeline.deadline(&bench.config), None);
    assert_eq!(bench.pipeline.want(), 1);
}

#[test]
fn a_choking_peer_does_not_snub() {
    let mut bench = Bench::new();
    bench.fill();
    bench.now += Duration::from_secs(20);
    assert_eq!(bench.expire(true), (4, false));
    assert!(!bench.pipeline.is_snubbed());
    assert_eq!(bench.pipeline.deadline(&bench.config), None);
}

#[test]
fn answers_find_the_request_they_belong_to() {
    let mut bench = Bench::new();
    let range = block(0);
    let ask = |bench: &mut Bench| bench.pipeline.request(bench.now, range);
    assert!(ask(&mut bench));
    assert!(!ask(&mut bench), "twice the same");
    assert!(bench.pipeline.cancel(range) && !bench.pipeline.cancel(range));
    assert!(ask(&mut bench), "again after a cancel");
    assert_eq!(bench.pipeline.handle_reject(range), Answer::Late);
    assert_eq!(bench.pipeline.handle_block(bench.now, range), Answer::Outstanding);
    assert_eq!(bench.pipeline.handle_block(bench.now, range), Answer::Unrequested(1));
    assert_eq!(bench.pipeline.handle_reject(range), Answer::Unrequested(2));
}

#[test]
fn the_queue_of_the_remote_is_respected() {
    let mut bench = Bench::new();
    bench.pipeline.set_remote_queue(2);
    assert_eq!(bench.pipeline.want(), 2);
    let sent = (0..5).filter(|&number| bench.pipeline.request(bench.now, block(number)));
    assert_eq!(sent.count(), 2);
}
