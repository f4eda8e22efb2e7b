use std::net::SocketAddr;

use announce::{AnnounceResponse, Event as Announced, Failure, TrackerUrl};
use hash::sha1;
use metainfo::{InfoHashes, Version};
use peer::{Batch, CloseReason, Order};
use stdx::{Bitfield, ConnId, Duration, Instant, PeerId, TorrentId};
use swarm::Origin;

use super::harness::{Source, World};
use super::hello;
use crate::{
    ANNOUNCES_MAX, AddError, AddTorrent, Announce, Config, DhtOrder, Event, QUIET, STOP_TIMEOUT,
    Session, Shelved, State, WAKE_PATIENCE, WakeError,
};

const NOW: Instant = Instant::from_secs(1_000);

fn trackers() -> Vec<Vec<TrackerUrl>> {
    vec![vec!["udp://tracker.example:6969/announce".parse().unwrap()]]
}

fn source() -> Source {
    Source::new(Version::Hybrid, &[100_000], 32 * 1024)
}

fn session() -> Session {
    Session::new(NOW, Config::new(PeerId([9; 20]), 6_881), 1)
}

/// Somebody comes in and says what it wants.
fn knock(session: &mut Session, now: Instant, source: &Source, number: u8) -> ConnId {
    let addr = SocketAddr::from(([203, 0, 113, number], 2_000));
    let conn = session.handle_incoming(now, addr).unwrap();
    let wanted = source.meta.hashes.handshake_hashes().next().unwrap();
    let reports = vec![hello(wanted, number)];
    session.handle_batch(now, conn, Batch { reports, ..Batch::default() });
    conn
}

fn ready(session: &mut Session, now: Instant, id: TorrentId, source: &Source) {
    session.wake(now, id, source.torrent()).unwrap();
    session.start(now, id, Bitfield::full(source.pieces()), Vec::new());
}

fn orders(session: &mut Session) -> Vec<(ConnId, Order)> {
    std::iter::from_fn(|| session.poll_order()).collect()
}

fn announces(session: &mut Session) -> Vec<Announce> {
    std::iter::from_fn(|| session.poll_announce()).collect()
}

fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

fn fell_asleep(session: &mut Session) -> bool {
    events(session).iter().any(|event| matches!(event, Event::Asleep { .. }))
}

/// Lets time go by, timer by timer.
fn wait(session: &mut Session, from: Instant, time: Duration) -> Instant {
    let end = from + time;
    while let Some(due) = session.poll_timeout().filter(|&due| due <= end) {
        session.handle_timeout(due);
        assert!(session.poll_timeout().is_none_or(|next| next > due), "a timer stands still");
    }
    session.handle_timeout(end);
    end
}

fn answer(leechers: Option<u32>, peers: &[SocketAddr]) -> AnnounceResponse {
    AnnounceResponse {
        interval: Duration::from_mins(30),
        peers: peers.to_vec(),
        leechers,
        ..AnnounceResponse::default()
    }
}

#[test]
fn what_somebody_fetches_wakes_and_sleeps_again() {
    let source = source();
    let mut world = World::new();
    let (seed, getter) = (world.node(), world.node());
    let id = world.shelve(seed, &source, Vec::new());
    for number in 0..2 {
        let peers = vec![(world.nodes[seed].addr, Origin::User)];
        let theirs = world.leech(getter, AddTorrent { peers, ..source.torrent() });
        world.run(10, |world| {
            let now = world.now;
            world.nodes[seed].wake(now, &source);
            world.is_whole(getter, theirs, &source)
        });
        let now = world.now;
        world.nodes[getter].session.stop(now, theirs);
        world.run(10, |world| world.nodes[getter].session.is_empty());
        world.nodes[getter].events.clear();
        let asleep = |event: &Event| matches!(event, Event::Asleep { torrent } if *torrent == id);
        world.run(600, |world| world.nodes[seed].events.iter().any(asleep));
        assert!(world.now >= now + QUIET);
        world.nodes[seed].events.clear();
        assert_eq!(world.nodes[seed].session.torrents().count(), 0);
        let given = 100_000 * (number + 1);
        assert_eq!(world.nodes[seed].session.status(world.now, id).unwrap().uploaded, given);
        assert_eq!(world.nodes[seed].session.total(world.now).uploaded, given);
    }
}

#[test]
fn who_comes_while_it_wakes_is_welcomed_when_it_is_awake() {
    let (source, mut session) = (source(), session());
    let id = session.shelve(NOW, source.shelved(Vec::new())).unwrap();
    assert_eq!(session.poll_wake(), None);
    let first = knock(&mut session, NOW, &source, 1);
    assert_eq!((session.poll_wake(), session.poll_wake()), (Some(id), None), "named once");
    let second = knock(&mut session, NOW, &source, 2);
    session.wake(NOW, id, source.torrent()).unwrap();
    assert_eq!(session.status(NOW, id).unwrap().state, State::Checking);
    let third = knock(&mut session, NOW, &source, 3);
    assert!(orders(&mut session).is_empty() && session.poll_wake().is_none());
    session.start(NOW, id, Bitfield::full(source.pieces()), Vec::new());
    let told = orders(&mut session);
    let welcomed = told.iter().filter(|(_, order)| matches!(order, Order::Welcome { .. }));
    let welcomed: Vec<ConnId> = welcomed.map(|(conn, _)| *conn).collect();
    assert_eq!(welcomed, [first, second, third]);
    assert_eq!(session.status(NOW, id).unwrap().peers, 3);
}

