use std::sync::Arc;

use stdx::Duration;

use super::net::{Net, id};
use crate::{Config, Error, Kind, Message, PAYLOAD_MAX};

const SECOND: Duration = Duration::from_secs(1);

fn still() -> Config {
    Config { rotate: 0, ..Config::default() }
}

#[test]
fn the_first_broadcast_draws_a_tree_that_the_second_goes_along() {
    let mut net = Net::joined(50, &still());
    net.pass(SECOND * 120);
    let ends: usize = (0..50).map(|number| net.neighbours(number).len()).sum();
    net.sent.clear();
    net.broadcast(7, 1);
    assert_eq!(net.delivered(1).len(), 49);
    // Along every edge but back to where it came from: N(d−1)+1.
    assert_eq!(net.count(Kind::Gossip), ends - 49);
    let others = net.count(Kind::Prune);
    assert_eq!(others, ends - 49 - 49, "whoever has it already says so");
    net.pass(SECOND);
    net.sent.clear();
    net.broadcast(7, 2);
    net.pass(SECOND);
    assert_eq!(net.delivered(2).len(), 49);
    assert_eq!((net.count(Kind::Gossip), net.count(Kind::Prune)), (49, 0));
    let tree: usize = net.members.values().map(|it| it.tree_neighbours().count()).sum();
    assert_eq!(tree, 2 * 49, "a tree has one edge less than members");
}

#[test]
fn a_payload_that_was_lost_on_the_tree_is_fetched_along_another_edge() {
    let mut net = Net::joined(50, &still());
    net.broadcast(7, 1);
    net.pass(SECOND);
    net.lose = |_, to, message| to == 20 && matches!(message, Message::Gossip { .. });
    net.broadcast(7, 2);
    assert!(!net.delivered(2).contains(&20));
    net.lose = |_, _, _| false;
    net.pass(SECOND * 3);
    assert_eq!(net.delivered(2).len(), 49);
    assert!(net.count(Kind::Graft) > 0);
}

#[test]
fn what_was_lost_on_all_edges_comes_with_the_next_reminder() {
    let mut net = Net::joined(30, &still());
    net.pass(SECOND);
    net.lose = |_, to, _| to == 20;
    net.broadcast(7, 1);
    net.pass(SECOND);
    assert!(!net.delivered(1).contains(&20));
    net.lose = |_, _, _| false;
    net.pass(SECOND * 40);
    assert_eq!(net.delivered(1).len(), 29);
}

#[test]
fn one_neighbour_after_another_is_asked_for_what_is_missed() {
    let mut net = Net::of_edges(4, &[(0, 1), (0, 2), (0, 3)]);
    for from in [1, 2, 3] {
        let ids = vec![(id(9), 4)];
        net.with(0, |it, now| it.handle_message(now, from, Message::IHave { ids }));
    }
    net.pass(SECOND * 5);
    let asked: Vec<u32> = net
        .sent
        .iter()
        .filter(|(_, _, message)| *message == Message::Graft { id: Some(id(9)) })
        .map(|(_, to, _)| *to)
        .collect();
    assert_eq!(asked, [1, 2, 3]);
}

#[test]
fn a_much_shorter_branch_takes_the_place_of_a_long_one() {
    let check = |round: u16, word: u16, grafts: usize| {
        let mut net = Net::of_edges(3, &[(0, 1), (0, 2)]);
        let ids = vec![(id(9), word)];
        net.with(0, |it, now| it.handle_message(now, 2, Message::IHave { ids }));
        let gossip = Message::Gossip { id: id(9), round, payload: Arc::from([9]) };
        net.with(0, |it, now| it.handle_message(now, 1, gossip));
        assert_eq!(net.count(Kind::Graft), grafts, "{round} hops against {word}");
        assert_eq!(net.count(Kind::Prune), grafts);
        let tree: Vec<u32> = net.members[&0].tree_neighbours().collect();
        assert_eq!(tree, if grafts == 1 { vec![2] } else { vec![1, 2] });
    };
    check(9, 2, 1);
    check(8, 2, 0);
    check(2, 9, 0);
}

#[test]
fn what_cannot_be_broadcast_is_refused() {
    let mut net = Net::of_edges(2, &[(0, 1)]);
    let mut send = |name: u8, length: usize| {
        net.with(0, |it, now| it.broadcast(now, id(name), vec![0; length]))
    };
    assert_eq!(send(1, PAYLOAD_MAX + 1), Err(Error::PayloadTooLong(PAYLOAD_MAX + 1)));
    assert_eq!(send(1, PAYLOAD_MAX), Ok(()));
    assert_eq!(send(1, 3), Err(Error::AlreadyBroadcast));
    assert_eq!(net.delivered(1), [1]);
}

#[test]
fn payloads_are_kept_within_a_budget_and_names_longer() {
    let mut net = Net::of_edges(2, &[(0, 1)]);
    for name in 0..100 {
        let payload = vec![0; PAYLOAD_MAX];
        net.with(0, |it, now| it.broadcast(now, id(name), payload)).unwrap();
    }
    net.sent.clear();
    let mut ask = |name: u8| {
        let before = net.count(Kind::Gossip);
        let graft = Message::Graft { id: Some(id(name)) };
        net.with(0, |it, now| it.handle_message(now, 1, graft));
        net.count(Kind::Gossip) - before
    };
    // 64 payloads of 16 KiB are 1 MiB.
    assert_eq!([ask(99), ask(36), ask(35), ask(0)], [1, 1, 0, 0]);
    let again = net.with(0, |it, now| it.broadcast(now, id(0), [1]));
    assert_eq!(again, Err(Error::AlreadyBroadcast));
}
