//! What a node does for its own sake: it joins, and keeps its table in order.

use std::net::SocketAddr;

use stdx::{Duration, Instant};

use super::Dht;
use super::jobs::{Goal, nodes_of};
use super::net::Net;
use crate::address::Family;
use crate::krpc::{Method, Query, Response, Want};
use crate::rpc::Purpose;
use crate::table::{ENOUGH, K, bucket_size};
use crate::{Event, LookupId};

/// Time between two looks at what is to be done, while joining and from then on.
const TICK_JOINING: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_secs(5);
/// Addresses that are tried at once.
const TRYING_MAX: usize = 16;
/// Nodes that are pinged in one go: enough for a full table within the time that it must be fresh.
const PINGS: usize = 6;
/// Look-ups at once that fill the table.
const FILLING_MAX: usize = 3;
/// Buckets that are filled on joining: beyond them a network would have to be larger than any.
const FILLED_MAX: u32 = 24;
/// Places of a bucket that one look-up is meant to fill: more than [`K`] turn up on the way.
const FILLED_BY_ONE: usize = 32;
/// Time after which a node's own neighbourhood is looked at again: usually, and at most while it
/// knows few.
const SELF_LOOKUP: Duration = Duration::from_mins(10);
const SELF_LOOKUP_FEW: Duration = Duration::from_mins(2);
/// Time after which it is told again that nobody is known.
const STRANDED: Duration = Duration::from_secs(30);

impl Dht {
    pub(super) fn upkeep(&mut self, now: Instant) {
        for family in Family::ALL {
            let due = |net: &&mut Net| net.next_upkeep <= now;
            let Some(net) = self.nets[family as usize].as_mut().filter(due) else {
                continue;
            };
            net.peers.sweep(now);
            net.items.sweep(now);
            net.next_upkeep = now + if net.ready { TICK } else { TICK_JOINING };
            self.try_prospects(now, family);
            self.ping_some(now, family);
            self.fill(now, family);
            self.tell_stranded(now, family);
        }
    }

    /// Tries addresses of which nothing else is known.
    fn try_prospects(&mut self, now: Instant, family: Family) {
        let both = self.nets.iter().flatten().count() == 2;
        let want = if both { Want::BOTH } else { Want::DEFAULT };
        let read_only = self.config.read_only;
        let Some(net) = &mut self.nets[family as usize] else {
            return;
        };
        // Later, one now and then keeps ways open that nobody else knows.
        let most = if net.table.good() < ENOUGH { TRYING_MAX } else { 1 };
        while net.trying.len() < most {
            let Some(address) = net.prospects.pop_front() else {
                break;
            };
            let target = net.table.me();
            let method = Method::FindNode { target };
            let query = Query { id: target, want, method };
            self.counters.asked += 1;
            let to = (address, None);
            if self.rpc.ask(now, to, query, read_only, Purpose::Prospect, None) {
                net.trying.insert(address);
            }
        }
    }

    /// An address was tried, and a node is there: while fewer are known than an answer should have,
    /// those that it names are tried, too. Later, look-ups find more, and better ones: among those
    /// that somebody names for the asking are ever more liars.
    pub(super) fn prospect_answered(&mut self, now: Instant, response: &Response<'_>) {
        for family in Family::ALL {
            let Some(net) = &mut self.nets[family as usize] else {
                continue;
            };
            if net.table.good() < K {
                for contact in nodes_of(response, family) {
                    net.add_prospect(now, contact.address);
                }
            }
        }
    }

    /// The end of a try, either way.
    pub(super) fn prospect_tried(&mut self, now: Instant, address: SocketAddr) {
        if let Some(net) = self.net(Family::of(address)) {
            net.trying.remove(&address);
            if !net.ready {
                net.next_upkeep = net.next_upkeep.min(now);
            }
        }
    }

