use std::collections::BTreeMap;

use proptest::prelude::*;
use stdx::{Duration, Instant};

use crate::{Access, Event, Full, Loss, Network, NodeId, Path, PipeId, QUANTUM, WINDOW_LEAST};

const MS: u64 = 1_000_000;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * MS)
}

fn path(delay_ms: u64, window: u64) -> Path {
    Path { delay: Duration::from_millis(delay_ms), window, loss: Loss::None }
}

fn up(rate: u64) -> Access {
    Access { up: Some(rate), down: None }
}

/// Lets everything happen; each event with its moment in milliseconds.
fn drain(net: &mut Network<u64>) -> Vec<(u64, Event<u64>)> {
    let mut events = Vec::new();
    while let Some(now) = net.poll_timeout() {
        while let Some(event) = net.poll_event(now) {
            events.push((now.as_nanos() / MS, event));
        }
    }
    events
}

fn deliveries(events: &[(u64, Event<u64>)]) -> Vec<(u64, u64)> {
    let delivered = |&(now, event)| match event {
        Event::Delivered { item, .. } => Some((now, item)),
        Event::Writable { .. } => None,
    };
    events.iter().filter_map(delivered).collect()
}

#[test]
fn an_item_takes_up_time_delay_and_down_time() {
    let cases = [
        (Some(1_000), None, 120),
        (None, Some(1_000), 120),
        (Some(1_000), Some(500), 320),
        (None, None, 20),
    ];
    for (up, down, expected) in cases {
        let mut net = Network::new();
        let [a, b] =
            [Access { up, down: None }, Access { up: None, down }].map(|x| net.add_node(x));
        let pipe = net.open(a, b, path(20, 1_000));
        net.write(at(0), pipe, 100, 7).unwrap();
        assert_eq!(deliveries(&drain(&mut net)), [(expected, 7)], "up {up:?} down {down:?}");
        assert_eq!((net.sent(a), net.received(b)), (100, 100));
        assert_eq!(net.free_space(pipe), 1_000);
    }
}

#[test]
fn window_pushes_back_and_opens_with_the_acknowledgement() {
    let mut net = Network::new();
    let [a, b] = [up(1_000), Access::default()].map(|access| net.add_node(access));
    let pipe = net.open(a, b, path(50, 150));
    assert_eq!(net.write(at(0), pipe, 100, 1), Ok(()));
    assert_eq!(net.free_space(pipe), 50);
    assert_eq!(net.write(at(0), pipe, 51, 2), Err(Full(2)));
    // 100 ms to send, 50 there, 50 back.
    let events = drain(&mut net);
    assert_eq!(
        events,
        [(150, Event::Delivered { pipe, item: 1 }), (200, Event::Writable { pipe })]
    );
    assert_eq!(net.write(at(200), pipe, 51, 2), Ok(()));
}

#[test]
fn writable_comes_when_half_the_window_is_free_again() {
    let mut net = Network::new();
    let [a, b] = [up(1_000), Access::default()].map(|access| net.add_node(access));
    let pipe = net.open(a, b, path(0, 400));
    for item in 0..4 {
        net.write(at(0), pipe, 100, item).unwrap();
    }
    let writable: Vec<_> =
        drain(&mut net).into_iter().filter(|(_, e)| matches!(e, Event::Writable { .. })).collect();
    assert_eq!(writable, [(200, Event::Writable { pipe })]);
}

#[test]
fn an_empty_pipe_takes_an_item_larger_than_its_window() {
    let mut net = Network::new();
    let [a, b] = [up(1_000), Access::default()].map(|access| net.add_node(access));
    let pipe = net.open(a, b, path(0, 10));
    net.write(at(0), pipe, 1_000, 1).unwrap();
    assert_eq!(net.write(at(0), pipe, 1, 2), Err(Full(2)));
    assert_eq!(deliveries(&drain(&mut net)), [(1_000, 1)]);
}

#[test]
fn pipes_share_an_uplink_equally_whatever_their_item_sizes() {
    let mut net = Network::new();
    let a = net.add_node(up(QUANTUM * 100));
    let sizes = [QUANTUM * 4, QUANTUM / 4, QUANTUM];
    let pipes = sizes.map(|_| {
        let to = net.add_node(Access::default());
        net.open(a, to, path(0, QUANTUM * 1_500))
    });
    for (pipe, size) in pipes.into_iter().zip(sizes) {
        for _ in 0..QUANTUM * 400 / size {
            net.write(at(0), pipe, size, size).unwrap();
        }
    }
    let mut bytes = BTreeMap::<PipeId, u64>::new();
    while let Some(event) = net.poll_event(at(6_000)) {
        if let Event::Delivered { pipe, item } = event {
            *bytes.entry(pipe).or_default() += item;
        }
    }
    // 600 quanta in six seconds: 200 each, less what is cut in the middle of an item.
    for pipe in pipes {
        assert!((QUANTUM * 196..=QUANTUM * 200).contains(&bytes[&pipe]), "{bytes:?}");
    }
}

#[test]
fn pipes_with_something_to_send_share_the_window() {
    let mut net = Network::new();
    let a = net.add_node(up(1_000));
    let open = |net: &mut Network<u32>| {
        let to = net.add_node(Access::default());
        net.open(a, to, path(0, WINDOW_LEAST * 3))
    };
    let first = open(&mut net);
    assert_eq!(net.free_space(first), WINDOW_LEAST * 3);
    net.write(at(0), first, 1_000_000, 0).unwrap();
    for _ in 0..5 {
        let other = open(&mut net);
        net.write(at(0), other, 1_000_000, 0).unwrap();
    }
    let last = open(&mut net);
    assert_eq!(net.free_space(last), WINDOW_LEAST, "never less than that");
}

