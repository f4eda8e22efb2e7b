use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use announce::{
    AnnounceRequest, Event, HttpAction, MAX_PEERS_PER_ANSWER, Server, StoreConfig, UdpClient,
    UdpRequest, UdpResponse, parse_announce_response, parse_scrape_response,
};
use hash::Sha1Digest;
use stdx::{Duration, Instant, PeerId, Rng};

use crate::input::Input;

const SECRET: [u8; 16] = *b"not much of one!";
/// The most memory that the server here may use: so little that it has to evict.
const BUDGET: u64 = 20_000;
/// Where a datagram keeps its connection id, and an answer its transaction.
const CONNECTION: std::ops::Range<usize> = 0..8;
const TRANSACTION: std::ops::Range<usize> = 4..8;
/// The longest path that a datagram has room for without being cut by most networks.
const DATAGRAM_MAX: usize = 65_507;

/// A tracker in conversation: clients with proper connection ids announce well and badly by UDP
/// and HTTP, and time goes by. All that it answers can be read, and is of a size that fits.
pub fn fuzz_tracker_server(data: &[u8]) {
    let config = StoreConfig { memory: BUDGET, ..StoreConfig::default() };
    let mut server = Server::new(config, &SECRET, Instant::ZERO);
    let (mut input, mut now) = (Input(data), Instant::ZERO);
    let mut ids: BTreeMap<IpAddr, u64> = BTreeMap::new();
    let mut out = Vec::new();
    while let (Some(op), Some(who)) = (input.byte(), input.byte()) {
        let source = address(who);
        let (ip, ipv6) = (source.ip(), source.is_ipv6());
        let mut datagram = Vec::new();
        let connection = ids.get(&ip).copied().unwrap_or(0);
        match op % 8 {
            0 => UdpRequest::Connect { transaction: 7 }.write(&mut datagram),
            1 => {
                datagram.extend_from_slice(input.slice());
                if let Some(place) = datagram.get_mut(CONNECTION) {
                    place.copy_from_slice(&connection.to_be_bytes());
                }
            }
            2 => {
                let announce = announce(&mut input);
                let url = input.slice().to_vec();
                UdpRequest::Announce { connection, transaction: 7, announce, url }
                    .write(&mut datagram);
            }
            3 => {
                let count = input.byte().unwrap_or(0) % 80;
                let info_hashes = (0..count).map(info_hash).collect();
                UdpRequest::Scrape { connection, transaction: 7, info_hashes }.write(&mut datagram);
            }
            4 | 5 => {
                let announces = op % 8 == 4;
                let action = if announces { HttpAction::Announce } else { HttpAction::Scrape };
                out.clear();
                let query = input.slice();
                let result = server.handle_http_query(now, ip, ip, action, query, &mut out);
                if announces {
                    let answer = parse_announce_response(&out);
                    assert!(result.is_err() || answer.is_ok() || is_failure(&out), "{answer:?}");
                } else {
                    let answer = parse_scrape_response(&out);
                    assert!(result.is_err() || answer.is_ok() || is_failure(&out), "{answer:?}");
                }
                continue;
            }
            _ => {
                now += Duration::from_secs(u64::from(input.short()));
                server.handle_timeout(now);
                continue;
            }
        }
        out.clear();
        if server.handle_udp(now, source, ip, &datagram, &mut out) {
            let answer = UdpResponse::parse(&out, ipv6).expect("what we write, we read");
            check(&mut ids, source, &answer);
        }
        assert!(out.len() <= DATAGRAM_MAX);
        let stats = server.stats();
        assert!(stats.memory <= BUDGET, "{stats:?}");
    }
}

fn check(ids: &mut BTreeMap<IpAddr, u64>, source: SocketAddr, answer: &UdpResponse) {
    match answer {
        UdpResponse::Connect { connection, .. } => {
            ids.insert(source.ip(), *connection);
        }
        UdpResponse::Announce { peers, .. } => {
            assert!(peers.len() <= MAX_PEERS_PER_ANSWER);
            assert!(peers.iter().all(|peer| peer.is_ipv6() == source.is_ipv6()));
            let different: BTreeSet<_> = peers.iter().collect();
            assert_eq!(different.len(), peers.len(), "nobody is named twice");
        }
        UdpResponse::Scrape { .. } | UdpResponse::Error { .. } => {}
    }
}

