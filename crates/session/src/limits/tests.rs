use stdx::{ConnId, Duration, Instant, Rng};

use super::{Flow, Limiter, Limits};

const MB: u64 = 1_000_000;

#[test]
fn without_a_limit_everything_is_granted() {
    let mut limiter = Limiter::new(Instant::ZERO, Limits::default());
    assert!(!limiter.is_limited(Flow::Up));
    assert_eq!(limiter.request(Instant::ZERO, ConnId(1), Flow::Up, 10 * MB), 10 * MB);
    assert_eq!(limiter.poll_timeout(), None);
}

/// Greedy connections for `seconds`; each uses a random part of every grant. Returns what each
/// moved.
fn run(limit: u64, conns: u64, seconds: u64, late: Duration) -> Vec<u64> {
    let mut limiter = Limiter::new(Instant::ZERO, Limits { up: Some(limit), down: None });
    let mut rng = Rng::new(limit ^ conns);
    let mut moved = vec![0; conns as usize];
    let mut now = Instant::ZERO;
    let mut granted: Vec<(ConnId, u64)> = Vec::new();
    for conn in 0..conns {
        let bytes = limiter.request(now, ConnId(conn), Flow::Up, MB);
        granted.extend((bytes > 0).then_some((ConnId(conn), bytes)));
    }
    while now < Instant::from_secs(seconds) {
        while let Some((conn, bytes)) = granted.pop() {
            let used = if rng.chance(0.2) { rng.below(bytes + 1) } else { bytes };
            limiter.give_back(Flow::Up, bytes - used);
            moved[conn.0 as usize] += used;
            let more = limiter.request(now, conn, Flow::Up, MB);
            granted.extend((more > 0).then_some((conn, more)));
        }
        let total: u64 = moved.iter().sum();
        let burst = (limit / 10).max(17 * 1024 + 512);
        let allowed = u128::from(limit) * u128::from(now.as_nanos()) / 1_000_000_000;
        assert!(u128::from(total) <= allowed + u128::from(burst), "{total} at {now:?}");
        while let Some((conn, _, bytes)) = limiter.poll_grant(now) {
            granted.push((conn, bytes));
        }
        if granted.is_empty() {
            let next = limiter.poll_timeout().expect("all wait");
            assert!(next > now, "a grant was due at {next:?}");
            now = next + late;
        }
    }
    moved
}

#[test]
fn rate_is_exact_and_shared_equally() {
    let check = |limit: u64, conns: u64, late: Duration| {
        let moved = run(limit, conns, 20, late);
        let total: u64 = moved.iter().sum();
        let expected = limit * 20;
        assert!(total >= expected - expected / 100, "{total} of {expected}");
        let (min, max) = (moved.iter().min().unwrap(), moved.iter().max().unwrap());
        let slack = (total / conns / 5).max(40_000);
        assert!(max - min <= slack, "limit {limit}, {conns} connections: {moved:?}");
    };
    check(4 * MB, 8, Duration::ZERO);
    check(4 * MB, 8, Duration::from_millis(20));
    check(4 * MB, 1, Duration::from_millis(20));
    check(100 * MB, 100, Duration::from_millis(5));
    check(20_000, 5, Duration::from_millis(1));
}

#[test]
fn control_goes_before_bulk() {
    let mut limiter = Limiter::new(Instant::ZERO, Limits { up: Some(MB), down: None });
    let mut now = Instant::ZERO;
    for conn in 0..100 {
        limiter.request(now, ConnId(conn), Flow::Up, MB);
    }
    now += Duration::from_millis(1);
    assert_eq!(limiter.request(now, ConnId(200), Flow::Up, 17), 17, "a little is always there");
    limiter.request(now, ConnId(201), Flow::Up, 500);
    let mut order = Vec::new();
    while order.len() < 3 {
        now = limiter.poll_timeout().unwrap().max(now);
        order.extend(limiter.poll_grant(now).map(|(conn, ..)| conn.0));
    }
    assert!(order[0] == 201 || order[0] < 100);
    assert!(!order[1..].contains(&201), "{order:?}");
}

#[test]
fn a_closed_connection_holds_up_nobody() {
    let mut limiter = Limiter::new(Instant::ZERO, Limits { up: None, down: Some(MB) });
    let now = Instant::ZERO;
    while limiter.request(now, ConnId(1), Flow::Down, MB) > 0 {}
    assert_eq!(limiter.request(now, ConnId(2), Flow::Down, MB), 0);
    limiter.cancel(ConnId(1));
    let now = now + Duration::from_secs(1);
    assert_eq!(limiter.poll_grant(now).unwrap().0, ConnId(2));
    assert_eq!(limiter.poll_grant(now), None);
    assert_eq!(limiter.poll_timeout(), None);
}

#[test]
fn limits_change_at_run_time() {
    let mut limiter = Limiter::new(Instant::ZERO, Limits { up: Some(1_000), down: None });
    let now = Instant::from_secs(1);
    while limiter.request(now, ConnId(1), Flow::Up, MB) > 0 {}
    assert!(limiter.poll_timeout().unwrap() > now);
    limiter.set_limits(now, Limits { up: Some(MB), down: Some(MB) });
    assert_eq!(limiter.limits(), Limits { up: Some(MB), down: Some(MB) });
    assert_eq!(limiter.poll_grant(now), None, "a changed bucket starts empty");
    limiter.set_limits(now, Limits::default());
    assert_eq!(limiter.poll_grant(now), Some((ConnId(1), Flow::Up, MB)));
}
