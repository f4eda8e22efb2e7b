//! Look-ups: what they ask, what they make of the answers, and what they store in the end.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use stdx::Instant;

use super::Dht;
use super::answer::{item_of, parts_of};
use crate::address::{Contact, Family};
use crate::fault::Fault;
use crate::item::{Item, PublicKey, mutable_target};
use crate::krpc::{Method, Query, Response, Want};
use crate::rpc::{Purpose, Question};
use crate::search::{Ask, Keeper, Search};
use crate::{Bloom, Error, Event, Id, LookupId, Outcome};

/// Look-ups under way at once that were asked for.
pub const LOOKUPS_MAX: usize = 64;
/// Nodes that a look-up begins with.
const START: usize = 16;
/// Peers that one look-up tells.
const TOLD_MAX: usize = 2_000;

/// What a look-up is for.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// The nodes near a target.
    Nodes,
    /// The same for this node's own sake.
    Upkeep,
    /// Peers of a torrent.
    Peers { noseed: bool, scrape: bool },
    /// Peers of a torrent, and to be one.
    Announce { port: Option<u16>, seed: bool },
    /// A value.
    Get { salt: Vec<u8> },
    /// To store a value.
    Put { item: Item, cas: Option<i64> },
    /// What others know.
    Sample,
}

/// A look-up in one or both families.
#[derive(Debug)]
pub(super) struct Job {
    goal: Goal,
    searches: [Option<Search>; 2],
    /// Nodes that were given something to store and have not said what became of it.
    storing: u32,
    told: BTreeSet<SocketAddr>,
    /// The latest version so far.
    best: Option<Item>,
    filters: Option<(Bloom, Bloom)>,
    outcome: Outcome,
}

impl Dht {
    /// Looks for the nodes nearest to a target.
    pub fn find_nodes(&mut self, now: Instant, target: Id) -> Result<LookupId, Error> {
        self.begin(now, target, Goal::Nodes)
    }

    /// Looks for peers of a torrent; rather not for seeds, if `noseed` (BEP 33).
    pub fn find_peers(
        &mut self,
        now: Instant,
        info_hash: Id,
        noseed: bool,
    ) -> Result<LookupId, Error> {
        self.begin(now, info_hash, Goal::Peers { noseed, scrape: false })
    }

    /// Looks for peers of a torrent, and counts all there are (BEP 33).
    pub fn scrape(&mut self, now: Instant, info_hash: Id) -> Result<LookupId, Error> {
        self.begin(now, info_hash, Goal::Peers { noseed: false, scrape: true })
    }

    /// Looks for an immutable item (BEP 44).
    pub fn get(&mut self, now: Instant, target: Id) -> Result<LookupId, Error> {
        self.begin(now, target, Goal::Get { salt: Vec::new() })
    }

    /// Looks for a mutable item, and for its latest version until the look-up ends (BEP 44).
    pub fn get_mutable(
        &mut self,
        now: Instant,
        key: &PublicKey,
        salt: &[u8],
    ) -> Result<LookupId, Error> {
        self.begin(now, mutable_target(key, salt), Goal::Get { salt: salt.to_vec() })
    }

    /// Stores an item (BEP 44). With `cas` only where no other version is than that one.
    /// A later version that turns up on the way is told as an [`Event::Item`].
    ///
    /// # Errors
    /// When the item is out of bounds or not signed by its key, or too much is under way.
    pub fn put(&mut self, now: Instant, item: Item, cas: Option<i64>) -> Result<LookupId, Error> {
        item.verify()?;
        self.begin(now, item.target(), Goal::Put { item, cas })
    }

    /// Asks the nodes on the way to a target which torrents they know (BEP 51).
    pub fn sample(&mut self, now: Instant, target: Id) -> Result<LookupId, Error> {
        self.begin(now, target, Goal::Sample)
    }

    /// Ends a look-up; nothing more will be told of it.
    pub fn cancel(&mut self, lookup: LookupId) {
        self.jobs.remove(&lookup);
    }

