use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use netem::WireTime;
use peer::Totals;
use session::Choker;
use stdx::{BlockRange, Instant};
use swarm::Swarm;

use super::end::{End, Live, Mail};
use crate::{NodeSpec, Start};

/// A machine.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) spec: NodeSpec,
    pub(super) address: SocketAddr,
    /// Its ends of every connection that it ever had.
    pub(super) ends: Vec<End>,
    /// While it is there, and it is not its turn.
    pub(super) mind: Option<Box<Mind>>,
    /// It has not come yet.
    pub(super) to_come: bool,
    /// It has been told to go.
    pub(super) leaving: bool,
    /// When it next looks after itself.
    pub(super) look_at: Instant,
    /// In the order in which it arrives.
    pub(super) mail: VecDeque<Mail>,
    /// Ends that have something to send; the first has the turn.
    pub(super) turns: VecDeque<u32>,
    pub(super) up: WireTime,
    /// What the uplink is busy with, and until when.
    pub(super) sending: Option<(Instant, u32, BlockRange)>,
    pub(super) down: WireTime,
    /// What waits for the downlink, and until when.
    pub(super) late: VecDeque<(Instant, u32, BlockRange)>,
    pub(super) joined_at: Option<Instant>,
    pub(super) completed_at: Option<Instant>,
    /// Payload sent.
    pub(super) sent: u64,
    /// What its connections that have ended moved.
    pub(super) totals: Totals,
    /// Payload received over these, by who sent it.
    pub(super) from: BTreeMap<u32, u64>,
}

/// What a node that is there thinks with.
#[derive(Debug)]
pub(super) struct Mind {
    pub(super) swarm: Swarm,
    pub(super) choker: Choker,
    pub(super) rechoke: bool,
    /// Its open ends, in their order.
    pub(super) ends: Vec<u32>,
    /// By piece: the blocks that are here.
    pub(super) stored: Vec<u32>,
    pub(super) complete: bool,
    /// When the tracker may be asked again.
    pub(super) ask_at: Instant,
}

impl Node {
    pub(super) fn new(spec: NodeSpec, address: SocketAddr) -> Self {
        Self {
            address,
            ends: Vec::new(),
            mind: None,
            to_come: true,
            leaving: false,
            look_at: Instant::FAR_FUTURE,
            mail: VecDeque::new(),
            turns: VecDeque::new(),
            up: WireTime::new(spec.access.up),
            sending: None,
            down: WireTime::new(spec.access.down),
            late: VecDeque::new(),
            joined_at: None,
            completed_at: None,
            sent: 0,
            totals: Totals::default(),
            from: BTreeMap::new(),
            spec,
        }
    }

    pub(super) fn is_seed(&self) -> bool {
        self.spec.start == Start::Seed
    }

    /// Whether something has arrived by now.
    pub(super) fn has_mail(&self, now: Instant) -> bool {
        let arrived = self.mail.front().is_some_and(|mail| mail.due <= now);
        arrived || self.late.front().is_some_and(|(at, ..)| *at <= now)
    }

    /// An end, while it is open.
    pub(super) fn live(&mut self, end: u32) -> Option<&mut Live> {
        self.ends.get_mut(end as usize)?.live.as_deref_mut()
    }

    /// Counts what a connection to `remote` moved.
    pub(super) fn count(&mut self, remote: u32, totals: Totals) {
        self.totals.up_payload += totals.up_payload;
        self.totals.down_payload += totals.down_payload;
        if totals.down_payload > 0 {
            *self.from.entry(remote).or_default() += totals.down_payload;
        }
    }
}

impl Mind {
    pub(super) fn remove_end(&mut self, end: u32) {
        if let Ok(place) = self.ends.binary_search(&end) {
            self.ends.remove(place);
        }
        self.rechoke |= self.choker.is_unchoked(stdx::ConnId(end.into()));
    }
}
