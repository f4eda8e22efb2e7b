//! Two connections joined back to back in virtual time.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use stdx::{Bitfield, BlockRange, Buf, Duration, Instant, PeerId, Pool, Rng};

use crate::{CloseReason, Config, Order, Peer, Report, Torrent};

/// What the link does to bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) delay: Duration,
    /// Bytes per second each way.
    pub(super) rate: u64,
    /// Largest slice delivered at a time; 0 delivers whole writes.
    pub(super) fragment: usize,
    pub(super) seed: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self { delay: Duration::from_millis(10), rate: 1 << 30, fragment: 0, seed: 1 }
    }
}

/// One end, with an owner that welcomes, asks for what is in `feed`, and writes all down.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) peer: Peer,
    pub(super) reports: Vec<Report>,
    pub(super) feed: VecDeque<BlockRange>,
    /// Reads are left unanswered.
    pub(super) disk_stuck: bool,
    pub(super) closed: Option<CloseReason>,
    welcome: Option<(Arc<Torrent>, Bitfield)>,
    incoming: VecDeque<(Instant, Vec<u8>)>,
    /// When the link to this side is free again.
    free: Instant,
    /// Everything delivered to this side.
    pub(super) heard: Vec<u8>,
}

pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) sides: [Side; 2],
    link: Link,
    rng: Rng,
    pool: Pool,
}

pub(super) fn config(name: u8) -> Config {
    Config::new(PeerId([name; 20]), "test")
}

/// The byte that every block of [`answer`] is made of.
pub(super) fn pattern(range: BlockRange) -> u8 {
    (range.piece.0 * 2 + range.begin / range.length.max(1)) as u8
}

fn answer(range: BlockRange) -> Buf {
    Buf::copy_of(&vec![pattern(range); range.length as usize])
}

impl Pair {
    /// Side 0 connects to side 1.
    pub(super) fn new(
        link: Link,
        torrents: [Arc<Torrent>; 2],
        haves: [Bitfield; 2],
        configs: [Config; 2],
    ) -> Self {
        let now = Instant::from_secs(100);
        let address = SocketAddr::from(([203, 0, 113, 5], 6881));
        let [config_a, config_b] = configs.map(Arc::new);
        let [torrent_a, torrent_b] = torrents;
        let [have_a, have_b] = haves;
        let connecting = Peer::connect(now, config_a, torrent_a, have_a, false, address);
        let accepting = Peer::accept(now, config_b, address);
        let sides = [Side::new(connecting, None), Side::new(accepting, Some((torrent_b, have_b)))];
        Self { now, sides, link, rng: Rng::new(link.seed), pool: Pool::new(64) }
    }

    pub(super) fn order(&mut self, side: usize, order: Order) {
        let side = &mut self.sides[side];
        if let Err(reason) = side.peer.handle_order(self.now, order) {
            side.closed = Some(reason);
        }
    }

