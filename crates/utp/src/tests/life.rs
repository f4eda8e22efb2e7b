use stdx::{Duration, Instant, Rng};

use super::world::{Clock, World, link};
use crate::{CloseReason, Config, Endpoint, Event, Header, Kind, Seq};

fn world() -> (World, usize, usize) {
    let path = link(1_000_000, 20, 100);
    let mut world = World::new(&path, &path, 2);
    let from = world.host(0, Config::default(), Clock::default());
    let to = world.host(1, Config::default(), Clock::default());
    (world, from, to)
}

#[test]
fn nobody_there_is_noticed() {
    let (mut world, from, to) = world();
    world.hosts[to].address.set_port(1);
    world.connect(from, to, 10);
    world.hosts[to].address.set_port(2);
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.hosts[from].stream().closed, Some(CloseReason::NoAnswer));
    assert_eq!(world.links[0].stats().sent, 3);
}

#[test]
fn silence_is_noticed() {
    let (mut world, from, to) = world();
    world.connect(from, to, 1 << 20);
    world.run_for(Duration::from_millis(200));
    world.hosts[to].address.set_port(2);
    world.run_for(Duration::from_mins(5));
    assert_eq!(world.hosts[from].stream().closed, Some(CloseReason::TimedOut));
}

#[test]
fn who_reads_on_after_minutes_gets_the_rest_at_once() {
    for pause in [10, 100, 1_000] {
        let (mut world, from, to) = world();
        let wanted = Config::default().receive_first as u64 + 500;
        world.hosts[from].finishes = false;
        world.hosts[to].reads = false;
        world.connect(from, to, wanted);
        world.run_for(Duration::from_secs(pause));
        world.hosts[to].reads = true;
        world.drain(to);
        let end = world.now + Duration::from_secs(1);
        let done = world.run_until(end, |world| world.hosts[to].stream().read == wanted);
        let stream = world.hosts[from].stream();
        assert!(done && stream.closed.is_none(), "{pause} s: {stream:?}");
    }
}

#[test]
fn who_forgot_us_resets_us() {
    let (mut world, from, to) = world();
    world.hosts[from].finishes = false;
    world.connect(from, to, 1 << 16);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.hosts[to].stream().read, 1 << 16);
    // It was started anew.
    world.hosts[to].endpoint = Endpoint::new(Config::default(), Rng::new(77));
    world.hosts[to].streams.clear();
    world.run_for(Duration::from_secs(40));
    assert_eq!(world.hosts[from].stream().closed, Some(CloseReason::Reset));
}

#[test]
fn what_was_written_is_delivered_after_the_close() {
    let (mut world, from, to) = world();
    world.hosts[from].finishes = false;
    let handle = world.connect(from, to, 100_000);
    let written = |world: &World| world.hosts[0].stream().written == 100_000;
    assert!(world.run_until(Instant::from_secs(5), written));
    assert!(world.hosts[to].streams.values().all(|it| it.read < 100_000));
    let now = world.now;
    world.hosts[from].endpoint.close(now, handle);
    world.hosts[from].streams.clear();
    world.drain(from);
    world.run_for(Duration::from_secs(3));
    assert_eq!((world.hosts[to].stream().read, world.hosts[to].stream().ended), (100_000, true));
    // The far end has finished too.
    world.run_for(Duration::from_secs(20));
    assert!(world.hosts[from].endpoint.is_empty());
}

#[test]
fn who_goes_on_sending_to_an_orphan_is_reset() {
    let (mut world, from, to) = world();
    world.hosts[to].answer = 1 << 30;
    let handle = world.connect(from, to, 100);
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    world.hosts[from].endpoint.close(now, handle);
    world.hosts[from].streams.clear();
    world.drain(from);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.hosts[to].stream().closed, Some(CloseReason::Reset));
    assert!(world.hosts[from].endpoint.is_empty());
}

#[test]
fn idle_connections_cost_two_packets_a_minute() {
    let (mut world, from, to) = world();
    world.hosts[from].finishes = false;
    world.hosts[to].finishes = false;
    world.connect(from, to, 1);
    world.run_for(Duration::from_secs(5));
    let before = world.links[0].stats().sent + world.links[1].stats().sent;
    world.run_for(Duration::from_mins(10));
    let after = world.links[0].stats().sent + world.links[1].stats().sent;
    assert!((38..=42).contains(&(after - before)), "{}", after - before);
    assert_eq!(world.hosts[from].stream().closed, None);
}

const FROM: &str = "10.9.9.9:9";

