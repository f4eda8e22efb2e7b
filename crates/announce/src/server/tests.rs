use proptest::prelude::*;

use super::*;
use crate::{AccessList, Event, announce_url, parse_announce_response, parse_scrape_response};

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn server() -> Server {
    Server::new(StoreConfig::default(), b"0123456789abcdef", Instant::ZERO)
}

fn source(n: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, n], 40_000))
}

fn request(swarm: u8) -> AnnounceRequest {
    let info_hash = Sha1Digest([swarm; 20]);
    AnnounceRequest { info_hash, port: 6881, left: 5, ..AnnounceRequest::default() }
}

fn udp(server: &mut Server, source: SocketAddr, request: &UdpRequest) -> Option<UdpResponse> {
    let (mut datagram, mut out) = (Vec::new(), Vec::new());
    request.write(&mut datagram);
    let answered = server.handle_udp(Instant::ZERO, source, LOCAL, &datagram, &mut out);
    answered.then(|| UdpResponse::parse(&out, source.is_ipv6()).unwrap())
}

fn connect(server: &mut Server, source: SocketAddr) -> u64 {
    match udp(server, source, &UdpRequest::Connect { transaction: 1 }) {
        Some(UdpResponse::Connect { transaction: 1, connection }) => connection,
        other => panic!("{other:?}"),
    }
}

fn udp_announce(server: &mut Server, source: SocketAddr, announce: AnnounceRequest) -> UdpResponse {
    let connection = connect(server, source);
    let url = Vec::new();
    let announce = UdpRequest::Announce { connection, transaction: 2, announce, url };
    udp(server, source, &announce).unwrap()
}

fn http<'a>(
    server: &mut Server,
    source: SocketAddr,
    route: impl Into<Route<'a>>,
    query: &str,
) -> Vec<u8> {
    let mut out = Vec::new();
    let query = query.as_bytes();
    let _ = server.handle_http_query(Instant::ZERO, source.ip(), LOCAL, route, query, &mut out);
    out
}

fn http_announce(server: &mut Server, source: SocketAddr, request: &AnnounceRequest) -> Vec<u8> {
    let url = announce_url("http://t/announce", request);
    http(server, source, HttpAction::Announce, url.split_once('?').unwrap().1)
}

#[test]
fn protocols_share_one_store() {
    let mut server = server();
    udp_announce(&mut server, source(1), request(1));
    let answer = http_announce(&mut server, source(2), &request(1));
    let answer = parse_announce_response(&answer).unwrap();
    assert_eq!(answer.peers, [SocketAddr::from(([203, 0, 113, 1], 6881))]);
    assert_eq!((answer.seeders, answer.leechers), (Some(0), Some(2)));
    assert_eq!(answer.external_ip, Some(source(2).ip()));
    let mut done = request(1);
    (done.left, done.event) = (0, Event::Completed);
    http_announce(&mut server, source(2), &done);

    let query = format!("info_hash={}&info_hash={}", "%01".repeat(20), "%02".repeat(20));
    let scrape = parse_scrape_response(&http(&mut server, source(3), HttpAction::Scrape, &query));
    let known = ScrapeEntry { seeders: 1, completed: 1, leechers: 1 };
    let expected = [(Sha1Digest([1; 20]), known), (Sha1Digest([2; 20]), ScrapeEntry::default())];
    assert_eq!(scrape.unwrap().files, expected);

    let connection = connect(&mut server, source(3));
    let info_hashes = vec![Sha1Digest([2; 20]), Sha1Digest([1; 20])];
    let scrape = UdpRequest::Scrape { connection, transaction: 3, info_hashes };
    let entries = vec![ScrapeEntry::default(), known];
    let expected = UdpResponse::Scrape { transaction: 3, entries };
    assert_eq!(udp(&mut server, source(3), &scrape), Some(expected));
    let counters = server.counters();
    assert_eq!((counters.udp_connects, counters.udp_announces, counters.udp_scrapes), (2, 1, 1));
    assert_eq!((counters.http_announces, counters.http_scrapes), (2, 1));
}

#[test]
fn looking_ahead_changes_no_answer() {
    let mut servers = [server(), server()];
    let connection = connect(&mut servers[0], source(1));
    assert_eq!(connect(&mut servers[1], source(1)), connection);
    let mut datagrams = vec![Vec::new(), vec![0; 15]];
    for n in 0..300_u16 {
        let announce = AnnounceRequest { port: 1 + n, ..request((n % 7) as u8) };
        let url = Vec::new();
        let request = UdpRequest::Announce { connection, transaction: n.into(), announce, url };
        let mut datagram = Vec::new();
        request.write(&mut datagram);
        datagram.truncate(if n % 50 == 0 { 40 } else { datagram.len() });
        datagrams.push(datagram);
    }
    let answer = |server: &mut Server, looks: bool| {
        let mut out = Vec::new();
        for batch in datagrams.chunks(100) {
            if looks {
                server.look_ahead(batch.iter().map(Vec::as_slice));
            }
            for datagram in batch {
                server.handle_udp(Instant::ZERO, source(1), LOCAL, datagram, &mut out);
            }
        }
        (out, server.stats(), server.counters())
    };
    let [plain, ahead] = &mut servers;
    let (plain, ahead) = (answer(plain, false), answer(ahead, true));
    assert_eq!(plain, ahead);
    assert_eq!(ahead.1.peers_v4, 294);
}