    /// Questions that a look-up has asked so far; `None` once it is over.
    pub fn asked(&self, lookup: LookupId) -> Option<u32> {
        let job = self.jobs.get(&lookup)?;
        let under_way = job.searches.iter().flatten().map(Search::asked).sum::<u32>();
        Some(job.outcome.queries + under_way)
    }

    fn begin(&mut self, now: Instant, target: Id, goal: Goal) -> Result<LookupId, Error> {
        if self.jobs.len() >= LOOKUPS_MAX {
            return Err(Error::Busy);
        }
        Ok(self.start(now, target, goal, &Family::ALL))
    }

    pub(super) fn start(
        &mut self,
        now: Instant,
        target: Id,
        goal: Goal,
        families: &[Family],
    ) -> LookupId {
        let lookup = LookupId(self.next_lookup);
        self.next_lookup += 1;
        let searches = Family::ALL.map(|family| {
            let net = self.nets[family as usize].as_ref();
            let net = net.filter(|_| families.contains(&family))?;
            let near = net.table.closest(target, START);
            let start: Vec<Contact> = near.into_iter().map(|it| it.contact).collect();
            let strict = net.table.mostly_secure();
            let radius = net.estimate.radius();
            Some(Search::new(target, net.table.me(), family, radius, strict, &start))
        });
        let outcome = Outcome { target, ..Outcome::default() };
        let job = Job {
            goal,
            searches,
            storing: 0,
            told: BTreeSet::new(),
            best: None,
            filters: None,
            outcome,
        };
        self.jobs.insert(lookup, job);
        self.drive(now, lookup);
        lookup
    }

    /// Asks what a look-up wants asked, and ends what is over.
    fn drive(&mut self, now: Instant, lookup: LookupId) {
        let Some(mut job) = self.jobs.remove(&lookup) else {
            return;
        };
        for family in Family::ALL {
            let Some(search) = &mut job.searches[family as usize] else {
                continue;
            };
            let mut over = search.is_done();
            while !over && let Some(ask) = search.next() {
                if !self.ask(now, lookup, &job.goal, search.target(), ask) {
                    search.refused(ask);
                }
                // It may have found that there is more to ask.
                over = search.is_done();
            }
            if over && let Some(search) = job.searches[family as usize].take() {
                self.search_over(now, lookup, &mut job, family, &search);
            }
        }
        if job.storing == 0 && job.searches.iter().all(Option::is_none) {
            self.end(now, lookup, job);
        } else {
            self.jobs.insert(lookup, job);
        }
    }

    fn ask(&mut self, now: Instant, lookup: LookupId, goal: &Goal, target: Id, ask: Ask) -> bool {
        let (method, purpose) = match ask.probe {
            Some(target) => (Method::FindNode { target }, Purpose::Probe(lookup)),
            None => (goal.method(target), Purpose::Search(lookup)),
        };
        self.query(now, ask.to, method, purpose)
    }

    /// Sends a question to a node.
    pub(super) fn query(
        &mut self,
        now: Instant,
        to: Contact,
        method: Method<'_>,
        purpose: Purpose,
    ) -> bool {
        let family = Family::of(to.address);
        let both = self.nets.iter().flatten().count() == 2;
        let joining = self.nets.iter().flatten().any(|net| !net.ready);
        let finds = matches!(method, Method::FindNode { .. });
        let want = if both && joining && finds { Want::BOTH } else { Want::DEFAULT };
        let Some(net) = self.nets[family as usize].as_ref() else {
            return false;
        };
        let query = Query { id: net.table.me(), want, method };
        let rtt = net.table.rtt(to);
        let read_only = self.config.read_only;
        self.counters.asked += 1;
        self.rpc.ask(now, (to.address, Some(to.id)), query, read_only, purpose, rtt)
    }

    pub(super) fn search_answered(
        &mut self,
        now: Instant,
        lookup: LookupId,
        from: Contact,
        response: &Response<'_>,
    ) {
        let family = Family::of(from.address);
        let Some(job) = self.jobs.get_mut(&lookup) else {
            return;
        };
        let events = &mut self.events;
        let heard = job.hear(lookup, from, response, &mut |event| events.push_back(event));
        let Some(search) = &mut job.searches[family as usize] else {
            return;
        };
        if heard == Ok(true) {
            search.found();
        }
        search.answered(from, nodes_of(response, family), response.token, response.seq);
        if let Err(fault) = heard {
            self.suspect(now, from.address, fault);
        }
        self.other_family(now, family, response);
        self.drive(now, lookup);
    }