fn header(kind: Kind, connection: u16, seq: u16, ack: u16) -> Header {
    let (seq, ack) = (Seq(seq), Seq(ack));
    Header { kind, connection, timestamp: 1, timestamp_difference: 0, window: 9_999, seq, ack }
}

fn bytes(header: Header) -> Vec<u8> {
    let mut out = Vec::new();
    header.encode(&[], 0, &mut out);
    out
}

fn sent(endpoint: &mut Endpoint, now: Instant) -> Vec<Header> {
    let mut all = Vec::new();
    let mut out = Vec::new();
    while endpoint.poll_transmit(now, &mut out, 1).is_some() {
        all.push(crate::Packet::parse(&out).unwrap().header);
        out.clear();
    }
    all
}

#[test]
fn strays_are_answered_at_a_bounded_rate() {
    let mut endpoint = Endpoint::new(Config::default(), Rng::new(1));
    let now = Instant::from_secs(5);
    for seq in 0..1_000 {
        let stray = bytes(header(Kind::Data, 7, seq, 3));
        endpoint.handle_datagram(now, FROM.parse().unwrap(), None, &stray);
    }
    let answers = sent(&mut endpoint, now);
    assert_eq!(answers.len(), 50);
    let expected = Header { seq: answers[0].seq, ..header(Kind::Reset, 7, 0, 0) };
    let expected = Header { timestamp: 5_000_000, window: 0, ..expected };
    assert_eq!(answers[0], expected);
    endpoint.handle_datagram(
        now,
        FROM.parse().unwrap(),
        None,
        &bytes(header(Kind::Reset, 7, 1, 1)),
    );
    assert_eq!(sent(&mut endpoint, now), [], "never a reset for a reset");
}

#[test]
fn half_open_connections_are_bounded_and_end() {
    let mut endpoint = Endpoint::new(Config::default(), Rng::new(1));
    for id in 0..5_000 {
        let syn = bytes(header(Kind::Syn, id, 9, 0));
        endpoint.handle_datagram(Instant::ZERO, FROM.parse().unwrap(), None, &syn);
        assert_eq!(sent(&mut endpoint, Instant::ZERO).len(), 1, "one packet for one");
    }
    assert_eq!(endpoint.len(), Config::default().half_open_max);
    assert_eq!(endpoint.poll_event(), None, "nobody has proved to be there");
    endpoint.handle_timeout(Instant::from_secs(6));
    assert!(endpoint.is_empty());
    assert_eq!(endpoint.poll_timeout(), None);
}

#[test]
fn only_who_hears_us_gets_in() {
    let mut endpoint = Endpoint::new(Config::default(), Rng::new(1));
    let (now, from) = (Instant::ZERO, FROM.parse().unwrap());
    endpoint.handle_datagram(now, from, None, &bytes(header(Kind::Syn, 10, 9, 0)));
    let answer = sent(&mut endpoint, now)[0];
    assert_eq!((answer.kind, answer.connection, answer.ack), (Kind::State, 10, Seq(9)));
    for ack in (0..=u16::MAX).filter(|ack| Seq(*ack) != answer.seq.minus(1)).step_by(7) {
        endpoint.handle_datagram(now, from, None, &bytes(header(Kind::Data, 11, 10, ack)));
    }
    assert_eq!(endpoint.poll_event(), None);
    let right = header(Kind::Data, 11, 10, answer.seq.minus(1).0);
    endpoint.handle_datagram(now, from, None, &bytes(right));
    assert_eq!(endpoint.poll_event().unwrap().1, Event::Incoming(from));
    for ack in (0..=u16::MAX).filter(|ack| ack.wrapping_sub(answer.seq.minus(1).0) >= 2) {
        endpoint.handle_datagram(now, from, None, &bytes(header(Kind::Reset, 11, 1, ack)));
    }
    assert!(!matches!(endpoint.poll_event(), Some((_, Event::Closed(_)))), "blind guesses");
    endpoint.handle_datagram(now, from, None, &bytes(header(Kind::Reset, 10, 1, answer.seq.0)));
    assert!(matches!(endpoint.poll_event(), Some((_, Event::Closed(_)))));
}

#[test]
fn who_takes_back_what_it_began_leaves_nothing() {
    let mut endpoint = Endpoint::new(Config::default(), Rng::new(1));
    let (now, from) = (Instant::ZERO, FROM.parse().unwrap());
    endpoint.handle_datagram(now, from, None, &bytes(header(Kind::Syn, 10, 9, 0)));
    let answer = sent(&mut endpoint, now)[0];
    endpoint.handle_datagram(now, from, None, &bytes(header(Kind::Reset, 10, 9, answer.seq.0)));
    assert_eq!((endpoint.poll_event(), endpoint.len()), (None, 0));
}
