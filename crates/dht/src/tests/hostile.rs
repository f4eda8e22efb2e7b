use std::net::SocketAddr;

use stdx::{Duration, Instant, Rng};

use super::net::{Net, config, v4};
use crate::{
    Body, Contact, Dht, Event, Family, Fault, Id, ItemParts, Message, Method, Query, Response,
    Want, code,
};

const TORRENT: Id = Id([7; 20]);

fn packet(id: Id, method: Method<'_>) -> Vec<u8> {
    let body = Body::Query(Query { id, want: Want::DEFAULT, method });
    let mut out = Vec::new();
    Message { transaction: b"xx", body, read_only: false, ip: None }.write(&mut out);
    out
}

/// Says something to a node from an address; what comes back there.
fn say(node: &mut Dht, now: Instant, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    node.handle_datagram(now, from, datagram);
    let all = std::iter::from_fn(|| node.poll_transmit());
    all.filter(|it| it.to == from).map(|it| it.payload).collect()
}

fn refusal(answer: &[u8]) -> Option<i64> {
    match Message::parse(answer).unwrap().body {
        Body::Error { code, .. } => Some(code),
        _ => None,
    }
}

fn get_peers() -> Vec<u8> {
    packet(Id([1; 20]), Method::GetPeers { info_hash: TORRENT, noseed: false, scrape: false })
}

#[test]
fn nothing_is_stored_without_a_token_of_ones_own() {
    let mut net = Net::settled(10);
    let (now, stranger) = (net.now, "99.9.9.9:999".parse().unwrap());
    let node = &mut net.nodes[0];
    let announce = |token: &[u8]| {
        let (port, implied_port, seed) = (1, false, false);
        let info_hash = TORRENT;
        let method = Method::AnnouncePeer { info_hash, port, implied_port, seed, token };
        packet(Id([1; 20]), method)
    };
    let answers = say(node, now, stranger, &get_peers());
    let Body::Response(response) = Message::parse(&answers[0]).unwrap().body else {
        panic!("it is an answer")
    };
    let token = response.token.unwrap().to_vec();
    for (from, token, expected) in [
        ("99.9.9.9:999", &b"12345678"[..], Some(code::PROTOCOL)),
        ("99.9.9.9:999", b"", Some(code::PROTOCOL)),
        ("99.9.9.8:999", &token, Some(code::PROTOCOL)),
        ("99.9.9.9:998", &token, None),
    ] {
        let answers = say(node, now, from.parse().unwrap(), &announce(token));
        assert_eq!(refusal(&answers[0]), expected, "{from} {token:?}");
    }
    assert_eq!(node.stats().peers, 1);
    let put = |v: &'static [u8], token: &[u8]| {
        let method = Method::Put { value: ItemParts::Immutable { v }, cas: None, salt: b"", token };
        packet(Id([1; 20]), method)
    };
    let answers = say(node, now, stranger, &put(b"i1e", &token));
    assert_eq!(refusal(&answers[0]), Some(code::PROTOCOL), "a token is for one key");
    assert_eq!(node.stats().items, 0);
}

#[test]
fn a_stranger_gets_little_more_than_it_sends() {
    let mut net = Net::settled(40);
    let (now, victim) = (net.now, "99.9.9.9:999".parse().unwrap());
    let node = &mut net.nodes[0];
    let (mut sent, mut got, mut most) = (0, 0, 0);
    for second in 0..100 {
        for _ in 0..10 {
            let question = get_peers();
            sent += question.len();
            for answer in say(node, now + Duration::from_secs(second), victim, &question) {
                got += answer.len();
                most = most.max(answer.len());
            }
        }
    }
    assert!(most > 200, "at first it is told all");
    assert!(got <= sent + 2_048 + 30 * 100, "{got} for {sent}");
    assert!(got > sent / 4, "and it is still answered");
    let counters = node.stats().counters;
    assert!(counters.limited > 300 && counters.cut > 50, "{counters:?}");
}

/// How often this is told of somebody.
fn faults(node: &mut Dht, from: SocketAddr, fault: Fault) -> usize {
    let events = std::iter::from_fn(|| node.poll_event());
    events.filter(|it| *it == Event::Fault { from, fault }).count()
}

#[test]
fn answers_count_only_from_where_the_question_went() {
    for (from, counts) in [("5.0.1.1:6881", true), ("5.0.1.1:6882", false), ("5.0.1.2:6881", false)]
    {
        let mut node = Dht::new(Instant::ZERO, config(), [1; 16]);
        node.add_addresses(Instant::ZERO, &[v4(1)]);
        let now = Instant::from_secs(1);
        node.handle_timeout(now);
        let question = node.poll_transmit().unwrap();
        let transaction = Message::parse(&question.payload).unwrap().transaction.to_vec();
        let body = Body::Response(Box::new(Response { id: Id([8; 20]), ..Response::default() }));
        let mut answer = Vec::new();
        Message { transaction: &transaction, body, read_only: false, ip: None }.write(&mut answer);
        node.handle_datagram(now, from.parse().unwrap(), &answer);
        node.handle_datagram(now, from.parse().unwrap(), &answer);
        let stats = node.stats();
        assert_eq!(stats.good[0], usize::from(counts), "{from}");
        let forged = if counts { 1 } else { 2 };
        assert_eq!(stats.counters.malformed, forged);
        assert_eq!(faults(&mut node, from.parse().unwrap(), Fault::Unasked), forged as usize);
    }
}