#[test]
fn who_wants_what_does_not_wake_is_told_to_go() {
    let source = source();
    let gone = |session: &mut Session| {
        let told = orders(session).into_iter();
        let closed = |(conn, order)| matches!(order, Order::Close(_)).then_some(conn);
        told.filter_map(closed).collect::<Vec<_>>()
    };
    // It cannot be made ready.
    for woken in [false, true] {
        let mut session = session();
        let id = session.shelve(NOW, source.shelved(Vec::new())).unwrap();
        let conn = knock(&mut session, NOW, &source, 1);
        assert_eq!(session.poll_wake(), Some(id));
        if woken {
            session.wake(NOW, id, source.torrent()).unwrap();
        }
        session.stop(NOW, id);
        assert_eq!(gone(&mut session), [conn]);
        session.handle_closed(NOW, conn, &CloseReason::Stopped);
        assert!(session.is_empty());
        assert!(
            matches!(events(&mut session)[..], [Event::Stopped { torrent, .. }] if torrent == id)
        );
        assert_eq!(session.wake(NOW, id, source.torrent()), Err(WakeError::NotAsked));
    }
    // It takes too long.
    let mut session = session();
    let id = session.shelve(NOW, source.shelved(Vec::new())).unwrap();
    let conn = knock(&mut session, NOW, &source, 1);
    assert_eq!(session.poll_wake(), Some(id));
    let nearly = wait(&mut session, NOW, WAKE_PATIENCE.mul_f64(0.99));
    assert_eq!(gone(&mut session), []);
    wait(&mut session, nearly, WAKE_PATIENCE.mul_f64(0.01));
    assert_eq!(gone(&mut session), [conn]);
}

#[test]
fn another_torrent_is_not_taken_for_it() {
    let (source, mut session) = (source(), session());
    let other = Source::new(Version::Hybrid, &[70_000], 32 * 1024);
    let id = session.shelve(NOW, source.shelved(Vec::new())).unwrap();
    assert_eq!(session.wake(NOW, id, source.torrent()), Err(WakeError::NotAsked));
    knock(&mut session, NOW, &source, 1);
    assert_eq!(session.poll_wake(), Some(id));
    assert_eq!(session.wake(NOW, id, other.torrent()), Err(WakeError::Other));
    let magnet = AddTorrent::magnet(source.meta.hashes);
    assert_eq!(session.wake(NOW, id, magnet), Err(WakeError::Other));
    assert_eq!(session.wake(NOW, id, source.torrent()), Ok(()));
    let again = session.shelve(NOW, source.shelved(Vec::new()));
    assert_eq!(again, Err(AddError::Duplicate(id)));
}

#[test]
fn trackers_that_name_who_downloads_wake_it() {
    let peer = SocketAddr::from(([203, 0, 113, 1], 2_000));
    for (leechers, peers, wakes) in [
        (Some(1), &[peer][..], true),
        (None, &[peer][..], true),
        (Some(0), &[peer][..], false),
        (Some(1), &[][..], false),
    ] {
        let (source, mut session) = (source(), session());
        let id = session.shelve(NOW, source.shelved(trackers())).unwrap();
        let told = announces(&mut session);
        assert_eq!(told.len(), 2, "under both names");
        assert_eq!((told[0].request.event, told[0].request.left), (Announced::Started, 0));
        session.handle_announce(NOW, told[0].id, Ok(answer(leechers, peers)));
        assert_eq!(session.poll_wake(), wakes.then_some(id), "{leechers:?} {peers:?}");
        if !wakes {
            continue;
        }
        ready(&mut session, NOW, id, &source);
        assert_eq!(session.poll_connect().unwrap().addr, peer);
        assert_eq!(announces(&mut session), [], "it goes on as it was");
    }
}

#[test]
fn hearsay_does_not_wake_again_what_woke_in_vain() {
    let (source, mut session) = (source(), session());
    let id = session.shelve(NOW, source.shelved(Vec::new())).unwrap();
    let hash = source.meta.hashes.handshake_hashes().next().unwrap();
    let peer = SocketAddr::from(([203, 0, 113, 1], 2_000));
    session.handle_found(NOW, &hash, [peer], Origin::Dht);
    assert_eq!(session.poll_wake(), Some(id));
    ready(&mut session, NOW, id, &source);
    let connect = session.poll_connect().unwrap();
    assert!(session.handle_connected(NOW, connect.conn));
    session.handle_closed(NOW, connect.conn, &CloseReason::Redundant);
    let mut now = NOW;
    while !fell_asleep(&mut session) {
        now = wait(&mut session, now, Duration::from_secs(10));
        while let Some(connect) = session.poll_connect() {
            session.handle_connect_failed(now, connect.conn);
        }
        assert!(now < NOW + Duration::from_hours(1), "it does not fall asleep");
    }
    session.handle_found(now, &hash, [peer], Origin::Dht);
    assert_eq!(session.poll_wake(), None, "not again");
    knock(&mut session, now, &source, 1);
    assert_eq!(session.poll_wake(), Some(id), "but for who comes");
}

