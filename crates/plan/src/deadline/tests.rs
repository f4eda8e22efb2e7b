use proptest::prelude::*;

use super::*;
use crate::model::tests::any_plan;
use crate::{Class, Limit};

const MB: u64 = 1_000_000;

fn plan(peers: u64, server: Option<u64>, up: Option<u64>, down: Option<u64>) -> Plan {
    let class = Class { count: peers, up, down };
    Plan::new(3_600 * MB, server, [class]).expect("a possible plan")
}

#[test]
fn what_a_deadline_asks_for() {
    let hours = |hours: f64| Duration::from_secs_f64(hours * 3_600.0);
    let textbook = plan(30, Some(10 * MB), Some(MB), Some(10 * MB));
    // 45 minutes is what it takes as it is.
    assert!(textbook.is_met(hours(0.75)));
    assert!(!textbook.is_met(Duration::from_nanos(2_700_000_000_000 - 1)));
    assert_eq!(textbook.server_for(hours(0.75)), Some(10 * MB));
    assert_eq!(textbook.peers_for(hours(0.75)), Crowd::AtMost(30));
    assert_eq!(textbook.peer_up_for(hours(0.75)), Some(MB));
    assert_eq!(textbook.seeds_for(hours(0.75)), Some(1));
    // In half an hour: 60 copies an hour, of which the peers send 30.
    assert_eq!(textbook.server_for(hours(0.5)), Some(30 * MB));
    assert_eq!(textbook.seeds_for(hours(0.5)), Some(3));
    assert_eq!(textbook.peer_up_for(hours(0.5)), Some(5 * MB / 3 + 1));
    assert_eq!(textbook.peers_for(hours(0.5)), Crowd::AtMost(10));
    assert_eq!(textbook.server_alone_for(hours(0.5)), Some(60 * MB));
    assert_eq!(textbook.peers_alone_for(hours(0.5)), Crowd::AtMost(5));
    // From F/u on, any number of peers; below F/dmin none.
    assert_eq!(textbook.peers_for(hours(1.0)), Crowd::Any);
    let soon = hours(0.099);
    assert_eq!(textbook.server_for(soon), None);
    assert_eq!(textbook.peer_up_for(soon), None);
    assert_eq!(textbook.seeds_for(soon), None);
    assert_eq!(textbook.peers_for(soon), Crowd::None);
    assert_eq!(textbook.peers_alone_for(soon), Crowd::None);
}

#[test]
fn what_is_unlimited_is_never_asked_for() {
    let hour = Duration::from_hours(1);
    assert!(plan(9, None, Some(1), None).is_met(hour));
    assert_eq!(plan(9, None, Some(1), None).peers_for(hour), Crowd::Any);
    assert_eq!(plan(9, None, Some(1), None).peers_alone_for(hour), Crowd::Any);
    assert_eq!(plan(9, Some(MB), None, None).peers_for(hour), Crowd::Any);
    assert_eq!(plan(9, Some(MB), None, None).server_for(hour), Some(MB));
    assert_eq!(plan(9, Some(MB - 1), None, None).peers_for(hour), Crowd::None);
    assert_eq!(plan(9, None, Some(1), None).peer_up_for(hour), Some(0));
    assert!(!plan(9, None, None, None).is_met(Duration::ZERO), "not even nothing takes no time");
}

#[test]
fn the_largest_numbers_are_answered() {
    let ends = [1, u64::MAX];
    for (server, up) in ends.into_iter().flat_map(|a| ends.map(|b| (a, b))) {
        for time in [Duration::from_nanos(1), Duration::MAX] {
            let class = Class { count: PEERS_MAX, up: Some(up), down: None };
            let plan = Plan::new(u64::MAX, Some(server), [class]).expect("a possible plan");
            let met = plan.is_met(time);
            assert_eq!(met, time == Duration::MAX && server > 1, "{plan:?} {time:?}");
            assert_eq!(plan.peers_for(time) != Crowd::None, met, "{plan:?} {time:?}");
        }
    }
}

/// The plan with other peers of the same mean.
fn with_peers(plan: Plan, peers: u64) -> Plan {
    let scale = |sum: u128| sum / u128::from(plan.peers) * u128::from(peers);
    Plan { peers, peers_up: plan.peers_up.map(scale), ..plan }
}

proptest! {
    #[test]
    fn the_answers_are_the_least_and_the_most(any in any_plan(), share in 0.3..3.0f64) {
        // A mean upload that is a whole number, so that other crowds have the same.
        let plan = with_peers(any, any.peers);
        let time = plan.peer_to_peer().duration().mul_f64(share);
        prop_assume!(time > Duration::ZERO);
        let met = |plan: Plan| plan.is_met(time);
        if let Some(up) = plan.server_for(time) {
            let met_with = |up| met(Plan { server_up: Some(up), ..plan });
            prop_assert!(met_with(up) && (up == 0 || !met_with(up - 1)));
        }
        if let Some(up) = plan.peer_up_for(time) {
            let sum = |up: u64| Some(u128::from(up) * u128::from(plan.peers));
            let met_with = |up| met(Plan { peers_up: sum(up), ..plan });
            prop_assert!(met_with(up) && (up == 0 || !met_with(up - 1)));
        }
        match plan.peers_for(time) {
            Crowd::None => prop_assert!(!met(with_peers(plan, 1))),
            Crowd::Any => prop_assert!(met(with_peers(plan, PEERS_MAX))),
            Crowd::AtMost(most) => {
                prop_assert!(met(with_peers(plan, most)));
                prop_assert!(most == PEERS_MAX || !met(with_peers(plan, most + 1)));
            }
        }
        if let Some(seeds) = plan.seeds_for(time) {
            let together = |seeds| plan.server_up.map(|up: u64| up.saturating_mul(seeds));
            let met_with = |seeds| met(Plan { server_up: together(seeds), ..plan });
            prop_assert!(met_with(seeds) && (seeds == 1 || !met_with(seeds - 1)));
        }
    }

    #[test]
    fn the_bound_is_the_least_deadline_that_is_met(plan in any_plan()) {
        let bound = plan.peer_to_peer();
        prop_assume!(bound.limit() != Some(Limit::Download) || bound.seconds() > 1.0);
        prop_assert!(plan.is_met(bound.duration().mul_f64(1.000_001) + Duration::from_nanos(2)));
        prop_assert!(bound.seconds() < 1.0 || !plan.is_met(bound.duration().mul_f64(0.999_999)));
    }
}
