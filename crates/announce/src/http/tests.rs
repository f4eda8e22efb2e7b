use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use hash::Sha1Digest;
use stdx::{Duration, PeerId};

use super::query::{decode, encode};
use super::*;
use crate::{
    AnnounceRequest, AnnounceResponse, Error, Event, Failure, RetryIn, ScrapeEntry, ScrapeResponse,
};

fn request() -> AnnounceRequest {
    AnnounceRequest {
        info_hash: Sha1Digest(std::array::from_fn(|i| (i * 13) as u8)),
        peer_id: PeerId(*b"-FV0000-abcdefghijkl"),
        port: 6881,
        uploaded: 1,
        downloaded: 2,
        left: 3,
        event: Event::Started,
        numwant: Some(80),
        key: 0xdead_beef,
        tracker_id: None,
    }
}

#[test]
fn announce_url_extends_what_is_there() {
    let check = |base: &str, start: &str| {
        let url = announce_url(base, &request());
        assert!(url.starts_with(start), "{base}: {url}");
        assert!(!url.contains('#'));
    };
    check("http://t/announce", "http://t/announce?info_hash=%00%0D%1A%274AN%5Bhu%82");
    check("http://t/announce?key=a", "http://t/announce?key=a&info_hash=");
    check("http://t/announce?key=a&", "http://t/announce?key=a&info_hash=");
    check("http://t/announce?", "http://t/announce?info_hash=");
    check("http://t/announce#part", "http://t/announce?info_hash=");
    let url = announce_url("http://t/announce", &request());
    assert!(url.ends_with(
        "&peer_id=-FV0000-abcdefghijkl&port=6881&uploaded=1&downloaded=2&left=3&key=DEADBEEF\
         &event=started&numwant=80&compact=1&no_peer_id=1"
    ));
}

#[test]
fn scrape_url_follows_the_convention() {
    let check = |base: &str, expected: Option<&str>| {
        assert_eq!(scrape_url(base, &[]).as_deref(), expected, "{base}");
    };
    // The table of BEP 48.
    check("http://example.com/announce", Some("http://example.com/scrape?"));
    check("http://example.com/x/announce", Some("http://example.com/x/scrape?"));
    check("http://example.com/announce.php", Some("http://example.com/scrape.php?"));
    check("http://example.com/a", None);
    check("http://example.com/announce?x2%0644", Some("http://example.com/scrape?x2%0644&"));
    check("http://example.com/announce?x=2/4", Some("http://example.com/scrape?x=2/4&"));
    check("http://example.com/x%064announce", None);
    check("announce", None);
    let two = scrape_url("http://t/announce", &[Sha1Digest([b'a'; 20]), Sha1Digest([b'b'; 20])]);
    let expected = "http://t/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa&info_hash=bbbbbbbbbbbbbbbbbbbb";
    assert_eq!(two.as_deref(), Some(expected));
}

#[test]
fn announce_queries() {
    let check = |query: &str, expected: Result<AnnounceRequest, Error>| {
        let found = parse_announce_query(query.as_bytes()).map(|query| query.request);
        assert_eq!(found, expected, "{query}");
    };
    let info_hash = "info_hash=aaaaaaaaaaaaaaaaaaaa";
    let least = AnnounceRequest {
        info_hash: Sha1Digest([b'a'; 20]),
        port: 1,
        left: u64::MAX,
        ..AnnounceRequest::default()
    };
    check(&format!("{info_hash}&port=1"), Ok(least.clone()));
    check(&format!("&&{info_hash}&port=1&left=&what&=x"), Ok(least.clone()));
    check(&format!("{info_hash}&port=1&numwant=-1&ip=1.2.3.4&event=paused"), Ok(least.clone()));
    check(
        &format!("{info_hash}&port=1&left=0&event=stopped&numwant=0&key=ff"),
        Ok(AnnounceRequest { left: 0, event: Event::Stopped, numwant: Some(0), key: 255, ..least }),
    );
    check("port=1", Err(Error::MissingKey("info_hash")));
    check(info_hash, Err(Error::MissingKey("port")));
    check(&format!("{info_hash}&port=65536"), Err(Error::BadValue("port")));
    check(&format!("{info_hash}a&port=1"), Err(Error::BadValue("info_hash")));
    check(&format!("{info_hash}&port=1&peer_id=short"), Err(Error::BadValue("peer_id")));
    let dictionary = format!("{info_hash}&port=1&compact=0");
    assert!(!parse_announce_query(dictionary.as_bytes()).unwrap().compact);
}

#[test]
fn announce_answers_of_all_shapes() {
    let check = |body: &[u8], expected: Result<&[&str], &str>| {
        let found = parse_announce_response(body);
        let found = found.map(|answer| answer.peers).map_err(|failure| failure.reason);
        let expected = expected
            .map(|peers| {
                peers.iter().map(|peer| peer.parse().unwrap()).collect::<Vec<SocketAddr>>()
            })
            .map_err(str::to_owned);
        assert_eq!(found, expected, "{}", body.escape_ascii());
    };
    check(b"d8:intervali900e5:peers6:\x01\x02\x03\x04\x1a\xe1e", Ok(&["1.2.3.4:6881"]));
    // A port of zero, and half a peer at the end.
    check(b"d8:intervali900e5:peers8:\x01\x02\x03\x04\x00\x00ab8:completei1ee", Ok(&[]));
    check(
        b"d8:intervali900e5:peersl\
          d2:ip7:1.2.3.44:porti6881eed2:ip3:::14:porti1eed2:ip1:x4:porti1eeee",
        Ok(&["1.2.3.4:6881", "[::1]:1"]),
    );
    check(
        b"d8:intervali900e5:peers0:6:peers618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x07e\n",
        Ok(&["[2001:db8::1]:7"]),
    );
    check(b"d8:intervali900ee", Ok(&[]));
    check(b"d14:failure reason10:go\x1b[2Jaway5:peers0:e", Err("go [2Jaway"));
    // Peers without a usable interval are peers.
    check(b"d5:peers6:\x01\x02\x03\x04\x1a\xe1e", Ok(&["1.2.3.4:6881"]));
    check(b"d8:intervali-5e6:peers60:e", Ok(&[]));
    check(b"d8:completei1ee", Err("the tracker's answer has no valid interval"));
    check(b"le", Err("the tracker's answer has no valid dictionary"));
    assert!(parse_announce_response(b"<html>").is_err());
}