#[test]
fn nonsense_is_counted_and_not_answered() {
    let mut net = Net::settled(5);
    let (now, from) = (net.now, "99.9.9.9:999".parse().unwrap());
    let mut rng = Rng::new(5);
    for n in 0..2_000 {
        let mut bytes = match n % 3 {
            0 => get_peers(),
            1 => packet(Id([1; 20]), Method::SampleInfohashes { target: TORRENT }),
            _ => vec![0; rng.index(300)],
        };
        for _ in 0..4 {
            let place = rng.index(bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(place) {
                *byte = rng.next_u64() as u8;
            }
        }
        let _ = say(&mut net.nodes[0], now, from, &bytes);
    }
    assert!(net.nodes[0].stats().counters.malformed > 600);
    // Told, and not so often that a log grows by it.
    let told = faults(&mut net.nodes[0], from, Fault::Malformed);
    assert!((1..=20).contains(&told), "{told}");
    assert!(say(&mut net.nodes[0], now, "8.8.8.8:0".parse().unwrap(), &get_peers()).is_empty());
    assert!(say(&mut net.nodes[0], now, from, &[b'd'; 5_000]).is_empty());
}

#[test]
fn unknown_questions_are_answered_when_they_have_a_target() {
    let mut net = Net::settled(10);
    let (now, from) = (net.now, "99.9.9.9:999".parse().unwrap());
    let node = &mut net.nodes[0];
    let with = b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q5:later1:t2:aa\
                 1:y1:qe";
    let answers = say(node, now, from, with);
    let Body::Response(response) = Message::parse(&answers[0]).unwrap().body else {
        panic!("it is an answer")
    };
    assert_eq!(response.nodes.unwrap().len(), 8);
    let without = b"d1:ad2:id20:abcdefghij0123456789e1:q5:later1:t2:aa1:y1:qe";
    assert_eq!(refusal(&say(node, now, from, without)[0]), Some(code::UNKNOWN));
}

#[test]
fn a_stranger_names_no_address_near_us() {
    let mut node = Dht::new(Instant::ZERO, config(), [1; 16]);
    let (near, far): (SocketAddr, _) = ("192.168.1.1:80".parse().unwrap(), v4(2));
    node.add_addresses(Instant::ZERO, &[v4(1)]);
    let (mut now, mut lookup) = (Instant::ZERO, None);
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        now += Duration::from_millis(100);
        node.handle_timeout(now);
        while let Some(question) = node.poll_transmit() {
            asked.push(question.to);
            let message = Message::parse(&question.payload).unwrap();
            let contact = |address, byte| Contact { id: Id([byte; 20]), address };
            let body = Body::Response(Box::new(Response {
                id: Id([9; 20]),
                nodes: Some(vec![contact(near, 7), contact(far, 8)]),
                values: vec![near, far],
                ..Response::default()
            }));
            let mut answer = Vec::new();
            let transaction = message.transaction;
            Message { transaction, body, read_only: false, ip: None }.write(&mut answer);
            node.handle_datagram(now, question.to, &answer);
        }
        if now >= Instant::from_secs(2) && lookup.is_none() {
            lookup = node.find_peers(now, TORRENT, false).ok();
        }
        while let Some(event) = node.poll_event() {
            if let Event::Peers { peers, .. } = event {
                told.extend(peers);
            }
        }
    }
    assert!(asked.contains(&far) && !asked.contains(&near), "{asked:?}");
    assert_eq!(told, [far]);
}

#[test]
fn peers_and_items_that_are_lies_are_not_believed() {
    // A node that answers everything wrongly is all there is.
    let mut node = Dht::new(Instant::ZERO, config(), [1; 16]);
    node.add_addresses(Instant::ZERO, &[v4(1)]);
    let target = crate::immutable_target(b"i1e");
    let (mut now, mut lookup, mut items, mut ended) = (Instant::ZERO, None, 0, false);
    let lie = Event::Fault { from: v4(1), fault: Fault::FalseValue };
    let mut told = 0;
    for _ in 0..100 {
        now += Duration::from_millis(100);
        node.handle_timeout(now);
        while let Some(question) = node.poll_transmit() {
            let message = Message::parse(&question.payload).unwrap();
            let body = Body::Response(Box::new(Response {
                id: Id([8; 20]),
                nodes: Some(vec![Contact { id: target, address: question.to }; 20]),
                token: Some(b"t"),
                item: Some(ItemParts::Immutable { v: b"i2e" }),
                ..Response::default()
            }));
            let mut answer = Vec::new();
            let transaction = message.transaction;
            Message { transaction, body, read_only: false, ip: None }.write(&mut answer);
            node.handle_datagram(now, question.to, &answer);
        }
        if node.is_ready(Family::V4) && lookup.is_none() {
            lookup = node.get(now, target).ok();
        }
        while let Some(event) = node.poll_event() {
            items += usize::from(matches!(event, Event::Item { .. }));
            told += usize::from(event == lie);
            ended |= matches!(event, Event::Ended { lookup: it, .. } if Some(it) == lookup);
        }
    }
    assert!(ended && items == 0 && told > 0, "{ended} {items} {told}");
}
