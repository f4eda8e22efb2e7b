use std::net::{IpAddr, Ipv4Addr};

use announce::{Route, Server, StoreConfig};

use super::*;

const FIRST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const MIX: Mix = Mix { connects: 0.3, scrapes: 0.1, silent: 0.0, addresses_known: true };

fn load(mix: Mix) -> Load {
    Load::new(Crowd::new(500, 20, (FIRST, 10), 0.25).unwrap(), mix, 1)
}

fn tracker() -> Server {
    Server::new(StoreConfig::default(), b"0123456789abcdef", Instant::ZERO)
}

/// Sends up to `most` requests, and hands back the answers to all but every `drop`-th.
fn run(load: &mut Load, tracker: &mut Server, now: Instant, most: usize, drop: usize) {
    for n in 1..=most {
        let (mut datagram, mut answer) = (Vec::new(), Vec::new());
        let Some(host) = load.next_udp(now.into(), &mut datagram) else {
            return;
        };
        let source = (load.crowd().address(host), 7_000).into();
        assert!(tracker.handle_udp(now, source, LOCAL, &datagram, &mut answer));
        if n % drop != 0 {
            load.handle_udp((now + Duration::from_millis(1)).into(), &answer);
        }
    }
}

#[test]
fn a_crowd_joins_whatever_is_lost() {
    let (mut load, mut tracker, mut now) = (load(MIX), tracker(), Instant::ZERO);
    while !load.is_joined() || load.in_flight() > 0 {
        run(&mut load, &mut tracker, now, 10_000, 7);
        now += Duration::from_secs(3);
        load.handle_timeout(now);
        assert!(now < Instant::from_secs(1_000), "{:?}", load.tally());
    }
    assert_eq!(tracker.stats().peers_v4, 500);
    assert!(load.tally().lost > 50 && load.tally().wrong == 0);
}

#[test]
fn requests_come_in_their_shares() {
    let (mut load, mut tracker) = (load(MIX), tracker());
    run(&mut load, &mut tracker, Instant::ZERO, 10_000, usize::MAX);
    assert!(load.is_joined());
    load.begin();
    run(&mut load, &mut tracker, Instant::ZERO, 10_000, usize::MAX);
    let tally = load.tally();
    assert!((2_850..3_150).contains(&tally.connects), "{tally:?}");
    assert!((900..1_100).contains(&tally.scrapes), "{tally:?}");
    assert_eq!((tally.announced, tally.wrong, tally.refused), (tally.announces, 0, 0));
    assert_eq!(tally.times.total(), 10_000);
    assert!(tally.peers > tally.announced * 10, "some two dozen peers in each answer");
}

#[test]
fn the_silent_are_not_heard_of_again() {
    let (mut load, mut tracker) = (load(Mix { silent: 0.5, ..MIX }), tracker());
    run(&mut load, &mut tracker, Instant::ZERO, 10_000, usize::MAX);
    load.begin();
    for second in (1..4_000).step_by(30) {
        run(&mut load, &mut tracker, Instant::from_secs(second), 500, usize::MAX);
    }
    assert_eq!(tracker.stats().peers_v4, 250);
}

#[test]
fn what_holds_the_crowd_up_is_told_apart_from_what_takes_the_tracker_time() {
    let (mut load, mut tracker) = (load(MIX), tracker());
    let at = |millis| Instant::ZERO + Duration::from_millis(millis);
    let (mut datagram, mut answer) = (Vec::new(), Vec::new());
    let host = load.next_udp(Departure { due: at(10), sent: at(30) }, &mut datagram).unwrap();
    let source = (load.crowd().address(host), 7_000).into();
    assert!(tracker.handle_udp(at(31), source, LOCAL, &datagram, &mut answer));
    load.handle_udp(Arrival { noted: Some(at(32)), read: at(50) }, &answer);
    let Tally { times, under_way, .. } = load.tally();
    assert_eq!(times.longest(), Duration::from_millis(40));
    assert_eq!((under_way.longest(), under_way.total()), (Duration::from_millis(2), 1));
}

#[test]
fn false_answers_are_noticed() {
    let ask = |answer: &dyn Fn(UdpRequest) -> UdpResponse| {
        let (mut load, mut tracker) = (load(Mix { connects: 0.0, scrapes: 0.0, ..MIX }), tracker());
        run(&mut load, &mut tracker, Instant::ZERO, 10_000, usize::MAX);
        load.begin();
        let (mut datagram, mut bytes) = (Vec::new(), Vec::new());
        load.next_udp(Instant::ZERO.into(), &mut datagram).unwrap();
        answer(UdpRequest::parse(&datagram).unwrap()).write(false, &mut bytes);
        load.handle_udp(Instant::ZERO.into(), &bytes);
        let Tally { refused, wrong, stray, .. } = *load.tally();
        (refused, wrong, stray)
    };
    let told = |request: &UdpRequest, off: u32, peers: &[[u8; 4]]| {
        let UdpRequest::Announce { transaction, .. } = request else {
            panic!("{request:?}");
        };
        UdpResponse::Announce {
            transaction: transaction.wrapping_add(off),
            interval: Duration::from_secs(1),
            leechers: 5,
            seeders: 5,
            peers: peers.iter().map(|ip| (*ip, 1_024).into()).collect(),
        }
    };
    assert_eq!(ask(&|request| told(&request, 0, &[])), (0, 0, 0));
    assert_eq!(ask(&|request| told(&request, 1, &[])), (0, 0, 1));
    assert_eq!(ask(&|request| told(&request, 0, &[[9, 9, 9, 9]])), (0, 1, 0));
    let refuse = |request: UdpRequest| match request {
        UdpRequest::Announce { transaction, .. } => {
            UdpResponse::Error { transaction, message: "no".to_owned() }
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(&refuse), (1, 0, 0));
}

#[test]
fn a_crowd_announces_by_http() {
    let (mut load, mut tracker) = (load(MIX), tracker());
    let ask = |load: &mut Load, tracker: &mut Server, host: u32| {
        let Some((token, url)) = load.next_http(host, "/announce", Instant::ZERO) else {
            return false;
        };
        let (path, query) = url.split_once('?').unwrap();
        let (route, source) = (Route::parse(path).unwrap(), load.crowd().address(host).into());
        let mut body = Vec::new();
        let query = query.as_bytes();
        tracker.handle_http_query(Instant::ZERO, source, LOCAL, route, query, &mut body).unwrap();
        load.handle_http(Instant::ZERO, token, &body);
        true
    };
    for host in 0..10 {
        assert!(!load.is_joined_by_http());
        while ask(&mut load, &mut tracker, host) {}
    }
    assert!(load.is_joined_by_http());
    assert_eq!((tracker.stats().peers_v4, load.tally().announced), (500, 500));
    load.begin();
    assert!(ask(&mut load, &mut tracker, 3));
    let tally = load.tally();
    assert_eq!((tally.announced, tally.wrong, tally.refused), (1, 0, 0));
    assert!(tally.peers > 5);
}