#[test]
fn written_failures_are_read_the_same() {
    let after = |secs| Some(RetryIn::After(Duration::from_secs(secs)));
    for retry in [None, Some(RetryIn::Never), after(0), after(3600)] {
        let (failure, mut out) = (Failure { retry, ..Failure::new(b"no") }, Vec::new());
        write_failure(&failure, &mut out);
        assert_eq!(parse_announce_response(&out), Err(failure));
    }
    let mut out = Vec::new();
    write_failure(&Failure { retry: after(61), ..Failure::new(b"no") }, &mut out);
    assert_eq!(out, b"d14:failure reason2:no8:retry ini2ee");
}

#[test]
fn failures_say_when_to_retry() {
    let check = |body: &[u8], retry| {
        let expected = Failure { retry, ..Failure::new(b"no") };
        assert_eq!(parse_announce_response(body), Err(expected));
    };
    let minutes = |n: u64| Some(RetryIn::After(Duration::from_secs(n * 60)));
    check(b"d14:failure reason2:noe", None);
    check(b"d14:failure reason2:no8:retry in5:nevere", Some(RetryIn::Never));
    check(b"d14:failure reason2:no8:retry ini5ee", minutes(5));
    check(b"d14:failure reason2:no8:retry in2:15e", minutes(15));
    check(b"d14:failure reason2:no8:retry in3:xyze", None);
}

#[test]
fn dictionary_form_is_written_on_request() {
    let answer = AnnounceResponse {
        interval: Duration::from_mins(1),
        peers: vec!["1.2.3.4:5".parse().unwrap(), "[::1]:6".parse().unwrap()],
        ..AnnounceResponse::default()
    };
    let mut out = Vec::new();
    write_announce_response(&answer, false, &mut out);
    let expected = "d8:intervali60e5:peersld2:ip7:1.2.3.44:porti5eed2:ip3:::14:porti6eeee";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn scrapes_round_trip_sorted_and_once() {
    let entry = ScrapeEntry { seeders: 1, completed: 2, leechers: 3 };
    let other = ScrapeEntry { seeders: 4, completed: 5, leechers: 6 };
    let (a, b) = (Sha1Digest([1; 20]), Sha1Digest([2; 20]));
    let min_interval = Some(Duration::from_mins(1));
    let given = ScrapeResponse { files: vec![(b, other), (a, entry), (b, other)], min_interval };
    let mut out = Vec::new();
    write_scrape_response(&given, &mut out);
    let expected = ScrapeResponse { files: vec![(a, entry), (b, other)], min_interval };
    assert_eq!(parse_scrape_response(&out), Ok(expected));
}

fn any_peer() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), 1u16..).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

proptest! {
    #[test]
    fn percent_encoding_round_trips(bytes: Vec<u8>) {
        let mut text = String::new();
        encode(&bytes, &mut text);
        prop_assert_eq!(decode(text.as_bytes()), bytes);
    }

    #[test]
    fn announces_round_trip(
        hash: [u8; 20], id: [u8; 20], port: u16, counts: (u64, u64, u64), event in 0u32..4,
        numwant in prop::option::of(0u32..), key: u32,
        tracker_id in prop::option::of(prop::collection::vec(any::<u8>(), 0..256)),
    ) {
        let request = AnnounceRequest {
            info_hash: Sha1Digest(hash),
            peer_id: PeerId(id),
            port,
            uploaded: counts.0,
            downloaded: counts.1,
            left: counts.2,
            event: Event::from_code(event),
            numwant,
            key,
            tracker_id,
        };
        let url = announce_url("http://t/announce?pass=word", &request);
        let query = url.split_once('?').unwrap().1;
        let found = parse_announce_query(query.as_bytes()).unwrap();
        prop_assert_eq!(found, AnnounceQuery { request, compact: true });
    }

    #[test]
    fn announce_answers_round_trip(
        peers in prop::collection::vec(any_peer(), 0..50), seeders: Option<u32>,
        external_ip: Option<IpAddr>, interval in 0u64..600_000, min in prop::option::of(0u64..99),
        tracker_id in prop::option::of(prop::collection::vec(any::<u8>(), 0..256)),
        warning in prop::option::of("[a-zé ]{0,99}"),
    ) {
        let mut answer = AnnounceResponse {
            interval: Duration::from_secs(interval),
            min_interval: min.map(Duration::from_secs),
            seeders,
            leechers: seeders.map(|n| n / 2),
            peers,
            tracker_id,
            external_ip,
            warning,
        };
        // The families travel apart.
        answer.peers.sort_by_key(SocketAddr::is_ipv6);
        let mut out = Vec::new();
        write_announce_response(&answer, true, &mut out);
        prop_assert_eq!(parse_announce_response(&out), Ok(answer));
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>) {
        let _ = parse_announce_query(&bytes);
        let _ = parse_scrape_query(&bytes);
        let _ = parse_announce_response(&bytes);
        let _ = parse_scrape_response(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = scrape_url(&text, &[Sha1Digest::default()]);
        let _ = announce_url(&text, &request());
    }
}
