use stdx::{Duration, Instant};

use super::world::{Clock, Reno, World, link, quantile};
use crate::Config;

const RATE: u64 = 1_250_000;

fn pair(world: &mut World) -> (usize, usize) {
    let from = world.host(0, Config::default(), Clock::default());
    (from, world.host(1, Config::default(), Clock::default()))
}

fn read(world: &World, host: usize) -> u64 {
    world.hosts[host].streams.values().map(|it| it.read).sum()
}

#[test]
fn alone_it_fills_the_link_and_not_the_queue() {
    for (rate, delay) in [(RATE, 10), (RATE, 50), (125_000, 20), (6_250_000, 30)] {
        let path = link(rate, delay, 400);
        let mut world = World::new(&path, &path, 1);
        let (from, to) = pair(&mut world);
        world.connect(from, to, 1 << 40);
        world.run_for(Duration::from_mins(2));
        let share = read(&world, to) as f64 / (120.0 * rate as f64);
        let p95 = quantile(&world.delays, 0.95);
        assert!(p95 <= Duration::from_millis(120), "{rate} B/s, {delay} ms: p95 {p95:?}");
        assert!(share > 0.75, "{rate} B/s, {delay} ms: {share:.2} of the link");
    }
}

#[test]
fn tcp_keeps_the_link() {
    for (rate, delay, queue) in [(RATE, 10, 400), (RATE, 50, 400), (RATE, 20, 1_000)] {
        let path = link(rate, delay, queue);
        let mut world = World::new(&path, &path, 1);
        let (from, to) = pair(&mut world);
        // It is there first, and has all of the link.
        world.connect(from, to, 1 << 40);
        world.run_for(Duration::from_secs(20));
        world.reno = Some(Reno::new(world.now));
        world.run_for(Duration::from_secs(10));
        let theirs = world.reno.as_ref().unwrap().delivered;
        world.run_for(Duration::from_mins(2));
        let theirs = (world.reno.as_ref().unwrap().delivered - theirs) as f64;
        let share = theirs / (120.0 * rate as f64);
        assert!(share >= 0.85, "{delay} ms, queue {queue} ms: TCP keeps {share:.3} of the link");
    }
}

#[test]
fn what_tcp_leaves_is_taken_again() {
    let path = link(RATE, 20, 400);
    let mut world = World::new(&path, &path, 1);
    let (from, to) = pair(&mut world);
    world.connect(from, to, 1 << 40);
    world.reno = Some(Reno::new(world.now));
    world.run_for(Duration::from_secs(30));
    world.reno = None;
    let before = read(&world, to);
    world.run_for(Duration::from_secs(20));
    let share = (read(&world, to) - before) as f64 / (20.0 * RATE as f64);
    assert!(share > 0.6, "{share:.2} of the link");
}

#[test]
fn late_comers_get_a_fair_share_and_no_more() {
    let path = link(RATE, 20, 600);
    let mut world = World::new(&path, &path, 1);
    let (from, to) = pair(&mut world);
    let (second, other) = pair(&mut world);
    world.connect(from, to, 1 << 40);
    world.run_for(Duration::from_secs(30));
    world.connect(second, other, 1 << 40);
    world.run_for(Duration::from_mins(1));
    let before = [read(&world, to), read(&world, other)];
    world.run_for(Duration::from_mins(3));
    let first = (read(&world, to) - before[0]) as f64;
    let second = (read(&world, other) - before[1]) as f64;
    let share = second / (first + second);
    let used = (first + second) / (180.0 * RATE as f64);
    assert!((0.3..0.7).contains(&share), "the late-comer has {share:.2} of both");
    assert!(used > 0.75, "both have {used:.2} of the link");
    assert!(world.now > Instant::from_secs(200));
}
