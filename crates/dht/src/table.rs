//! The routing table of one family: buckets by how many bits nodes share with this one.

use std::net::SocketAddr;

use stdx::{Duration, Instant, Rng};

use self::bucket::Bucket;
pub(crate) use self::bucket::Entry;
use crate::Id;
use crate::address::{Contact, Holder};
use crate::security::is_secure;

mod bucket;

/// Nodes that answers have, and that things are stored at (BEP 5).
pub(crate) const K: usize = 8;
/// Nodes that the first buckets hold, where most look-ups begin (Jimenez et al., P2P 2011); the
/// others hold [`K`].
const FIRST_BUCKETS: [usize; 4] = [128, 64, 32, 16];
/// Time for which a node that spoke to us first is left alone: by then a NAT has forgotten, and
/// who answers can be reached by all (Jimenez et al.). No node displaces another before it.
pub(crate) const QUARANTINE: Duration = Duration::from_mins(3);
/// Time after which a node must have answered again, at most.
const FRESH: Duration = Duration::from_mins(10);
/// How much sooner it may be for some, as a share of that time: else those who came to know many at
/// once, after a restart, would ask them all at once ever after.
const SOONER: f64 = 0.3;
/// Time after which one that did not answer is asked once more.
const SECOND_CHANCE: Duration = Duration::from_secs(30);
/// Questions in a row that a node leaves unanswered before it is dropped.
const FAILS_MAX: u8 = 2;
/// A bucket that is not full is looked into when nothing in it changed for so long.
const STALE_BUCKET: Duration = Duration::from_mins(15);
/// While the table has fewer nodes, even newcomers are welcome at once.
pub(crate) const ENOUGH: usize = 128;

/// The routing table.
///
/// Every node shows up once, by id and by IP address, and with no other of its /24 (or /48) in a
/// bucket. Only nodes that answered us are *live*: used, and told to others. The rest are *spare*.
#[derive(Debug)]
pub(crate) struct Table {
    me: Id,
    /// By the bits that its nodes share with this one.
    buckets: Vec<Bucket>,
}

impl Table {
    pub(crate) fn new(me: Id) -> Self {
        Self { me, buckets: Vec::new() }
    }

    pub(crate) fn me(&self) -> Id {
        self.me
    }

