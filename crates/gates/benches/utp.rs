//! uTP: two endpoints in one memory, one of which writes 8 MiB to the other.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "so the macros have it")]

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use gungraun::{library_benchmark, library_benchmark_group, main};

use gates::at_most;
use stdx::{Duration, Instant, Rng};
use utp::{Config, Endpoint, Event, Handle};

const CLEAN_MAX: u64 = 18_900_000;
const LOSSY_MAX: u64 = 30_400_000;

const BYTES: u64 = 8 << 20;
/// From one end to the other.
const DELAY: Duration = Duration::from_millis(5);
/// Datagrams that one system call sends.
const BATCH: usize = 40;

struct Datagrams {
    due: Instant,
    to: usize,
    segment: usize,
    bytes: Vec<u8>,
}

struct Side {
    address: SocketAddr,
    endpoint: Endpoint,
    stream: Option<Handle>,
}

/// Two sides and what is on its way between them.
struct Pair {
    now: Instant,
    sides: [Side; 2],
    link: VecDeque<Datagrams>,
    /// Of so many datagrams one is lost.
    loses: u64,
    sent: u64,
    written: u64,
    read: u64,
    buffer: Vec<u8>,
}

fn pair(loses: u64) -> Pair {
    let side = |number: u8| Side {
        address: SocketAddr::from(([203, 0, 113, number], 6_881)),
        endpoint: Endpoint::new(Config::default(), Rng::new(number.into())),
        stream: None,
    };
    let mut pair = Pair {
        now: Instant::from_secs(1),
        sides: [side(0), side(1)],
        link: VecDeque::new(),
        loses,
        sent: 0,
        written: 0,
        read: 0,
        buffer: vec![7; 64 << 10],
    };
    let remote = pair.sides[1].address;
    let stream = pair.sides[0].endpoint.connect(pair.now, remote).expect("it is the first");
    pair.sides[0].stream = Some(stream);
    pair
}

impl Pair {
    fn run(&mut self) {
        while self.read < BYTES {
            (0..2).for_each(|number| self.act(number));
            let timers = self.sides.iter().filter_map(|side| side.endpoint.poll_timeout());
            let next = timers.chain(self.link.front().map(|it| it.due)).min();
            self.now = self.now.max(next.expect("something is always to come"));
            while let Some(datagrams) = self.link.pop_front_if(|it| it.due <= self.now) {
                self.deliver(&datagrams);
            }
            let now = self.now;
            self.sides.iter_mut().for_each(|side| side.endpoint.handle_timeout(now));
        }
    }

    /// Side 0 writes what it can, side 1 reads what there is; both send.
    fn act(&mut self, number: usize) {
        let now = self.now;
        let side = &mut self.sides[number];
        while let Some((handle, event)) = side.endpoint.poll_event() {
            if let Event::Incoming(_) = event {
                side.stream = Some(handle);
            }
        }
        let Some(stream) = side.stream else {
            return self.send(number);
        };
        while number == 0 && self.written < BYTES {
            let left = (BYTES - self.written).min(self.buffer.len() as u64) as usize;
            let bytes = [IoSlice::new(&self.buffer[..left])];
            let Ok(n) = side.endpoint.write(now, stream, &bytes) else {
                break;
            };
            self.written += n as u64;
        }
        while let Ok(n) = side.endpoint.read(now, stream, &mut [IoSliceMut::new(&mut self.buffer)])
        {
            self.read += n as u64;
        }
        self.send(number);
    }

    fn send(&mut self, number: usize) {
        loop {
            let mut bytes = Vec::new();
            let endpoint = &mut self.sides[number].endpoint;
            let Some(transmit) = endpoint.poll_transmit(self.now, &mut bytes, BATCH) else {
                return;
            };
            let (due, segment) = (self.now + DELAY, transmit.segment);
            self.link.push_back(Datagrams { due, to: 1 - number, segment, bytes });
        }
    }

    fn deliver(&mut self, datagrams: &Datagrams) {
        let from = self.sides[1 - datagrams.to].address;
        for datagram in datagrams.bytes.chunks(datagrams.segment) {
            self.sent += 1;
            if !self.sent.is_multiple_of(self.loses) {
                let endpoint = &mut self.sides[datagrams.to].endpoint;
                endpoint.handle_datagram(self.now, from, None, datagram);
            }
        }
    }
}

#[library_benchmark]
#[bench::clean(args = (pair(u64::MAX)), config = at_most(CLEAN_MAX))]
#[bench::lossy(args = (pair(100)), config = at_most(LOSSY_MAX))]
fn transfer(mut pair: Pair) -> Pair {
    pair.run();
    pair
}

library_benchmark_group!(name = streams, benchmarks = transfer);

main!(library_benchmark_groups = streams);
