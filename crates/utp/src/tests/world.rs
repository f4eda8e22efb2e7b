//! Endpoints in virtual time on two links that they share, one each way.

use std::collections::{BTreeMap, VecDeque};
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use netem::{Link, LinkConfig};
use stdx::{Duration, Instant, Rng};

use crate::{CloseReason, Config, Endpoint, Event, Handle, StreamError};

/// What IP and UDP put before a datagram.
const HEADERS: u64 = 28;
/// Bytes of a TCP segment on the link, and of an acknowledgement.
const SEGMENT: u64 = 1_500;
const ACK: u64 = 52;

/// What links carry.
#[derive(Clone, Debug)]
pub(crate) enum Load {
    Udp { from: SocketAddr, to: SocketAddr, datagram: Vec<u8> },
    Tcp(u64),
    TcpAck(u64),
}

/// A host's clock: what it shows at the world's zero, and how fast it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) shows: Instant,
    pub(crate) pace: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { shows: Instant::ZERO, pace: 1.0 }
    }
}

impl Clock {
    fn local(self, world: Instant) -> Instant {
        self.shows + Duration::from_nanos((world.as_nanos() as f64 * self.pace) as u64)
    }

    /// The first moment of the world at which it shows that.
    fn world(self, local: Instant) -> Instant {
        let nanos = local.since(self.shows).as_nanos() as f64 / self.pace;
        let mut at = Instant::from_nanos(nanos.ceil() as u64);
        // It was rounded.
        while self.local(at) < local {
            at += Duration::from_nanos(1);
        }
        at
    }
}

/// One side of a connection, and what its user does.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Bytes that are to be written.
    pub(crate) wanted: u64,
    pub(crate) written: u64,
    pub(crate) read: u64,
    pub(crate) ended: bool,
    pub(crate) closed: Option<CloseReason>,
}

pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Endpoint,
    pub(crate) clock: Clock,
    pub(crate) streams: BTreeMap<Handle, Stream>,
    /// What it writes on connections that others begin.
    pub(crate) answer: u64,
    /// Whether it reads at all.
    pub(crate) reads: bool,
    /// Whether it finishes what it has written.
    pub(crate) finishes: bool,
    /// The link that it sends on.
    way: usize,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) hosts: Vec<Host>,
    pub(crate) links: [Link<Load>; 2],
    pub(crate) rates: [Option<u64>; 2],
    pub(crate) reno: Option<Reno>,
    /// Datagrams that no link carries: longer than that.
    pub(crate) mtu: usize,
    /// Whether longer ones are divided, if they may be.
    pub(crate) fragments: bool,
    /// How long the forward link's queue was, every 10 ms.
    pub(crate) delays: Vec<Duration>,
    sampled: Instant,
    rng: Rng,
}

impl World {
    pub(crate) fn new(forward: &LinkConfig, back: &LinkConfig, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let links = [Link::new(forward, rng.fork()), Link::new(back, rng.fork())];
        Self {
            now: Instant::ZERO,
            hosts: Vec::new(),
            links,
            rates: [forward.rate, back.rate],
            reno: None,
            mtu: 1_472,
            fragments: true,
            delays: Vec::new(),
            sampled: Instant::ZERO,
            rng,
        }
    }

    /// A host at the near (0) or the far end (1).
    pub(crate) fn host(&mut self, way: usize, config: Config, clock: Clock) -> usize {
        let number = self.hosts.len();
        self.hosts.push(Host {
            address: SocketAddr::from(([10, way as u8, 0, number as u8], 6881)),
            endpoint: Endpoint::new(config, self.rng.fork()),
            clock,
            streams: BTreeMap::new(),
            answer: 0,
            reads: true,
            finishes: true,
            way,
        });
        number
    }

    /// Has `from` connect to `to` and write so many bytes.
    pub(crate) fn connect(&mut self, from: usize, to: usize, wanted: u64) -> Handle {
        let remote = self.hosts[to].address;
        let host = &mut self.hosts[from];
        let handle = host.endpoint.connect(host.clock.local(self.now), remote).unwrap();
        host.streams.insert(handle, Stream { wanted, ..Stream::default() });
        self.drain(from);
        handle
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_until(end, |_| false);
    }

