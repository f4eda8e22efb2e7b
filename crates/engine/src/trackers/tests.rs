use announce::Event;
use hash::Sha1Digest;
use served::{TrackerBuilder, TrackerServer};
use stdx::PeerId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn request(port: u16, left: u64) -> AnnounceRequest {
    AnnounceRequest {
        info_hash: Sha1Digest([7; 20]),
        peer_id: PeerId([port as u8; 20]),
        port,
        left,
        event: Event::Started,
        numwant: Some(50),
        ..AnnounceRequest::default()
    }
}

/// Trackers of both protocols on both families, as far as the machine has them.
fn server() -> (TrackerServer, Vec<String>) {
    let families: Vec<IpAddr> = ["127.0.0.1", "::1"]
        .iter()
        .map(|ip| ip.parse().unwrap())
        .filter(|&ip: &IpAddr| std::net::TcpListener::bind((ip, 0)).is_ok())
        .collect();
    let any = |builder: TrackerBuilder, &ip: &IpAddr| {
        builder.udp(SocketAddr::new(ip, 0)).http(SocketAddr::new(ip, 0))
    };
    let server = families.iter().fold(TrackerServer::builder(), any).spawn().unwrap();
    let http = server.http_addresses().iter().map(|at| format!("http://{at}/announce"));
    let udp = server.udp_addresses().iter().map(|at| format!("udp://{at}/announce"));
    let urls = http.chain(udp).collect();
    (server, urls)
}

fn trackers() -> Arc<Trackers> {
    Trackers::start(Egress::default(), Clock::start(), 1)
}

#[tokio::test]
async fn announces_reach_trackers_of_every_kind() {
    let (_server, urls) = server();
    assert!(urls.len() >= 2);
    for url in urls {
        let trackers = trackers();
        let url: TrackerUrl = url.parse().unwrap();
        trackers.announce(&url, request(1_001, 0)).await.unwrap();
        let answer = trackers.announce(&url, request(1_002, 5)).await.unwrap();
        let ports: Vec<u16> = answer.peers.iter().map(SocketAddr::port).collect();
        assert!(ports.contains(&1_001), "{url}: {answer:?}");
        assert!(answer.peers.iter().all(|peer| peer.ip().is_loopback()), "{url}: {answer:?}");
    }
}

