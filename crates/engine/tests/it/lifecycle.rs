use std::fs;
use std::time::Duration;

use engine::{Ended, EngineError};
use metainfo::Version;
use session::{Limits, State};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::support::{FORMATS, Place, UNLIMITED, asking, complete, engine, stop};

#[tokio::test]
async fn what_was_stopped_goes_on_where_it_was() {
    for format in FORMATS {
        let place = Place::new(format, 2_000_000);
        let slow = Limits { up: Some(2_000_000), down: None };
        let (seeder, _seed) = place.seed(slow).await;
        let resume = place.resume("there");
        let (first, mut get) = place.join(asking(place.add(), &seeder), UNLIMITED).await;
        place.start(&get, &place.torrent.info, "there", Some(resume)).await;
        while get.status().await.unwrap().is_none_or(|status| status.downloaded < 500_000) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop(&mut get).await;
        first.close().await;
        drop((get, first));
        let resume = place.resume("there");
        let (_second, mut get) = place.join(asking(place.add(), &seeder), UNLIMITED).await;
        place.start(&get, &place.torrent.info, "there", Some(resume)).await;
        complete(&mut get).await;
        let status = get.status().await.unwrap().unwrap();
        // A block or two may have been on its way when it was stopped.
        assert!(status.downloaded < 1_600_000, "{format:?}: {} again", status.downloaded);
        place.assert_got("there");
    }
}

#[tokio::test]
async fn closing_closes_every_socket() {
    let place = Place::new(Version::V1, 100_000);
    let (seeder, _seed) = place.seed(UNLIMITED).await;
    let address = seeder.listening()[0];
    // One that never says what it wants, and one that does not even get accepted before the end.
    let mut silent = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    seeder.close().await;
    assert_eq!(silent.read(&mut [0; 10]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    seeder.close().await;
    let refused = seeder.add(place.add()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Ended(Ended::Closed)), "{refused}");
}

#[tokio::test]
async fn torrents_hear_of_the_end() {
    let place = Place::new(Version::V1, 100_000);
    let (seeder, mut seed) = place.seed(UNLIMITED).await;
    seeder.close().await;
    let mut last = None;
    while let Some(event) = seed.event().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(session::Event::Stopped { .. })), "{last:?}");
    assert_eq!(seed.status().await, Err(Ended::Closed));
}

#[tokio::test]
async fn an_engine_without_handles_ends_by_itself() {
    let place = Place::new(Version::V1, 100_000);
    let (seeder, seed) = place.seed(UNLIMITED).await;
    let address = seeder.listening()[0];
    drop(seeder);
    TcpStream::connect(address).await.expect("the torrent is a handle too");
    drop(seed);
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_torrent_may_stop_at_any_moment() {
    let place = Place::new(Version::Hybrid, 400_000);
    let (seeder, _seed) = place.seed(UNLIMITED).await;
    // Addresses that answer, refuse, and swallow packets.
    let mut add = asking(place.magnet(), &seeder);
    for extra in ["127.0.0.1:1", "203.0.113.1:9", "[2001:db8::1]:9"] {
        add.peers.push((extra.parse().unwrap(), swarm::Origin::User));
    }
    for wait in [0, 1, 3, 10, 30] {
        let getter = engine(UNLIMITED);
        let mut get = getter.add(add.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let state = get.status().await.unwrap().unwrap().state;
        assert!(matches!(state, State::Metadata | State::Checking), "{state:?}");
        stop(&mut get).await;
        assert_eq!(get.status().await, Ok(None));
        // The same again, in the same engine.
        let again = getter.add(add.clone()).await.unwrap();
        drop(again);
        getter.close().await;
    }
}

#[tokio::test]
async fn a_check_that_nobody_waits_for_ends() {
    let place = Place::new(Version::V1, 12_000_000);
    fs::create_dir(place.path("there")).unwrap();
    let copy = std::process::Command::new("cp")
        .args(["-r".into(), place.path("source/set"), place.path("there/set")])
        .status();
    assert!(copy.unwrap().success());
    let (getter, get) = place.join(place.add(), UNLIMITED).await;
    let resume = place.resume("there");
    let started = place.start(&get, &place.torrent.info, "there", Some(resume));
    let given_up = tokio::time::timeout(Duration::from_millis(1), started).await;
    getter.close().await;
    if given_up.is_err() {
        // The store is free again as soon as the check has noticed.
        let state = place.path("state");
        let (hashes, folder) = (place.torrent.hashes, place.path("there"));
        while disk::Resume::open(&state, &hashes, &folder).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_torrent_is_taken_in_once() {
    let place = Place::new(Version::Hybrid, 100_000);
    let (seeder, _seed) = place.seed(UNLIMITED).await;
    let twice = seeder.add(place.magnet()).await.unwrap_err();
    assert!(matches!(twice, EngineError::Add(session::AddError::Duplicate(_))), "{twice}");
}