    /// Runs until something holds, or the time is over; whether it does.
    pub(crate) fn run_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> bool {
        while !done(self) {
            let links = self.links.iter().filter_map(Link::poll_timeout);
            let reno = self.reno.as_ref().map(Reno::poll_timeout);
            let hosts = self
                .hosts
                .iter()
                .filter_map(|host| Some(host.clock.world(host.endpoint.poll_timeout()?)));
            let next = links.chain(hosts).chain(reno).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return done(self);
            };
            self.now = self.now.max(next);
            self.step();
        }
        true
    }

    fn step(&mut self) {
        let now = self.now;
        while self.sampled + Duration::from_millis(10) <= now {
            self.sampled += Duration::from_millis(10);
            if let Some(rate) = self.rates[0] {
                let queued = self.links[0].queued(now) as f64;
                self.delays.push(Duration::from_secs_f64(queued / rate as f64));
            }
        }
        for way in 0..2 {
            while let Some(load) = self.links[way].poll_deliver(now) {
                self.deliver(load);
            }
        }
        for number in 0..self.hosts.len() {
            let host = &mut self.hosts[number];
            host.endpoint.handle_timeout(host.clock.local(now));
            self.drain(number);
        }
        self.send_reno();
    }

    fn deliver(&mut self, load: Load) {
        match load {
            Load::Udp { from, to, datagram } => {
                let host = self.hosts.iter_mut().find(|host| host.address == to);
                if let Some(host) = host {
                    host.endpoint.handle_datagram(
                        host.clock.local(self.now),
                        from,
                        None,
                        &datagram,
                    );
                }
            }
            Load::Tcp(number) => {
                let _full = self.links[1].send(self.now, ACK, Load::TcpAck(number));
            }
            Load::TcpAck(number) => {
                if let Some(reno) = &mut self.reno {
                    reno.handle_ack(self.now, number);
                }
            }
        }
    }

    fn send_reno(&mut self) {
        let Some(reno) = &mut self.reno else {
            return;
        };
        while let Some(number) = reno.poll_transmit(self.now) {
            let _full = self.links[0].send(self.now, SEGMENT, Load::Tcp(number));
        }
    }

    /// Lets a host's user act, and sends what there is to send.
    pub(crate) fn drain(&mut self, number: usize) {
        let (now, mtu, fragments) = (self.now, self.mtu, self.fragments);
        let host = &mut self.hosts[number];
        host.act(now);
        let mut out = Vec::new();
        loop {
            out.clear();
            let transmit = host.endpoint.poll_transmit(host.clock.local(now), &mut out, 10);
            let Some(transmit) = transmit else { break };
            assert!(!out.is_empty() && out.len() <= 65_000);
            let divisible = fragments && !transmit.dont_fragment;
            for datagram in out.chunks(transmit.segment) {
                assert!(datagram.len() <= crate::DATAGRAM_MAX);
                if datagram.len() > mtu && !divisible {
                    continue;
                }
                let load =
                    Load::Udp { from: host.address, to: transmit.to, datagram: datagram.to_vec() };
                let size = datagram.len() as u64 + HEADERS;
                let _full = self.links[host.way].send(now, size, load);
            }
            host.act(now);
        }
    }
}

impl Host {
    /// What the user of its streams does.
    pub(crate) fn act(&mut self, world: Instant) {
        let now = self.clock.local(world);
        while let Some((handle, event)) = self.endpoint.poll_event() {
            if let Event::Incoming(_) = event {
                let stream = Stream { wanted: self.answer, ..Stream::default() };
                self.streams.insert(handle, stream);
            }
            if let Event::Closed(reason) = event {
                self.streams.get_mut(&handle).expect("a handle we had").closed = Some(reason);
            }
        }
        for (&handle, stream) in &mut self.streams {
            if self.reads {
                read(&mut self.endpoint, now, handle, stream);
            }
            let finishes = self.finishes;
            write(&mut self.endpoint, now, handle, stream, finishes);
        }
    }

