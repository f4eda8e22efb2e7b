use super::*;

fn trial(nodes: u32, seed: u64) -> DhtTrial {
    DhtTrial {
        settle: Duration::from_mins(5),
        torrents: 20,
        lookups: 100,
        ..DhtTrial::new(nodes, seed)
    }
}

#[test]
fn peers_are_found_fast_though_a_quarter_of_all_contacts_is_dead() {
    let trial = trial(600, 1);
    let mut world = trial.settled();
    let report = trial.look_up(&mut world);
    assert!(report.dead > 0.15, "{report:?}");
    assert_eq!(report.found, report.lookups, "{report:?}");
    assert!(report.first[0] <= Duration::from_millis(300), "{report:?}");
    assert!(report.first[2] <= Duration::from_secs(1), "{report:?}");
    assert!(report.most_queries[0] <= 30 && report.crowded == 0, "{report:?}");
}

#[test]
fn liars_do_not_keep_peers_from_being_found() {
    let mut trial = trial(500, 2);
    trial.world.liars = 0.2;
    let mut world = trial.settled();
    let health = world.health();
    assert!(health.hostile < 0.2, "no more of them are known than there are: {health:?}");
    assert!((300.0..900.0).contains(&health.sizes[1]), "{health:?}");
    let report = trial.look_up(&mut world);
    assert!(report.success() >= 0.99, "{report:?}");
    assert!(report.all_queries < 60.0, "{report:?}");
}

#[test]
fn forty_sybils_round_a_key_do_not_hide_what_is_under_it() {
    let trial = DhtTrial { dead: 0.0, lookups: 60, ..trial(600, 3) };
    let mut world = trial.settled();
    let report = trial.attack(&mut world, 1, 40);
    assert!(report.crowded > 30, "the attack is one: {report:?}");
    assert!(report.success() >= 0.99, "{report:?}");
}

#[test]
fn a_node_comes_back_without_any_router() {
    let trial = trial(600, 4);
    let mut world = trial.settled();
    let time = trial.come_back(&mut world, 0.5);
    assert!(time.is_some_and(|it| it <= Duration::from_secs(10)), "{time:?}");
}

#[test]
fn a_restart_of_many_at_once_calms_down() {
    let trial = trial(400, 5);
    let mut world = trial.settled();
    let report = trial.restart(&mut world, 80, 5);
    assert!(report.after[0] > report.before, "it is noticed: {report:?}");
    assert!(report.back_after() <= Duration::from_mins(1), "{report:?}");
}

#[test]
fn same_seed_same_trace() {
    let run = |seed| {
        let mut world = DhtWorld::new(DhtWorldConfig::new(40, seed));
        world.run_for(Duration::from_mins(2));
        world.trace()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