/// A client of UDP trackers that lie, fall silent, and mix up what they answer: each request ends
/// once, in bounded time.
pub fn fuzz_tracker_client(data: &[u8]) {
    let (mut input, mut now) = (Input(data), Instant::ZERO);
    let mut client = UdpClient::new(Rng::new(1));
    let (mut open, mut next) = (BTreeSet::new(), 0);
    let mut sent: Vec<(SocketAddr, Vec<u8>)> = Vec::new();
    while let (Some(op), Some(who)) = (input.byte(), input.byte()) {
        let target = address(who);
        match op % 8 {
            0 => {
                let announce = announce(&mut input);
                let path = String::from_utf8_lossy(input.slice()).into_owned();
                next += 1;
                if client.announce(now, next, target, &path, announce).is_ok() {
                    open.insert(next);
                }
            }
            1 => {
                let hashes: Vec<_> = (0..=who).map(info_hash).collect();
                next += 1;
                if client.scrape(now, next, target, &hashes).is_ok() {
                    open.insert(next);
                }
            }
            2 => {
                client.cancel(u64::from(who));
                open.remove(&u64::from(who));
            }
            3 => {
                client.handle_datagram(now, target, input.slice());
            }
            4..=6 if !sent.is_empty() => {
                // An answer to something that was asked, right as far as nobody else could know.
                let (target, request) = &sent[usize::from(who) % sent.len()];
                let mut answer = input.slice().to_vec();
                if let (Some(place), Some(of)) = (answer.get_mut(TRANSACTION), request.get(12..16))
                {
                    place.copy_from_slice(of);
                }
                client.handle_datagram(now, *target, &answer);
            }
            _ => {
                now += Duration::from_millis(u64::from(input.short()) * 10);
                client.handle_timeout(now);
            }
        }
        drain(&mut client, &mut open, &mut sent);
    }
    while let Some(due) = client.poll_timeout() {
        now = now.max(due);
        assert!(now < Instant::from_secs(10_000_000), "a request that never ends");
        client.handle_timeout(now);
        drain(&mut client, &mut open, &mut sent);
    }
    assert!(client.is_idle() && open.is_empty(), "{open:?} never ended");
}

fn drain(client: &mut UdpClient, open: &mut BTreeSet<u64>, sent: &mut Vec<(SocketAddr, Vec<u8>)>) {
    let mut datagram = Vec::new();
    while let Some(target) = client.poll_transmit(&mut datagram) {
        let request = UdpRequest::parse(&datagram).expect("what we write, we read");
        let mut again = Vec::new();
        request.write(&mut again);
        assert_eq!(again, datagram);
        sent.insert(0, (target, datagram.clone()));
        sent.truncate(16);
    }
    while let Some(event) = client.poll_event() {
        assert!(open.remove(&event.token), "{event:?} ended twice, or was cancelled");
    }
}

fn announce(input: &mut Input<'_>) -> AnnounceRequest {
    let (which, what) = (input.byte().unwrap_or(0), input.byte().unwrap_or(0));
    let events = [Event::None, Event::Started, Event::Completed, Event::Stopped];
    AnnounceRequest {
        info_hash: info_hash(which % 8),
        peer_id: PeerId([what >> 4; 20]),
        left: u64::from(what & 4 != 0),
        event: events[usize::from(what & 3)],
        numwant: Some(u32::from(input.short())),
        port: input.short() | 1,
        ..AnnounceRequest::default()
    }
}

fn is_failure(out: &[u8]) -> bool {
    out.starts_with(b"d14:failure reason")
}

fn info_hash(which: u8) -> Sha1Digest {
    Sha1Digest([which; 20])
}

fn address(who: u8) -> SocketAddr {
    let v4 = IpAddr::V4(Ipv4Addr::new(198, 18, 0, who >> 4));
    let v6 = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(who >> 4)));
    SocketAddr::new(if who & 1 == 0 { v4 } else { v6 }, 6_969)
}
