//! What a tracker's store costs at scale: memory per peer, time per announce, the longest pause,
//! and what happens at the memory limit. It sends nothing; the store alone is measured.
//!
//! `cargo run --release -p served --example tracker_scale [PEERS] [TORRENTS]`

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use announce::{Event, Store, StoreAnnounce, StoreConfig, StoreStats};
use hash::Sha1Digest;
use stdx::Rng;

const SECRET: &[u8; 16] = b"known to anybody";
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn main() {
    let mut numbers = std::env::args().skip(1).map(|arg| arg.parse().expect("a number"));
    let peers: u64 = numbers.next().unwrap_or(1_000_000);
    let torrents: u64 = numbers.next().unwrap_or(100_000);
    many_torrents(peers, torrents);
    one_swarm(peers * 3);
    at_the_limit(peers, torrents, 16 << 20);
}

/// Peers spread evenly at random over many torrents, then all of them once more, then silence.
fn many_torrents(peers: u64, torrents: u64) {
    println!("{peers} peers over {torrents} torrents");
    let before = resident();
    let mut run = Run::new(StoreConfig::default().memory);
    for peer in 0..peers {
        run.announce(peer, Rng::new(peer).below(torrents), Event::Started);
    }
    run.report("join");
    let stats = run.store.stats();
    let per_peer = |bytes: u64| bytes as f64 / peers as f64;
    let resident = resident().saturating_sub(before);
    println!("  {:.1} bytes per peer accounted", per_peer(stats.memory));
    println!("  {:.1} bytes per peer resident", per_peer(resident));
    for peer in 0..peers {
        run.announce(peer, Rng::new(peer).below(torrents), Event::None);
    }
    run.report("renew");
    run.expire();
}

/// One swarm that grows without end, and empties again.
fn one_swarm(peers: u64) {
    println!("{peers} peers in one swarm");
    let before = resident();
    let mut run = Run::new(StoreConfig::default().memory);
    for peer in 0..peers {
        run.announce(peer, 0, Event::Started);
    }
    run.report("join");
    let resident = resident().saturating_sub(before);
    println!("  {:.1} bytes per peer accounted", run.store.stats().memory as f64 / peers as f64);
    println!("  {:.1} bytes per peer resident", resident as f64 / peers as f64);
    for peer in 0..peers {
        run.announce(peer, 0, Event::Stopped);
    }
    run.report("stop");
}

/// More peers than the budget holds: honest ones of many networks, then as many from one.
fn at_the_limit(peers: u64, torrents: u64, memory: u64) {
    println!("{peers} peers over {torrents} torrents with a limit of {memory} bytes");
    let mut run = Run::new(memory);
    let show = |run: &Run, name: &str| {
        let StoreStats { torrents, peers_v4, evicted, memory: held, .. } = run.store.stats();
        println!(
            "  {name}: {peers_v4} peers, {torrents} torrents, {held} bytes, {evicted} evicted"
        );
        assert!(held <= memory, "the limit holds");
    };
    for peer in 0..peers {
        run.announce(peer, Rng::new(peer).below(torrents), Event::Started);
    }
    run.report("join");
    show(&run, "all honest");
    // Who came last is surely there; a flood of one network must not drive many of them out.
    let latest = peers - peers / 100..peers;
    let listed = |run: &mut Run| {
        let known = |peer: &u64| run.lists(*peer, Rng::new(*peer).below(torrents));
        latest.clone().filter(known).count()
    };
    let honest = listed(&mut run);
    for n in 0..peers {
        let flooder = SocketAddr::from((Ipv4Addr::new(66, 6, 6, n as u8), 1 + (n >> 8) as u16));
        run.announce_as(flooder, torrents + n, Event::Started);
    }
    run.report("flood");
    show(&run, "after a flood of swarms from one network");
    println!("  of {honest} recent honest peers {} are still listed", listed(&mut run));
}

/// A store with a virtual clock, and how long its answers took in truth.
struct Run {
    store: Store,
    now: stdx::Instant,
    announces: u32,
    total: Duration,
    longest: Duration,
}

impl Run {
    fn new(memory: u64) -> Self {
        let now = stdx::Instant::ZERO;
        let config = StoreConfig { memory, ..StoreConfig::default() };
        let store = Store::new(config, SECRET, now);
        Self { store, now, announces: 0, total: Duration::ZERO, longest: Duration::ZERO }
    }

    fn announce(&mut self, peer: u64, torrent: u64, event: Event) {
        self.announce_as(address(peer), torrent, event);
    }

    fn announce_as(&mut self, peer: SocketAddr, torrent: u64, event: Event) {
        let (info_hash, left) = (info_hash(torrent), u64::from(!peer.port().is_multiple_of(4)));
        let announce = StoreAnnounce { info_hash, peer, local: LOCAL, left, event, numwant: 30 };
        // As many announces a second as peers of this number make: 100,000 in three minutes.
        self.now += Duration::from_micros(500);
        let begun = Instant::now();
        std::hint::black_box(self.store.announce(self.now, &announce));
        let took = begun.elapsed();
        self.announces += 1;
        self.total += took;
        self.longest = self.longest.max(took);
    }

    fn lists(&mut self, peer: u64, torrent: u64) -> bool {
        let asker = SocketAddr::from((Ipv4Addr::new(203, 0, 113, 1), 0));
        let (left, event) = (1, Event::None);
        let info_hash = info_hash(torrent);
        let ask =
            StoreAnnounce { info_hash, peer: asker, local: LOCAL, left, event, numwant: 1_000 };
        self.store.announce(self.now, &ask).peers.contains(&address(peer))
    }

    /// Lets everybody fall silent.
    fn expire(&mut self) {
        while self.store.stats().peers_v4 > 0 {
            self.now = self.store.poll_timeout().max(self.now + Duration::from_millis(10));
            let begun = Instant::now();
            self.store.handle_timeout(self.now);
            self.longest = self.longest.max(begun.elapsed());
        }
        println!("  expire: longest {:?}", std::mem::take(&mut self.longest));
    }

    fn report(&mut self, name: &str) {
        let mean = std::mem::take(&mut self.total) / std::mem::take(&mut self.announces).max(1);
        println!("  {name}: mean {mean:?}, longest {:?}", std::mem::take(&mut self.longest));
    }
}

/// A peer of its own network; every fourth is a seeder.
fn address(peer: u64) -> SocketAddr {
    let mixed = (peer as u32).wrapping_mul(0x9e37_79b1);
    SocketAddr::from((Ipv4Addr::from(mixed), 1_024 + (peer % 60_000) as u16))
}

fn info_hash(torrent: u64) -> Sha1Digest {
    let mut bytes = [0; 20];
    Rng::new(!torrent).fill(&mut bytes);
    Sha1Digest(bytes)
}

/// Bytes of this process that are in memory; zero where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}
