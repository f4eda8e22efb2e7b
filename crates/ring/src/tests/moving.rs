//! Rings in which peers come and go, against Chord's Table III (ToN 2003): whole tables come out
//! of `fluvial lab ring`, these are a small share of them.

use std::time::Duration;

use stdx::Instant;

use crate::world::{Moving, Setting, Stats};
use crate::{Config, Id, Node, Repair, Space};

fn run(setting: Setting) -> Stats {
    Moving::new(setting).expect("a possible ring").run(&mut |_| {})
}

/// A ring of `nodes`, with the churn of a ring of 1,000.
fn setting(nodes: usize, churn_of_1000: f64, repair: Repair, seed: u64) -> Setting {
    let config = Config { repair, ..Config::new(Space::FULL, 20) };
    Setting {
        churn: churn_of_1000 * nodes as f64 / 1_000.0,
        lookups: 1_000,
        lookups_per_second: 4.0,
        warm_up: Duration::from_mins(10),
        ..Setting::new(config, nodes, seed)
    }
}

#[test]
fn published_repair_meets_timeouts_and_mistakes_and_prompt_repair_hardly_any() {
    let rounds = run(setting(200, 0.4, Repair::Rounds, 1));
    let prompt = run(setting(200, 0.4, Repair::Prompt, 1));
    assert!((0.15..0.7).contains(&rounds.mean_timeouts()), "{rounds:?}");
    assert!(prompt.mean_timeouts() < 0.5 * rounds.mean_timeouts(), "{prompt:?} {rounds:?}");
    assert!(rounds.failed > 0 && prompt.failed == 0, "{} {}", rounds.failed, prompt.failed);
    for stats in [rounds, prompt] {
        assert!((2.3..3.6).contains(&stats.mean_path()), "{stats:?}");
        assert_eq!((stats.lookups, stats.lost), (1_000, 0));
    }
}

#[test]
fn who_leaves_tells_the_peer_before_and_that_one_looks_at_once() {
    let (ids, now) = ([1, 4, 9].map(Id::from), Instant::ZERO);
    let config = Config::new(Space::new(4).expect("four bits"), 2);
    let founder = |id: Id| Node::founder(config, id, &ids, 1, now).expect("one of three");
    let (mut one, four) = (founder(ids[0]), founder(ids[1]));
    let sent = four.leave().expect("there is somebody before it");
    assert_eq!(sent.to, ids[0]);
    one.handle_message(now, ids[1], sent.message);
    assert!(one.is_busy(), "it looks");
    assert_eq!(one.tables().successors, [ids[1], ids[2]], "it does not just believe");
    one.handle_timeout(now + config.timeout);
    assert_eq!(one.tables().successors, [ids[2]]);
}

#[test]
fn nothing_goes_wrong_where_nobody_comes_or_goes() {
    let stats = run(setting(200, 0.0, Repair::Rounds, 2));
    assert_eq!((stats.failed, stats.joins, stats.failures), (0, 0, 0));
    assert!(stats.mean_timeouts() < 0.02, "{stats:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let one = run(setting(60, 2.0, Repair::Prompt, 3));
    assert_eq!(one, run(setting(60, 2.0, Repair::Prompt, 3)));
    assert_ne!(one, run(setting(60, 2.0, Repair::Prompt, 4)));
}

#[test]
fn false_deaths_break_what_perfect_detection_keeps() {
    let small = |timeout| {
        let config = Config { timeout, ..Config::new(Space::FULL, 3) };
        run(Setting {
            churn: 0.01,
            lookups: 300,
            check_every: Some(Duration::from_secs(1)),
            ..Setting::new(config, 12, 5)
        })
    };
    let patient = small(Duration::from_secs(5));
    assert_eq!(patient.broken.values().sum::<u64>(), 0, "{patient:?}");
    assert!(patient.checks > 1_000 && patient.joins > 5 && patient.failures > 5, "{patient:?}");
    let hasty = small(Duration::from_millis(200));
    assert!(hasty.false_deaths > 100, "{hasty:?}");
    assert!(hasty.broken.values().sum::<u64>() > 0, "{hasty:?}");
}
