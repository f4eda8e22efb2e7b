use stdx::{Duration, Instant, Rng};

use crate::{Link, LinkConfig, LinkStats, Loss};

/// Packets of one run.
const PACKETS: u64 = 100_000;
const GAP: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(50);

/// What arrives of a packet each millisecond: its number, and how long it took.
fn run(config: &LinkConfig, seed: u64) -> (Vec<(u64, Duration)>, LinkStats) {
    let config = LinkConfig { delay: DELAY, ..config.clone() };
    let mut link = Link::new(&config, Rng::new(seed));
    for number in 0..PACKETS {
        link.send(sent(number), 1_000, number).unwrap();
    }
    let mut arrived = Vec::new();
    while let Some(at) = link.poll_timeout() {
        let number = link.poll_deliver(at).unwrap();
        arrived.push((number, at - sent(number)));
    }
    (arrived, link.stats())
}

fn sent(number: u64) -> Instant {
    Instant::ZERO + GAP * u32::try_from(number).unwrap()
}

fn near(value: f64, expected: f64, margin: f64) {
    assert!((value - expected).abs() <= margin, "{value} is not {expected} ± {margin}");
}

/// Lengths of the gaps in a row of numbers.
fn bursts(arrived: &[(u64, Duration)]) -> Vec<u64> {
    let numbers = arrived.windows(2).map(|two| two[1].0 - two[0].0 - 1);
    numbers.filter(|gap| *gap > 0).collect()
}

fn mean(values: &[u64]) -> f64 {
    values.iter().sum::<u64>() as f64 / values.len() as f64
}

#[test]
fn without_faults_everything_arrives_in_order_and_on_time() {
    let (arrived, stats) = run(&LinkConfig::default(), 1);
    assert!((0..PACKETS).eq(arrived.iter().map(|it| it.0)));
    assert!(arrived.iter().all(|it| it.1 == DELAY));
    assert_eq!(stats, LinkStats { sent: PACKETS, ..LinkStats::default() });
}

#[test]
fn random_loss_takes_its_share_one_by_one() {
    let check = |share: f64| {
        let (arrived, stats) =
            run(&LinkConfig { loss: Loss::Random(share), ..Default::default() }, 2);
        assert_eq!(arrived.len() as u64, PACKETS - stats.lost);
        // Five standard deviations.
        let margin = 5.0 * (share * (1.0 - share) / PACKETS as f64).sqrt();
        near(stats.lost as f64 / PACKETS as f64, share, margin);
        near(mean(&bursts(&arrived)), 1.0 / (1.0 - share), 0.05);
    };
    check(0.01);
    check(0.1);
    check(0.3);
}

#[test]
fn bursty_loss_takes_its_share_in_runs_of_its_length() {
    let check = |share: f64, length: f64| {
        let loss = Loss::bursts(share, length);
        near(loss.mean(), share, 1e-9);
        let (arrived, stats) = run(&LinkConfig { loss, ..Default::default() }, 3);
        let bursts = bursts(&arrived);
        // So many independent runs: five standard deviations of their mean, and of their number.
        let margin = 5.0 / (bursts.len() as f64).sqrt();
        near(mean(&bursts), length, margin * length);
        near(stats.lost as f64 / PACKETS as f64, share, 2.0 * margin * share);
    };
    check(0.01, 4.0);
    check(0.05, 3.0);
    check(0.2, 10.0);
}

#[test]
fn a_bad_link_may_let_some_through_and_a_good_one_lose_some() {
    let loss = Loss::Bursts { enter: 0.02, leave: 0.08, good: 0.01, bad: 0.5 };
    near(loss.mean(), 0.2 * 0.5 + 0.8 * 0.01, 1e-9);
    let (_, stats) = run(&LinkConfig { loss, ..Default::default() }, 4);
    near(stats.lost as f64 / PACKETS as f64, loss.mean(), 0.01);
}

