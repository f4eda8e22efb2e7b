use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use peer::{Batch, Order, Report, Totals};
use stdx::{Bitfield, BlockRange};

/// A connection as its task and the other side know it.
pub(super) struct Link {
    pub(super) addr: SocketAddr,
    /// The shelf whose torrent it is about.
    pub(super) shelf: usize,
    /// Most blocks that it takes to be asked for at once.
    pub(super) limit: u32,
    /// It does what it is told only when it gets to it.
    pub(super) lazy: bool,
    pub(super) inbox: VecDeque<Order>,
    /// It knows the torrent, and the torrent's metadata.
    pub(super) welcome: bool,
    pub(super) info: bool,
    pub(super) told: bool,
    pub(super) have: Bitfield,
    /// Blocks that it was asked for and that have not ended.
    pub(super) open: BTreeSet<BlockRange>,
    /// Requests that were taken back: they may be answered all the same.
    pub(super) late: BTreeSet<BlockRange>,
    pub(super) totals: Totals,
    /// Of every order to request.
    taken: u64,
    /// The choker lets it download.
    pub(super) unchoked: bool,
    pub(super) interested: bool,
}

impl Link {
    pub(super) fn new(addr: SocketAddr, shelf: usize, how: u8) -> Self {
        Self {
            addr,
            shelf,
            limit: u32::from(how >> 4) + 1,
            lazy: how & 8 != 0,
            inbox: VecDeque::new(),
            welcome: false,
            info: false,
            told: false,
            have: Bitfield::default(),
            open: BTreeSet::new(),
            late: BTreeSet::new(),
            totals: Totals::default(),
            taken: 0,
            unchoked: false,
            interested: false,
        }
    }

    /// A batch of these reports, and how much more the connection takes.
    pub(super) fn batch(&self, reports: Vec<Report>) -> Batch {
        let want = self.limit - self.open.len() as u32;
        Batch { reports, want, taken: self.taken, totals: self.totals }
    }

    /// Takes an order to request: as many as were offered, each once and to be had. Returns what
    /// it refuses, as a `Peer` does: what is asked for already, because the answer to an earlier
    /// request crossed its cancellation.
    pub(super) fn request(&mut self, ranges: Vec<BlockRange>) -> Vec<BlockRange> {
        self.taken += ranges.len() as u64;
        let mut refused = Vec::new();
        for range in ranges {
            if !self.open.insert(range) {
                assert!(self.lazy, "{range:?} is asked for twice");
                refused.push(range);
            }
            self.late.remove(&range);
        }
        assert!(self.open.len() <= self.limit as usize, "more than it takes");
        refused
    }

    /// Takes an order to cancel; what has ended meanwhile is gone.
    pub(super) fn cancel(&mut self, ranges: &[BlockRange]) {
        let cancelled = ranges.iter().filter(|range| self.open.remove(range));
        self.late.extend(cancelled);
    }
}
