use std::collections::{BTreeSet, VecDeque};

use stdx::{BLOCK_LENGTH, BlockRange, Duration, Instant, RateMeter};

use crate::Config;

/// How many blocks are asked for at first.
const DEPTH_INITIAL: u32 = 4;

/// The least queue once the rate is known.
const DEPTH_MIN: u32 = 4;

/// How much of the future the queue covers.
const DEPTH_SECONDS: u64 = 3;

/// The queue length assumed until the remote states one (the least that is common among clients).
const REQQ_DEFAULT: u32 = 250;

/// Slow start ends when a second brings less than this over the one before, in bytes.
const GROWTH_MIN: u64 = 5_000;

/// Withdrawn requests that are remembered, so that a late answer is known as one.
const FORGOTTEN_MAX: usize = 4_096;

/// Blocks that the remote was asked for: how many there should be, which there are, and for how
/// long they have been owed. Part of every [`crate::Peer`]; by itself for worlds without a wire.
#[derive(Debug)]
pub struct Pipeline {
    /// In the order sent.
    outstanding: VecDeque<Request>,
    /// The same, to be looked up: a queue has hundreds of them when the link is long or fast.
    ranges: BTreeSet<BlockRange>,
    /// Withdrawn or given up, and possibly still on their way.
    forgotten: VecDeque<BlockRange>,
    queue_max: u32,
    remote_queue: u32,
    target: u32,
    slow_start: bool,
    rate: RateMeter<4>,
    window: Window,
    /// Since when the next block is owed.
    waiting_since: Instant,
    snubbed: bool,
    unrequested: u32,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    range: BlockRange,
    sent: Instant,
}

/// The second over which slow start watches the rate.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    start: Instant,
    bytes: u64,
    previous: u64,
}

/// What a block or reject answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An outstanding request.
    Outstanding,
    /// A request that was withdrawn or given up.
    Late,
    /// Nothing; the number of such answers so far.
    Unrequested(u32),
}

/// What ran out.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Expired {
    /// Given up; the remote is to be told.
    pub requests: Vec<BlockRange>,
    /// The remote counts as snubbing from now on.
    pub snubbed: bool,
}

impl Pipeline {
    /// Nothing asked for yet.
    pub fn new(config: &Config) -> Self {
        Self {
            outstanding: VecDeque::new(),
            ranges: BTreeSet::new(),
            forgotten: VecDeque::new(),
            queue_max: config.request_queue_max.max(1),
            remote_queue: REQQ_DEFAULT,
            target: DEPTH_INITIAL,
            slow_start: true,
            rate: RateMeter::default(),
            window: Window::default(),
            waiting_since: Instant::ZERO,
            snubbed: false,
            unrequested: 0,
        }
    }

    /// Takes note of the remote's `reqq` (BEP 10).
    pub fn set_remote_queue(&mut self, reqq: u32) {
        self.remote_queue = reqq.max(1);
        self.target = self.target.min(self.depth_max());
    }

    /// How many more requests should go out. Nothing until a quarter of the queue is gone, so that
    /// requests travel in batches.
    pub fn want(&self) -> u32 {
        let outstanding = self.outstanding.len() as u32;
        let target = if self.snubbed { 1 } else { self.target };
        if outstanding * 4 > target * 3 {
            return 0;
        }
        target - outstanding
    }

    /// How many blocks are asked for and not answered.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Takes a request that is about to be sent; false when it must not be: it is outstanding
    /// already, or the queue is full.
    pub fn request(&mut self, now: Instant, range: BlockRange) -> bool {
        let full = self.outstanding.len() >= self.depth_max() as usize;
        if full || !self.ranges.insert(range) {
            return false;
        }
        if self.outstanding.is_empty() {
            self.waiting_since = now;
            if self.window.bytes == 0 {
                self.window.start = now;
            }
        }
        self.outstanding.push_back(Request { range, sent: now });
        true
    }

    /// Takes a request back; false when it was not outstanding.
    pub fn cancel(&mut self, range: BlockRange) -> bool {
        let was_outstanding = self.remove(range);
        if was_outstanding {
            self.forget(range);
        }
        was_outstanding
    }

    /// The remote will answer nothing of what is outstanding.
    pub fn cancel_all(&mut self) -> Vec<BlockRange> {
        self.ranges.clear();
        let ranges: Vec<_> = self.outstanding.drain(..).map(|request| request.range).collect();
        for &range in &ranges {
            self.forget(range);
        }
        ranges
    }

    /// The remote begins to serve: probe its rate anew, from what it could take before.
    pub fn handle_unchoke(&mut self, now: Instant) {
        self.slow_start = true;
        self.target = (self.target / 2).max(DEPTH_INITIAL).min(self.depth_max());
        self.window = Window { start: now, ..Window::default() };
        self.waiting_since = now;
    }