#[test]
fn ipv6_answers_have_the_long_form() {
    let mut server = server();
    let v6 = |n: u16| {
        SocketAddr::new(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n).into(), 9)
    };
    for n in 0..100 {
        udp_announce(&mut server, v6(n), request(1));
    }
    let mut greedy = request(1);
    greedy.numwant = Some(1000);
    let UdpResponse::Announce { peers, .. } = udp_announce(&mut server, v6(0), greedy) else {
        panic!();
    };
    assert_eq!(peers.len(), MAX_NUMWANT_UDP6 as usize);
    assert!(peers.iter().all(|peer| peer.is_ipv6() && peer.port() == 6881));
}

#[test]
fn connection_ids_bind_to_the_address() {
    let mut server = server();
    let connection = connect(&mut server, source(1));
    let announce =
        UdpRequest::Announce { connection, transaction: 2, announce: request(1), url: Vec::new() };
    let answer = udp(&mut server, source(2), &announce);
    assert!(matches!(answer, Some(UdpResponse::Error { transaction: 2, .. })), "{answer:?}");
    let info_hashes = vec![Sha1Digest::default()];
    let scrape = UdpRequest::Scrape { connection, transaction: 2, info_hashes };
    assert!(matches!(udp(&mut server, source(2), &scrape), Some(UdpResponse::Error { .. })));
    assert_eq!((server.counters().udp_unverified, server.stats().torrents), (2, 0));
}

#[test]
fn access_list_bars_by_both_protocols() {
    let list = "# ours\n0101010101010101010101010101010101010101 # one\n\n";
    let list = Some(AccessList::parse(list).unwrap());
    let check = |access: Access, served: u8, barred: u8| {
        let mut server = server();
        server.set_access(access.clone());
        assert!(
            parse_announce_response(&http_announce(&mut server, source(1), &request(served)))
                .is_ok()
        );
        let failure =
            parse_announce_response(&http_announce(&mut server, source(1), &request(barred)));
        assert_eq!(failure.unwrap_err(), access.check(&Sha1Digest([barred; 20])).unwrap_err());
        let answer = udp_announce(&mut server, source(1), request(barred));
        assert!(matches!(answer, UdpResponse::Error { .. }), "{answer:?}");
        assert_eq!((server.counters().barred, server.stats().torrents), (2, 1));
    };
    check(Access::new(list.clone(), None), 1, 2);
    check(Access::new(None, list), 2, 1);
}

#[test]
fn private_tracker_asks_for_a_passkey_everywhere() {
    let mut server = server();
    server.set_passkeys(Some(Passkeys::parse("alpha").unwrap()));
    let swarm = request(1).info_hash;
    let announce = announce_url("", &request(1));
    let scrape = format!("info_hash={}", "%01".repeat(20));
    let mut by_http = |path: &str| {
        let query = if path.contains("scrape") { &scrape } else { &announce[1..] };
        let answer = http(&mut server, source(1), Route::parse(path).unwrap(), query);
        !answer.starts_with(b"d14:failure reason")
    };
    for (path, let_in) in [
        ("/alpha/announce", true),
        ("/announce/alpha", true),
        ("/alpha/scrape", true),
        ("/scrape/alpha", true),
        ("/announce", false),
        ("/scrape", false),
        ("/beta/announce", false),
        ("/beta/scrape", false),
    ] {
        assert_eq!(by_http(path), let_in, "{path}");
    }
    let connection = connect(&mut server, source(2));
    for (url, let_in) in [("/alpha/announce", true), ("/announce/alpha?x", true), ("", false)] {
        let url = url.as_bytes().to_vec();
        let announce = request(1);
        let announce = UdpRequest::Announce { connection, transaction: 2, announce, url };
        let answer = udp(&mut server, source(2), &announce).unwrap();
        assert_eq!(matches!(answer, UdpResponse::Announce { .. }), let_in, "{answer:?}");
    }
    let scrape = UdpRequest::Scrape { connection, transaction: 3, info_hashes: vec![swarm] };
    assert!(matches!(udp(&mut server, source(2), &scrape), Some(UdpResponse::Error { .. })));
    let counters = server.counters();
    assert_eq!((counters.strangers, counters.http_announces, counters.http_scrapes), (6, 2, 2));
    assert_eq!((counters.udp_announces, counters.udp_scrapes), (2, 0));
}

#[test]
fn http_failures_are_told_in_the_body() {
    let mut server = server();
    let check = |server: &mut Server, action, query: &str, reason: &str| {
        let answer = parse_announce_response(&http(server, source(1), action, query));
        assert_eq!(answer.unwrap_err().reason, reason);
    };
    check(&mut server, HttpAction::Announce, "port=1", "the query has no info_hash");
    check(&mut server, HttpAction::Scrape, "", "the query has no info_hash");
    check(&mut server, HttpAction::Scrape, "info_hash=a", "the query's info_hash is not valid");
    assert_eq!(server.counters().http_malformed, 3);
}

proptest! {
    #[test]
    fn nothing_unverified_is_answered_at_length(
        mut datagram in prop::collection::vec(any::<u8>(), 0..200), action in 0u8..4, magic: bool,
    ) {
        if datagram.len() >= 12 {
            datagram[8..12].copy_from_slice(&[0, 0, 0, action]);
            if magic {
                datagram[..8].copy_from_slice(&0x0417_2710_1980u64.to_be_bytes());
            }
        }
        let (mut server, mut out) = (server(), Vec::new());
        if server.handle_udp(Instant::ZERO, source(1), LOCAL, &datagram, &mut out) {
            prop_assert!(out.len() <= datagram.len());
        }
        prop_assert_eq!(server.stats().torrents, 0);
    }
}
