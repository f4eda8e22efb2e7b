//! A tracker: the announces of 20,000 peers in 2,000 swarms, as they come by UDP.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "so the macros have it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use gungraun::{library_benchmark, library_benchmark_group, main};

use announce::{AnnounceRequest, ConnectionIds, Event, Server, StoreConfig, UdpRequest};
use gates::at_most;
use load::Crowd;
use stdx::{Duration, Instant, PeerId};

const JOIN_MAX: u64 = 51_500_000;
const AGAIN_MAX: u64 = 45_600_000;

const PEERS: u64 = 20_000;
const TORRENTS: u64 = 2_000;
const HOSTS: (Ipv4Addr, u32) = (Ipv4Addr::new(20, 0, 0, 0), 8_192);
const SEEDERS: f64 = 0.25;
/// Datagrams that one system call brings.
const BATCH: usize = 64;
const SECRET: [u8; 16] = [7; 16];
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const NUMWANT: u32 = 50;

struct Tracker {
    now: Instant,
    server: Server,
    datagrams: Vec<(SocketAddr, Vec<u8>)>,
    /// The answers to a batch.
    out: Vec<u8>,
}

/// Nobody has announced.
fn empty() -> Tracker {
    let now = Instant::from_secs(1);
    let server = Server::new(StoreConfig::default(), &SECRET, now);
    let datagrams = datagrams(now, Event::Started);
    Tracker { now, server, datagrams, out: Vec::with_capacity(1 << 20) }
}

/// Everybody has announced, and does so again half an hour later.
fn joined() -> Tracker {
    let mut tracker = empty();
    tracker.serve();
    tracker.now += Duration::from_mins(30);
    tracker.datagrams = datagrams(tracker.now, Event::None);
    tracker
}

fn datagrams(now: Instant, event: Event) -> Vec<(SocketAddr, Vec<u8>)> {
    let crowd = Crowd::new(PEERS, TORRENTS, HOSTS, SEEDERS).expect("the hosts have the ports");
    let ids = ConnectionIds::new(&SECRET);
    let announce = |n: u64| {
        let peer = crowd.peer(n);
        let source = SocketAddr::from((crowd.address(peer.host), peer.port));
        let announce = AnnounceRequest {
            info_hash: crowd.info_hash(peer.torrent),
            peer_id: PeerId([n as u8; 20]),
            port: peer.port,
            left: if peer.seeding { 0 } else { 1 << 30 },
            event,
            numwant: Some(NUMWANT),
            ..AnnounceRequest::default()
        };
        let connection = ids.issue(now, source.ip());
        let url = Vec::new();
        let request = UdpRequest::Announce { connection, transaction: n as u32, announce, url };
        let mut datagram = Vec::new();
        request.write(&mut datagram);
        (source, datagram)
    };
    (0..PEERS).map(announce).collect()
}

impl Tracker {
    fn serve(&mut self) {
        for batch in self.datagrams.chunks(BATCH) {
            self.out.clear();
            self.server.look_ahead(batch.iter().map(|(_, datagram)| &datagram[..]));
            for (source, datagram) in batch {
                let answered =
                    self.server.handle_udp(self.now, *source, LOCAL, datagram, &mut self.out);
                assert!(answered);
            }
        }
    }
}

#[library_benchmark]
#[bench::first(args = (empty()), config = at_most(JOIN_MAX))]
#[bench::again(args = (joined()), config = at_most(AGAIN_MAX))]
fn serve(mut tracker: Tracker) -> Tracker {
    tracker.serve();
    tracker
}

library_benchmark_group!(name = announces, benchmarks = serve);

main!(library_benchmark_groups = announces);
