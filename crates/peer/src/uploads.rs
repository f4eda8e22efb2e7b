use std::collections::VecDeque;

use stdx::{BlockRange, Instant, RateMeter};

use crate::Config;

/// Payload read ahead of the socket at least, in bytes.
const WATERMARK_MIN: u64 = 256 * 1024;

/// Reads that may be under way at a time: many tiny requests must not flood the disk.
const READS_MAX: usize = 512;

/// Blocks that the remote asked for: waiting, and being read.
#[derive(Debug)]
pub(crate) struct Uploads {
    queue: VecDeque<BlockRange>,
    reading: Vec<Reading>,
    reading_bytes: u64,
    rate: RateMeter<4>,
    watermark: u64,
    watermark_max: u64,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    range: BlockRange,
    cancelled: bool,
}

impl Uploads {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            queue: VecDeque::new(),
            reading: Vec::new(),
            reading_bytes: 0,
            rate: RateMeter::default(),
            watermark: WATERMARK_MIN,
            watermark_max: config.send_buffer_max.max(WATERMARK_MIN),
        }
    }

    /// Requests not answered yet, apart from what waits for the socket.
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.reading.len()
    }

    pub(crate) fn push(&mut self, range: BlockRange) {
        self.queue.push_back(range);
    }

    /// Takes back a request that is waiting; false when none is.
    pub(crate) fn cancel_waiting(&mut self, range: BlockRange) -> bool {
        let found = self.queue.iter().position(|&queued| queued == range);
        found.and_then(|at| self.queue.remove(at)).is_some()
    }

    /// Takes back a request that is being read; its answer will be [`Self::handle_read`]'s false.
    pub(crate) fn cancel_reading(&mut self, range: BlockRange) -> bool {
        let live = |reading: &&mut Reading| reading.range == range && !reading.cancelled;
        let Some(reading) = self.reading.iter_mut().find(live) else {
            return false;
        };
        reading.cancelled = true;
        true
    }

    /// Takes back what is waiting, except what `keep` wants kept.
    pub(crate) fn cancel_all(&mut self, keep: impl Fn(BlockRange) -> bool) -> Vec<BlockRange> {
        let (kept, gone): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(|&range| keep(range));
        self.queue = kept.into();
        gone
    }

    /// Takes back what is being read as well.
    pub(crate) fn cancel_readings(&mut self) {
        self.reading.iter_mut().for_each(|reading| reading.cancelled = true);
    }

    /// The next block to read, while less than the watermark is under way; `sending` counts
    /// payload that waits for the socket.
    pub(crate) fn poll_read(&mut self, sending: u64) -> Option<BlockRange> {
        let under_way = self.reading_bytes + sending;
        if under_way >= self.watermark || self.reading.len() >= READS_MAX {
            return None;
        }
        let range = self.queue.pop_front()?;
        self.reading.push(Reading { range, cancelled: false });
        self.reading_bytes += u64::from(range.length);
        Some(range)
    }

    /// Takes note that a read ended. True when its block is still to be sent, false when it was
    /// cancelled, `None` when it was never asked for.
    pub(crate) fn handle_read(&mut self, range: BlockRange) -> Option<bool> {
        let at = self.reading.iter().position(|reading| reading.range == range)?;
        let reading = self.reading.swap_remove(at);
        self.reading_bytes -= u64::from(range.length);
        Some(!reading.cancelled)
    }

    /// Takes note of payload that went out: half a second of it is read ahead.
    pub(crate) fn handle_sent(&mut self, now: Instant, bytes: u64) {
        self.rate.add(now, bytes);
        self.watermark = (self.rate.rate(now) / 2).clamp(WATERMARK_MIN, self.watermark_max);
    }
}
