use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use stdx::{Duration, Instant, Rng};
use utp::{Config, Endpoint, Event, Handle, Packet, SelectiveAck};

use crate::input::Input;

/// Datagrams on their way; the oldest are lost.
const OPEN_MAX: usize = 256;
/// Batches that one input makes, at most.
const BATCHES_MAX: usize = 10_000;
/// Connections of both sides.
const CONNECTIONS_MAX: usize = 8;

/// Any datagram: what is a packet is the same after a round trip.
pub fn fuzz_utp_packet(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else {
        return;
    };
    assert!(utp::looks_like_utp(data), "what parses is told apart from others");
    let mask = packet.selective_ack.map_or(&[][..], |SelectiveAck(mask)| mask);
    let mut bytes = Vec::new();
    let padding = Some(data.len() % 1_000).filter(|it| *it >= 12).unwrap_or_default();
    packet.header.encode(mask, padding, &mut bytes);
    bytes.extend_from_slice(packet.payload);
    let again = Packet::parse(&bytes).expect("our own are packets");
    assert_eq!((again.header, again.payload), (packet.header, packet.payload));
    let again = again.selective_ack.map_or(&[][..], |SelectiveAck(mask)| mask);
    assert_eq!(again, mask);
    if let Some(mask) = packet.selective_ack {
        assert!(!mask.contains(mask.bits()), "there is nothing behind the end");
    }
}

/// Two endpoints whose datagrams are lost, doubled, reordered and damaged, with words between them
/// that neither said: what is read is the beginning of what was written.
pub fn fuzz_utp_pair(data: &[u8]) {
    let (mut input, mut pair) = (Input(data), Pair::new());
    while let (Some(op), Some(who)) = (input.byte(), input.byte()) {
        pair.step(op, who, &mut input);
    }
    // In the end everything comes to rest.
    for _ in 0..200 {
        pair.open.clear();
        pair.pass(Duration::from_secs(1));
    }
}

struct Pair {
    now: Instant,
    sides: [Side; 2],
    open: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

struct Side {
    address: SocketAddr,
    endpoint: Endpoint,
    /// With how much was written and read.
    streams: Vec<(Handle, u64, u64)>,
    written: u64,
    read: u64,
}

impl Pair {
    fn new() -> Self {
        let config = Config {
            connections_max: CONNECTIONS_MAX,
            half_open_max: 3,
            send_max: 40_000,
            unsent_max: 10_000,
            receive_first: 5_000,
            receive_max: 20_000,
        };
        let side = |number: u8| Side {
            address: SocketAddr::from(([10, 0, 0, number], 1)),
            endpoint: Endpoint::new(config.clone(), Rng::new(number.into())),
            streams: Vec::new(),
            written: 0,
            read: 0,
        };
        // 2^32 microseconds are over after a moment.
        let now = Instant::from_nanos(4_294_967_000_000);
        Self { now, sides: [side(0), side(1)], open: Vec::new() }
    }

    fn step(&mut self, op: u8, who: u8, input: &mut Input<'_>) {
        let number = usize::from(who) % 2;
        let (now, other) = (self.now, self.sides[1 - number].address);
        let side = &mut self.sides[number];
        let stream = usize::from(who / 2) % side.streams.len().max(1);
        match op % 13 {
            0 => {
                if let Ok(handle) = side.endpoint.connect(now, other) {
                    side.streams.push((handle, 0, 0));
                }
            }
            1 => side.write(now, stream, input.short()),
            2 => side.read(now, stream),
            3..=5 if !self.open.is_empty() => {
                let place = usize::from(who) % self.open.len();
                let datagram = match op % 13 {
                    3 => self.open.remove(0),
                    4 => self.open.remove(place),
                    _ => self.open[place].clone(),
                };
                return self.deliver(&datagram);
            }
            6 if !self.open.is_empty() => {
                self.open.remove(usize::from(who) % self.open.len());
            }
            7 if !self.open.is_empty() => {
                let mut datagram = self.open[usize::from(who) % self.open.len()].clone();
                damage(&mut datagram.2, input);
                return self.deliver(&datagram);
            }
            8 => {
                // From where nobody is.
                let from = SocketAddr::from(([10, 0, 0, who], 2));
                let datagram = (from, side.address, input.slice().to_vec());
                return self.deliver(&datagram);
            }
            9 => return self.pass(Duration::from_millis(u64::from(input.short()))),
            10 if stream < side.streams.len() => side.endpoint.finish(side.streams[stream].0),
            11 if stream < side.streams.len() => {
                let (handle, ..) = side.streams.remove(stream);
                side.endpoint.close(now, handle);
                let gone = side.endpoint.stats(handle);
                assert!(gone.is_none(), "a handle that was let go is void");
            }
            _ => return self.pass(Duration::from_micros(u64::from(input.short()))),
        }
        self.drain(number);
    }

