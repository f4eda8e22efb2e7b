use stdx::Duration;

use super::net::Net;
use crate::{CONTACTS_MAX, Config, Kind, Message};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn shuffles_fill_the_reserves() {
    let mut net = Net::joined(60, &Config::default());
    net.pass(SECOND * 600);
    net.check(&Config::default());
    let least = net.members.values().map(|it| it.reserve().len()).min();
    assert!(least >= Some(28), "{least:?}");
}

#[test]
fn a_lost_neighbour_is_replaced_from_the_reserve() {
    let config = Config::default();
    let mut net = Net::joined(60, &config);
    net.pass(SECOND * 300);
    let gone = net.neighbours(7);
    for number in &gone {
        net.dead.insert(*number);
    }
    net.with(7, |it, now| gone.iter().for_each(|gone| it.handle_failed(now, *gone)));
    assert_eq!(net.neighbours(7), []);
    net.pass(SECOND * 2);
    assert!(net.neighbours(7).len() >= config.active_low, "{:?}", net.neighbours(7));
}

#[test]
fn silence_tells_in_the_end_where_the_driver_does_not() {
    let config = Config { rotate: 0, ..Config::default() };
    let mut net = Net::joined(20, &config);
    net.pass(SECOND * 60);
    net.tell = false;
    net.dead.insert(3);
    let knowing = |net: &Net| {
        let knows = |number: &u32| *number != 3 && net.neighbours(*number).contains(&3);
        (0..20).filter(knows).count()
    };
    assert!(knowing(&net) > 0);
    net.pass(SECOND * 60);
    assert!(knowing(&net) > 0, "two periods may be a slow network");
    net.pass(SECOND * 90);
    assert_eq!(knowing(&net), 0);
    assert_eq!(net.reachable(0), 19);
}

#[test]
fn an_edge_that_one_end_alone_knows_goes() {
    let mut net = Net::of_edges(3, &[(0, 1)]);
    // 2 holds 0 for a neighbour; 0 does not know it.
    let now = net.now;
    net.members.get_mut(&2).unwrap().handle_message(now, 0, Message::Accept);
    assert_eq!(net.neighbours(2), [0]);
    net.with(0, |it, now| it.handle_message(now, 2, Message::Keep));
    assert_eq!(net.neighbours(2), []);
}

#[test]
fn who_was_cut_off_is_found_again() {
    let config = Config::default();
    let mut net = Net::joined(40, &config);
    net.pass(SECOND * 300);
    net.tell = false;
    net.lose = |from, to, _| (from < 20) != (to < 20);
    net.pass(SECOND * 1_200);
    assert_eq!((net.reachable(0), net.reachable(39)), (20, 20), "two halves");
    net.lose = |_, _, _| false;
    net.pass(SECOND * 600);
    assert_eq!(net.reachable(0), 40);
}

#[test]
fn only_those_who_were_asked_fill_the_reserve() {
    let mut net = Net::of_edges(3, &[(0, 1)]);
    let strangers: Vec<u32> = (100..200).collect();
    let check = |net: &mut Net, from, message: Message<u32>, taken: usize| {
        let before = net.members[&0].reserve().len();
        net.with(0, |it, now| it.handle_message(now, from, message));
        assert_eq!(net.members[&0].reserve().len() - before, taken);
    };
    net.tell = false;
    let welcome = Message::Welcome { contacts: strangers.clone() };
    let reply = Message::ShuffleReply { sample: strangers };
    check(&mut net, 1, welcome.clone(), 0);
    check(&mut net, 1, reply, 0);
    net.lose = |_, _, message| matches!(message, Message::Join);
    net.with(0, |it, now| it.join(now, 2));
    check(&mut net, 2, welcome, CONTACTS_MAX);
}

#[test]
fn a_period_costs_a_few_messages_for_each_neighbour() {
    let config = Config::default();
    let mut net = Net::joined(60, &config);
    net.pass(SECOND * 300);
    net.sent.clear();
    net.pass(SECOND * 300);
    let each = net.sent.len() as f64 / 60.0 / 10.0;
    assert!((10.0..20.0).contains(&each), "{each} messages a period");
    let shuffles = net.count(Kind::ShuffleReply) as f64 / 60.0 / 10.0;
    assert!((0.9..1.1).contains(&shuffles), "{shuffles} shuffles a period");
}