    /// The only stream.
    pub(crate) fn stream(&self) -> &Stream {
        assert_eq!(self.streams.len(), 1);
        self.streams.values().next().unwrap()
    }
}

fn read(endpoint: &mut Endpoint, now: Instant, handle: Handle, stream: &mut Stream) {
    let mut buffer = [0; 4_000];
    while !stream.ended {
        match endpoint.read(now, handle, &mut [IoSliceMut::new(&mut buffer)]) {
            Ok(0) => stream.ended = true,
            Ok(n) => {
                for (at, byte) in (stream.read..).zip(&buffer[..n]) {
                    assert_eq!(*byte, pattern(at), "byte {at}");
                }
                stream.read += n as u64;
            }
            Err(StreamError::Blocked) => return,
            Err(_) => break,
        }
    }
}

fn write(
    endpoint: &mut Endpoint,
    now: Instant,
    handle: Handle,
    stream: &mut Stream,
    finishes: bool,
) {
    while stream.written < stream.wanted {
        let n = (stream.wanted - stream.written).min(3_000);
        let bytes: Vec<u8> = (stream.written..stream.written + n).map(pattern).collect();
        let (front, back) = bytes.split_at(bytes.len() / 3);
        match endpoint.write(now, handle, &[IoSlice::new(front), IoSlice::new(back)]) {
            Ok(n) => stream.written += n as u64,
            Err(_) => return,
        }
    }
    if finishes {
        endpoint.finish(handle);
    }
}

/// The byte at that place of every stream.
fn pattern(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8
}

/// A bulk transfer by TCP Reno with selective acknowledgements (RFC 5681, RFC 6675), as it looks
/// to others on the link: losses are found three packets later, and halve the window once a round
/// trip.
pub(crate) struct Reno {
    window: f64,
    threshold: f64,
    flying: VecDeque<u64>,
    next: u64,
    answered: u64,
    heard: Instant,
    pub(crate) delivered: u64,
}

impl Reno {
    const TIMEOUT: Duration = Duration::from_secs(2);

    pub(crate) fn new(now: Instant) -> Self {
        Self {
            window: 10.0,
            threshold: f64::MAX,
            flying: VecDeque::new(),
            next: 0,
            answered: 0,
            heard: now,
            delivered: 0,
        }
    }

    fn poll_timeout(&self) -> Instant {
        self.heard + Self::TIMEOUT
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<u64> {
        if now >= self.poll_timeout() {
            self.flying.clear();
            (self.threshold, self.window) = ((self.window / 2.0).max(2.0), 1.0);
            self.heard = now;
        }
        if self.flying.len() as f64 >= self.window.floor().max(1.0) {
            return None;
        }
        self.flying.push_back(self.next);
        self.next += 1;
        Some(self.next - 1)
    }

    fn handle_ack(&mut self, now: Instant, number: u64) {
        self.heard = now;
        let Some(place) = self.flying.iter().position(|it| *it == number) else {
            return;
        };
        self.flying.remove(place);
        self.delivered += SEGMENT;
        let slow_start = self.window < self.threshold;
        self.window += if slow_start { 1.0 } else { 1.0 / self.window };
        while let Some(lost) = self.flying.pop_front_if(|it| *it + 3 <= number) {
            if lost >= self.answered {
                self.window = (self.window / 2.0).max(2.0);
                self.threshold = self.window;
                self.answered = self.next;
            }
        }
    }
}

/// The share `q` of the samples is at most this.
pub(crate) fn quantile(samples: &[Duration], q: f64) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort();
    sorted[((sorted.len() - 1) as f64 * q) as usize]
}

/// A link of this rate in bytes per second, delay one way, and a queue of so many milliseconds.
pub(crate) fn link(rate: u64, delay: u64, queue: u64) -> LinkConfig {
    LinkConfig {
        rate: Some(rate),
        delay: Duration::from_millis(delay),
        queue_bytes: rate * queue / 1_000,
        ..LinkConfig::default()
    }
}
