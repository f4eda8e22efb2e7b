use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use stdx::{Duration, Instant, Rng};

use crate::address::{Contact, Family};
use crate::estimate::Estimate;
use crate::items::Items;
use crate::peers::Peers;
use crate::security::{is_secure, secure_id};
use crate::table::{K, Table};
use crate::votes::Votes;
use crate::{Config, Id, LookupId};

/// Addresses that wait to be tried.
const PROSPECTS_MAX: usize = 512;
/// Time after which a node looks at its own neighbourhood for the second time, while it knows few.
pub(super) const SELF_LOOKUP_FIRST: Duration = Duration::from_secs(5);
/// Nodes that are saved for the next time.
const SAVED_MAX: usize = 200;

/// The nodes of one family, and what is stored for them.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) family: Family,
    pub(super) table: Table,
    pub(super) peers: Peers,
    pub(super) items: Items,
    pub(super) estimate: Estimate,
    pub(super) votes: Votes,
    pub(super) next_upkeep: Instant,
    /// Addresses to try.
    pub(super) prospects: VecDeque<SocketAddr>,
    /// Addresses that are being tried.
    pub(super) trying: BTreeSet<SocketAddr>,
    /// Buckets that are yet to be filled, the nearest first, by bits.
    pub(super) to_fill: VecDeque<u32>,
    /// The look-ups that fill the table.
    pub(super) filling: BTreeSet<LookupId>,
    /// When this node's own neighbourhood is looked at again.
    pub(super) self_lookup_at: Instant,
    /// Time until then while few nodes are known; it grows.
    pub(super) self_lookup_pause: Duration,
    pub(super) ready: bool,
    pub(super) stranded_at: Option<Instant>,
}

impl Net {
    pub(super) fn new(now: Instant, family: Family, config: &Config, rng: &mut Rng) -> Self {
        let fresh = spread(Id::random(rng), config.sibling);
        let me = config.ids[family as usize].unwrap_or(fresh);
        Self {
            family,
            table: Table::new(me),
            peers: Peers::new(me, config.torrents_max, config.peers_max),
            items: Items::new(me, config.items_max),
            estimate: Estimate::default(),
            votes: Votes::default(),
            // Many may start at the same moment.
            next_upkeep: now + Duration::from_millis(rng.below(200)),
            prospects: VecDeque::new(),
            trying: BTreeSet::new(),
            to_fill: VecDeque::new(),
            filling: BTreeSet::new(),
            self_lookup_at: now,
            self_lookup_pause: SELF_LOOKUP_FIRST,
            ready: false,
            stranded_at: None,
        }
    }

    pub(super) fn add_prospect(&mut self, now: Instant, address: SocketAddr) {
        if self.prospects.len() >= PROSPECTS_MAX
            || self.trying.contains(&address)
            || self.prospects.contains(&address)
            || self.table.live().any(|it| it.contact.address == address)
        {
            return;
        }
        self.prospects.push_back(address);
        self.next_upkeep = self.next_upkeep.min(now + Duration::from_millis(100));
    }

    /// Nodes as they are told to others: only such as answered lately.
    pub(super) fn told(&self, target: Id, count: usize) -> Vec<Contact> {
        let near = self.table.closest(target, count + K);
        let good = near.into_iter().filter(|it| it.fails == 0).take(count);
        good.map(|it| it.contact).collect()
    }

    pub(super) fn saved(&self) -> Vec<Contact> {
        let mut good: Vec<_> = self.table.live().filter(|it| it.fails == 0).collect();
        good.sort_by_key(|it| it.first);
        good.into_iter().take(SAVED_MAX).map(|it| it.contact).collect()
    }

    /// Takes an id that is right for `ip`, unless this node's is already.
    pub(super) fn rename(&mut self, now: Instant, ip: IpAddr, sibling: u8, rng: &mut Rng) {
        if is_secure(self.table.me(), ip) {
            return;
        }
        let last = rng.next_u64() as u8 & 0xf8 | sibling & 0x07;
        let me = secure_id(ip, last, rng);
        self.table.rename(now, me);
        self.peers.rename(me);
        self.items.rename(me);
        // The new neighbours are others.
        self.self_lookup_at = now;
        self.self_lookup_pause = SELF_LOOKUP_FIRST;
        self.next_upkeep = self.next_upkeep.min(now);
    }
}

/// The id of one of several nodes: the counter goes in from the top, in reverse (BEP 45).
fn spread(mut id: Id, sibling: u8) -> Id {
    id.0[0] ^= sibling.reverse_bits();
    id
}
