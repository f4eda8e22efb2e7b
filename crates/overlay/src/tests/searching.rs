use stdx::Duration;

use super::net::{Net, id};
use crate::{Error, Event, How, Kind, Message, SEARCHES_MAX, SearchId};

const SECOND: Duration = Duration::from_secs(1);

fn line(count: u32) -> Net {
    let edges: Vec<_> = (1..count).map(|number| (number - 1, number)).collect();
    Net::of_edges(count, &edges)
}

/// What the searches of member 0 came to: who, and how many hops away.
fn found(net: &Net) -> Vec<Option<(u32, u16)>> {
    let end = |(who, event): &(u32, Event<u32>)| match event {
        Event::Found { holder, hops, .. } if *who == 0 => Some(Some((*holder, *hops))),
        Event::NotFound { .. } if *who == 0 => Some(None),
        _ => None,
    };
    net.events.iter().filter_map(end).collect()
}

fn search(net: &mut Net, how: How) -> Result<SearchId, Error> {
    net.with(0, |it, now| it.search(now, id(7), how))
}

#[test]
fn a_flood_goes_as_far_as_its_ttl_and_the_answer_comes_back_the_same_way() {
    let check = |ttl: u8, queries: usize, answers: usize, end: Option<(u32, u16)>| {
        let mut net = line(6);
        net.with(3, |it, _| it.hold(id(7))).unwrap();
        search(&mut net, How::Flood { ttl }).unwrap();
        net.pass(SECOND * 31);
        assert_eq!((net.count(Kind::Query), net.count(Kind::Answer)), (queries, answers));
        assert_eq!(found(&net), [end], "with {ttl} hops");
    };
    check(0, 0, 0, None);
    check(2, 2, 0, None);
    check(3, 3, 3, Some((3, 3)));
    check(9, 3, 3, Some((3, 3)));
}

#[test]
fn nobody_passes_a_question_on_twice() {
    let everybody: Vec<_> = (0..8).flat_map(|a| (0..a).map(move |b| (b, a))).collect();
    let mut net = Net::of_edges(8, &everybody);
    search(&mut net, How::Flood { ttl: 30 }).unwrap();
    // All edges in both directions, but for the first time: N(d−1)+1.
    assert_eq!(net.count(Kind::Query), 8 * 6 + 1);
}

#[test]
fn only_so_many_answers_are_passed_back() {
    let mut edges = vec![(0, 1)];
    edges.extend((2..11).map(|number| (1, number)));
    let mut net = Net::of_edges(11, &edges);
    for number in 2..11 {
        net.with(number, |it, _| it.hold(id(7))).unwrap();
    }
    search(&mut net, How::Flood { ttl: 2 }).unwrap();
    let back = net
        .sent
        .iter()
        .filter(|(from, to, it)| (*from, *to) == (1, 0) && matches!(it, Message::Answer { .. }));
    assert_eq!(back.count(), 8);
    assert_eq!(found(&net).len(), 1, "the first answer ends a search");
}

#[test]
fn a_walker_goes_on_while_its_origin_wants_it_to() {
    let check = |ttl: u16, walks: usize, checks: usize, end: Option<(u32, u16)>| {
        let mut net = line(12);
        net.with(9, |it, _| it.hold(id(7))).unwrap();
        search(&mut net, How::Walk { walkers: 1, ttl }).unwrap();
        net.pass(SECOND * 31);
        let said = (net.count(Kind::Walk), net.count(Kind::Check), net.count(Kind::GoOn));
        assert_eq!(said, (walks, checks, checks));
        assert_eq!(found(&net), [end], "with {ttl} hops");
    };
    check(0, 0, 0, None);
    check(3, 3, 0, None);
    check(9, 9, 2, Some((9, 9)));
    check(100, 9, 2, Some((9, 9)));
    check(8, 8, 1, None);
}

#[test]
fn walkers_stop_once_one_of_them_found_it() {
    let mut net = line(12);
    net.with(1, |it, _| it.hold(id(7))).unwrap();
    search(&mut net, How::Walk { walkers: 1, ttl: 100 }).unwrap();
    assert_eq!(found(&net), [Some((1, 1))]);
    // Another walker of the same search, further on: nobody answers it any more.
    let Some((_, _, Message::Walk { search, key: _, origin, .. })) = net.sent.first().cloned()
    else {
        panic!("the walker comes first: {:?}", net.sent);
    };
    let walk = Message::Walk { search, key: id(7), origin, ttl: 50, hops: 4 };
    net.sent.clear();
    net.with(5, |it, now| it.handle_message(now, 4, walk));
    assert_eq!((net.count(Kind::Check), net.count(Kind::GoOn), net.count(Kind::Walk)), (1, 0, 0));
}

#[test]
fn what_one_holds_oneself_is_found_at_once() {
    let mut net = line(2);
    net.with(0, |it, _| it.hold(id(7))).unwrap();
    search(&mut net, How::Flood { ttl: 3 }).unwrap();
    assert_eq!((found(&net), net.sent.len()), (vec![Some((0, 0))], 0));
    net.with(0, |it, _| it.release(id(7)));
    search(&mut net, How::Flood { ttl: 3 }).unwrap();
    net.pass(SECOND * 31);
    assert_eq!(found(&net), [Some((0, 0)), None]);
}

#[test]
fn searches_at_a_time_are_limited() {
    let mut net = line(2);
    for _ in 0..SEARCHES_MAX {
        search(&mut net, How::Flood { ttl: 1 }).unwrap();
    }
    assert_eq!(search(&mut net, How::Flood { ttl: 1 }), Err(Error::TooManySearches));
    net.pass(SECOND * 31);
    assert_eq!(found(&net), vec![None; SEARCHES_MAX]);
    assert!(search(&mut net, How::Flood { ttl: 1 }).is_ok());
}
