use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use announce::{AnnounceRequest, UdpClient, UdpOutcome, UdpRequest, UdpResponse};
use hash::Sha1Digest;
use served::TrackerServer;
use stdx::{Instant, Rng};

use super::{request, tracker};

const PATIENCE: Duration = Duration::from_secs(10);

async fn client(tracker: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::new(tracker.ip(), 0)).await.unwrap();
    socket.connect(tracker).await.unwrap();
    socket
}

/// Lets the client's core talk to the tracker until it has an outcome.
async fn outcome(socket: &UdpSocket, tracker: SocketAddr, client: &mut UdpClient) -> UdpOutcome {
    let mut buf = vec![0; 2048];
    loop {
        let mut out = Vec::new();
        while let Some(target) = client.poll_transmit(&mut out) {
            assert_eq!(target, tracker);
            socket.send(&out).await.unwrap();
        }
        if let Some(event) = client.poll_event() {
            return event.outcome;
        }
        let received = tokio::time::timeout(PATIENCE, socket.recv(&mut buf)).await;
        let length = received.expect("the tracker answers").unwrap();
        client.handle_datagram(Instant::ZERO, tracker, &buf[..length]);
    }
}

/// One announce to `path` at the tracker.
pub(super) async fn announce_by_udp(
    tracker: SocketAddr,
    path: &str,
    request: AnnounceRequest,
) -> UdpOutcome {
    let (socket, mut client) = (client(tracker).await, UdpClient::new(Rng::new(1)));
    client.announce(Instant::ZERO, 1, tracker, path, request).unwrap();
    outcome(&socket, tracker, &mut client).await
}

#[tokio::test]
async fn announces_and_scrapes_in_both_families() {
    let tracker = tracker();
    for &address in tracker.udp_addresses() {
        let socket = client(address).await;
        let mut client = UdpClient::new(Rng::new(1));
        for (port, left) in [(1001, 5), (1002, 0)] {
            let announce = request(port, left);
            client.announce(Instant::ZERO, 1, address, "/x?y", announce).unwrap();
            let UdpOutcome::Announced(answer) = outcome(&socket, address, &mut client).await else {
                panic!("the announce failed");
            };
            let others = usize::from(port) - 1001;
            assert_eq!(answer.peers, vec![SocketAddr::new(address.ip(), 1001); others]);
        }
        client.scrape(Instant::ZERO, 2, address, &[Sha1Digest([7; 20])]).unwrap();
        let UdpOutcome::Scraped(entries) = outcome(&socket, address, &mut client).await else {
            panic!("the scrape failed");
        };
        assert_eq!((entries[0].seeders, entries[0].leechers), (1, 1));
    }
    let stats = tracker.stats();
    assert_eq!((stats.requests.udp_connects, stats.requests.udp_announces), (2, 4));
    assert_eq!((stats.store.torrents, stats.store.peers_v4, stats.store.peers_v6), (1, 2, 2));
}

#[tokio::test]
async fn bursts_are_answered_one_by_one() {
    let tracker = tracker();
    let address = tracker.udp_addresses()[0];
    let socket = client(address).await;
    let mut out = Vec::new();
    for transaction in 0..200 {
        out.clear();
        UdpRequest::Connect { transaction }.write(&mut out);
        socket.send(&out).await.unwrap();
        socket.send(b"").await.unwrap();
        socket.send(b"not a request").await.unwrap();
    }
    let (mut seen, mut buf) = ([false; 200], [0; 2048]);
    for _ in 0..200 {
        let received = tokio::time::timeout(PATIENCE, socket.recv(&mut buf)).await;
        let length = received.expect("every connect is answered").unwrap();
        assert_eq!(length, out.len());
        let response = UdpResponse::parse(&buf[..length], false).unwrap();
        seen[response.transaction() as usize] = true;
    }
    assert!(seen.iter().all(|seen| *seen));
}

/// Asks a tracker that listens on every address by one of them.
async fn ask_wildcard(tracker: &TrackerServer, ip: IpAddr) -> Vec<SocketAddr> {
    let address = SocketAddr::new(ip, tracker.udp_addresses()[0].port());
    match announce_by_udp(address, "", request(1001, 5)).await {
        UdpOutcome::Announced(answer) => answer.peers,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn wildcard_socket_answers_from_the_address_that_was_asked() {
    let any = "0.0.0.0:0".parse().unwrap();
    let tracker = TrackerServer::builder().udp(any).spawn().unwrap();
    tracker.host(Sha1Digest([7; 20]), 7000, true);
    // A connected socket takes answers from no other address than the one it asked.
    for ip in ["127.0.0.1", "127.0.0.2"] {
        let ip: IpAddr = ip.parse().unwrap();
        if cfg!(not(target_os = "linux")) && ip != IpAddr::from([127, 0, 0, 1]) {
            continue;
        }
        assert_eq!(ask_wildcard(&tracker, ip).await[0], SocketAddr::new(ip, 7000));
    }
}