    /// Runs for `time`, or until a side closes.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            while self.turn() {}
            if self.sides.iter().any(|side| side.closed.is_some()) {
                return;
            }
            let next = self.sides.iter().flat_map(|side| {
                let arrival = side.incoming.front().map(|(at, _)| *at);
                let free = (side.free > self.now).then_some(side.free);
                [arrival, side.peer.poll_timeout(), free]
            });
            let next = next.flatten().min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            self.deliver();
        }
    }

    /// Lets both sides do what they can do now; true when anything happened.
    fn turn(&mut self) -> bool {
        let mut busy = false;
        for at in 0..2 {
            busy |= self.sides[at].think(self.now);
            busy |= self.carry(at);
        }
        busy
    }

    /// Moves what side `from` sends onto the link, as far as its buffer of 20 ms reaches.
    fn carry(&mut self, from: usize) -> bool {
        let free = self.sides[1 - from].free.max(self.now);
        if free - self.now > Duration::from_millis(20) {
            return false;
        }
        let mut slices: Vec<IoSlice<'_>> = Vec::new();
        if self.sides[from].peer.poll_transmit(&mut slices) == 0 {
            return false;
        }
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let room = (self.link.rate / 50).max(1_500) as usize;
        let cut = match self.link.fragment {
            0 => room,
            most => 1 + self.rng.index(most.min(room)),
        };
        bytes.truncate(cut);
        drop(slices);
        self.sides[from].peer.handle_sent(self.now, bytes.len());
        let time = Duration::from_nanos(bytes.len() as u64 * 1_000_000_000 / self.link.rate);
        let to = &mut self.sides[1 - from];
        to.free = free + time;
        to.incoming.push_back((to.free + self.link.delay, bytes));
        true
    }

    fn deliver(&mut self) {
        for side in &mut self.sides {
            while side.peer.wants_input()
                && let Some((_, bytes)) = side.incoming.pop_front_if(|(at, _)| *at <= self.now)
            {
                side.heard.extend(&bytes);
                let received = side.peer.handle_received(self.now, &bytes, &self.pool);
                side.closed = received.err().map(CloseReason::Peer).or(side.closed.take());
                side.think(self.now);
            }
            if side.peer.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
                let due = side.peer.handle_timeout(self.now);
                side.closed = due.err().map(CloseReason::Peer).or(side.closed.take());
            }
        }
    }
}

impl Side {
    fn new(peer: Peer, welcome: Option<(Arc<Torrent>, Bitfield)>) -> Self {
        Self {
            peer,
            reports: Vec::new(),
            feed: VecDeque::new(),
            disk_stuck: false,
            closed: None,
            welcome,
            incoming: VecDeque::new(),
            free: Instant::ZERO,
            heard: Vec::new(),
        }
    }

    /// The owner and the disk of this side.
    fn think(&mut self, now: Instant) -> bool {
        let before = self.reports.len();
        while let Some(report) = self.peer.poll_report() {
            if let Report::Rejected(ranges) = &report {
                self.feed.extend(ranges);
            }
            if let (Report::Handshake { .. }, Some((torrent, have))) =
                (&report, self.welcome.take())
            {
                let order = Order::Welcome { torrent, have, upload_only: false };
                self.closed = self.peer.handle_order(now, order).err();
            }
            self.reports.push(report);
        }
        let want = self.feed_peer(now);
        let mut read = false;
        while !self.disk_stuck
            && let Some(range) = self.peer.poll_read()
        {
            self.peer.handle_read(now, range, Some(answer(range)));
            read = true;
        }
        read || want > 0 || self.reports.len() > before
    }

    /// Asks for as much of `feed` as is wanted and allowed; returns how much that is.
    fn feed_peer(&mut self, now: Instant) -> usize {
        let choked = self.reports.iter().rev().find_map(|report| match report {
            Report::Choked => Some(true),
            Report::Unchoked => Some(false),
            _ => None,
        });
        let allowed = |range: &BlockRange| {
            let piece = range.piece;
            let named = |report: &Report| matches!(report, Report::AllowedFast(p) if *p == piece);
            choked == Some(false) || self.reports.iter().any(named)
        };
        let want = self.peer.want() as usize;
        let chosen: Vec<_> = self.feed.iter().copied().filter(allowed).take(want).collect();
        if chosen.is_empty() {
            return 0;
        }
        self.feed.retain(|range| !chosen.contains(range));
        self.peer.handle_order(now, Order::Request(chosen.clone())).unwrap();
        chosen.len()
    }

    /// The blocks that came, in order.
    pub(super) fn blocks(&self) -> Vec<BlockRange> {
        let blocks = self.reports.iter().filter_map(|report| match report {
            Report::Block { range, data } => {
                assert!(data.iter().all(|&byte| byte == pattern(*range)), "{range:?} is garbled");
                Some(*range)
            }
            _ => None,
        });
        blocks.collect()
    }

    pub(super) fn has(&self, wanted: impl Fn(&Report) -> bool) -> bool {
        self.reports.iter().any(wanted)
    }
}
