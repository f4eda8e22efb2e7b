use proptest::prelude::*;

use super::*;
use crate::Error;

const ME: &[u8; 20] = b"abcdefghij0123456789";
const YOU: &[u8; 20] = b"mnopqrstuvwxyz123456";

fn query(method: Method<'_>) -> Body<'_> {
    Body::Query(Query { id: Id(*ME), want: Want::DEFAULT, method })
}

fn response(response: Response<'_>) -> Body<'_> {
    Body::Response(Box::new(response))
}

/// BEP 5's example packets, and what they mean.
fn examples() -> Vec<(&'static str, Body<'static>)> {
    let (me, you) = (Id(*ME), Id(*YOU));
    let peers = [*b"axje.u", *b"idhtnm"].map(|it| crate::address::read_address(&it).unwrap());
    vec![
        (
            "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
            Body::Error { code: 201, message: b"A Generic Error Ocurred" },
        ),
        ("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", query(Method::Ping)),
        (
            "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
            response(Response { id: you, ..Response::default() }),
        ),
        (
            "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa\
             1:y1:qe",
            query(Method::FindNode { target: you }),
        ),
        (
            "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2\
             :aa1:y1:qe",
            query(Method::GetPeers { info_hash: you, noseed: false, scrape: false }),
        ),
        (
            "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:\
             y1:re",
            response(Response {
                id: me,
                token: Some(b"aoeusnth"),
                values: peers.to_vec(),
                ..Response::default()
            }),
        ),
        (
            "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564\
             :porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
            query(Method::AnnouncePeer {
                info_hash: you,
                port: 6881,
                implied_port: true,
                seed: false,
                token: b"aoeusnth",
            }),
        ),
    ]
}

#[test]
fn the_published_packets_are_read_and_written() {
    for (packet, body) in examples() {
        let message = Message { transaction: b"aa", body, read_only: false, ip: None };
        assert_eq!(Message::parse(packet.as_bytes()).as_ref(), Ok(&message), "{packet}");
        let mut out = Vec::new();
        message.write(&mut out);
        // But for who wrote it, the bytes are those of BEP 5.
        let out = out.escape_ascii().to_string().replace("1:v4:FV\\x00\\x01", "");
        assert_eq!(out, packet);
    }
}

fn contacts(family: u8) -> Vec<Contact> {
    let node = |n: u8| Contact {
        id: Id([n; 20]),
        address: match family {
            4 => ([n, 2, 3, 4], 1_000 + u16::from(n)).into(),
            _ => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into()], 7).into(),
        },
    };
    (1..=8).map(node).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let (a, b, item) = (Id([1; 20]), Id([2; 20]), b"d3:abcli1eee");
    let mutable = ItemParts::Mutable { k: PublicKey([3; 32]), seq: 9, sig: [4; 64], v: item };
    let put = |value, salt| Method::Put { value, cas: Some(8), salt, token: b"tok" };
    let methods = [
        Method::Ping,
        Method::FindNode { target: a },
        Method::GetPeers { info_hash: a, noseed: true, scrape: true },
        Method::AnnouncePeer { info_hash: a, port: 1, implied_port: false, seed: true, token: b"" },
        Method::Get { target: b, seq: Some(-1) },
        Method::Get { target: b, seq: None },
        put(mutable, b"salt"),
        put(mutable, b""),
        put(ItemParts::Immutable { v: b"i1e" }, b""),
        Method::SampleInfohashes { target: a },
    ];
    let mut bodies: Vec<Body<'_>> = methods
        .into_iter()
        .map(|method| Body::Query(Query { id: b, want: Want::BOTH, method }))
        .collect();
    let mut seeds = Bloom::default();
    seeds.insert([1, 2, 3, 4].into());
    bodies.push(response(Response {
        id: a,
        nodes: Some(contacts(4)),
        nodes6: Some(contacts(6)),
        token: Some(b"12345678"),
        values: vec![([1, 2, 3, 4], 5).into(), ([9; 8], 5).into()],
        item: Some(mutable),
        seq: Some(9),
        scrape: Some(Box::new((seeds, Bloom::default()))),
        samples: Some(Samples { hashes: vec![a, b], total: 2, interval: 60 }),
    }));
    bodies.push(response(Response { id: a, seq: Some(3), ..Response::default() }));
    bodies.push(Body::Error { code: code::CAS, message: b"no" });
    for body in bodies {
        for ip in [None, Some(([8, 8, 8, 8], 53).into()), Some(([1; 8], 2).into())] {
            let message =
                Message { transaction: b"\x00\xff", body: body.clone(), read_only: true, ip };
            let mut out = Vec::new();
            message.write(&mut out);
            bencode::decode(&out, bencode::Mode::Strict, bencode::Limits::MESSAGE).unwrap();
            assert_eq!(Message::parse(&out), Ok(message));
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (packet, expected) in [
        ("i1e", "y"),
        ("d1:y1:qe", "q"),
        ("d1:q4:ping1:y1:qe", "a"),
        ("d1:ade1:q4:ping1:t1:x1:y1:qe", "id"),
        ("d1:ad2:id3:abce1:q4:ping1:t1:x1:y1:qe", "id"),
        ("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe", "t"),
        ("d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t1:x1:y1:qe", "target"),
        ("d1:rd2:id1:xe1:t1:x1:y1:re", "id"),
        ("d1:t1:x1:y1:xe", "y"),
    ] {
        assert_eq!(Message::parse(packet.as_bytes()), Err(Error::Message(expected)), "{packet}");
    }
    assert!(matches!(Message::parse(b"d1:y"), Err(Error::Bencode(_))));
    assert!(matches!(Message::parse(&[b'l'; 3_000]), Err(Error::Bencode(_))));
}

#[test]
fn addresses_that_no_datagram_should_go_to_are_left_out() {
    let mut nodes = Vec::new();
    for (ip, port) in [([1, 2, 3, 4], 0), ([0, 0, 0, 0], 9), ([224, 0, 0, 1], 9), ([1; 4], 9)] {
        Contact { id: Id([5; 20]), address: (ip, port).into() }.write(&mut nodes);
    }
    nodes.extend_from_slice(b"cut off");
    let packet = [b"d1:rd2:id20:abcdefghij01234567895:nodes111:", &nodes[..], b"e1:t0:1:y1:re"];
    let packet = packet.concat();
    let Ok(Message { body: Body::Response(read), .. }) = Message::parse(&packet) else {
        panic!("it is an answer");
    };
    assert_eq!(read.nodes.unwrap().len(), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Message::parse(&bytes);
        let body = [b"d1:rd2:id20:abcdefghij0123456789", &bytes[..], b"e1:t1:x1:y1:re"].concat();
        let _ = Message::parse(&body);
    }
}
