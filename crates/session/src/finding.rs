//! How a torrent is found in the DHT, and how it finds others there.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use hash::Sha1Digest;
use metainfo::InfoHashes;
use stdx::{Duration, Instant, Rng};

/// Addresses of nodes that wait to be taken; of more, the latest are lost.
const NODES_MAX: usize = 256;
/// Time from one look-up to the next while peers lack; each is twice as long as the one before, up
/// to the longest, give or take a fifth.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// What is to be done in the DHT. Peers that turn up are for
/// [`Session::handle_found`](crate::Session::handle_found).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhtOrder {
    /// Keep this announced, as one who has all of it or not (BEP 33), until it is withdrawn.
    Announce {
        /// The v1 info-hash, or the truncated v2 one (BEP 52).
        info_hash: Sha1Digest,
        /// Everything is here.
        seed: bool,
    },
    /// Announce it no more.
    Withdraw {
        /// As it was announced.
        info_hash: Sha1Digest,
    },
    /// Look for peers, now.
    Find {
        /// The v1 info-hash, or the truncated v2 one (BEP 52).
        info_hash: Sha1Digest,
    },
    /// Look for them no more: the torrent is gone, has everything, or turned out to be private.
    Abandon {
        /// As it was looked for.
        info_hash: Sha1Digest,
    },
    /// Nodes may be at these addresses.
    Nodes(Vec<SocketAddr>),
    /// Others see us at this address, as far as that is certain (BEP 42).
    Outside(IpAddr),
}

/// What is to be done for all torrents.
#[derive(Debug)]
pub(crate) struct Finder {
    rng: Rng,
    orders: VecDeque<DhtOrder>,
    nodes: Vec<SocketAddr>,
}

/// What the session knows of a torrent at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) hashes: InfoHashes,
    /// It may be announced: it is at work, and known not to be private (BEP 27).
    pub(crate) announce: bool,
    /// It wants peers, and may look for them. Before the metadata is there nobody knows whether the
    /// torrent is private: others are asked for then, but nothing is said of us.
    pub(crate) find: bool,
    /// Too few peers are there.
    pub(crate) hungry: bool,
    pub(crate) seed: bool,
}

/// Where a torrent stands with the DHT.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    /// Info-hashes, with what was said last of each: two at most, so a list takes least room.
    announced: Vec<(Sha1Digest, bool)>,
    /// Info-hashes that may still be looked up.
    sought: BTreeSet<Sha1Digest>,
    /// When it is looked up next, if it lacks peers then.
    next: Option<Instant>,
    /// Look-ups since peers lack.
    times: i32,
}

impl Finder {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng, orders: VecDeque::new(), nodes: Vec::new() }
    }

    /// Takes note of addresses where nodes may be.
    pub(crate) fn add_nodes(&mut self, nodes: impl IntoIterator<Item = SocketAddr>) {
        let room = NODES_MAX - self.nodes.len();
        self.nodes.extend(nodes.into_iter().take(room));
    }

    /// Takes note of how others see us.
    pub(crate) fn set_outside(&mut self, ip: IpAddr) {
        self.orders.push_back(DhtOrder::Outside(ip));
    }

    pub(crate) fn poll(&mut self) -> Option<DhtOrder> {
        let order = self.orders.pop_front();
        if order.is_some() || self.nodes.is_empty() {
            return order;
        }
        Some(DhtOrder::Nodes(std::mem::take(&mut self.nodes)))
    }
}

impl Finding {
    /// Has done what is due.
    pub(crate) fn tend(&mut self, now: Instant, wish: &Wish, finder: &mut Finder) {
        self.withdraw(wish, finder);
        if wish.announce && self.announce(wish, finder) {
            // Who announces looks for others on the way.
            self.times = 0;
            self.next = wish.find.then(|| now + self.pause(&mut finder.rng));
        }
        if !wish.find {
            (self.next, self.times) = (None, 0);
            let abandon = |info_hash| DhtOrder::Abandon { info_hash };
            finder.orders.extend(std::mem::take(&mut self.sought).into_iter().map(abandon));
        } else if self.next.is_none_or(|at| at <= now) {
            if wish.hungry {
                let find = |info_hash| DhtOrder::Find { info_hash };
                finder.orders.extend(wish.hashes.handshake_hashes().map(find));
                self.sought.extend(wish.hashes.handshake_hashes());
            } else {
                self.times = 0;
            }
            self.next = Some(now + self.pause(&mut finder.rng));
            self.times += i32::from(wish.hungry);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    fn withdraw(&mut self, wish: &Wish, finder: &mut Finder) {
        self.announced.retain(|&(info_hash, _)| {
            let keep = wish.announce && wish.hashes.handshake_hashes().any(|it| it == info_hash);
            if !keep {
                finder.orders.push_back(DhtOrder::Withdraw { info_hash });
            }
            keep
        });
    }

    /// Whether an info-hash is announced that was not yet.
    fn announce(&mut self, wish: &Wish, finder: &mut Finder) -> bool {
        let (seed, mut new) = (wish.seed, false);
        for info_hash in wish.hashes.handshake_hashes() {
            let known = self.announced.iter_mut().find(|(it, _)| *it == info_hash);
            new |= known.is_none();
            match known {
                Some((_, told)) if *told == seed => continue,
                Some((_, told)) => *told = seed,
                None => self.announced.push((info_hash, seed)),
            }
            finder.orders.push_back(DhtOrder::Announce { info_hash, seed });
        }
        new
    }

    fn pause(&self, rng: &mut Rng) -> Duration {
        let pause = PAUSE.mul_f64(2f64.powi(self.times.min(10))).min(PAUSE_MAX);
        pause.mul_f64(0.8 + 0.4 * rng.unit())
    }
}