#[test]
fn an_idle_pipe_leaves_its_share_to_the_others() {
    let mut net = Network::new();
    let [a, b, c] = [up(1_000), up(1_000), Access::default()].map(|x| net.add_node(x));
    let [busy, idle] = [b, c].map(|to| net.open(a, to, path(0, 10_000)));
    net.write(at(0), busy, 1_000, 1).unwrap();
    net.write(at(0), idle, 100, 2).unwrap();
    assert_eq!(deliveries(&drain(&mut net)), [(1_000, 1), (1_100, 2)]);
}

#[test]
fn a_closed_pipe_delivers_nothing_and_swallows_writes() {
    let mut net = Network::new();
    let [a, b] = [up(1_000), Access::default()].map(|access| net.add_node(access));
    let [gone, kept] = [(); 2].map(|()| net.open(a, b, path(10, 1_000)));
    net.write(at(0), gone, 100, 1).unwrap();
    net.write(at(0), kept, 100, 2).unwrap();
    net.close(at(5), gone);
    net.close(at(5), gone);
    assert_eq!(net.write(at(5), gone, 100, 3), Ok(()));
    assert_eq!(net.free_space(gone), 0);
    // What the transmitter had begun still takes its time.
    assert_eq!(deliveries(&drain(&mut net)), [(210, 2)]);
}

#[test]
fn a_changed_rate_holds_for_what_is_sent_afterwards() {
    let mut net = Network::new();
    let [a, b] = [up(1_000), Access::default()].map(|access| net.add_node(access));
    let pipe = net.open(a, b, path(0, 1_000));
    net.write(at(0), pipe, 100, 1).unwrap();
    net.set_access(at(50), a, up(100));
    net.write(at(50), pipe, 100, 2).unwrap();
    assert_eq!(deliveries(&drain(&mut net)), [(100, 1), (1_100, 2)]);
}

/// A full mesh of three nodes: the pipes, in the order of their numbers.
fn mesh(net: &mut Network<u64>, access: [Access; 3], delay_ms: u64, window: u64) -> Vec<PipeId> {
    let nodes = access.map(|access| net.add_node(access));
    let pairs = nodes.iter().flat_map(|&from| nodes.iter().map(move |&to| (from, to)));
    let distinct: Vec<(NodeId, NodeId)> = pairs.filter(|(from, to)| from != to).collect();
    distinct.into_iter().map(|(from, to)| net.open(from, to, path(delay_ms, window))).collect()
}

type Trace = Vec<(u64, Event<u64>)>;

/// Writes what fits, as time goes on; the trace and what was accepted.
fn run(rates: [(u64, u64); 3], writes: &[(usize, u64, u64)]) -> (Network<u64>, Trace, Trace) {
    let mut net = Network::new();
    let access = rates.map(|(up, down)| Access { up: Some(up), down: Some(down) });
    let pipes = mesh(&mut net, access, 5, 100_000);
    let (mut now, mut trace, mut accepted) = (Instant::ZERO, Vec::new(), Vec::new());
    for &(pipe, gap, size) in writes {
        now += Duration::from_nanos(gap);
        while let Some(event) = net.poll_event(now) {
            trace.push((now.as_nanos(), event));
        }
        let pipe = pipes[pipe];
        if net.write(now, pipe, size, size).is_ok() {
            accepted.push((now.as_nanos(), Event::Delivered { pipe, item: size }));
        }
    }
    trace.extend(drain(&mut net));
    (net, trace, accepted)
}

fn items_of(trace: &[(u64, Event<u64>)], wanted: PipeId) -> Vec<u64> {
    let item = |&(_, event)| match event {
        Event::Delivered { pipe, item } if pipe == wanted => Some(item),
        _ => None,
    };
    trace.iter().filter_map(item).collect()
}

proptest! {
    #[test]
    fn pipes_lose_nothing_keep_order_and_replay_exactly(
        rates in prop::array::uniform3((1_000_u64..1_000_000, 1_000_u64..1_000_000)),
        writes in prop::collection::vec((0_usize..6, 0_u64..20 * MS, 1_u64..40_000), 1..100),
    ) {
        let (net, trace, accepted) = run(rates, &writes);
        for pipe in (0..6).map(PipeId) {
            prop_assert_eq!(items_of(&trace, pipe), items_of(&accepted, pipe));
            prop_assert_eq!(net.free_space(pipe), 100_000);
        }
        prop_assert_eq!(trace, run(rates, &writes).1);
    }

    #[test]
    fn a_node_never_exceeds_its_uplink(
        rate in 1_000_u64..10_000_000,
        writes in prop::collection::vec((0_usize..2, 1_u64..40_000), 1..100),
        checks in prop::collection::vec(0_u64..2_000 * MS, 1..50),
    ) {
        let mut net = Network::new();
        let nodes = [up(rate), Access::default(), Access::default()].map(|x| net.add_node(x));
        let pipes = [1, 2].map(|to| net.open(nodes[0], nodes[to], path(0, 1 << 30)));
        for &(pipe, size) in &writes {
            net.write(Instant::ZERO, pipes[pipe], size, size).unwrap();
        }
        let mut checks = checks;
        checks.sort_unstable();
        for nanos in checks {
            while net.poll_event(Instant::from_nanos(nanos)).is_some() {}
            let allowed = u128::from(rate) * u128::from(nanos) / 1_000_000_000;
            prop_assert!(u128::from(net.received(nodes[1]) + net.received(nodes[2])) <= allowed);
            prop_assert!(u128::from(net.sent(nodes[0])) <= allowed + u128::from(QUANTUM));
        }
    }
}
