use std::sync::Arc;

use crate::support::{
    FORMATS, Place, UNLIMITED, asking, complete, engine_over, engine_with, metadata, stop,
};
use engine::{Encryption, Engine, Transport};
use metainfo::Version;

const SIZE: usize = 3_000_001;

#[tokio::test]
async fn content_arrives_in_every_format() {
    for format in FORMATS {
        let place = Place::new(format, SIZE);
        let (seeder, mut seed) = place.seed(UNLIMITED).await;
        let (getter, mut get) = place.join(asking(place.add(), &seeder), UNLIMITED).await;
        place.start(&get, &place.torrent.info, "there", None).await;
        complete(&mut get).await;
        let status = get.status().await.unwrap().unwrap();
        assert_eq!((status.done, status.wasted), (SIZE as u64, 0), "{format:?}");
        let sources = get.sources().await.unwrap();
        assert_eq!(sources.iter().map(|source| source.received).sum::<u64>(), status.downloaded);
        place.assert_got("there");
        stop(&mut get).await;
        stop(&mut seed).await;
        getter.close().await;
        seeder.close().await;
    }
}

#[tokio::test]
async fn content_arrives_by_either_transport() {
    for (theirs, ours) in [
        (Transport::Utp, Transport::Utp),
        (Transport::Both, Transport::Utp),
        (Transport::Utp, Transport::Both),
        (Transport::Both, Transport::Tcp),
    ] {
        passes(engine_over(theirs, UNLIMITED), engine_over(ours, UNLIMITED)).await;
    }
}

/// Content passes from one engine to the other.
async fn passes(seeder: Engine, getter: Engine) {
    let place = Place::new(Version::Hybrid, SIZE);
    let (seeder, _seed) = place.seed_by(seeder).await;
    let mut get = getter.add(asking(place.add(), &seeder)).await.unwrap();
    place.start(&get, &place.torrent.info, "there", None).await;
    complete(&mut get).await;
    place.assert_got("there");
    getter.close().await;
    seeder.close().await;
}

#[tokio::test]
async fn content_arrives_in_disguise() {
    use Encryption::{Off, Prefer, Require};
    for (theirs, ours) in [(Require, Require), (Prefer, Require), (Require, Prefer), (Off, Prefer)]
    {
        for transport in [Transport::Tcp, Transport::Utp] {
            let seeder = engine_with(transport, theirs, UNLIMITED);
            passes(seeder, engine_with(transport, ours, UNLIMITED)).await;
        }
    }
}

#[tokio::test]
async fn a_magnet_needs_nothing_but_the_hash() {
    for format in FORMATS {
        let place = Place::new(format, SIZE);
        let (seeder, _seed) = place.seed(UNLIMITED).await;
        let (_getter, mut get) = place.join(asking(place.magnet(), &seeder), UNLIMITED).await;
        let info = metadata(&mut get).await;
        assert_eq!(info.hashes(), place.torrent.hashes, "{format:?}");
        place.start(&get, &info, "there", None).await;
        complete(&mut get).await;
        place.assert_got("there");
        let layers = get.layers().await.unwrap();
        assert_eq!(layers, place.torrent.piece_layers, "{format:?}: to seed it later");
    }
}

#[tokio::test]
async fn getters_pass_it_on() {
    let place = Place::new(Version::Hybrid, SIZE);
    let (seeder, mut seed) = place.seed(UNLIMITED).await;
    let (middle, mut first) = place.join(asking(place.add(), &seeder), UNLIMITED).await;
    place.start(&first, &place.torrent.info, "first", None).await;
    complete(&mut first).await;
    stop(&mut seed).await;
    seeder.close().await;
    let (_last, mut second) = place.join(asking(place.magnet(), &middle), UNLIMITED).await;
    let info = metadata(&mut second).await;
    place.start(&second, &info, "second", None).await;
    complete(&mut second).await;
    place.assert_got("second");
}

#[tokio::test]
async fn trackers_bring_engines_together() {
    let server = served::TrackerServer::builder();
    let server = server
        .http("127.0.0.1:0".parse().unwrap())
        .udp("127.0.0.1:0".parse().unwrap())
        .spawn()
        .unwrap();
    let urls = [
        format!("http://{}/announce", server.http_addresses()[0]),
        format!("udp://{}/announce", server.udp_addresses()[0]),
    ];
    for url in urls {
        let place = Place::new(Version::Hybrid, SIZE);
        let tiers = vec![vec![url.parse().unwrap()]];
        let mut add = place.add();
        add.trackers.clone_from(&tiers);
        let seeder = crate::support::engine(UNLIMITED);
        let seed = seeder.add(add).await.unwrap();
        let job = engine::StartJob {
            info: Arc::clone(&place.torrent.info),
            path: place.path("source/set"),
            resume: None,
            purpose: engine::Purpose::Seed {
                trust: engine::Trust::Full,
                roots: disk::Roots::new(),
            },
        };
        let _running = seed.start(job, |_, _| {}).await.unwrap();
        while seed.trackers().await.unwrap().iter().all(|view| view.working.is_none()) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let mut magnet = place.magnet();
        magnet.trackers = tiers;
        let (getter, mut get) = place.join(magnet, UNLIMITED).await;
        let info = metadata(&mut get).await;
        place.start(&get, &info, "there", None).await;
        complete(&mut get).await;
        place.assert_got("there");
        // What is left says goodbye to its tracker.
        getter.close().await;
        seeder.close().await;
        assert_eq!(server.stats().store.peers_v4, 0, "{url}");
    }
}
