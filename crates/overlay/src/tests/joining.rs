use stdx::Duration;

use super::net::Net;
use crate::{Config, Event, Kind, Message, Priority};

const SECOND: Duration = Duration::from_secs(1);

fn small() -> Config {
    Config { active_low: 2, active_want: 3, active_high: 4, ..Config::default() }
}

#[test]
fn a_newcomer_and_its_anchor_become_neighbours() {
    let mut net = Net::new(2, &Config::default());
    net.with(1, |it, now| it.join(now, 0));
    assert_eq!((net.neighbours(0), net.neighbours(1)), (vec![1], vec![0]));
    assert_eq!(net.events, [(0, Event::Up(1)), (1, Event::Up(0))]);
}

#[test]
fn a_full_anchor_passes_newcomers_on() {
    let net = Net::joined(40, &small());
    net.check(&small());
    assert_eq!(net.members[&0].neighbours().len(), 4, "the anchor is full");
    for number in 0..40 {
        assert!(net.members[&number].neighbours().len() >= 2, "{number} has too few");
    }
    assert_eq!(net.reachable(0), 40);
}

#[test]
fn a_request_for_a_newcomer_goes_two_hops_at_least_and_is_taken_at_the_last() {
    // A line 0–1–2–3 with room everywhere: the walk of a newcomer ends at its last hops only.
    let check = |ttl: u8, takes: u32| {
        let mut net = Net::of_edges(5, &[(0, 1), (1, 2), (2, 3)]);
        let message = Message::Forward { origin: 4, priority: Priority::High, ttl };
        net.with(1, |it, now| it.handle_message(now, 0, message));
        assert_eq!(net.neighbours(4), [takes], "with {ttl} hops left");
    };
    check(0, 1);
    check(1, 1);
    check(2, 1);
    check(3, 2);
    check(4, 3);
    // Who has nowhere to pass it takes it itself.
    check(9, 3);
}

#[test]
fn a_member_that_is_full_refuses_and_passes_the_request_on() {
    // 0 is full; 1 is its neighbour and has room.
    let edges: Vec<_> = (1..=10).map(|other| (0, other)).collect();
    let mut net = Net::of_edges(12, &edges);
    let ask = |priority| Message::Neighbour { priority };
    net.with(0, |it, now| it.handle_message(now, 11, ask(Priority::Low)));
    assert_eq!(net.count(Kind::Refuse), 1);
    assert_eq!(net.count(Kind::Forward), 1);
    let found = net.neighbours(11);
    assert!(found.len() == 1 && found[0] != 0, "{found:?}");
}

#[test]
fn a_member_that_is_full_makes_room_for_a_high_priority_once_a_second() {
    let edges: Vec<_> = (1..=10).map(|other| (0, other)).collect();
    let mut net = Net::of_edges(14, &edges);
    let ask = Message::Neighbour { priority: Priority::High };
    net.now += SECOND;
    net.with(0, |it, now| it.handle_message(now, 11, ask.clone()));
    assert!(net.neighbours(0).contains(&11) && net.neighbours(0).len() == 10);
    net.with(0, |it, now| it.handle_message(now, 12, ask.clone()));
    assert!(!net.neighbours(0).contains(&12), "there was room made within this second");
    net.now += SECOND;
    net.with(0, |it, now| it.handle_message(now, 13, ask));
    assert!(net.neighbours(0).contains(&13) && net.neighbours(0).len() == 10);
}

#[test]
fn two_that_ask_each_other_become_neighbours() {
    let mut net = Net::new(2, &Config::default());
    for (one, other) in [(0, 1), (1, 0)] {
        let ask = Message::Neighbour { priority: Priority::Low };
        net.with(one, |it, now| it.handle_message(now, other, ask));
    }
    assert_eq!((net.neighbours(0), net.neighbours(1)), (vec![1], vec![0]));
}

#[test]
fn an_anchor_that_does_not_answer_is_asked_again() {
    let mut net = Net::new(2, &Config::default());
    net.dead.insert(0);
    net.with(1, |it, now| it.join(now, 0));
    net.pass(SECOND * 60);
    assert!(net.count(Kind::Join) > 2 && net.count(Kind::Join) < 10, "{:?}", net.sent);
    net.dead.clear();
    net.pass(SECOND * 60);
    assert_eq!(net.neighbours(1), [0]);
}

#[test]
fn without_the_anchor_the_overlay_goes_on_and_others_let_newcomers_in() {
    let mut net = Net::joined(30, &small());
    net.dead.insert(0);
    net.pass(SECOND * 300);
    assert_eq!(net.reachable(1), 29);
    net.members.insert(30, crate::Overlay::new(30, small(), stdx::Rng::new(30), net.now));
    net.with(30, |it, now| it.join(now, 7));
    net.pass(SECOND * 10);
    assert_eq!(net.reachable(30), 30);
}

#[test]
fn a_member_that_starts_again_is_let_in_again() {
    let mut net = Net::joined(10, &small());
    net.members.insert(5, crate::Overlay::new(5, small(), stdx::Rng::new(55), net.now));
    net.with(5, |it, now| it.join(now, 0));
    net.pass(SECOND * 300);
    assert_eq!(net.reachable(5), 10);
    net.check(&small());
}

#[test]
fn who_leaves_is_forgotten() {
    let mut net = Net::joined(10, &small());
    net.with(5, |it, _| it.leave());
    for number in (0..10).filter(|it| *it != 5) {
        assert!(!net.neighbours(number).contains(&5), "{number} keeps it");
    }
    let said = net.sent.len();
    net.with(5, |it, now| it.handle_message(now, 1, Message::Join));
    net.pass(SECOND * 100);
    let by_it = net.sent[said..].iter().filter(|(from, _, _)| *from == 5).count();
    assert_eq!(by_it, 0, "it does nothing any more");
}
