use proptest::prelude::*;
use stdx::{Duration, Instant, Rng};

use crate::{Access, Event, Loss, Network, Path};

const MS: u64 = 1_000_000;

/// What one segment of a lossy pipe carries.
const SEGMENT: u64 = 1_448;

/// Every other segment gets lost, beginning with the first.
const EVERY_OTHER: Loss = Loss::Bursts { enter: 1.0, leave: 1.0, good: 0.0, bad: 1.0 };

fn path(loss: Loss, window: u64) -> Path {
    Path { delay: Duration::from_millis(20), window, loss }
}

fn drain(net: &mut Network<u64>) -> Vec<(u64, u64)> {
    let mut items = Vec::new();
    while let Some(now) = net.poll_timeout() {
        while let Some(event) = net.poll_event(now) {
            if let Event::Delivered { item, .. } = event {
                items.push((now.as_nanos() / MS, item));
            }
        }
    }
    items
}

#[test]
fn what_is_lost_comes_late_and_holds_up_what_is_behind_it() {
    let check = |sizes: &[u64], expected: &[(u64, u64)]| {
        let mut net = Network::new();
        let [a, b] = [(); 2].map(|()| net.add_node(Access::default()));
        let pipe = net.open(a, b, path(EVERY_OTHER, 1 << 20));
        for (item, size) in (1..).zip(sizes) {
            net.write(Instant::ZERO, pipe, *size, item).unwrap();
        }
        assert_eq!(drain(&mut net), expected, "{sizes:?}");
        assert_eq!(net.free_space(pipe), 1 << 20);
    };
    // Nothing behind it: a time-out of 40 + 200 ms.
    check(&[100], &[(260, 1)]);
    // Something behind it: noticed after a round trip, and lost again.
    check(&[2 * SEGMENT], &[(300, 1)]);
    // The second time-out is twice the first.
    check(&[100, 100], &[(740, 1), (740, 2)]);
}

/// Bytes that arrive within a minute on a pipe that always has something to send, and those that
/// leave.
fn minute(loss: f64, up: Option<u64>) -> (u64, u64) {
    let mut net = Network::with_rng(Rng::new(1));
    let [a, b] = [Access { up, down: None }, Access::default()].map(|it| net.add_node(it));
    let pipe = net.open(a, b, path(Loss::bursts(loss, 1.0), 1 << 20));
    let end = Instant::ZERO + Duration::from_mins(1);
    let mut now = Instant::ZERO;
    while now <= end {
        while net.free_space(pipe) >= 16_384 {
            net.write(now, pipe, 16_384, 0).unwrap();
        }
        now = net.poll_timeout().unwrap_or(end + Duration::from_secs(1));
        while net.poll_event(now).is_some() {}
    }
    (net.received(b), net.sent(a))
}

#[test]
fn loss_bounds_the_rate_as_it_does_for_tcp() {
    for loss in [0.001_f64, 0.01] {
        // Mathis et al. 1997.
        let model = 1.22 * SEGMENT as f64 / (0.04 * loss.sqrt());
        let (received, _) = minute(loss, None);
        let rate = received as f64 / 60.0 / model;
        assert!((0.7..1.3).contains(&rate), "loss {loss}: {rate} × the model");
    }
    // Time-outs rule: still it goes on.
    let (received, _) = minute(0.1, None);
    let rate = received / 60;
    assert!((20_000..140_000).contains(&rate), "{rate} bytes per second");
}

#[test]
fn what_is_sent_again_costs_uplink_time() {
    let (received, sent) = minute(0.1, Some(20_000));
    let share = received as f64 / sent as f64;
    assert!((0.88..0.92).contains(&share), "{share} of what was sent arrives");
    assert!(sent <= 20_000 * 61, "{sent} bytes sent");
}

fn losses() -> impl Strategy<Value = Loss> {
    prop_oneof![
        (0.0..0.5).prop_map(Loss::Random),
        (0.01..0.3, 1.0..10.0).prop_map(|(share, length)| Loss::bursts(share, length)),
    ]
}

/// All that is delivered, when, and on which pipe.
fn run(seed: u64, loss: Loss, writes: &[(usize, u64, u64)]) -> Vec<(Instant, Event<u64>)> {
    let mut net = Network::with_rng(Rng::new(seed));
    let access = Access { up: Some(100_000), down: Some(300_000) };
    let nodes = [(); 3].map(|()| net.add_node(access));
    let pipes = [(0, 1), (1, 0), (0, 2)]
        .map(|(from, to)| net.open(nodes[from], nodes[to], path(loss, 1 << 30)));
    let mut trace = Vec::new();
    let mut now = Instant::ZERO;
    for &(pipe, gap, size) in writes {
        now += Duration::from_nanos(gap);
        while let Some(event) = net.poll_event(now) {
            trace.push((now, event));
        }
        net.write(now, pipes[pipe], size, size).unwrap();
    }
    while let Some(now) = net.poll_timeout() {
        while let Some(event) = net.poll_event(now) {
            trace.push((now, event));
        }
    }
    for pipe in pipes {
        assert_eq!(net.free_space(pipe), 1 << 30, "all of it is acknowledged");
    }
    trace
}

proptest! {
    #[test]
    fn lossy_pipes_lose_nothing_keep_order_and_replay_exactly(
        seed in any::<u64>(),
        loss in losses(),
        writes in prop::collection::vec((0_usize..3, 0_u64..20 * MS, 0_u64..20_000), 1..60),
    ) {
        let trace = run(seed, loss, &writes);
        for at in 0..3 {
            let wanted: Vec<u64> =
                writes.iter().filter(|it| it.0 == at).map(|it| it.2).collect();
            let items = trace.iter().filter_map(|(_, event)| match event {
                Event::Delivered { pipe, item } if pipe.0 == at as u64 => Some(*item),
                _ => None,
            });
            prop_assert_eq!(items.collect::<Vec<_>>(), wanted);
        }
        prop_assert_eq!(trace, run(seed, loss, &writes));
    }
}