    pub(super) fn probe_answered(
        &mut self,
        now: Instant,
        lookup: LookupId,
        from: SocketAddr,
        response: &Response<'_>,
    ) {
        let family = Family::of(from);
        let job = self.jobs.get_mut(&lookup);
        if let Some(search) = job.and_then(|job| job.searches[family as usize].as_mut()) {
            search.probed(nodes_of(response, family));
            self.drive(now, lookup);
        }
    }

    pub(super) fn search_slow(&mut self, now: Instant, lookup: LookupId, address: SocketAddr) {
        let job = self.jobs.get_mut(&lookup);
        let place = Family::of(address) as usize;
        if let Some(search) = job.and_then(|job| job.searches[place].as_mut()) {
            search.slow(address);
            self.drive(now, lookup);
        }
    }

    /// A look-up's question was not answered, or refused.
    pub(super) fn search_failed(&mut self, now: Instant, question: Question) {
        let (Purpose::Search(lookup) | Purpose::Probe(lookup)) = question.purpose else {
            return;
        };
        let place = Family::of(question.to) as usize;
        let job = self.jobs.get_mut(&lookup);
        if let Some(search) = job.and_then(|job| job.searches[place].as_mut()) {
            match question.purpose {
                Purpose::Probe(_) => search.probe_failed(),
                _ => search.failed(question.to),
            }
            self.drive(now, lookup);
        }
    }

    pub(super) fn store_ended(&mut self, now: Instant, lookup: LookupId, stored: bool) {
        if let Some(job) = self.jobs.get_mut(&lookup) {
            job.storing = job.storing.saturating_sub(1);
            job.outcome.stored += u32::from(stored);
            job.outcome.refused += u32::from(!stored);
            self.drive(now, lookup);
        }
    }

    /// Nobody is left to ask: what it came to is noted, and what is to be stored is stored.
    fn search_over(
        &mut self,
        now: Instant,
        lookup: LookupId,
        job: &mut Job,
        family: Family,
        search: &Search,
    ) {
        job.outcome.nodes.extend(search.nodes().take(crate::table::K));
        job.outcome.queries += search.asked();
        job.outcome.crowded |= search.is_crowded();
        if let Some(net) = self.net(family) {
            match search.evidence() {
                Some(reach) => net.estimate.sample(reach),
                None if search.is_crowded() => net.estimate.crowded(),
                None => {}
            }
        }
        let target = search.target();
        for keeper in if job.goal.stores() { search.keepers() } else { Vec::new() } {
            let method = job.goal.storing(target, &keeper);
            if let Some(method) = method
                && self.query(now, keeper.contact, method, Purpose::Store(lookup))
            {
                job.storing += 1;
            }
        }
    }

    fn end(&mut self, now: Instant, lookup: LookupId, mut job: Job) {
        job.outcome.scrape =
            job.filters.map(|(seeds, others)| (seeds.estimate(), others.estimate()));
        self.announce_ended(now, lookup, job.outcome.stored);
        if matches!(job.goal, Goal::Upkeep) {
            self.upkeep_ended(now, lookup);
        } else {
            self.events.push_back(Event::Ended { lookup, outcome: job.outcome });
        }
    }
}