    fn deliver(&mut self, (from, to, datagram): &(SocketAddr, SocketAddr, Vec<u8>)) {
        let Some(number) = self.sides.iter().position(|side| side.address == *to) else {
            return;
        };
        self.sides[number].endpoint.handle_datagram(self.now, *from, None, datagram);
        self.drain(number);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for number in 0..2 {
            let endpoint = &mut self.sides[number].endpoint;
            endpoint.handle_timeout(self.now);
            self.drain(number);
            let due = self.sides[number].endpoint.poll_timeout();
            assert!(due.is_none_or(|due| due > self.now), "what is due is done at once");
        }
    }

    fn drain(&mut self, number: usize) {
        let side = &mut self.sides[number];
        let mut out = Vec::new();
        for batch in 0.. {
            assert!(batch < BATCHES_MAX, "{batch} batches at once");
            out.clear();
            let Some(transmit) = side.endpoint.poll_transmit(self.now, &mut out, 4) else {
                break;
            };
            assert!(!out.is_empty() && out.len().div_ceil(transmit.segment) <= 4);
            for datagram in out.chunks(transmit.segment) {
                assert!(datagram.len() <= utp::DATAGRAM_MAX);
                self.open.push((side.address, transmit.to, datagram.to_vec()));
            }
        }
        let more = self.open.len().saturating_sub(OPEN_MAX);
        self.open.drain(..more);
        while let Some((handle, event)) = side.endpoint.poll_event() {
            match event {
                Event::Incoming(_) => side.streams.push((handle, 0, 0)),
                _ => assert!(side.streams.iter().any(|it| it.0 == handle), "{event:?}"),
            }
        }
        assert!(side.endpoint.len() <= CONNECTIONS_MAX);
        let [a, b] = &self.sides;
        assert!(a.read <= b.written && b.read <= a.written, "more is read than was written");
    }
}

impl Side {
    fn write(&mut self, now: Instant, stream: usize, length: u16) {
        let Some((handle, written, _)) = self.streams.get_mut(stream) else {
            return;
        };
        let bytes: Vec<u8> = (*written..*written + u64::from(length)).map(pattern).collect();
        let n = self.endpoint.write(now, *handle, &[IoSlice::new(&bytes)]).unwrap_or(0);
        *written += n as u64;
        self.written += n as u64;
    }

    fn read(&mut self, now: Instant, stream: usize) {
        let Some((handle, _, read)) = self.streams.get_mut(stream) else {
            return;
        };
        let mut buffer = [0; 7_000];
        let n = self.endpoint.read(now, *handle, &mut [IoSliceMut::new(&mut buffer)]);
        for byte in &buffer[..n.unwrap_or(0)] {
            assert_eq!(*byte, pattern(*read), "byte {read} of a stream");
            *read += 1;
            self.read += 1;
        }
    }
}

/// The byte at that place of every stream.
fn pattern(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8
}

/// Changes what a checksum of UDP would not have let pass either, but for what says where bytes
/// belong: against that, no packet is protected.
fn damage(datagram: &mut [u8], input: &mut Input<'_>) {
    for change in input.slice() {
        let at = usize::from(change % 14);
        let at = if at < 12 { 4 + at } else { 6 + at };
        if let Some(byte) = datagram.get_mut(at) {
            *byte ^= change | 1;
        }
    }
    let is_state = datagram.first().is_some_and(|first| first >> 4 == 2);
    if is_state && input.byte().is_some_and(|choice| choice > 127) {
        for byte in datagram.iter_mut().skip(20) {
            *byte ^= input.byte().unwrap_or(0);
        }
    }
}