    /// Live nodes.
    pub(crate) fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.live.len()).sum()
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flat_map(|bucket| &bucket.live)
    }

    /// Live nodes that answered lately, and did not fail since.
    pub(crate) fn good(&self) -> usize {
        self.live().filter(|entry| entry.fails == 0).count()
    }

    /// The `count` live nodes nearest to a target, the nearest first.
    pub(crate) fn closest(&self, target: Id, count: usize) -> Vec<&Entry> {
        let own = self.me.common_bits(target) as usize;
        let mut found: Vec<&Entry> = Vec::with_capacity(count * 2);
        let fit = |bucket: &'_ Bucket| bucket.live.len();
        // What shares most with the target is in the bucket that the target itself would be in;
        // then come all deeper ones, and then the others one by one.
        if let Some(bucket) = self.buckets.get(own) {
            found.extend(&bucket.live);
        }
        if found.len() < count {
            found.extend(self.buckets.iter().skip(own + 1).flat_map(|bucket| &bucket.live));
        }
        for bucket in self.buckets.iter().take(own).rev() {
            if found.len() >= count {
                break;
            }
            found.reserve(fit(bucket));
            found.extend(&bucket.live);
        }
        found.sort_unstable_by_key(|entry| entry.contact.id.distance(target));
        found.truncate(count);
        found
    }

    /// A node answered a question of ours after `rtt`.
    pub(crate) fn answered(&mut self, now: Instant, contact: Contact, rtt: Duration) {
        if contact.id == self.me {
            return;
        }
        if let Some(entry) = self.find(contact) {
            entry.answered(now, rtt);
            let place = contact.id.common_bits(self.me) as usize;
            self.buckets[place].promote(now, contact);
            return;
        }
        if !self.may_enter(contact) {
            return;
        }
        let secure = is_secure(contact.id, contact.address.ip());
        let mut entry = Entry::new(now, contact, secure);
        entry.answered(now, rtt);
        self.bucket(contact.id).enter(now, entry);
    }

    /// A node asked us something: it is there, but whether others can reach it is to be seen.
    pub(crate) fn asked_us(&mut self, now: Instant, contact: Contact) {
        if contact.id == self.me || self.find(contact).is_some() || !self.may_enter(contact) {
            return;
        }
        let secure = is_secure(contact.id, contact.address.ip());
        self.bucket(contact.id).spare(Entry::new(now, contact, secure));
    }

    /// A node did not answer.
    pub(crate) fn failed(&mut self, now: Instant, contact: Contact) {
        let Some(entry) = self.find(contact) else {
            return;
        };
        entry.fails += 1;
        if entry.fails >= FAILS_MAX || entry.answered_at.is_none() {
            self.bucket(contact.id).remove(now, contact);
        }
    }

    /// Whoever was at this address goes by another id now, so what is known of it is wrong.
    pub(crate) fn forget(&mut self, now: Instant, address: SocketAddr) {
        for bucket in &mut self.buckets {
            let all = bucket.live.iter().chain(&bucket.spares);
            if let Some(it) = all.map(|it| it.contact).find(|it| it.address == address) {
                bucket.remove(now, it);
            }
        }
    }

    /// The next node to ping, and notes that it is pinged.
    pub(crate) fn next_to_ping(&mut self, now: Instant) -> Option<Contact> {
        let few = self.len() < ENOUGH;
        let due = |entry: &Entry| {
            let pinged = entry.pinged.map_or(Duration::MAX, |it| now.since(it));
            let silent = entry.answered_at.map_or(Duration::MAX, |it| now.since(it));
            let fresh = FRESH.mul_f64(1.0 - SOONER * f64::from(entry.contact.id.0[19]) / 255.0);
            pinged >= SECOND_CHANCE && (entry.fails > 0 || silent >= fresh)
        };
        for bucket in &mut self.buckets {
            let wanting = bucket.live.iter().filter(|it| it.fails > 0).count();
            let room = bucket.has_room() || wanting > 0;
            let spare_due = |entry: &Entry| {
                let never = entry.answered_at.is_none();
                let old = now.since(entry.first) >= QUARANTINE;
                let again = entry.answered_at.is_some_and(|it| now.since(it) >= QUARANTINE);
                let waits = entry.pinged.is_none_or(|it| now.since(it) >= FRESH);
                waits && (never && room && (old || few) || !never && again && old)
            };
            let place = bucket.live.iter().position(due);
            let entry = match place {
                Some(place) => &mut bucket.live[place],
                None => match bucket.spares.iter().position(spare_due) {
                    Some(place) => &mut bucket.spares[place],
                    None => continue,
                },
            };
            entry.pinged = Some(now);
            return Some(entry.contact);
        }
        None
    }

    /// An id to look up, of a bucket that has room and where nothing changed for long; it is not
    /// named again soon.
    pub(crate) fn next_to_refresh(&mut self, now: Instant, rng: &mut Rng) -> Option<Id> {
        let stale =
            |bucket: &Bucket| bucket.has_room() && now.since(bucket.changed) >= STALE_BUCKET;
        let place = self.buckets.iter().position(stale)?;
        self.buckets[place].changed = now;
        Some(self.me.random_beside(place as u32, rng))
    }

    /// Whether most live nodes have ids that are right for their addresses (BEP 42).
    pub(crate) fn mostly_secure(&self) -> bool {
        self.live().filter(|entry| entry.secure).count() * 2 > self.len()
    }

    /// Live nodes with an id that this round trip was measured of.
    pub(crate) fn rtt(&self, contact: Contact) -> Option<Duration> {
        let bucket = self.buckets.get(contact.id.common_bits(self.me) as usize)?;
        bucket.live.iter().find(|it| it.contact == contact)?.rtt
    }

    /// This node goes by another id; what it knows is sorted anew.
    pub(crate) fn rename(&mut self, now: Instant, me: Id) {
        let buckets = std::mem::take(&mut self.buckets);
        self.me = me;
        let entries = buckets.into_iter().flat_map(|bucket| bucket.live);
        for entry in entries.filter(|entry| entry.contact.id != me) {
            self.bucket(entry.contact.id).enter(now, entry);
        }
    }

    fn find(&mut self, contact: Contact) -> Option<&mut Entry> {
        let place = contact.id.common_bits(self.me) as usize;
        let bucket = self.buckets.get_mut(place)?;
        bucket.live.iter_mut().chain(&mut bucket.spares).find(|it| it.contact == contact)
    }

    /// Whether a node that is not known may become so: no other has its id, its IP address, or in
    /// its bucket its network.
    fn may_enter(&self, contact: Contact) -> bool {
        let (holder, network) = (Holder::of(contact.address), Holder::network(contact.address));
        let place = contact.id.common_bits(self.me) as usize;
        let mut buckets = self.buckets.iter().enumerate();
        buckets.all(|(number, bucket)| {
            let mut all = bucket.live.iter().chain(&bucket.spares);
            all.all(|it| {
                let same = it.contact.id == contact.id || it.holder == holder;
                !same && (number != place || Holder::network(it.contact.address) != network)
            })
        })
    }

    fn bucket(&mut self, id: Id) -> &mut Bucket {
        let place = id.common_bits(self.me) as usize;
        while self.buckets.len() <= place {
            let bits = self.buckets.len() as u32;
            self.buckets.push(Bucket::new(bits, bucket_size(bits)));
        }
        &mut self.buckets[place]
    }
}

/// Nodes that the bucket of those holds which share so many bits with this one.
pub(crate) fn bucket_size(bits: u32) -> usize {
    FIRST_BUCKETS.get(bits as usize).copied().unwrap_or(K)
}

#[cfg(test)]
mod tests;