    /// Takes a block. A snubbing remote is forgiven by its first one; see [`Self::is_snubbed`].
    pub fn handle_block(&mut self, now: Instant, range: BlockRange) -> Answer {
        let answer = if self.remove(range) {
            Answer::Outstanding
        } else if self.recall(range) {
            Answer::Late
        } else {
            return self.count_unrequested();
        };
        self.waiting_since = now;
        if self.snubbed {
            self.snubbed = false;
            self.slow_start = true;
            self.target = DEPTH_INITIAL.min(self.depth_max());
            self.window = Window { start: now, ..Window::default() };
        }
        self.measure(now, u64::from(range.length));
        answer
    }

    /// Takes a reject (BEP 6). Of a range that was withdrawn and asked for again, the first answer
    /// belongs to the first request.
    pub fn handle_reject(&mut self, range: BlockRange) -> Answer {
        if self.recall(range) {
            return Answer::Late;
        }
        if self.remove(range) { Answer::Outstanding } else { self.count_unrequested() }
    }

    /// Gives memory back once nothing more will be asked for.
    pub fn rest(&mut self) {
        if self.outstanding.is_empty() {
            self.outstanding = VecDeque::new();
            self.forgotten.shrink_to_fit();
        }
    }

    /// Whether the remote owes blocks and has sent none for long.
    pub fn is_snubbed(&self) -> bool {
        self.snubbed
    }

    /// When [`Self::expire`] has something to do.
    pub fn deadline(&self, config: &Config) -> Option<Instant> {
        let oldest = self.outstanding.front()?.sent + config.request_timeout;
        if self.snubbed {
            return Some(oldest);
        }
        Some(oldest.min(self.waiting_since + config.snub_timeout))
    }

    /// Gives up what is owed for too long. A remote that `choked` us owes nothing for long, and
    /// does not snub.
    pub fn expire(&mut self, now: Instant, config: &Config, choked: bool) -> Expired {
        let mut expired = Expired::default();
        if self.outstanding.is_empty() {
            return expired;
        }
        let stalled = now >= self.waiting_since + config.snub_timeout;
        if stalled && choked {
            expired.requests = self.cancel_all();
            return expired;
        }
        if stalled && !self.snubbed {
            self.snubbed = true;
            expired.snubbed = true;
            expired.requests = self.outstanding.drain(1..).map(|request| request.range).collect();
        }
        // The oldest are in front.
        while let Some(request) = self.outstanding.front() {
            if now < request.sent + config.request_timeout {
                break;
            }
            expired.requests.push(request.range);
            self.outstanding.pop_front();
        }
        for &range in &expired.requests {
            self.ranges.remove(&range);
            self.forget(range);
        }
        expired
    }

    fn measure(&mut self, now: Instant, bytes: u64) {
        self.rate.add(now, bytes);
        self.window.bytes += bytes;
        if self.slow_start {
            self.target = (self.target + 1).min(self.depth_max());
        }
        let elapsed = now - self.window.start;
        if elapsed < Duration::from_secs(1) {
            return;
        }
        let nanos = elapsed.as_nanos().max(1);
        let rate = (u128::from(self.window.bytes) * 1_000_000_000 / nanos) as u64;
        if self.slow_start && rate < self.window.previous + GROWTH_MIN {
            self.slow_start = false;
        }
        if !self.slow_start {
            let rate = rate.max(self.rate.rate(now));
            let depth = (rate * DEPTH_SECONDS / u64::from(BLOCK_LENGTH)).min(u64::from(u32::MAX));
            // A second without enough to ask for says little: fall slowly.
            let depth = (depth as u32).max(self.target / 2).max(DEPTH_MIN);
            self.target = depth.min(self.depth_max());
        }
        self.window = Window { start: now, bytes: 0, previous: rate };
    }

    fn depth_max(&self) -> u32 {
        self.queue_max.min(self.remote_queue)
    }

    /// Ends a request; false when it is not outstanding.
    fn remove(&mut self, range: BlockRange) -> bool {
        if !self.ranges.remove(&range) {
            return false;
        }
        // Mostly the oldest: peers answer in order.
        let at = self.outstanding.iter().position(|request| request.range == range);
        at.and_then(|at| self.outstanding.remove(at)).is_some()
    }

    fn forget(&mut self, range: BlockRange) {
        if self.forgotten.len() == FORGOTTEN_MAX {
            self.forgotten.pop_front();
        }
        self.forgotten.push_back(range);
    }

    fn recall(&mut self, range: BlockRange) -> bool {
        let found = self.forgotten.iter().position(|&forgotten| forgotten == range);
        found.and_then(|at| self.forgotten.remove(at)).is_some()
    }

    fn count_unrequested(&mut self) -> Answer {
        self.unrequested += 1;
        Answer::Unrequested(self.unrequested)
    }
}

#[cfg(test)]
mod tests;
