use netem::{LinkConfig, Loss};
use stdx::{Duration, Instant};

use super::world::{Clock, World, link};
use crate::Config;

const MIB: u64 = 1 << 20;

/// Sends so many bytes there and back and returns how long it took.
fn check(name: &str, (there, back): (u64, u64), forward: &LinkConfig, most: u64) -> f64 {
    let mut world = World::new(forward, forward, 7);
    let from = world.host(0, Config::default(), Clock::default());
    let to = world.host(1, Config::default(), Clock::default());
    world.hosts[to].answer = back;
    world.connect(from, to, there);
    let ended = |world: &World| world.hosts.iter().all(|it| it.streams.values().all(|s| s.ended));
    let done = |world: &World| world.hosts[to].streams.len() == 1 && ended(world);
    let done = world.run_until(Instant::from_secs(most), done);
    let [from, to] = [&world.hosts[from], &world.hosts[to]];
    assert!(done, "{name}: {} of {there} bytes there after {most} s", to.stream().read);
    assert_eq!((to.stream().read, from.stream().read), (there, back), "{name}");
    world.now.as_secs_f64()
}

fn with(change: impl FnOnce(&mut LinkConfig)) -> LinkConfig {
    let mut config = link(2_500_000, 50, 200);
    change(&mut config);
    config
}

#[test]
fn sixteen_mebibytes_through_one_percent_loss_and_100_ms() {
    let lossy = with(|it| it.loss = Loss::Random(0.01));
    check("1 % loss", (16 * MIB, 0), &lossy, 150);
}

#[test]
fn streams_survive_what_links_do() {
    let third = Duration::from_millis(30);
    check("plain", (4 * MIB, 100), &with(|_| {}), 10);
    check("both ways", (2 * MIB, 2 * MIB), &with(|_| {}), 10);
    check("nothing", (0, 0), &with(|_| {}), 2);
    check("one byte", (1, 1), &with(|_| {}), 2);
    check("jitter", (MIB, 0), &with(|it| it.jitter = third), 20);
    check("doubles", (MIB, MIB), &with(|it| it.duplicate = 0.2), 20);
    let reorder = |it: &mut LinkConfig| (it.reorder, it.reorder_by) = (0.05, third);
    check("reordering", (MIB, 0), &with(reorder), 60);
    check("10 % loss", (MIB, MIB), &with(|it| it.loss = Loss::Random(0.1)), 300);
    check("shallow queue", (4 * MIB, 0), &with(|it| it.queue_bytes = 10_000), 60);
    check("slow", (MIB / 8, 0), &link(16_000, 20, 1_000), 20);
}

#[test]
fn an_idle_path_is_filled() {
    // 20 MB/s with 20 ms: what slow start and the window's growth make of it.
    let took = check("fast", (64 * MIB, 0), &link(20_000_000, 10, 400), 10);
    let best = (64 * MIB) as f64 / 20e6;
    assert!(took < 1.5 * best, "{took:.2} s; {best:.2} s at the least");
}

#[test]
fn packets_grow_to_what_the_path_carries() {
    for mtu in [1_472, 1_400, 1_280, 1_240] {
        let mut world = World::new(&with(|_| {}), &with(|_| {}), 3);
        world.mtu = mtu;
        world.fragments = false;
        let from = world.host(0, Config::default(), Clock::default());
        let to = world.host(1, Config::default(), Clock::default());
        let handle = world.connect(from, to, 16 * MIB);
        let done = |world: &World| world.hosts[1].streams.values().any(|it| it.ended);
        assert!(world.run_until(Instant::from_secs(60), done), "{mtu}");
        let found = world.hosts[from].endpoint.stats(handle).unwrap().mtu;
        assert!(found <= mtu && found + 16 >= mtu, "{found} found of {mtu}");
    }
}

#[test]
fn a_path_that_swallows_large_packets_is_found_out() {
    let mut world = World::new(&with(|_| {}), &with(|_| {}), 3);
    let from = world.host(0, Config::default(), Clock::default());
    let to = world.host(1, Config::default(), Clock::default());
    let handle = world.connect(from, to, 8 * MIB);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.hosts[from].endpoint.stats(handle).unwrap().mtu, 1_472);
    // What was sent in large packets is sent again as it was, divided by the network.
    world.mtu = 600;
    world.run_for(Duration::from_secs(1));
    world.fragments = true;
    let done = |world: &World| world.hosts[1].streams.values().any(|it| it.ended);
    assert!(world.run_until(Instant::from_secs(120), done));
}

#[test]
fn a_reader_that_stops_is_waited_for() {
    let mut world = World::new(&with(|_| {}), &with(|_| {}), 3);
    let from = world.host(0, Config::default(), Clock::default());
    let to = world.host(1, Config::default(), Clock::default());
    world.hosts[to].reads = false;
    world.connect(from, to, 4 * MIB);
    world.run_for(Duration::from_mins(10));
    let [near, far] = [&world.hosts[from], &world.hosts[to]];
    assert_eq!((near.stream().closed, far.stream().closed), (None, None));
    let unread = near.stream().written;
    assert!(unread < MIB, "{unread} bytes written that nobody reads");
    world.hosts[to].reads = true;
    world.drain(to);
    let done = |world: &World| world.hosts[1].stream().ended;
    assert!(world.run_until(Instant::from_secs(630), done), "the window opens");
}

#[test]
fn numbers_wrap() {
    // 86,000 packets: 16 bits wrap, whatever they begin with.
    let fast = link(100_000_000, 1, 100);
    let mut world = World::new(&fast, &fast, 5);
    let from = world.host(0, Config::default(), Clock::default());
    let to = world.host(1, Config::default(), Clock::default());
    world.connect(from, to, 120 * MIB);
    let done = |world: &World| world.hosts[1].streams.values().any(|it| it.ended);
    assert!(world.run_until(Instant::from_secs(60), done));
    assert!(world.links[0].stats().sent > 70_000);
}

#[test]
fn a_greeting_does_not_wait_for_delayed_acknowledgements() {
    let path = link(2_500_000, 10, 200);
    let mut world = World::new(&path, &path, 3);
    let from = world.host(0, Config::default(), Clock::default());
    let to = world.host(1, Config::default(), Clock::default());
    world.hosts[from].finishes = false;
    let handle = world.connect(from, to, 68);
    let heard =
        |bytes| move |world: &World| world.hosts[1].streams.values().any(|it| it.read == bytes);
    assert!(world.run_until(Instant::from_secs(1), heard(68)));
    let began = world.now;
    for word in [159, 5] {
        world.hosts[from].streams.get_mut(&handle).unwrap().wanted += word;
        world.drain(from);
    }
    assert!(world.run_until(began + Duration::from_secs(1), heard(232)));
    let took = world.now.since(began);
    assert!(took < Duration::from_millis(15), "{took:?} for one way of 10 ms");
}