#[test]
fn private_sleepers_are_known_to_their_trackers_alone() {
    let private = Source::private(Version::V1, &[100_000], 32 * 1024);
    let open = Source::new(Version::V1, &[90_000], 32 * 1024);
    let config = Config { dht: true, lsd: true, ..Config::new(PeerId([9; 20]), 6_881) };
    let mut session = Session::new(NOW, config, 1);
    session.shelve(NOW, private.shelved(trackers())).unwrap();
    let id = session.shelve(NOW, open.shelved(trackers())).unwrap();
    let [hidden, known] = [&private, &open].map(|it| it.meta.hashes.v1.unwrap());
    let told: Vec<_> = std::iter::from_fn(|| session.poll_dht()).collect();
    assert_eq!(told, [DhtOrder::Announce { info_hash: known, seed: true }]);
    assert_eq!(session.poll_neighbourly(NOW).unwrap().hashes, [known]);
    assert_eq!(announces(&mut session).len(), 2);
    let peer = SocketAddr::from(([203, 0, 113, 1], 2_000));
    session.handle_found(NOW, &hidden, [peer], Origin::Dht);
    assert_eq!(session.poll_wake(), None);
    session.handle_found(NOW, &known, [peer], Origin::Dht);
    assert_eq!(session.poll_wake(), Some(id));
    session.shutdown(NOW);
    assert_eq!(session.poll_dht(), Some(DhtOrder::Withdraw { info_hash: known }));
}

#[test]
fn goodbyes_are_said_asleep_and_awake() {
    for dead in [false, true] {
        let (source, mut session) = (source(), session());
        let other = Source::new(Version::V1, &[70_000], 32 * 1024);
        let id = session.shelve(NOW, source.shelved(trackers())).unwrap();
        session.shelve(NOW, other.shelved(trackers())).unwrap();
        for told in announces(&mut session) {
            session.handle_announce(NOW, told.id, Ok(answer(Some(0), &[])));
        }
        knock(&mut session, NOW, &source, 1);
        assert_eq!(session.poll_wake(), Some(id));
        ready(&mut session, NOW, id, &source);
        session.shutdown(NOW);
        assert_eq!(session.shelve(NOW, source.shelved(Vec::new())), Err(AddError::Closing));
        let told = announces(&mut session);
        assert!(told.iter().all(|it| it.request.event == Announced::Stopped));
        assert_eq!(told.len(), 3);
        // What the awake one waits for is that nothing is left to write.
        assert!(session.poll_disk().is_none());
        if dead {
            assert!(!session.is_empty());
            wait(&mut session, NOW, STOP_TIMEOUT);
        } else {
            for it in told {
                session.handle_announce(NOW, it.id, Err(Failure::new(b"down")));
            }
        }
        let stopped = events(&mut session);
        let stopped = stopped.iter().filter(|it| matches!(it, Event::Stopped { .. }));
        assert!(session.is_empty() && stopped.count() == 2, "dead: {dead}");
    }
}

/// A sleeper that exists by name alone.
fn named(number: u32, trackers: Vec<Vec<TrackerUrl>>) -> Shelved {
    let hashes = InfoHashes { v1: Some(sha1(&number.to_be_bytes())), v2: None };
    Shelved { hashes, private: false, length: 1_000, trackers }
}

#[test]
fn ten_thousand_take_turns_at_their_trackers() {
    const MANY: u32 = 10_000;
    let mut session = session();
    for number in 0..MANY {
        session.shelve(NOW, named(number, trackers())).unwrap();
    }
    let total = session.total(NOW);
    assert_eq!(
        (total.done, total.total, total.state),
        (10_000_000, Some(10_000_000), State::Seeding)
    );
    let (mut waiting, mut told) = (announces(&mut session), 0);
    while !waiting.is_empty() {
        assert!(waiting.len() <= ANNOUNCES_MAX);
        // Whoever waits is not looked at meanwhile.
        assert_eq!(session.poll_timeout().filter(|at| *at <= NOW + Duration::from_secs(1)), None);
        for it in std::mem::take(&mut waiting) {
            told += 1;
            session.handle_announce(NOW, it.id, Ok(answer(Some(0), &[])));
            waiting.extend(announces(&mut session));
        }
    }
    assert_eq!(told, MANY, "each once");
    session.shutdown(NOW);
    let goodbyes = announces(&mut session);
    assert_eq!(goodbyes.len(), ANNOUNCES_MAX);
    wait(&mut session, NOW, STOP_TIMEOUT);
    assert!(session.is_empty());
    // What comes late is counted all the same.
    for it in goodbyes {
        session.handle_announce(NOW, it.id, Err(Failure::new(b"")));
    }
}