#[test]
fn bursts_of_impossible_shares_are_what_comes_closest() {
    assert_eq!(Loss::bursts(0.0, 5.0), Loss::None);
    assert_eq!(Loss::bursts(0.1, 0.0), Loss::Random(0.1));
    assert_eq!(Loss::bursts(1.0, 5.0), Loss::Random(1.0));
}

#[test]
fn jitter_is_uniform_and_keeps_the_order() {
    let jitter = Duration::from_micros(900);
    let (arrived, _) = run(&LinkConfig { jitter, ..Default::default() }, 5);
    assert!((0..PACKETS).eq(arrived.iter().map(|it| it.0)));
    let extra =
        |it: &(u64, Duration)| it.1.saturating_sub(DELAY).as_secs_f64() / jitter.as_secs_f64();
    let sum: f64 = arrived.iter().map(extra).sum();
    near(sum / PACKETS as f64, 0.5, 0.005);
    let squares: f64 = arrived.iter().map(|it| (extra(it) - 0.5).powi(2)).sum();
    near(squares / PACKETS as f64, 1.0 / 12.0, 0.002);
    // More of it than time between packets: they wait for each other.
    let jitter = Duration::from_millis(20);
    let (arrived, _) = run(&LinkConfig { jitter, ..Default::default() }, 5);
    assert!((0..PACKETS).eq(arrived.iter().map(|it| it.0)));
    assert!(arrived.iter().all(|it| it.1 >= DELAY && it.1 <= DELAY + jitter));
}

#[test]
fn packets_that_are_held_back_are_overtaken() {
    let reorder_by = Duration::from_micros(3_500);
    let config = LinkConfig { reorder: 0.1, reorder_by, ..Default::default() };
    let (arrived, stats) = run(&config, 6);
    assert_eq!(arrived.len() as u64, PACKETS);
    near(stats.reordered as f64 / PACKETS as f64, 0.1, 0.005);
    let late = arrived.iter().filter(|it| it.1 == DELAY + reorder_by).count() as u64;
    assert_eq!(late, stats.reordered);
    // Three are sent within that time; those held back, too, keep their distance.
    let overtaken = arrived.windows(2).filter(|two| two[0].0 > two[1].0).count() as f64;
    near(overtaken / stats.reordered as f64, 1.0 - 0.1f64.powi(3), 0.15);
}

#[test]
fn doubled_packets_arrive_twice() {
    let (arrived, stats) = run(&LinkConfig { duplicate: 0.02, ..Default::default() }, 7);
    assert_eq!(arrived.len() as u64, PACKETS + stats.duplicated);
    near(stats.duplicated as f64 / PACKETS as f64, 0.02, 0.0025);
    let twice = arrived.windows(2).filter(|two| two[0].0 == two[1].0).count() as u64;
    assert_eq!(twice, stats.duplicated);
}

#[test]
fn the_same_seed_gives_the_same_faults_whatever_other_faults_there_are() {
    let all = LinkConfig {
        loss: Loss::bursts(0.05, 3.0),
        jitter: Duration::from_millis(5),
        reorder: 0.01,
        reorder_by: Duration::from_millis(30),
        duplicate: 0.01,
        ..Default::default()
    };
    assert_eq!(run(&all, 8), run(&all, 8));
    assert_ne!(run(&all, 8), run(&all, 9));
    let numbers = |config: &LinkConfig| {
        let mut numbers: Vec<u64> = run(config, 8).0.iter().map(|it| it.0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    };
    let lossy = LinkConfig { loss: all.loss, ..Default::default() };
    assert_eq!(numbers(&all), numbers(&lossy), "the same packets get lost");
}

#[test]
fn what_gets_lost_on_the_way_has_taken_its_time_in_the_transmitter() {
    let config = LinkConfig { rate: Some(1_000), loss: Loss::Random(1.0), ..Default::default() };
    let mut link = Link::new(&config, Rng::new(1));
    assert_eq!(link.send(Instant::ZERO, 1_000, 0), Ok(()));
    assert_eq!(link.queued(Instant::ZERO), 1_000);
    assert_eq!(link.poll_timeout(), None);
    assert_eq!(link.queued(Instant::from_secs(1)), 0);
}