#[tokio::test]
async fn content_may_name_local_trackers_only_at_their_usual_path() {
    let (_server, urls) = server();
    for url in urls.iter().filter(|url| url.starts_with("http")) {
        let other: TrackerUrl = url.replace("/announce", "/admin").parse().unwrap();
        let trackers = trackers();
        let failure = trackers.announce(&other, request(1, 1)).await.unwrap_err();
        assert!(failure.reason.contains("may not name"), "{failure}");
        // A person may: the server is asked, and says that it knows no such page.
        trackers.trust(&other);
        let failure = trackers.announce(&other, request(1, 1)).await.unwrap_err();
        assert!(failure.reason.contains("404"), "{failure}");
    }
    for url in urls.iter().filter(|url| url.starts_with("udp")) {
        let other: TrackerUrl = url.replace("/announce", "/admin").parse().unwrap();
        let trackers = trackers();
        let failure = trackers.announce(&other, request(1, 1)).await.unwrap_err();
        assert!(failure.reason.contains("may not name"), "{failure}");
        trackers.trust(&other);
        trackers.announce(&other, request(1, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_redirect_keeps_to_the_rule_even_from_a_typed_tracker() {
    for (path, allowed) in [("/announce", true), ("/announce/x", true), ("/admin", false)] {
        let there = page("d8:intervali60e5:peers0:e").await;
        let to = format!("http://{there}{path}");
        let here = answering(format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        ));
        let url: TrackerUrl = format!("http://{}/t", here.await).parse().unwrap();
        let trackers = trackers();
        trackers.trust(&url);
        let outcome = trackers.announce(&url, request(1, 1)).await;
        assert_eq!(outcome.is_ok(), allowed, "{path}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_long_address_is_asked_in_spite_of_the_query() {
    let there = page("d8:intervali60e5:peers0:e").await;
    let path = format!("/announce/{}", "x".repeat(1_950));
    let url: TrackerUrl = format!("http://{there}{path}").parse().unwrap();
    trackers().announce(&url, request(1, 1)).await.unwrap();
}

#[tokio::test]
async fn failures_are_told_for_people() {
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (url, part) in [
        (format!("http://{refused}/announce"), "cannot connect to `127.0.0.1`"),
        (format!("http://{}/announce", page("not a tracker").await), "not bencoded"),
        (format!("http://{}/announce", page("d14:failure reason4:gonee").await), "gone"),
        ("udp://no.such.name.invalid:1".to_owned(), "cannot find the address of `no.such"),
        ("http://no.such.name.invalid/announce".to_owned(), "`no.such.name.invalid`"),
        ("udp://255.255.255.255:9/announce".to_owned(), "may not name"),
    ] {
        let url: TrackerUrl = url.parse().unwrap();
        let failure = trackers().announce(&url, request(1, 1)).await.unwrap_err();
        assert!(failure.reason.contains(part), "{url}: {failure}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_fails_at_once() {
    // Without leave to broadcast, the system refuses.
    let url: TrackerUrl = "udp://255.255.255.255:9/announce".parse().unwrap();
    let trackers = trackers();
    trackers.trust(&url);
    let failure = trackers.announce(&url, request(1, 1)).await.unwrap_err();
    assert!(failure.reason.contains("cannot send to 255.255.255.255:9"), "{failure}");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_fails() {
    let target = |port| SocketAddr::from(([127, 0, 0, 1], port));
    // Port 1 refuses, port 2 is silent, others answer.
    let ask = |to: SocketAddr| async move {
        match to.port() {
            1 => Err(Failure::new(b"refused")),
            2 => std::future::pending().await,
            _ => Ok(AnnounceResponse::default()),
        }
    };
    let soon = Duration::from_millis(5);
    for (ports, expected) in [
        (vec![3], Ok(3)),
        (vec![1, 3, 4], Ok(3)),
        (vec![2, 1, 4], Ok(4)),
        (vec![1, 1], Err("refused")),
        (vec![2, 1], Err("refused")),
        (
            vec![],
            Err("its address is one that a torrent may not name, or that the IP filter forbids"),
        ),
    ] {
        let targets = ports.iter().map(|&port| target(port)).collect();
        let outcome = first_answer(targets, soon, ask).await;
        match (outcome, expected) {
            (Ok((at, _)), Ok(port)) => assert_eq!(at.port(), port, "{ports:?}"),
            (Err(failure), Err(reason)) => assert_eq!(failure.reason, reason, "{ports:?}"),
            (outcome, expected) => panic!("{ports:?}: {outcome:?} instead of {expected:?}"),
        }
    }
}

async fn page(body: &str) -> SocketAddr {
    answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await
}

/// A server that answers everything with the same.
async fn answering(answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            let mut bytes = [0; 4096];
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read(&mut bytes).await {
                    Ok(n) if n > 0 => head.extend(&bytes[..n]),
                    _ => break,
                }
            }
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// How many peers an answer brings and after how many seconds to ask again, or what is said of it.
type Verdict = Result<(usize, u64), &'static str>;

#[tokio::test]
async fn trackers_that_lie_or_flood_are_told_apart_from_those_that_work() {
    let zipped =
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\u{8}\u{8}\0";
    let cut_short = "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n";
    let flood = format!("d8:intervali60e5:peers{}:{}e", 6_000_000, "x".repeat(1 << 20));
    let crowd = format!("d8:intervali60e5:peers{}:{}e", 600_000, "1234Ap".repeat(100_000));
    let strange = "d8:intervali60e5:peersld2:ip9:127.0.0.14:porti0eed2:ip4:evil4:porti1eei7eee";
    let body =
        |text: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    let cases: [(&str, String, Verdict); 15] = [
        ("gzip that nobody asked for", zipped.to_owned(), Err("not bencoded")),
        ("a body that ends early", cut_short.to_owned(), Err("end of file")),
        ("a body beyond the limit", body(&flood), Err("longer than 1048576")),
        ("a page", body("<html>busy</html>"), Err("not bencoded")),
        ("nothing", body(""), Err("not bencoded")),
        ("a number", body("i1e"), Err("dictionary")),
        ("nesting without end", body(&"l".repeat(100_000)), Err("not bencoded")),
        ("no interval", body("d5:peers0:e"), Ok((0, 1800))),
        ("a negative interval", body("d8:intervali-5e5:peers0:e"), Ok((0, 1800))),
        ("neither interval nor peers", body("d8:completei1ee"), Err("interval")),
        ("no pause at all", body("d8:intervali0e5:peers0:e"), Ok((0, 0))),
        (
            "an interval beyond time",
            body("d8:intervali9223372036854775807e5:peers0:e"),
            Ok((0, 604_800)),
        ),
        ("a hundred thousand peers", body(&crowd), Ok((2_000, 60))),
        ("peers without port or address", body(strange), Ok((0, 60))),
        ("half a peer", body("d8:intervali60e5:peers9:1234Ap123e"), Ok((1, 60))),
    ];
    for (name, answer, expected) in cases {
        let url: TrackerUrl =
            format!("http://{}/announce", answering(answer).await).parse().unwrap();
        match (trackers().announce(&url, request(1, 1)).await, expected) {
            (Ok(answer), Ok(expected)) => {
                assert_eq!((answer.peers.len(), answer.interval.as_secs()), expected, "{name}");
            }
            (Err(failure), Err(part)) => {
                assert!(failure.reason.contains(part), "{name}: {failure}");
            }
            (outcome, expected) => panic!("{name}: {outcome:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_tracker_that_sends_round_in_circles_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let circle = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{address}/announce\r\nContent-Length: 0\r\n\r\n"
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 4096];
            let _asked = stream.read(&mut bytes).await;
            let _gone = stream.write_all(circle.as_bytes()).await;
        }
    });
    let url: TrackerUrl = format!("http://{address}/announce").parse().unwrap();
    let failure = trackers().announce(&url, request(1, 1)).await.unwrap_err();
    assert!(failure.reason.contains("more than 5 redirects"), "{failure}");
}
