use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use dht::{Body, Contact, Id, Message, Method, Query, Response, Want};
use stdx::{Duration, Instant, Rng};

/// Time between two rounds in which a Sybil introduces itself.
const INTRODUCTIONS: Duration = Duration::from_secs(100);
/// Nodes that it introduces itself to in each.
const INTRODUCED: usize = 100;

/// What somebody hostile is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Leads look-ups to nodes that are not there, and names peers that are not there. It has the
    /// addresses of all other liars to lead to.
    Liar,
    /// The same, but with ids that are right for their addresses, of which there are eight each:
    /// whoever is nearest to the target is named, and goes by that id.
    Sharp,
    /// Sits round a key with others, names only them, and forgets what it is given.
    Sybil,
}

/// A node that does not do as it should.
#[derive(Debug)]
pub(super) struct Hostile {
    part: Part,
    address: SocketAddr,
    id: Id,
    rng: Rng,
    /// Its accomplices' addresses.
    others: Rc<[SocketAddr]>,
    /// All ids that they may go by, in order.
    ids: Rc<[Contact]>,
    /// What a Sybil sits round, and to whom it introduces itself.
    key: Option<Id>,
    near: Vec<SocketAddr>,
    introduced: usize,
    next: Option<Instant>,
    out: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Hostile {
    pub(super) fn new(part: Part, address: SocketAddr, mut rng: Rng) -> Self {
        let id = match part {
            Part::Sharp => ids_of(address).next().map_or(Id::default(), |it| it.id),
            _ => dht::secure_id(address.ip(), rng.next_u64() as u8, &mut rng),
        };
        Self {
            part,
            address,
            id,
            rng,
            others: Rc::new([]),
            ids: Rc::new([]),
            key: None,
            near: Vec::new(),
            introduced: 0,
            next: None,
            out: VecDeque::new(),
        }
    }

    pub(super) fn meet(&mut self, others: &Rc<[SocketAddr]>, ids: &Rc<[Contact]>) {
        (self.others, self.ids) = (Rc::clone(others), Rc::clone(ids));
    }

    /// Takes a place beside the key: 24 bits and more in common with it.
    pub(super) fn sit_round(&mut self, key: Id, near: &[SocketAddr]) {
        self.id = sybil_id(key, self.address);
        self.key = Some(key);
        self.near = near.to_vec();
        self.next = Some(Instant::ZERO);
    }

    pub(super) fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.out.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// A Sybil introduces itself.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let Some(target) = self.key.filter(|_| !self.near.is_empty()) else {
            return;
        };
        self.next = Some(now + INTRODUCTIONS);
        for _ in 0..INTRODUCED {
            let to = self.near[self.introduced % self.near.len()];
            self.introduced += 1;
            let query =
                Query { id: self.id, want: Want::DEFAULT, method: Method::FindNode { target } };
            let body = Body::Query(query);
            let mut payload = Vec::new();
            Message { transaction: b"sy", body, read_only: false, ip: None }.write(&mut payload);
            self.out.push_back((to, payload));
        }
    }

    pub(super) fn handle_datagram(&mut self, from: SocketAddr, payload: &[u8]) {
        let Ok(Message { transaction, body: Body::Query(query), .. }) = Message::parse(payload)
        else {
            return;
        };
        let mut response = Response { id: self.id, ..Response::default() };
        if self.part == Part::Sharp {
            let target = match query.method {
                Method::FindNode { target } | Method::GetPeers { info_hash: target, .. } => target,
                _ => query.id,
            };
            let mine = ids_of(self.address).min_by_key(|it| it.id.distance(target));
            response.id = mine.map_or(self.id, |it| it.id);
        }
        match query.method {
            Method::FindNode { target } => response.nodes = Some(self.lead(target)),
            Method::GetPeers { info_hash, .. } => {
                response.nodes = Some(self.lead(info_hash));
                response.token = Some(b"whatever");
                if self.part != Part::Sybil {
                    response.values = (0..5).map(|_| self.nobody()).collect();
                }
            }
            _ => {}
        }
        if self.part == Part::Liar && self.rng.chance(0.2) {
            // Sometimes not even the same as a moment before.
            response.id = Id::random(&mut self.rng);
        }
        let body = Body::Response(Box::new(response));
        let mut out = Vec::new();
        Message { transaction, body, read_only: false, ip: Some(self.nobody()) }.write(&mut out);
        self.out.push_back((from, out));
    }

    /// Those that it names as near to a target.
    fn lead(&mut self, target: Id) -> Vec<Contact> {
        let mut nodes = Vec::new();
        if self.part == Part::Sharp {
            let place = self.ids.partition_point(|it| it.id < target);
            let beside = place.saturating_sub(16)..(place + 16).min(self.ids.len());
            nodes.extend_from_slice(&self.ids[beside]);
            nodes.sort_unstable_by_key(|it| it.id.distance(target));
            nodes.truncate(8);
            return nodes;
        }
        for place in 0..8 {
            if self.others.is_empty() {
                break;
            }
            let address = self.others[self.rng.index(self.others.len())];
            if let (Part::Sybil, Some(key)) = (self.part, self.key) {
                nodes.push(Contact { id: sybil_id(key, address), address });
                continue;
            }
            // Half of them right beside the target; the others such as may be there.
            let id = if place % 2 == 0 {
                target.random_beside(30 + place, &mut self.rng)
            } else {
                dht::secure_id(address.ip(), 1, &mut self.rng)
            };
            nodes.push(Contact { id, address });
        }
        nodes
    }

    fn nobody(&mut self) -> SocketAddr {
        (Ipv4Addr::from(self.rng.next_u64() as u32 >> 4 | 0x0100_0000), 1_234).into()
    }
}

/// The ids that are right for an address, which it keeps to.
pub(super) fn ids_of(address: SocketAddr) -> impl Iterator<Item = Contact> {
    let mut rng = Rng::new(seed_of(address));
    (0..8).map(move |last| {
        let id = dht::secure_id(address.ip(), last, &mut rng);
        Contact { id, address }
    })
}

fn seed_of(address: SocketAddr) -> u64 {
    u64::from(match address.ip() {
        std::net::IpAddr::V4(ip) => u32::from(ip),
        std::net::IpAddr::V6(_) => 0,
    })
}

/// Beside the key, and right for the address if the key's first bits are: who asks twice is told
/// the same.
fn sybil_id(key: Id, address: SocketAddr) -> Id {
    let mut rng = Rng::new(seed_of(address));
    let mut id = Id::random(&mut rng);
    id.0[..3].copy_from_slice(&key.0[..3]);
    id.0[19] = key.0[19];
    id
}

/// Addresses of different networks whose ids may all be near one and the same key (BEP 42 masks
/// twelve bits of an address), and a key that has the last byte that goes with them.
pub(super) fn sybil_addresses(count: u32, rng: &mut Rng) -> (Id, Vec<SocketAddr>) {
    let key = Id::random(rng);
    let base = rng.next_u64() as u32 & 0x030f_3fff | 0x0000_0001;
    let mut addresses = Vec::new();
    let mut bits = 0u32;
    while addresses.len() < count as usize {
        bits += 1;
        // The bits that the mask leaves out: six, four and two of the first three bytes.
        let high = (bits & 0x3f) << 26 | (bits >> 6 & 0x0f) << 20 | (bits >> 10 & 0x03) << 14;
        let ip = Ipv4Addr::from(base | high);
        let address = SocketAddr::from((ip, 6_881));
        let first = ip.octets()[0];
        if !stdx::is_local(ip.into()) && (1..224).contains(&first) && first != 127 {
            addresses.push(address);
        }
    }
    (key, addresses)
}
