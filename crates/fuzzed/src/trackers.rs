use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use announce::{
    AccessList, HttpAction, Passkeys, Route, Server, StoreConfig, TrackerUrl, UdpRequest,
    UdpResponse, parse_announce_query, parse_announce_response, parse_scrape_query,
    parse_scrape_response, write_announce_response, write_scrape_response,
};
use stdx::{Duration, Instant};

const SECRET: [u8; 16] = *b"not much of one!";
/// Datagram lengths stand in front of each, so one input is a whole conversation.
const DATAGRAMS_MAX: usize = 64;

/// What reaches a tracker: queries and datagrams, answered by a server that keeps its state
/// from one to the next. Each datagram has its length in one byte before it.
pub fn fuzz_tracker_request(data: &[u8]) {
    let _ = (parse_announce_query(data), parse_scrape_query(data));
    if let Ok(request) = UdpRequest::parse(data) {
        let mut out = Vec::new();
        request.write(&mut out);
        assert_eq!(UdpRequest::parse(&out), Ok(request), "what we write, we read");
    }
    let mut server = Server::new(StoreConfig::default(), &SECRET, Instant::ZERO);
    let (mut now, mut rest, mut out) = (Instant::ZERO, data, Vec::new());
    for number in 0..DATAGRAMS_MAX {
        let Some((&length, tail)) = rest.split_first() else {
            break;
        };
        let (datagram, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let source = address(number % 2 == 1, number as u16);
        server.handle_udp(now, source, source.ip(), datagram, &mut out);
        for action in [HttpAction::Announce, HttpAction::Scrape] {
            let (from, to) = (source.ip(), source.ip());
            let _ = server.handle_http_query(now, from, to, action, datagram, &mut out);
        }
        now += Duration::from_secs(u64::from(length));
        server.handle_timeout(now);
    }
}

/// What a tracker answers: what is read is written so that it reads the same.
pub fn fuzz_tracker_response(data: &[u8]) {
    let mut out = Vec::new();
    if let Ok(answer) = parse_announce_response(data) {
        write_announce_response(&answer, true, &mut out);
        let again = parse_announce_response(&out).expect("what we write, we read");
        assert_eq!(again.peers.len(), answer.peers.len());
        out.clear();
    }
    if let Ok(answer) = parse_scrape_response(data) {
        write_scrape_response(&answer, &mut out);
        let again = parse_scrape_response(&out).expect("what we write, we read");
        // What occurs twice is written once.
        let hashes: BTreeSet<_> = answer.files.iter().map(|(info_hash, _)| info_hash).collect();
        assert_eq!(again.files.len(), hashes.len());
        out.clear();
    }
    for ipv6 in [false, true] {
        if let Ok(answer) = UdpResponse::parse(data, ipv6) {
            answer.write(ipv6, &mut out);
            assert_eq!(UdpResponse::parse(&out, ipv6), Ok(answer), "what we write, we read");
            out.clear();
        }
    }
}

/// Addresses of trackers: what is taken keeps its form, and its parts are parts of it.
pub fn fuzz_tracker_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(url) = TrackerUrl::from_str(text) else {
        return;
    };
    assert!(url.as_str().ends_with(url.path_and_query()) || url.path_and_query() == "/");
    assert_eq!(TrackerUrl::from_str(&url.to_string()), Ok(url));
}

/// Lists that an operator wrote, and paths that askers name: what is taken is what was meant.
pub fn fuzz_tracker_lists(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let lines = text.lines().count();
    if let Ok(list) = AccessList::parse(text) {
        assert!(list.len() <= lines);
        let word = |line: &str| line.split('#').next().unwrap_or_default().trim().len();
        let said = text.trim_start_matches('\u{feff}').lines().any(|line| word(line) > 0);
        assert_eq!(list.is_empty(), !said, "what is not understood is refused");
    }
    if let Ok(keys) = Passkeys::parse(text) {
        assert!(keys.len() <= lines);
    }
    if let Some(Route { action, passkey }) = Route::parse(text) {
        let name = match action {
            HttpAction::Announce => "announce",
            HttpAction::Scrape => "scrape",
        };
        let path = passkey.map_or(format!("/{name}"), |passkey| format!("/{passkey}/{name}"));
        let again = Route::parse(&path).map(|route| (route.action, route.passkey));
        // A passkey that is called as an action is only told apart behind one.
        let odd = passkey.is_some_and(|it| it == "announce" || it == "scrape");
        assert!(odd || again == Some((action, passkey)), "{path}");
    }
}

fn address(ipv6: bool, port: u16) -> SocketAddr {
    let v4 = Ipv4Addr::new(198, 18, 0, 1);
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    SocketAddr::new(if ipv6 { IpAddr::V6(v6) } else { IpAddr::V4(v4) }, port)
}
