use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use announce::{parse_announce_response, parse_scrape_response};
use hash::Sha1Digest;
use served::{Fallback, FallbackFuture, Origin, Request, Response, TrackerServer, full_body};

use super::{request, target, tracker, v4};

/// One response read off a connection that stays open.
async fn read_response(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = end + 4 + length.map_or(0, |length| length.parse().unwrap());
            while bytes.len() < whole {
                assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut short");
            }
            return (head, bytes[end + 4..].to_vec());
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "closed without an answer");
    }
}

pub(super) async fn send(stream: &mut TcpStream, line: &str) -> (String, Vec<u8>) {
    let head = format!("{line} HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    read_response(stream).await
}

pub(super) async fn get(address: SocketAddr, target: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    send(&mut stream, &format!("GET {target}")).await
}

#[tokio::test]
async fn announces_and_scrapes_in_both_families() {
    let tracker = tracker();
    for &address in tracker.http_addresses() {
        let (head, body) = get(address, &target(&request(1001, 5))).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let answer = parse_announce_response(&body).unwrap();
        assert_eq!((answer.peers, answer.external_ip), (vec![], Some(address.ip())));
        let (_, body) = get(address, &target(&request(1002, 0))).await;
        let answer = parse_announce_response(&body).unwrap();
        assert_eq!(answer.peers, [SocketAddr::new(address.ip(), 1001)]);
        assert_eq!((answer.seeders, answer.leechers), (Some(1), Some(1)));

        let (_, body) = get(address, &format!("/scrape?info_hash={}", "%07".repeat(20))).await;
        let scrape = parse_scrape_response(&body).unwrap();
        assert_eq!((scrape.files[0].1.seeders, scrape.files[0].1.leechers), (1, 1));
    }
    let stats = tracker.stats();
    assert_eq!((stats.requests.http_announces, stats.requests.http_scrapes), (4, 2));
    assert_eq!((stats.store.torrents, stats.store.peers_v4, stats.store.peers_v6), (1, 2, 2));
}

#[tokio::test]
async fn connections_are_kept_alive() {
    let tracker = tracker();
    let mut stream = TcpStream::connect(tracker.http_addresses()[0]).await.unwrap();
    for port in 1..20 {
        let (_, body) = send(&mut stream, &format!("GET {}", target(&request(port, 5)))).await;
        let answer = parse_announce_response(&body).unwrap();
        assert_eq!(answer.peers.len(), usize::from(port) - 1);
    }
    assert_eq!(tracker.stats().http_connections, 1);
    drop(stream);
}

#[tokio::test]
async fn bad_requests_get_plain_answers() {
    let tracker = tracker();
    let address = tracker.http_addresses()[0];
    let (head, body) = get(address, "/announce?port=1").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, b"d14:failure reason26:the query has no info_hashe");
    let (head, _) = get(address, "/elsewhere").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (head, _) = send(&mut stream, "POST /announce").await;
    assert!(head.starts_with("http/1.1 405") && head.contains("allow: get"), "{head}");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let long = format!("GET /announce?{}", "a".repeat(40_000));
    let _ = stream.write_all(format!("{long} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let stats = tracker.stats();
    assert_eq!((stats.requests.http_malformed, stats.http_other, stats.store.torrents), (1, 1, 0));
}

struct Page;

impl Fallback for Page {
    fn respond(&self, request: Request, origin: Origin) -> FallbackFuture {
        let text = format!("{} from {}", request.uri().path(), origin.remote.ip());
        Box::pin(async move { Response::new(full_body(text)) })
    }
}

#[tokio::test]
async fn other_paths_go_to_the_fallback() {
    let tracker = TrackerServer::builder().http(v4()).fallback(Page).spawn().unwrap();
    let (_, body) = get(tracker.http_addresses()[0], "/page?x=y").await;
    assert_eq!(body, b"/page from 127.0.0.1");
}

#[tokio::test]
async fn hosted_torrent_is_listed_under_the_address_that_was_reached() {
    let tracker = tracker();
    assert!(tracker.host(Sha1Digest([7; 20]), 7000, true));
    for &address in tracker.http_addresses() {
        let (_, body) = get(address, &target(&request(1001, 5))).await;
        let answer = parse_announce_response(&body).unwrap();
        assert_eq!(answer.peers, [SocketAddr::new(address.ip(), 7000)]);
    }
    tracker.unhost(&Sha1Digest([7; 20]));
    let (_, body) = get(tracker.http_addresses()[0], &target(&request(1001, 5))).await;
    assert_eq!(parse_announce_response(&body).unwrap().peers, []);
}

/// Time is virtual here: it leaps to the next timer whenever nothing can be done.
#[tokio::test(start_paused = true)]
async fn silent_and_idle_connections_are_closed() {
    let tracker = tracker();
    let mut silent = TcpStream::connect(tracker.http_addresses()[0]).await.unwrap();
    let mut slow = TcpStream::connect(tracker.http_addresses()[0]).await.unwrap();
    slow.write_all(b"GET /announce?").await.unwrap();
    let mut idle = TcpStream::connect(tracker.http_addresses()[0]).await.unwrap();
    idle.write_all(b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    for stream in [&mut silent, &mut slow, &mut idle] {
        let ended = stream.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_mins(2), ended).await.expect("closed").unwrap();
    }
}

#[tokio::test]
async fn shutdown_ends_idle_connections_at_once() {
    let tracker = tracker();
    let address = tracker.http_addresses()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    send(&mut stream, "GET /x").await;
    let begun = std::time::Instant::now();
    tracker.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}
