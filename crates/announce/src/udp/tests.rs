mod client;

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use hash::Sha1Digest;
use stdx::{Duration, Instant, PeerId};

use super::*;
use crate::{AnnounceRequest, Event, ScrapeEntry};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let nibble = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| nibble(pair[0]) * 16 + nibble(pair[1])).collect()
}

fn announce() -> AnnounceRequest {
    AnnounceRequest {
        info_hash: Sha1Digest([0xaa; 20]),
        peer_id: PeerId([0xbb; 20]),
        port: 6881,
        uploaded: 3,
        downloaded: 1,
        left: 2,
        event: Event::Started,
        numwant: None,
        key: 0x0102_0304,
        tracker_id: None,
    }
}

#[test]
fn requests_are_laid_out_as_in_bep_15() {
    let check = |request: UdpRequest, expected: &str| {
        let mut out = Vec::new();
        request.write(&mut out);
        assert_eq!(out, hex(expected));
        assert_eq!(UdpRequest::parse(&out), Ok(request));
    };
    check(UdpRequest::Connect { transaction: 7 }, "0000041727101980 00000000 00000007");
    let aa = "aa".repeat(20);
    let body = format!(
        "{aa} {} 0000000000000001 0000000000000002 0000000000000003 00000002 00000000 01020304 \
         ffffffff 1ae1",
        "bb".repeat(20)
    );
    let url = Vec::new();
    check(
        UdpRequest::Announce { connection: 9, transaction: 7, announce: announce(), url },
        &format!("0000000000000009 00000001 00000007 {body}"),
    );
    let url = b"/a?b".to_vec();
    check(
        UdpRequest::Announce { connection: 9, transaction: 7, announce: announce(), url },
        &format!("0000000000000009 00000001 00000007 {body} 0204 2f613f62"),
    );
    let info_hashes = vec![Sha1Digest([0xaa; 20]); 2];
    check(
        UdpRequest::Scrape { connection: 9, transaction: 7, info_hashes },
        &format!("0000000000000009 00000002 00000007 {aa}{aa}"),
    );
}

#[test]
fn responses_are_laid_out_as_in_bep_15() {
    let check = |response: UdpResponse, ipv6, expected: &str| {
        let mut out = Vec::new();
        response.write(ipv6, &mut out);
        assert_eq!(out, hex(expected));
        assert_eq!(UdpResponse::parse(&out, ipv6), Ok(response));
    };
    let connect = UdpResponse::Connect { transaction: 7, connection: 9 };
    check(connect, false, "00000000 00000007 0000000000000009");
    let announce = |peer: &str| UdpResponse::Announce {
        transaction: 7,
        interval: Duration::from_mins(15),
        leechers: 1,
        seeders: 2,
        peers: vec![peer.parse().unwrap()],
    };
    let head = "00000001 00000007 00000384 00000001 00000002";
    check(announce("1.2.3.4:6881"), false, &format!("{head} 01020304 1ae1"));
    let v6 = format!("{head} 20010db8000000000000000000000001 1ae1");
    check(announce("[2001:db8::1]:6881"), true, &v6);
    let entry = ScrapeEntry { seeders: 1, completed: 2, leechers: 3 };
    let scrape = UdpResponse::Scrape { transaction: 7, entries: vec![entry] };
    check(scrape, false, "00000002 00000007 00000001 00000002 00000003");
    let error = UdpResponse::Error { transaction: 7, message: "no".to_owned() };
    check(error, false, "00000003 00000007 6e6f");
}

#[test]
fn options_are_read_as_in_bep_41() {
    let check = |options: &str, expected: &[u8]| {
        let mut datagram = Vec::new();
        let request = UdpRequest::Announce {
            connection: 1,
            transaction: 2,
            announce: announce(),
            url: Vec::new(),
        };
        request.write(&mut datagram);
        datagram.extend(hex(options));
        let Ok(UdpRequest::Announce { url, .. }) = UdpRequest::parse(&datagram) else {
            panic!("{options}: not an announce");
        };
        assert_eq!(url, expected, "{options}");
    };
    check("", b"");
    check("00 0202 6161", b"");
    check("01 01 0202 6162 01 0201 63", b"abc");
    check("ff02 0000 0201 61", b"a");
    check("0205 6162", b"");
    check("02", b"");
    check("0200", b"");
}

#[test]
fn malformed_requests_are_refused() {
    let check = |datagram: &str| assert!(UdpRequest::parse(&hex(datagram)).is_err(), "{datagram}");
    check("");
    check("0000041727101980 00000000 000000");
    check("0000041727101981 00000000 00000007");
    check("0000000000000009 00000001 00000007 aaaa");
    check("0000000000000009 00000002 00000007");
    check("0000000000000009 00000003 00000007");
}

#[test]
fn connection_ids_live_one_to_two_minutes() {
    let ids = ConnectionIds::new(b"0123456789abcdef");
    let ip: IpAddr = "203.0.113.9".parse().unwrap();
    let mapped: IpAddr = "::ffff:203.0.113.9".parse().unwrap();
    let other: IpAddr = "203.0.113.10".parse().unwrap();
    let check = |issued, asked, from, valid| {
        let id = ids.issue(Instant::from_secs(issued), ip);
        let found = ids.verify(Instant::from_secs(asked), from, id);
        assert_eq!(found, valid, "issued at {issued} s, sent from {from} at {asked} s");
    };
    check(0, 0, ip, true);
    check(0, 119, ip, true);
    check(0, 120, ip, false);
    check(59, 119, mapped, true);
    check(59, 120, ip, false);
    check(600, 600, other, false);
    check(600, 539, ip, false);
    let stranger = ConnectionIds::new(b"0123456789abcdeF");
    let id = stranger.issue(Instant::ZERO, ip);
    assert!(!ids.verify(Instant::ZERO, ip, id) && !ids.verify(Instant::ZERO, ip, 0));
}

proptest! {
    #[test]
    fn requests_round_trip(
        numbers: (u64, u32, u32), counts: (u64, u64, u64), port: u16, event in 0u32..4,
        numwant in prop::option::of(0u32..=i32::MAX as u32),
        url in prop::collection::vec(any::<u8>(), 0..1024),
    ) {
        let (connection, transaction, key) = numbers;
        let announce = AnnounceRequest {
            uploaded: counts.0,
            downloaded: counts.1,
            left: counts.2,
            port,
            event: Event::from_code(event),
            numwant,
            key,
            ..announce()
        };
        let request = UdpRequest::Announce { connection, transaction, announce, url };
        let mut out = Vec::new();
        request.write(&mut out);
        prop_assert_eq!(UdpRequest::parse(&out), Ok(request));
    }

    #[test]
    fn nothing_panics(mut datagram: Vec<u8>, action in 0u8..4, ipv6: bool) {
        let _ = UdpResponse::parse(&datagram, ipv6);
        let _ = UdpRequest::parse(&datagram);
        for at in [3, 11] {
            if let Some(byte) = datagram.get_mut(at) {
                *byte = action;
            }
            if let Some(head) = datagram.get_mut(at - 3..at) {
                head.fill(0);
            }
            let _ = UdpResponse::parse(&datagram, ipv6);
            let _ = UdpRequest::parse(&datagram);
        }
    }
}
