//! Questions of others.

use std::net::SocketAddr;

use stdx::Instant;

use super::Dht;
use crate::address::{Contact, Family, is_usable};
use crate::item::{Item, Mutable};
use crate::krpc::{
    ANSWER_MAX, Body, DATAGRAM_OUT_MAX, ItemParts, Message, Method, Query, Response, Want, code,
};
use crate::table::K;
use crate::{Error, Id, Transmit};

/// Peers in an answer, by family: as many as fit.
const PEERS: [usize; 2] = [80, 30];
/// The same beside two filters of 256 bytes (BEP 33).
const PEERS_BESIDE_FILTERS: [usize; 2] = [20, 8];

/// A refusal: code and words.
type Refusal = (i64, &'static str);

impl Dht {
    pub(super) fn handle_query(
        &mut self,
        now: Instant,
        from: SocketAddr,
        message: &Message<'_>,
        query: &Query<'_>,
        length: usize,
    ) {
        if self.config.read_only {
            return;
        }
        if !self.guard.admit(now, from) {
            self.counters.limited += 1;
            return;
        }
        let token = token_target(query).map(|it| self.tokens.issue(now, from, it));
        let answer = self.answer(now, from, query, token.as_ref().map(|it| &it[..]));
        let me = self.net(Family::of(from)).map(|net| net.table.me()).unwrap_or_default();
        let allowance = self.guard.allowance(now, from, length);
        let payload = match answer {
            Ok(answer) => answer.fit(me, from, message.transaction, allowance),
            Err((code, words)) => {
                let body = Body::Error { code, message: words.as_bytes() };
                let transaction = message.transaction;
                let mut out = Vec::new();
                Message { transaction, body, read_only: false, ip: None }.write(&mut out);
                Some((out, false))
            }
        };
        if let Some((payload, cut)) = payload.filter(|(it, _)| it.len() <= allowance) {
            self.counters.answered += 1;
            self.counters.cut += u64::from(cut);
            self.guard.give(now, from, payload.len().saturating_sub(length));
            self.rpc.transmits.push_back(Transmit { to: from, payload });
        }
        if !message.read_only
            && let Some(net) = self.net(Family::of(from))
        {
            net.table.asked_us(now, Contact { id: query.id, address: from });
        }
    }

    fn answer<'a>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        query: &Query<'_>,
        token: Option<&'a [u8]>,
    ) -> Result<Answer<'a>, Refusal> {
        let family = Family::of(from);
        let mut answer = Answer { token, ..Answer::default() };
        let mut near = None;
        match &query.method {
            Method::Ping => {}
            Method::Unknown { target: None } => return Err((code::UNKNOWN, "unknown")),
            Method::FindNode { target } | Method::Unknown { target: Some(target) } => {
                near = Some(*target);
            }
            Method::GetPeers { info_hash, noseed, scrape } => {
                near = Some(*info_hash);
                let rng = &mut self.rng;
                if let Some(net) = &self.nets[family as usize] {
                    let beside = *scrape;
                    answer.scrape = net.peers.scrape(now, *info_hash).filter(|_| beside);
                    let limits = if beside { PEERS_BESIDE_FILTERS } else { PEERS };
                    let limit = limits[family as usize];
                    answer.values = net.peers.some(now, *info_hash, *noseed, limit, rng);
                }
            }
            Method::AnnouncePeer { info_hash, port, implied_port, seed, token } => {
                self.check_token(now, from, *info_hash, token)?;
                let port = if *implied_port { from.port() } else { *port };
                let peer = SocketAddr::new(from.ip(), port);
                if !is_usable(peer) {
                    return Err((code::PROTOCOL, "bad port"));
                }
                let rng = &mut self.rng;
                let net = self.nets[family as usize].as_mut();
                let kept =
                    net.is_some_and(|it| it.peers.announce(now, *info_hash, peer, *seed, rng));
                kept.then_some(()).ok_or((202, "full"))?;
            }
            Method::Get { target, seq } => {
                near = Some(*target);
                let held = self.net(family).and_then(|net| net.items.find(now, *target));
                answer.seq = held.and_then(Item::seq);
                let news = answer.seq.zip(*seq).is_none_or(|(held, known)| held > known);
                answer.item = held.filter(|_| news).cloned();
            }
            Method::Put { value, cas, salt, token } => {
                self.put_here(now, from, value, *cas, salt, token)?;
            }
            Method::SampleInfohashes { target } => {
                near = Some(*target);
                let rng = &mut self.rng;
                let net = self.nets[family as usize].as_mut();
                answer.samples = net.map(|net| net.peers.sample(now, rng).clone());
            }
        }
        if let Some(near) = near {
            let mut want = query.want;
            if want == Want::DEFAULT {
                want = Want { n4: family == Family::V4, n6: family == Family::V6 };
            }
            let told = |dht: &Self, family| dht.closest(family, near, K);
            answer.nodes = want.n4.then(|| told(self, Family::V4));
            answer.nodes6 = want.n6.then(|| told(self, Family::V6));
        }
        Ok(answer)
    }

    fn check_token(
        &mut self,
        now: Instant,
        from: SocketAddr,
        target: Id,
        token: &[u8],
    ) -> Result<(), Refusal> {
        if !self.tokens.verify(now, from, target, token) {
            return Err((code::PROTOCOL, "bad token"));
        }
        self.guard.prove(now, from);
        Ok(())
    }

    fn put_here(
        &mut self,
        now: Instant,
        from: SocketAddr,
        value: &ItemParts<'_>,
        cas: Option<i64>,
        salt: &[u8],
        token: &[u8],
    ) -> Result<(), Refusal> {
        let item = item_of(value, salt);
        self.check_token(now, from, item.target(), token)?;
        // The costly part comes last, and only for those who came back with a token.
        item.verify().map_err(|error| match error {
            Error::ValueTooLong(_) => (code::VALUE_TOO_LONG, "v too big"),
            Error::SaltTooLong(_) => (code::SALT_TOO_LONG, "salt too big"),
            Error::Signature => (code::SIGNATURE, "bad signature"),
            _ => (code::PROTOCOL, "bad item"),
        })?;
        self.net(Family::of(from)).map_or(Ok(()), |net| net.items.put(now, item, cas))
    }
}

