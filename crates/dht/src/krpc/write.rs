use std::net::SocketAddr;

use bencode::{DictEncoder, Encoder};

use super::{Body, ItemParts, Message, Method, Query, Response, VERSION};
use crate::address::{Contact, write_address};

impl Message<'_> {
    /// Appends the datagram.
    pub fn write(&self, out: &mut Vec<u8>) {
        Encoder::new(out).dict(|top| {
            if let Body::Query(query) = &self.body {
                top.dict("a", |a| arguments(query, a));
            }
            if let Body::Error { code, message } = &self.body {
                top.list("e", |e| {
                    e.item().int(*code);
                    e.item().bytes(message);
                });
            }
            if let Some(ip) = self.ip {
                top.bytes("ip", compact(ip));
            }
            if let Body::Query(query) = &self.body {
                top.bytes("q", name(&query.method));
            }
            if let Body::Response(response) = &self.body {
                top.dict("r", |r| values(response, r));
            }
            if self.read_only {
                top.int("ro", 1);
            }
            top.bytes("t", self.transaction);
            // Answers go without: they should not be longer than the questions.
            if let Body::Query(_) = &self.body {
                top.bytes("v", VERSION);
            }
            top.bytes(
                "y",
                match &self.body {
                    Body::Query(_) => "q",
                    Body::Response(_) => "r",
                    Body::Error { .. } => "e",
                },
            );
        });
    }
}

fn name(method: &Method<'_>) -> &'static str {
    match method {
        Method::Ping | Method::Unknown { target: None } => "ping",
        Method::FindNode { .. } | Method::Unknown { target: Some(_) } => "find_node",
        Method::GetPeers { .. } => "get_peers",
        Method::AnnouncePeer { .. } => "announce_peer",
        Method::Get { .. } => "get",
        Method::Put { .. } => "put",
        Method::SampleInfohashes { .. } => "sample_infohashes",
    }
}

/// Keys go in ascending order, hence the detours.
fn arguments(query: &Query<'_>, a: &mut DictEncoder<'_>) {
    if let Method::Put { cas: Some(cas), .. } = query.method {
        a.int("cas", cas);
    }
    a.bytes("id", query.id.0);
    match &query.method {
        Method::Ping | Method::Unknown { target: None } => {}
        Method::FindNode { target }
        | Method::SampleInfohashes { target }
        | Method::Unknown { target: Some(target) } => a.bytes("target", target.0),
        Method::GetPeers { info_hash, noseed, scrape } => {
            a.bytes("info_hash", info_hash.0);
            if *noseed {
                a.int("noseed", 1);
            }
            if *scrape {
                a.int("scrape", 1);
            }
        }
        Method::AnnouncePeer { info_hash, port, implied_port, seed, token } => {
            a.int("implied_port", i64::from(*implied_port));
            a.bytes("info_hash", info_hash.0);
            a.int("port", *port);
            if *seed {
                a.int("seed", 1);
            }
            a.bytes("token", token);
        }
        Method::Get { target, seq } => {
            if let Some(seq) = seq {
                a.int("seq", *seq);
            }
            a.bytes("target", target.0);
        }
        Method::Put { value, salt, token, .. } => match value {
            ItemParts::Immutable { v } => {
                a.bytes("token", token);
                a.key("v").raw(v);
            }
            ItemParts::Mutable { k, seq, sig, v } => {
                a.bytes("k", k.0);
                if !salt.is_empty() {
                    a.bytes("salt", salt);
                }
                a.int("seq", *seq);
                a.bytes("sig", sig);
                a.bytes("token", token);
                a.key("v").raw(v);
            }
        },
    }
    if query.want.n4 || query.want.n6 {
        a.list("want", |list| {
            if query.want.n4 {
                list.item().bytes("n4");
            }
            if query.want.n6 {
                list.item().bytes("n6");
            }
        });
    }
}

fn values(response: &Response<'_>, r: &mut DictEncoder<'_>) {
    if let Some(scrape) = &response.scrape {
        r.bytes("BFpe", scrape.1.as_bytes());
        r.bytes("BFsd", scrape.0.as_bytes());
    }
    r.bytes("id", response.id.0);
    if let Some(samples) = &response.samples {
        r.int("interval", samples.interval);
    }
    if let Some(ItemParts::Mutable { k, .. }) = &response.item {
        r.bytes("k", k.0);
    }
    for (key, nodes) in [("nodes", &response.nodes), ("nodes6", &response.nodes6)] {
        if let Some(nodes) = nodes {
            r.bytes(key, compact_nodes(nodes));
        }
    }
    if let Some(samples) = &response.samples {
        r.int("num", samples.total);
        r.bytes("samples", samples.hashes.iter().flat_map(|it| it.0).collect::<Vec<u8>>());
    }
    if let Some(seq) = response.seq {
        r.int("seq", seq);
    }
    if let Some(ItemParts::Mutable { sig, .. }) = &response.item {
        r.bytes("sig", sig);
    }
    if let Some(token) = response.token {
        r.bytes("token", token);
    }
    if let Some(ItemParts::Immutable { v } | ItemParts::Mutable { v, .. }) = &response.item {
        r.key("v").raw(v);
    }
    if !response.values.is_empty() {
        r.list("values", |list| {
            response.values.iter().for_each(|peer| list.item().bytes(compact(*peer)));
        });
    }
}

fn compact(address: SocketAddr) -> Vec<u8> {
    let mut out = Vec::with_capacity(18);
    write_address(address, &mut out);
    out
}

fn compact_nodes(nodes: &[Contact]) -> Vec<u8> {
    let mut out = Vec::with_capacity(nodes.len() * 38);
    for node in nodes {
        node.write(&mut out);
    }
    out
}