impl Goal {
    /// What is asked on the way.
    fn method(&self, target: Id) -> Method<'_> {
        match self {
            Self::Nodes | Self::Upkeep => Method::FindNode { target },
            Self::Peers { noseed, scrape } => {
                Method::GetPeers { info_hash: target, noseed: *noseed, scrape: *scrape }
            }
            Self::Announce { .. } => {
                Method::GetPeers { info_hash: target, noseed: false, scrape: false }
            }
            Self::Get { .. } => Method::Get { target, seq: None },
            // Of what is there only later versions are of interest.
            Self::Put { item, .. } => Method::Get { target, seq: item.seq() },
            Self::Sample => Method::SampleInfohashes { target },
        }
    }

    fn stores(&self) -> bool {
        matches!(self, Self::Announce { .. } | Self::Put { .. })
    }

    /// How something is stored at a node.
    fn storing<'a>(&'a self, target: Id, keeper: &'a Keeper) -> Option<Method<'a>> {
        let token = &*keeper.token;
        match self {
            Self::Announce { port, seed } => Some(Method::AnnouncePeer {
                info_hash: target,
                port: port.unwrap_or(1),
                implied_port: port.is_none(),
                seed: *seed,
                token,
            }),
            Self::Put { item, cas } => Some(Method::Put {
                value: parts_of(item),
                // Where nothing is, there is nothing to compare with.
                cas: cas.filter(|_| keeper.seq.is_some()),
                salt: match item {
                    Item::Mutable(item) => &item.salt,
                    Item::Immutable(_) => b"",
                },
                token,
            }),
            _ => None,
        }
    }
}

impl Job {
    /// Takes in what an answer says; whether it brought what is looked for.
    ///
    /// # Errors
    /// When it brought a false value.
    fn hear(
        &mut self,
        lookup: LookupId,
        from: Contact,
        response: &Response<'_>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<bool, Fault> {
        let target = self.outcome.target;
        match &self.goal {
            Goal::Peers { .. } | Goal::Announce { .. } => {
                self.union(response);
                let told = &mut self.told;
                let new = |it: &&SocketAddr| told.len() < TOLD_MAX && told.insert(**it);
                let peers: Vec<SocketAddr> = response.values.iter().filter(new).copied().collect();
                let any = !peers.is_empty();
                if any {
                    tell(Event::Peers { lookup, info_hash: target, peers });
                }
                Ok(any)
            }
            Goal::Get { .. } | Goal::Put { .. } => {
                let Some(parts) = &response.item else {
                    return Ok(false);
                };
                let salt = match &self.goal {
                    Goal::Get { salt } => salt,
                    Goal::Put { item: Item::Mutable(item), .. } => &item.salt,
                    _ => &Vec::new(),
                };
                let item = item_of(parts, salt);
                let known = match (&self.best, &self.goal) {
                    (None, Goal::Put { item, .. }) => Some(item),
                    (best, _) => best.as_ref(),
                };
                let news = known.is_none_or(|known| item.seq() > known.seq());
                if !news {
                    return Ok(false);
                }
                if item.target() != target || item.verify().is_err() {
                    return Err(Fault::FalseValue);
                }
                self.best = Some(item.clone());
                tell(Event::Item { lookup, item });
                Ok(true)
            }
            Goal::Sample => {
                if let Some(samples) = response.samples.clone() {
                    tell(Event::Samples { lookup, from, samples });
                }
                Ok(false)
            }
            Goal::Nodes | Goal::Upkeep => Ok(false),
        }
    }

    /// Adds a node's filters to those of the others (BEP 33).
    fn union(&mut self, response: &Response<'_>) {
        /// More bits than that mean more peers than filters can count, or a lie.
        const MOST: f64 = 6_000.0;
        let Goal::Peers { scrape: true, .. } = self.goal else {
            return;
        };
        let (seeds, others) = self.filters.get_or_insert_default();
        match &response.scrape {
            Some(both) if both.0.estimate() <= MOST && both.1.estimate() <= MOST => {
                seeds.union(&both.0);
                others.union(&both.1);
            }
            Some(_) => {}
            // Nodes that don't know of filters.
            None => response
                .values
                .iter()
                .filter(|it| !seeds.contains(it.ip()))
                .for_each(|it| others.insert(it.ip())),
        }
    }
}

/// The nodes of one family that an answer names.
pub(super) fn nodes_of<'a>(response: &'a Response<'_>, family: Family) -> &'a [Contact] {
    let nodes = match family {
        Family::V4 => &response.nodes,
        Family::V6 => &response.nodes6,
    };
    nodes.as_deref().unwrap_or_default()
}