/// What a token in the answer is to be for.
fn token_target(query: &Query<'_>) -> Option<Id> {
    match query.method {
        Method::GetPeers { info_hash, .. } => Some(info_hash),
        Method::Get { target, .. } => Some(target),
        _ => None,
    }
}

/// The item that a message carries.
pub(super) fn item_of(parts: &ItemParts<'_>, salt: &[u8]) -> Item {
    match *parts {
        ItemParts::Immutable { v } => Item::Immutable(v.to_vec()),
        ItemParts::Mutable { k, seq, sig, v } => Item::Mutable(Mutable {
            key: k,
            salt: salt.to_vec(),
            seq,
            value: v.to_vec(),
            signature: sig,
        }),
    }
}

/// An item as a message carries it.
pub(super) fn parts_of(item: &Item) -> ItemParts<'_> {
    match item {
        Item::Immutable(v) => ItemParts::Immutable { v },
        Item::Mutable(Mutable { key, seq, value, signature, .. }) => {
            ItemParts::Mutable { k: *key, seq: *seq, sig: *signature, v: value }
        }
    }
}

/// An answer before it is known how much of it may be told.
#[derive(Debug, Default)]
struct Answer<'a> {
    nodes: Option<Vec<Contact>>,
    nodes6: Option<Vec<Contact>>,
    token: Option<&'a [u8]>,
    values: Vec<SocketAddr>,
    item: Option<Item>,
    seq: Option<i64>,
    scrape: Option<(crate::Bloom, crate::Bloom)>,
    samples: Option<crate::krpc::Samples>,
}

impl Answer<'_> {
    /// The datagram, cut until it is no longer than `allowance`, and whether it was: what takes
    /// most room goes first, the nodes that lead on and the token last.
    fn fit(
        mut self,
        me: Id,
        to: SocketAddr,
        transaction: &[u8],
        allowance: usize,
    ) -> Option<(Vec<u8>, bool)> {
        let mut ip = Some(to);
        let mut cut = false;
        loop {
            let most = if self.item.is_some() { DATAGRAM_OUT_MAX } else { ANSWER_MAX };
            let limit = allowance.min(most);
            let out = self.write(me, transaction, ip);
            let Some(over) = out.len().checked_sub(limit).filter(|over| *over > 0) else {
                return Some((out, cut));
            };
            cut = true;
            let peer = if to.is_ipv4() { 8 } else { 21 };
            let fewer = |len: usize, each: usize| len.saturating_sub(over.div_ceil(each));
            if !self.values.is_empty() {
                self.values.truncate(fewer(self.values.len(), peer));
            } else if self.scrape.is_some() {
                self.scrape = None;
            } else if self.samples.as_ref().is_some_and(|it| !it.hashes.is_empty()) {
                let hashes = &mut self.samples.as_mut()?.hashes;
                hashes.truncate(fewer(hashes.len(), 20));
            } else if ip.is_some() {
                ip = None;
            } else if self.item.is_some() && allowance < DATAGRAM_OUT_MAX {
                // Who has not proven itself learns the way, and comes back for it.
                self.item = None;
            } else if let Some(nodes) = self.nodes6.as_mut().filter(|it| !it.is_empty()) {
                nodes.truncate(fewer(nodes.len(), 38));
            } else if let Some(nodes) = self.nodes.as_mut().filter(|it| !it.is_empty()) {
                nodes.truncate(fewer(nodes.len(), 26));
            } else if self.item.is_some() {
                self.item = None;
            } else if self.token.is_some() {
                self.token = None;
            } else {
                return None;
            }
        }
    }

    fn write(&self, me: Id, transaction: &[u8], ip: Option<SocketAddr>) -> Vec<u8> {
        let response = Response {
            id: me,
            nodes: self.nodes.clone(),
            nodes6: self.nodes6.clone(),
            token: self.token,
            values: self.values.clone(),
            item: self.item.as_ref().map(parts_of),
            seq: self.seq,
            scrape: self.scrape.clone().map(Box::new),
            samples: self.samples.clone(),
        };
        let body = Body::Response(Box::new(response));
        let mut out = Vec::with_capacity(512);
        Message { transaction, body, read_only: false, ip }.write(&mut out);
        out
    }
}
