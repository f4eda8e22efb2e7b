use stdx::Duration;

use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_reason_is_told_at_first_and_when_its_count_doubles() {
    let now = Instant::from_secs(1);
    let mut drops = Drops::new(now);
    let told: Vec<u64> =
        (0..100).filter_map(|_| drops.count(now, at("203.0.113.5:1"), "piece 7 of 3")).collect();
    assert_eq!(told, [1, 2, 4, 8, 16, 32, 64]);
    for (addr, reason, times) in [
        ("203.0.113.5:2", "piece 9 of 3", None),
        ("203.0.113.5:2", "another", Some(1)),
        ("203.0.113.6:1", "piece 7 of 3", Some(1)),
        ("[::ffff:203.0.113.6]:1", "piece 7 of 3", Some(2)),
        ("[2001:db8::1]:1", "another", Some(1)),
        ("[2001:db8::2]:1", "another", Some(2)),
        ("[2001:db8:0:1::2]:1", "another", Some(1)),
    ] {
        assert_eq!(drops.count(now, at(addr), reason), times, "{addr} {reason}");
    }
}

#[test]
fn many_addresses_make_few_lines_and_little_memory() {
    let now = Instant::from_secs(1);
    let mut drops = Drops::new(now);
    let addr = |n: u32| SocketAddr::new(IpAddr::from(n.to_be_bytes()), 1);
    let lines = |drops: &mut Drops, now| {
        (0..100_000).filter_map(|n| drops.count(now, addr(n), "flood")).count() as u64
    };
    assert_eq!(lines(&mut drops, now), LINES_BURST);
    assert!(drops.counts.len() <= REMEMBERED_MAX);
    assert_eq!(lines(&mut drops, now + Duration::from_secs(4)), LINES_RATE * 4);
}