    /// Nodes of the other family that an answer names, while few of it are known (BEP 32).
    pub(super) fn other_family(&mut self, now: Instant, family: Family, response: &Response<'_>) {
        let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
        if let Some(net) = self.net(other).filter(|net| net.table.good() < ENOUGH) {
            for contact in nodes_of(response, other).iter().take(K) {
                net.add_prospect(now, contact.address);
            }
        }
    }

    fn ping_some(&mut self, now: Instant, family: Family) {
        for _ in 0..PINGS {
            let next = self.net(family).and_then(|net| net.table.next_to_ping(now));
            let Some(contact) = next else {
                return;
            };
            self.query(now, contact, Method::Ping, Purpose::Ping);
        }
    }

    /// Runs the look-ups that fill the table: first for the node's own id, then for an id out of
    /// each bucket; later for those where nothing changes.
    fn fill(&mut self, now: Instant, family: Family) {
        let mut rng = self.rng.fork();
        let Some(net) = &mut self.nets[family as usize] else {
            return;
        };
        let good = net.table.good();
        if good == 0 || net.filling.len() >= FILLING_MAX {
            return;
        }
        let begun = good >= K || net.trying.is_empty() && net.prospects.is_empty();
        let mut targets = Vec::new();
        let idle = net.filling.is_empty() && net.to_fill.is_empty();
        if net.self_lookup_at <= now && begun && idle {
            // The network may be as young as this node: then all is looked through again soon.
            let young = good < ENOUGH && net.self_lookup_pause < SELF_LOOKUP_FEW;
            let mut pause = SELF_LOOKUP;
            if good < ENOUGH {
                pause = net.self_lookup_pause;
                net.self_lookup_pause = (pause * 2).min(SELF_LOOKUP_FEW);
            }
            net.self_lookup_at = now + pause.mul_f64(0.8 + 0.4 * rng.unit());
            if !net.ready || young {
                let depth = net.table.closest(net.table.me(), 1);
                let depth = depth.first().map_or(0, |it| it.contact.id.common_bits(net.table.me()));
                // As many look-ups for each as it takes to fill it, more or less.
                let lookups =
                    |bits| std::iter::repeat_n(bits, bucket_size(bits).div_ceil(FILLED_BY_ONE));
                net.to_fill = (0..=depth.min(FILLED_MAX)).rev().flat_map(lookups).collect();
            }
            targets.push(net.table.me());
        }
        while targets.len() + net.filling.len() < FILLING_MAX {
            let Some(bits) = net.to_fill.pop_front() else {
                break;
            };
            targets.push(net.table.me().random_beside(bits, &mut rng));
        }
        if net.ready && targets.is_empty() && net.filling.is_empty() {
            targets.extend(net.table.next_to_refresh(now, &mut rng));
        }
        for target in targets {
            // Noted first: it may be over at once.
            let lookup = LookupId(self.next_lookup);
            if let Some(net) = self.net(family) {
                net.filling.insert(lookup);
            }
            self.start(now, target, Goal::Upkeep, &[family]);
        }
    }

    /// A look-up that filled the table is over.
    pub(super) fn upkeep_ended(&mut self, now: Instant, lookup: LookupId) {
        for family in Family::ALL {
            let Some(net) = &mut self.nets[family as usize] else {
                continue;
            };
            if !net.filling.remove(&lookup) || net.ready {
                continue;
            }
            net.next_upkeep = now;
            if net.filling.is_empty() && net.to_fill.is_empty() && net.table.good() > 0 {
                net.ready = true;
                self.events.push_back(Event::Ready(family));
            }
        }
    }

    fn tell_stranded(&mut self, now: Instant, family: Family) {
        let Some(net) = &mut self.nets[family as usize] else {
            return;
        };
        let nobody = net.table.len() == 0 && net.prospects.is_empty() && net.trying.is_empty();
        if !nobody {
            net.stranded_at = None;
            return;
        }
        // What was known is gone: it is to be joined anew.
        net.ready = false;
        net.self_lookup_at = now;
        if net.stranded_at.is_none_or(|at| now.since(at) >= STRANDED) {
            net.stranded_at = Some(now);
            self.events.push_back(Event::Stranded(family));
        }
    }
}
