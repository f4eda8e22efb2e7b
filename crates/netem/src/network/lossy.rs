use std::collections::BTreeMap;

use stdx::{Duration, Rng};

use super::Path;
use super::pipe::Segment;
use crate::loss::Losses;

/// Bytes in a segment of a pipe that loses some: what TCP puts into a packet of 1,500 bytes.
pub(super) const SEGMENT: u64 = 1_448;

/// The congestion window to begin with (RFC 6928 §2).
const WINDOW_FIRST: u64 = 10 * SEGMENT;

/// By how much the retransmission time-out exceeds the round trip, at least; RFC 6298 §2.4 has
/// a second, Linux this.
const TIMEOUT_LEAST: Duration = Duration::from_millis(200);

/// The longest time-out (RFC 6298 §2.5).
const TIMEOUT_MOST: Duration = Duration::from_mins(1);

/// What TCP makes of a path that loses packets: nothing is lost, but late.
///
/// The sender learns that a segment was lost one round trip after it left when more was sent
/// behind it (three duplicate acknowledgements, RFC 5681 §3.2), else after a time-out, which
/// doubles each time that the same segment is lost again (RFC 6298 §5.5). It sends that segment
/// alone again (selective acknowledgements, RFC 2018), first of all and at the expense of its
/// uplink; what arrives meanwhile waits for it at the receiver.
///
/// Bytes under way are bounded by a congestion window besides the pipe's own: slow start from ten
/// segments, then one segment more each round trip; half for a loss, at most once a window, and
/// one segment for a time-out (RFC 5681 §3.1). In the long run that gives about
/// 1.22 × segment ÷ (round trip × √loss) (Mathis et al. 1997), and far less where time-outs rule.
/// Acknowledgements, being cumulative, are not lost. The round trip is that of the path alone:
/// waiting for the receiver's downlink delays no notice of a loss.
#[derive(Debug)]
pub(super) struct Lossy<T> {
    losses: Losses,
    round_trip: Duration,
    /// The most that the congestion window grows to.
    most: u64,
    window: u64,
    /// Where slow start ends.
    threshold: u64,
    /// Bytes that left and, as far as the sender knows, neither arrived nor were lost.
    flying: u64,
    /// The number of the next segment that is cut.
    next: u32,
    /// The loss of a segment before this one has been answered by a smaller window.
    answered: u32,
    /// Known to be lost, and not sent again yet.
    again: BTreeMap<u32, Segment<T>>,
    /// The number of the next segment that the receiver passes on.
    expected: u32,
    /// What arrived ahead of it.
    ahead: BTreeMap<u32, Segment<T>>,
}

impl<T> Lossy<T> {
    pub(super) fn new(path: Path, rng: Rng) -> Self {
        Self {
            losses: Losses::new(path.loss, rng),
            round_trip: 2 * path.delay,
            most: path.window.max(WINDOW_FIRST),
            window: WINDOW_FIRST,
            threshold: u64::MAX,
            flying: 0,
            next: 0,
            answered: 0,
            again: BTreeMap::new(),
            expected: 0,
            ahead: BTreeMap::new(),
        }
    }

    /// Whether the congestion window lets so many bytes go.
    pub(super) fn lets(&self, size: u64) -> bool {
        self.flying == 0 || self.flying + size <= self.window
    }

    /// The first segment to be sent again, if it may go now.
    pub(super) fn take_again(&mut self) -> Option<Segment<T>> {
        let size = self.again.first_key_value()?.1.size;
        if !self.lets(size) {
            return None;
        }
        self.again.pop_first().map(|(_, segment)| segment)
    }

    pub(super) fn has_again(&self) -> bool {
        !self.again.is_empty()
    }

    /// The number of a segment that is cut now.
    pub(super) fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// A segment leaves, with more `behind` it or not. When it gets lost: after how long that is
    /// noticed.
    pub(super) fn launch(&mut self, segment: &mut Segment<T>, behind: bool) -> Option<Duration> {
        self.flying += segment.size;
        if !self.losses.next() {
            return None;
        }
        let is_first = segment.losses == 0;
        segment.losses = segment.losses.saturating_add(1);
        if is_first && behind {
            return Some(self.round_trip);
        }
        let doubled = 1 << u32::from(segment.timeouts).min(16);
        segment.timeouts = segment.timeouts.saturating_add(1);
        Some(((self.round_trip + TIMEOUT_LEAST) * doubled).min(TIMEOUT_MOST))
    }

    /// The sender notices that a segment was lost.
    pub(super) fn miss(&mut self, segment: Segment<T>) {
        if segment.number >= self.answered || segment.losses > 1 {
            self.threshold = (self.flying / 2).max(2 * SEGMENT);
            self.window = if segment.timeouts > 0 { SEGMENT } else { self.threshold };
            self.answered = self.next;
        }
        self.flying -= segment.size;
        self.again.insert(segment.number, segment);
    }

    /// The sender hears that so many bytes have arrived.
    pub(super) fn hear(&mut self, size: u64) {
        self.flying -= size;
        let slow_start = self.window < self.threshold;
        self.window += if slow_start { size } else { SEGMENT * size / self.window };
        self.window = self.window.min(self.most);
    }

    /// A segment reaches the receiver.
    pub(super) fn arrive(&mut self, segment: Segment<T>) {
        self.ahead.insert(segment.number, segment);
    }

    /// The next segment in order, if it is there.
    pub(super) fn next_in_order(&mut self) -> Option<Segment<T>> {
        let first = self.ahead.first_entry()?;
        if *first.key() != self.expected {
            return None;
        }
        self.expected += 1;
        Some(first.remove())
    }
}
