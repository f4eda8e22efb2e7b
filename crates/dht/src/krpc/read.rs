use bencode::{Dict, Limits, Mode};

use super::{
    Body, DATAGRAM_IN_MAX, ECHO_MAX, ItemParts, Message, Method, NODES_MAX, Query, Response,
    SAMPLES_MAX, Samples, VALUES_MAX, Want,
};
use crate::address::{Family, is_usable, read_address, read_contacts};
use crate::item::PublicKey;
use crate::{Bloom, Error, Id};

const LIMITS: Limits = Limits { depth: 36, tokens: DATAGRAM_IN_MAX, size: DATAGRAM_IN_MAX };

impl<'a> Message<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// When it is no message, or one that makes no sense.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let top = bencode::decode(datagram, Mode::Lenient, LIMITS)?;
        let top = top.as_dict().ok_or(Error::Message("y"))?;
        let transaction = top.bytes("t").filter(|t| t.len() <= ECHO_MAX);
        let body = match top.bytes("y") {
            Some(b"q") => Body::Query(query(top)?),
            Some(b"r") => Body::Response(Box::new(response(top)?)),
            Some(b"e") => error(top),
            _ => return Err(Error::Message("y")),
        };
        Ok(Self {
            transaction: transaction.ok_or(Error::Message("t"))?,
            body,
            read_only: top.int("ro") == Some(1),
            ip: top.bytes("ip").and_then(read_address),
        })
    }
}

fn query(top: Dict<'_>) -> Result<Query<'_>, Error> {
    let method = top.bytes("q").ok_or(Error::Message("q"))?;
    let a = top.dict("a").ok_or(Error::Message("a"))?;
    let flag = |key: &str| a.int(key) == Some(1);
    let method = match method {
        b"ping" => Method::Ping,
        b"find_node" => Method::FindNode { target: id(a, "target")? },
        b"get_peers" => Method::GetPeers {
            info_hash: id(a, "info_hash")?,
            noseed: flag("noseed"),
            scrape: flag("scrape"),
        },
        b"announce_peer" => Method::AnnouncePeer {
            info_hash: id(a, "info_hash")?,
            port: a.uint("port").and_then(|port| port.try_into().ok()).unwrap_or(0),
            implied_port: a.int("implied_port").is_some_and(|it| it != 0),
            seed: flag("seed"),
            token: token(a)?,
        },
        b"get" => Method::Get { target: id(a, "target")?, seq: a.int("seq") },
        b"put" => Method::Put {
            value: item(a).ok_or(Error::Message("v"))?,
            cas: a.int("cas"),
            salt: a.bytes("salt").unwrap_or_default(),
            token: token(a)?,
        },
        b"sample_infohashes" => Method::SampleInfohashes { target: id(a, "target")? },
        _ => Method::Unknown { target: id(a, "target").or_else(|_| id(a, "info_hash")).ok() },
    };
    let mut want = Want::DEFAULT;
    for item in a.list("want").into_iter().flatten().take(8) {
        want.n4 |= item.as_bytes() == Some(b"n4");
        want.n6 |= item.as_bytes() == Some(b"n6");
    }
    Ok(Query { id: id(a, "id")?, want, method })
}

fn response(top: Dict<'_>) -> Result<Response<'_>, Error> {
    let r = top.dict("r").ok_or(Error::Message("r"))?;
    let nodes = |key, family| r.bytes(key).map(|it| read_contacts(it, family, NODES_MAX));
    let values = r.list("values").into_iter().flatten().take(VALUES_MAX);
    let values = values.filter_map(|it| read_address(it.as_bytes()?));
    let filter = |key| r.bytes(key).and_then(Bloom::from_slice);
    Ok(Response {
        id: id(r, "id")?,
        nodes: nodes("nodes", Family::V4),
        nodes6: nodes("nodes6", Family::V6),
        token: r.bytes("token").filter(|token| token.len() <= ECHO_MAX),
        values: values.filter(|it| is_usable(*it)).collect(),
        item: item(r),
        seq: r.int("seq"),
        scrape: filter("BFsd").zip(filter("BFpe")).map(Box::new),
        samples: r.bytes("samples").map(|samples| Samples {
            hashes: samples.chunks_exact(20).filter_map(Id::from_slice).take(SAMPLES_MAX).collect(),
            total: r.uint("num").unwrap_or(0),
            interval: r.uint("interval").unwrap_or(0),
        }),
    })
}

fn error(top: Dict<'_>) -> Body<'_> {
    let mut parts = top.list("e").into_iter().flatten();
    let code = parts.next().and_then(bencode::Value::as_int).unwrap_or(0);
    Body::Error { code, message: parts.next().and_then(bencode::Value::as_bytes).unwrap_or(b"") }
}

/// A value with all that belongs to it; one whose key or signature is malformed is none.
fn item(dict: Dict<'_>) -> Option<ItemParts<'_>> {
    let v = dict.get("v")?.raw();
    let Some(k) = dict.get("k") else {
        return Some(ItemParts::Immutable { v });
    };
    let k = PublicKey(k.as_bytes()?.try_into().ok()?);
    let sig = dict.bytes("sig")?.try_into().ok()?;
    Some(ItemParts::Mutable { k, seq: dict.int("seq")?, sig, v })
}

fn id(dict: Dict<'_>, key: &'static str) -> Result<Id, Error> {
    dict.bytes(key).and_then(Id::from_slice).ok_or(Error::Message(key))
}

fn token(dict: Dict<'_>) -> Result<&[u8], Error> {
    dict.bytes("token").filter(|token| token.len() <= ECHO_MAX).ok_or(Error::Message("token"))
}
